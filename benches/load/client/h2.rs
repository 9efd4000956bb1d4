//! Viewers who share connections: streams of HTTP/2.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ::h2::client::{self, ResponseFuture, SendRequest};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::parse::{Body, Malformed};
use super::tally::Tally;
use super::{HEADERS, Outcome, PATIENCE};

/// As large as browsers have it, so that nobody waits for leave to send.
const WINDOW: u32 = 6 << 20;
const CONNECTION_WINDOW: u32 = 15 << 20;

#[derive(Debug)]
pub(crate) struct Crowd {
    server: SocketAddr,
    streams_a_connection: usize,
    // Before the runtime, which its tasks need until they are dropped.
    tasks: LocalSet,
    runtime: Runtime,
    pub(crate) tally: Rc<RefCell<Tally>>,
    failure: Rc<RefCell<Option<String>>>,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr, streams_a_connection: usize) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (tasks, tally, failure) = (LocalSet::new(), Rc::default(), Rc::default());
        Ok(Self { server, streams_a_connection, tasks, runtime, tally, failure })
    }

    pub(crate) fn join(&mut self, count: usize, path: &dyn Fn(usize) -> String) -> Outcome<()> {
        let coming = async {
            let mut left = count;
            while left > 0 {
                let streams = left.min(self.streams_a_connection);
                self.connect(streams, path).await?;
                left -= streams;
            }
            while self.tally.borrow().waiting() > 0 && self.failure.borrow().is_none() {
                sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        };
        let joined = async { timeout(PATIENCE, coming).await? };
        self.tasks.block_on(&self.runtime, joined).and_then(|()| self.outcome())
    }

    pub(crate) fn look_on(
        &mut self,
        time: Duration,
        every: Duration,
        change: &mut dyn FnMut(usize) -> Outcome<()>,
    ) -> Outcome<()> {
        let changing = async {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for count in 0.. {
                ticks.tick().await;
                self.tally.borrow_mut().change();
                change(count)?;
            }
            Ok(())
        };
        let looked = async { timeout(time, changing).await.unwrap_or(Ok(())) };
        self.tasks.block_on(&self.runtime, looked).and_then(|()| self.outcome())
    }

    async fn connect(&self, streams: usize, path: &dyn Fn(usize) -> String) -> Outcome<()> {
        let socket = TcpStream::connect(self.server).await?;
        socket.set_nodelay(true)?;
        let mut settings = client::Builder::new();
        settings.initial_window_size(WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let (mut requests, connection) = settings.handshake::<_, Bytes>(socket).await?;
        tokio::task::spawn_local(connection);
        for _ in 0..streams {
            requests = requests.ready().await?;
            self.ask(&mut requests, path)?;
        }
        Ok(())
    }

    fn ask(
        &self,
        requests: &mut SendRequest<Bytes>,
        path: &dyn Fn(usize) -> String,
    ) -> Outcome<()> {
        let viewer = self.tally.borrow_mut().join();
        let mut request = Request::get(format!("http://localhost{}", path(viewer)));
        for (name, value) in HEADERS {
            request = request.header(name, value);
        }
        let (response, _) = requests.send_request(request.body(())?, true)?;
        let (tally, failure) = (self.tally.clone(), self.failure.clone());
        tokio::task::spawn_local(async move {
            if let Err(error) = read(response, viewer, &tally).await {
                *failure.borrow_mut() = Some(error.to_string());
            }
        });
        Ok(())
    }

    fn outcome(&self) -> Outcome<()> {
        self.failure.borrow_mut().take().map_or(Ok(()), |failure| Err(failure.into()))
    }
}

async fn read(response: ResponseFuture, viewer: usize, tally: &RefCell<Tally>) -> Outcome<()> {
    let (head, mut stream) = response.await?.into_parts();
    let type_ = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if head.status != StatusCode::OK {
        return Err(Malformed("no 200 OK").into());
    }
    let mut body = Body::new(type_.unwrap_or_default())?;
    while let Some(data) = stream.data().await {
        let (data, now) = (data?, Instant::now());
        stream.flow_control().release_capacity(data.len())?;
        let tally = &mut tally.borrow_mut();
        tally.bytes += data.len() as u64;
        body.feed(&data, &mut |seen| tally.see(viewer, seen, now))?;
    }
    Err("a server ended a stream".into())
}
