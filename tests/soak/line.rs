//! What a viewer's picture comes over: a socket of its own, or a stream among others.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::server::PATIENCE;

/// Less than a badge's preamble and its first picture: whoever lets a server send no more than that, and
/// does not read, holds up its stream for sure.
const NARROW_WINDOW: u32 = 1200;
/// With segments as small as these, Linux takes some 50 KB for a connection that nobody reads from, and
/// not megabytes: in a busy room that is a matter of seconds.
const NARROW_SEGMENT: u32 = 536;
const NARROW_BUFFER: u32 = 4096;

#[derive(Debug)]
pub(crate) enum Line {
    Socket(TcpStream),
    Stream(Incoming),
}

impl Line {
    /// Whether the answer goes on. May be dropped at any time.
    pub(crate) async fn read(&mut self) -> bool {
        match self {
            Self::Socket(socket) => {
                let is_ready = socket.readable().await.is_ok();
                is_ready && !matches!(socket.try_read(&mut [0; 16 * 1024]), Ok(0))
            }
            Self::Stream(body) => matches!(body.frame().await, Some(Ok(_))),
        }
    }
}

/// Takes whatever comes, and gives the line back when it is stopped.
#[derive(Debug)]
pub(crate) struct Reading {
    stop: oneshot::Sender<()>,
    /// `None` if the answer ended, as no stream does by itself.
    task: AbortOnDropHandle<Option<Line>>,
}

impl Reading {
    pub(crate) fn of(mut line: Line) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = &mut stopped => return Some(line),
                    goes_on = line.read() => if !goes_on { return None },
                }
            }
        });
        Self { stop, task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) async fn stop(self) -> Option<Line> {
        self.stop.send(()).ok()?;
        self.task.await.expect("reading does not panic")
    }
}

/// Narrow ones take little that is not read.
pub(crate) async fn connect(address: SocketAddr, is_narrow: bool) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("one more socket");
    if is_narrow {
        SockRef::from(&socket).set_tcp_mss(NARROW_SEGMENT).expect("segments can be small");
        socket.set_recv_buffer_size(NARROW_BUFFER).expect("buffers can be small");
    }
    let socket = timeout(PATIENCE, socket.connect(address)).await;
    socket.expect("the server is there in time").expect("the server listens")
}

/// HTTP/2, with prior knowledge.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) is_narrow: bool,
    sender: SendRequest<Empty<Bytes>>,
    _task: AbortOnDropHandle<()>,
}

impl Connection {
    /// Rude ones end with a RST.
    pub(crate) async fn open(address: SocketAddr, id: u64, is_narrow: bool, is_rude: bool) -> Self {
        let socket = connect(address, false).await;
        if is_rude {
            socket.set_zero_linger().expect("a socket can be reset");
        }
        let mut builder = http2::Builder::new(TokioExecutor::new());
        if is_narrow {
            builder.initial_stream_window_size(NARROW_WINDOW);
        }
        let (sender, connection) =
            builder.handshake(TokioIo::new(socket)).await.expect("HTTP/2 works");
        let task = tokio::spawn(async { connection.await.unwrap_or(()) });
        Self { id, is_narrow, sender, _task: AbortOnDropHandle::new(task) }
    }

    /// Asks for something. The answer holds on to nothing of this.
    pub(crate) fn ask(
        &self,
        target: &str,
        key: Option<u16>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let request = Request::get(format!("http://x{target}")).header("sec-fetch-dest", "image");
        let request = match key {
            Some(key) => request.header("x-user", key),
            None => request,
        };
        let request = request.body(Empty::new()).expect("a target is valid");
        let mut sender = self.sender.clone();
        async move { sender.send_request(request).await }
    }

    pub(crate) fn see(&self, target: &str, key: Option<u16>) -> impl Future<Output = Line> + use<> {
        let (answer, target) = (self.ask(target, key), target.to_owned());
        async move {
            let answer = timeout(PATIENCE, answer).await.expect("an answer comes in time");
            let answer = answer.unwrap_or_else(|error| panic!("{target}: {error:?}"));
            let kind = answer.headers().get("content-type");
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let is_stream = kind.starts_with("multipart/x-mixed-replace");
            assert!(answer.status() == StatusCode::OK && is_stream, "{target}: {answer:?}");
            Line::Stream(answer.into_body())
        }
    }
}
