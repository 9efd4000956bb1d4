//! A road to Redis that is long, or that ends in the middle of an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

pub(crate) struct Proxy {
    pub(crate) url: String,
    /// How long whatever Redis sends is under way, in milliseconds.
    delay: Arc<AtomicU64>,
    is_cut: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
        let url = format!("redis://{}", listener.local_addr().expect("it has an address"));
        let (delay, is_cut) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (late, cut) = (delay.clone(), is_cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(carry(from_client, to_server, Arc::default(), Arc::default()));
                tokio::spawn(carry(from_server, to_client, late.clone(), cut.clone()));
            }
        });
        Self { url, delay, is_cut }
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.delay.store(delay.as_millis() as u64, SeqCst);
    }

    /// The next answer ends after a few of its bytes, and the connection with it.
    pub(crate) fn cut_next(&self) {
        self.is_cut.store(true, SeqCst);
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Arc<AtomicU64>,
    is_cut: Arc<AtomicBool>,
) {
    let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, bytes)) = under_way.recv().await {
            sleep_until(at).await;
            if is_cut.swap(false, SeqCst) {
                let _ = to.write_all(&bytes[..bytes.len() / 2]).await;
                return;
            }
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut bytes = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let at = Instant::now() + Duration::from_millis(delay.load(SeqCst));
        if sender.send((at, bytes[..read].to_vec())).is_err() {
            return;
        }
    }
}
