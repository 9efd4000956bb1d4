//! Plain hyper, for whatever service: the same settings for all.

use std::error::Error;
use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

pub(crate) async fn serve<S, B>(listener: TcpListener, service: S, is_h2: bool) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (io, service) = (TokioIo::new(socket), service.clone());
        // Errors are viewers who left.
        if is_h2 {
            let connection =
                http2::Builder::new(TokioExecutor::new()).serve_connection(io, service);
            tokio::spawn(async move { connection.await.ok() });
        } else {
            let connection = http1::Builder::new().serve_connection(io, service);
            tokio::spawn(async move { connection.await.ok() });
        }
    }
}
