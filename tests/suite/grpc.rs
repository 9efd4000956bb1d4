//! gRPC and live pictures on one port, in the clear and over TLS: the application and the server of
//! the example `grpc`.

#[path = "../../examples/grpc/app.rs"]
mod app;
#[path = "../../examples/grpc/tls.rs"]
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower_livebadge::Handle;

use crate::common::{BROWSER, Client, LiveStream, Protocol, eventually, within};

const ONLINE: &str = "/online.png";

/// The example's server, and somebody who trusts its certificate if it has one.
struct Example {
    address: SocketAddr,
    badges: Handle,
    tls: Option<TlsConnector>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

impl Example {
    async fn start(is_encrypted: bool) -> Self {
        let (app, badges) = app::app().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, tls) = if is_encrypted {
            let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
            let certificate = CertificateDer::from(own.cert);
            let trusting = trusting(certificate.clone());
            (Some(tls::acceptor(certificate, key).unwrap()), Some(trusting))
        } else {
            (None, None)
        };
        let (stop, stopped) = oneshot::channel();
        let server = badges.serve(listener, app).with_graceful_shutdown(stopped);
        let ended = match acceptor {
            None => tokio::spawn(server.into_future()),
            Some(tls) => tokio::spawn(server.handshake(move |tcp| tls.accept(tcp)).into_future()),
        };
        Self { address, badges, tls, stop, ended }
    }

    /// A connection of HTTP/2: over TLS because both sides say so, otherwise because it is known.
    async fn connect(&self) -> Box<dyn Socket> {
        let socket = TcpStream::connect(self.address).await.unwrap();
        let Some(tls) = &self.tls else { return Box::new(socket) };
        let name = "localhost".try_into().unwrap();
        let socket = within("the handshake", tls.connect(name, socket)).await.unwrap();
        assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Box::new(socket)
    }

    async fn looks(&self) -> LiveStream {
        let mut client = Client::over(self.connect().await, self.address, Protocol::Http2).await;
        let reply = client.get(ONLINE, &BROWSER).await;
        let mut stream = reply.into_stream();
        stream.next_part().await;
        stream
    }

    /// What the health service says.
    async fn health(&self) -> ServingStatus {
        let io = TokioIo::new(self.connect().await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://localhost:{}", self.address.port()).parse().unwrap();
        let mut client = HealthClient::with_origin(service, origin);
        let answer = client.check(HealthCheckRequest::default());
        within("an answer", answer).await.unwrap().into_inner().status()
    }
}

fn trusting(certificate: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn grpc_and_live_pictures_share_a_port_in_the_clear() {
    share_a_port(false).await;
}

#[tokio::test]
async fn grpc_and_live_pictures_share_a_port_over_tls() {
    share_a_port(true).await;
}

async fn share_a_port(is_encrypted: bool) {
    let example = Example::start(is_encrypted).await;
    let mut first = example.looks().await;
    assert_eq!(example.health().await, ServingStatus::Serving);

    let room = example.badges.room_at(ONLINE).unwrap();
    let second = example.looks().await;
    first.next_part().await; // it says two
    assert_eq!(room.counts().streams, 2);
    assert_eq!(example.health().await, ServingStatus::Serving);
    drop(second);
    eventually("the second one's leave", || room.counts().streams == 1).await;
    first.next_part().await;

    example.stop.send(()).unwrap();
    first.rest().await;
    within("the server's end", example.ended).await.unwrap();
}
