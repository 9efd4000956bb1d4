//! A server that is set up for endless responses, and ends.

use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service;

use crate::listen::connection::Connection;
use crate::listen::descriptors::reserve_descriptors;
use crate::listen::doorway::Doorway;
use crate::listen::sockets::{SocketOptions, widen};
use crate::serve::handle::Handle;

/// With all of it, a process that is asked to stop is gone within five seconds.
const GOODBYE: Duration = Duration::from_secs(4);
/// Half a megabyte of the kernel's memory.
const DESCRIPTORS: usize = 65_536;
const HEAD: Duration = Duration::from_secs(30);

impl Handle {
    /// Serves an axum router, or any other service, on this listener, over HTTP/1.1 and HTTP/2, set up
    /// for viewers who stay.
    ///
    /// ```no_run
    /// use axum::Router;
    /// use tokio::net::TcpListener;
    /// use tower_livebadge::{Badge, LiveBadgeLayer};
    ///
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    /// let handle = badges.handle();
    /// let app = Router::new().layer(badges);
    /// let listener = TcpListener::bind("127.0.0.1:3000").await?;
    /// handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What it does beyond `axum::serve`, most of which a layer can't:
    ///
    /// - Viewers who vanished without a word are noticed ([`SocketOptions`], and pings over HTTP/2).
    /// - Each request says who is at the other end ([`PeerAddr`](crate::PeerAddr)).
    /// - At the end the streams are ended, too; whoever does not go in time is cut off.
    /// - Thousands may come at the same moment (a backlog of 4,096, and [`reserve_descriptors`]).
    /// - A client that sends nothing is sent away after 30 seconds, one that sends half a request's head after
    ///   60 at the latest.
    ///
    /// What it does not do: axum's `ConnectInfo` is not there ([`PeerAddr`](crate::PeerAddr) is), and a connection
    /// that was upgraded, such as a WebSocket, is the application's own to end; its socket can't be had back.
    ///
    /// It does nothing until it is awaited, and ends when [`Handle::shutdown`] is called, or with
    /// [`with_graceful_shutdown`](Server::with_graceful_shutdown).
    pub fn serve<S>(&self, listener: TcpListener, service: S) -> Server<S> {
        Server {
            handle: self.clone(),
            listener,
            service,
            handshake: plain,
            sockets: SocketOptions::default(),
            head: HEAD,
            goodbye: GOODBYE,
            stop: Box::pin(std::future::pending()),
        }
    }
}

type Plain = fn(Connection) -> Ready<io::Result<Connection>>;

fn plain(connection: Connection) -> Ready<io::Result<Connection>> {
    ready(Ok(connection))
}

/// A server that is set up for endless responses, made by [`Handle::serve`]; it runs when it is awaited.
#[must_use = "a server does nothing unless it is awaited"]
pub struct Server<S, H = Plain> {
    handle: Handle,
    listener: TcpListener,
    service: S,
    handshake: H,
    sockets: SocketOptions,
    head: Duration,
    goodbye: Duration,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<S, H> Server<S, H> {
    /// Ends when this does, whatever its output, such as `tokio::signal::ctrl_c()`.
    ///
    /// Then nobody is let in any more, the streams end with their last picture
    /// ([`Handle::shutdown`]), and other responses are finished. What has not ended by the
    /// [`shutdown_timeout`](Self::shutdown_timeout) is cut off.
    pub fn with_graceful_shutdown<F>(mut self, signal: F) -> Self
    where
        F: Future + Send + 'static,
    {
        self.stop = Box::pin(async {
            signal.await;
        });
        self
    }

    /// For how long connections may take to end. Default: 4 seconds.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.goodbye = timeout;
        self
    }

    /// After how long a viewer is given up that vanished without a word, over HTTP/1.1 and HTTP/2; `None`
    /// leaves it to the system. Default: 15 seconds; see [`SocketOptions::user_timeout`].
    ///
    /// With heartbeats of 5 seconds, such a viewer is counted for 15 to 30 seconds. Heartbeats should come at
    /// least twice in this time. Its connection is kept for up to two minutes, because over HTTP/1.1 it can't be
    /// told from one that does not read, and may read on.
    pub fn user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.sockets = self.sockets.user_timeout(timeout);
        self
    }

    /// How long a client may take for a handshake and its first byte, and then for a request's head. Over HTTP/2
    /// for all of it until the first request, after which PINGs alone find out who has gone. Default: 30 seconds.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        // hyper adds it to the time that it is.
        self.head = timeout.min(Duration::from_secs(24 * 60 * 60));
        self
    }

    /// What becomes of an accepted socket before HTTP begins, such as TLS:
    ///
    /// ```no_run
    /// # async fn f(handle: tower_livebadge::Handle, app: axum::Router,
    /// # config: tokio_rustls::rustls::ServerConfig) -> std::io::Result<()> {
    /// use std::sync::Arc;
    ///
    /// let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    /// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
    /// handle.serve(listener, app).handshake(move |connection| tls.accept(connection)).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It may take as long as [`header_timeout`](Self::header_timeout), and holds nobody else up.
    pub fn handshake<F, Fut, Io>(self, handshake: F) -> Server<S, F>
    where
        F: Fn(Connection) -> Fut,
        Fut: Future<Output = io::Result<Io>>,
    {
        let Self { handle, listener, service, sockets, head, goodbye, stop, .. } = self;
        Server { handle, listener, service, handshake, sockets, head, goodbye, stop }
    }
}

impl<S, B, H, Fut, Io> IntoFuture for Server<S, H>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    H: Fn(Connection) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<Io>> + Send + 'static,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { handle, listener, service, handshake, sockets, head, goodbye, stop } = self;
        let doorway = Arc::new(Doorway::new(handshake, sockets, head));
        Box::pin(async move {
            widen(&listener);
            reserve_descriptors(DESCRIPTORS);
            // Dropped with this future, and the connections with it.
            let mut connections = JoinSet::new();
            let accept = async {
                // Owned here, so that it need not be `Sync`.
                let service = service;
                loop {
                    tokio::select! {
                        (connection, peer) = doorway.accept(&listener) => {
                            let (doorway, service) = (doorway.clone(), service.clone());
                            connections.spawn(doorway.receive(connection, peer, service));
                        }
                        Some(_) = connections.join_next() => {}
                    }
                }
            };
            tokio::select! {
                () = accept => {}
                () = stop => {}
                () = handle.is_going_down() => {}
            }
            drop(listener);
            doorway.close();
            let streams = handle.end_streams_within(goodbye);
            let all_have_left = async { while connections.join_next().await.is_some() {} };
            let end = async { tokio::join!(streams, all_have_left) };
            if timeout(goodbye, end).await.is_err() {
                tracing::warn!("connections that have not ended in time are cut off");
            }
            connections.shutdown().await;
            // Now everybody has gone who was there.
            handle.save().await;
        })
    }
}

impl<S, H> fmt::Debug for Server<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, sockets, .. } = self;
        f.debug_struct("Server")
            .field("listener", listener)
            .field("sockets", sockets)
            .finish_non_exhaustive()
    }
}
