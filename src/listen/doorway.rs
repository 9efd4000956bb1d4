//! The way in: accepted sockets, and what is spoken on them.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use crate::listen::connection::Connection;
use crate::listen::sockets::SocketOptions;
use crate::observe::throttle::Throttle;
use crate::request::peer::PeerAddr;

/// Nothing can be accepted, such as for want of file descriptors: somebody has to leave first.
const OUT_OF_BREATH: Duration = Duration::from_millis(100);

/// What every connection goes through.
pub(crate) struct Doorway<H> {
    sockets: SocketOptions,
    handshake: H,
    http: Builder<TokioExecutor>,
    /// For the handshake, and for the first request.
    patience: Duration,
    failures: Throttle,
}

impl<H> Doorway<H> {
    pub(crate) fn new(handshake: H, sockets: SocketOptions, patience: Duration) -> Self {
        let http = http(&sockets, patience);
        Self { sockets, handshake, http, patience, failures: Throttle::default() }
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

    /// From its first byte to its last.
    pub(crate) async fn receive<S, B, Fut, Io>(
        self: Arc<Self>,
        connection: Connection,
        peer: PeerAddr,
        service: S,
        watcher: Watcher,
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
        let Ok(Ok(io)) = timeout(self.patience, (self.handshake)(connection)).await else { return };
        let service = TowerToHyperService::new(service);
        let has_asked = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let has_asked = has_asked.clone();
            move |mut request: Request<Incoming>| {
                has_asked.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(peer);
                // Over HTTP/2 others are on the connection, and pings find out who has vanished.
                if request.version() < Version::HTTP_2 {
                    request.extensions_mut().insert(pulse.clone());
                }
                service.call(request)
            }
        });
        let connection = self.http.serve_connection_with_upgrades(TokioIo::new(io), service);
        let mut connection = pin!(watcher.watch(connection));
        // hyper looks at the time when it knows the version: whoever sends half of HTTP/2's preface, or
        // nothing, would stay (hyper-util 0.1.21).
        let first = timeout(self.patience, &mut connection).await;
        if first.is_err() && has_asked.load(Ordering::Relaxed) {
            // An error is a client who has left, as all do some time.
            connection.await.ok();
        }
    }
}

/// Who came has gone already.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn http(sockets: &SocketOptions, head: Duration) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(head);
    let mut http2 = http.http2();
    http2.timer(TokioTimer::new());
    if let Some((interval, timeout)) = sockets.pings() {
        http2.keep_alive_interval(interval).keep_alive_timeout(timeout);
    }
    http
}
