//! A server on a port of its own.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use tower::Service;
use tower_livebadge::{Badge, Handle, LiveBadgeLayer};

/// A server that ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: AbortOnDropHandle<()>,
}

impl Server {
    /// Ends it, with all its connections.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

/// Serves one badge at this path.
pub(crate) async fn serve_badge(path: &str, badge: Badge) -> (Server, Handle) {
    let badges = LiveBadgeLayer::builder().badge(path, badge).build().expect("a right badge");
    let handle = badges.handle();
    (serve(badges.into_service()).await, handle)
}

/// Serves an axum app or any other service, over HTTP/1 and HTTP/2 with prior knowledge, as
/// `axum::serve` does.
pub(crate) async fn serve<S, B>(service: S) -> Server
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    let accept = async move {
        // Dropped with this task, and the connections with it.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (socket, _) = accepted.expect("a connection can be accepted");
                    connections.spawn(run(socket, service.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    };
    Server { address, task: AbortOnDropHandle::new(tokio::spawn(accept)) }
}

async fn run<S, B>(socket: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    socket.set_nodelay(true).ok();
    let builder = auto::Builder::new(TokioExecutor::new());
    let service = TowerToHyperService::new(service);
    // Clients go as they like.
    builder.serve_connection(TokioIo::new(socket), service).await.ok();
}
