//! HTTP/1.1 in the clear, and HTTP/2 over TLS, which is the only HTTP/2 that browsers speak.

use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTP/1.1.
    H1,
    /// HTTP/2 over TLS, and nothing else: a browser that did not speak it would see nothing.
    H2,
}

impl Transport {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::H1 => "http",
            Self::H2 => "https",
        }
    }
}

/// Serves until dropped, and the connections with it.
pub(crate) async fn serve(listener: TcpListener, app: Router, transport: Transport) {
    let tls = (transport == Transport::H2).then(tls);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (socket, _) = accepted.expect("a connection can be accepted");
                socket.set_nodelay(true).ok();
                let (app, tls) = (app.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => run(socket, app).await,
                        // A browser that does not trust the certificate hangs up, and comes again.
                        Some(tls) => if let Ok(socket) = tls.accept(socket).await {
                            run(socket, app).await;
                        },
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn run(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router) {
    let builder = auto::Builder::new(TokioExecutor::new());
    let service = TowerToHyperService::new(app);
    // Browsers go as they like.
    builder.serve_connection(TokioIo::new(socket), service).await.ok();
}

/// With a certificate of its own, which the browsers are told to accept.
fn tls() -> TlsAcceptor {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let own = rcgen::generate_simple_self_signed(names).expect("names make a certificate");
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("TLS has versions");
    let config = config.with_no_client_auth().with_single_cert(vec![own.cert.into()], key);
    let mut config = config.expect("the key is the certificate's");
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
