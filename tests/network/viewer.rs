//! Somebody who looks, and reads on until told otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::common::multipart::{Parser, boundary_of};
use super::common::{BROWSER, Client, Picture, Protocol, decode};
use super::server::PATH;

/// What a viewer has been shown so far.
#[derive(Debug, Default)]
struct Seen {
    pictures: usize,
    newest: Vec<u8>,
    is_over: bool,
}

/// Goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Viewer {
    seen: watch::Receiver<Seen>,
    _task: AbortOnDropHandle<()>,
}

impl Viewer {
    pub(crate) async fn come(address: SocketAddr, protocol: Protocol) -> Self {
        Self::over(TcpStream::connect(address).await.expect("somebody listens"), protocol).await
    }

    /// One whose going is a reset.
    pub(crate) async fn come_to_reset(address: SocketAddr, protocol: Protocol) -> Self {
        let socket = TcpStream::connect(address).await.expect("somebody listens");
        socket.set_zero_linger().expect("a socket has options");
        Self::over(socket, protocol).await
    }

    pub(crate) async fn over(socket: TcpStream, protocol: Protocol) -> Self {
        socket.set_nodelay(true).expect("a socket has options");
        let address = socket.peer_addr().expect("it is connected");
        let mut client = Client::over(socket, address, protocol).await;
        let reply = client.get(PATH, &BROWSER).await;
        let mut parser = Parser::new(boundary_of(reply.header("content-type").expect("a type")));
        let mut body = reply.into_bytes();
        let (sender, seen) = watch::channel(Seen::default());
        let task = tokio::spawn(async move {
            let _client = client;
            while let Some(Ok(bytes)) = body.try_next().await {
                let parts = parser.push(&bytes).expect("nothing between them breaks a stream");
                sender.send_modify(|seen| {
                    seen.pictures += parts.len();
                    if let Some(newest) = parts.into_iter().next_back() {
                        seen.newest = newest;
                    }
                });
            }
            sender.send_modify(|seen| seen.is_over = true);
        });
        Self { seen, _task: AbortOnDropHandle::new(task) }
    }

    /// How many pictures it has seen.
    pub(crate) fn pictures(&self) -> usize {
        self.seen.borrow().pictures
    }

    /// Its stream has ended, or its connection broke.
    pub(crate) fn is_over(&self) -> bool {
        self.seen.borrow().is_over
    }

    /// Waits for its stream's end.
    pub(crate) async fn is_cut_within(&mut self, patience: Duration) -> bool {
        let end = self.seen.wait_for(|seen| seen.is_over);
        timeout(patience, end).await.is_ok()
    }

    /// Waits until it is shown more pictures than so many.
    pub(crate) async fn sees_more_than(&mut self, pictures: usize, patience: Duration) -> bool {
        let more = self.seen.wait_for(|seen| seen.pictures > pictures);
        timeout(patience, more).await.is_ok()
    }

    /// Waits until it is shown this.
    pub(crate) async fn sees(&mut self, still: &[u8], patience: Duration) -> bool {
        let still = decode(still);
        let is_it = |seen: &Seen| seen.pictures > 0 && Picture::eq(&decode(&seen.newest), &still);
        timeout(patience, self.seen.wait_for(is_it)).await.is_ok()
    }
}
