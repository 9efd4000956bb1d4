//! The way in: accepted sockets, and what is spoken on them.

use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tower_service::Service;

use crate::listen::connection::Connection;
use crate::listen::preface::{self, Spoken};
use crate::listen::sockets::SocketOptions;
use crate::observe::throttle::Throttle;
use crate::request::peer::PeerAddr;

/// Nothing can be accepted, such as for want of file descriptors: somebody has to leave first.
const OUT_OF_BREATH: Duration = Duration::from_millis(100);

/// What every connection goes through.
pub(crate) struct Doorway<H> {
    sockets: SocketOptions,
    handshake: H,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// For the handshake and the first bytes, and for the first request.
    patience: Duration,
    failures: Throttle,
    /// Looked at with each wake of each connection. A `CancellationToken` has two locks for all of them.
    closing: watch::Sender<bool>,
}

impl<H> Doorway<H> {
    pub(crate) fn new(handshake: H, sockets: SocketOptions, patience: Duration) -> Self {
        Self {
            http1: http1(patience),
            http2: http2(&sockets),
            sockets,
            handshake,
            patience,
            failures: Throttle::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// The next connection, however long it takes until there can be one.
    pub(crate) async fn accept(&self, listener: &TcpListener) -> (Connection, PeerAddr) {
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => {
                    return (Connection::new(socket, self.sockets.clone()), PeerAddr(peer));
                }
                Err(error) if is_of_peer(&error) => {}
                Err(error) => {
                    if let Some(unsaid) = self.failures.may_speak() {
                        tracing::error!(%error, unsaid, "nobody can be let in");
                    }
                    sleep(OUT_OF_BREATH).await;
                }
            }
        }
    }

    /// Whoever has not come in yet is sent away, and connections end when nothing is on its way any more.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// From its first byte to its last.
    pub(crate) async fn receive<S, B, Fut, Io>(
        self: Arc<Self>,
        connection: Connection,
        peer: PeerAddr,
        service: S,
    ) where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        H: Fn(Connection) -> Fut,
        Fut: Future<Output = io::Result<Io>>,
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = connection.pulse();
        let mut closing = self.closing.subscribe();
        let deadline = Instant::now() + self.patience;
        let shake_hands = (self.handshake)(connection);
        let begin = async { preface::read(shake_hands.await?).await };
        let begun = tokio::select! {
            begun = timeout_at(deadline, begin) => begun,
            _ = closing.wait_for(|is_closing| *is_closing) => return,
        };
        let Ok(Ok((spoken, io))) = begun else { return };
        let (io, service) = (TokioIo::new(io), TowerToHyperService::new(service));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            // Over HTTP/2 others are on the connection, and pings find out who has vanished.
            if spoken == Spoken::Http1 {
                request.extensions_mut().insert(pulse.clone());
            }
            service.call(request)
        });
        match spoken {
            Spoken::Http1 => {
                let connection = pin!(self.http1.serve_connection(io, service).with_upgrades());
                let end = http1::UpgradeableConnection::graceful_shutdown;
                serve(connection, &mut closing, end).await;
            }
            Spoken::Http2 => {
                let has_asked = Arc::new(AtomicBool::new(false));
                let service = service_fn({
                    let has_asked = has_asked.clone();
                    move |request| {
                        has_asked.store(true, Ordering::Relaxed);
                        service.call(request)
                    }
                });
                // In a box, so that HTTP/1 takes no room for it.
                let mut connection = Box::pin(self.http2.serve_connection(io, service));
                let end = http2::Connection::graceful_shutdown;
                // hyper 1.12 looks at the time that HTTP/1's heads take: who begins HTTP/2, and then asks
                // for nothing, would stay.
                let served = serve(connection.as_mut(), &mut closing, end);
                let first = timeout_at(deadline, served).await;
                if first.is_err() && has_asked.load(Ordering::Relaxed) {
                    serve(connection.as_mut(), &mut closing, end).await;
                }
            }
        }
    }
}

/// To the connection's end, whose cause is nobody's business: clients leave, as all do some time. When the
/// way in is closed, what was asked for is still answered.
async fn serve<C: Future>(
    mut connection: Pin<&mut C>,
    closing: &mut watch::Receiver<bool>,
    end: fn(Pin<&mut C>),
) {
    tokio::select! {
        // First the connection, so that it has seen what came before.
        biased;
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|is_closing| *is_closing) => {}
    }
    end(connection.as_mut());
    connection.await;
}

/// Who came has gone already.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn http1(head: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    http
}

fn http2(sockets: &SocketOptions) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new());
    if let Some((interval, timeout)) = sockets.pings() {
        http.keep_alive_interval(interval).keep_alive_timeout(timeout);
    }
    http
}
