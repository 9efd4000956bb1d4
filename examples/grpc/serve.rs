//! HTTP/1.1 and HTTP/2 on one port, in the clear or over TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// How long a client may take to say hello, and to go at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves until `stop` is done, and lets the connections end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Router,
    stop: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        // Out of file descriptors: somebody has to go first.
        let Ok((socket, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        socket.set_nodelay(true).ok();
        let (tls, app, watcher) = (tls.clone(), app.clone(), connections.watcher());
        tokio::spawn(async move {
            match tls {
                None => connection(socket, app, watcher).await,
                Some(tls) => {
                    if let Ok(Ok(socket)) = timeout(PATIENCE, tls.accept(socket)).await {
                        connection(socket, app, watcher).await;
                    }
                }
            }
        });
    }
    timeout(PATIENCE, connections.shutdown()).await.ok();
}

async fn connection(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    app: Router,
    watcher: Watcher,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    // Pings find clients that vanished without a word.
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(10));
    let service = TowerToHyperService::new(app);
    let connection = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    // Clients go as they like.
    watcher.watch(connection).await.ok();
}

/// HTTP/2 for whoever knows it, which gRPC clients and browsers do, and HTTP/1.1 for the others.
pub(crate) fn tls(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
