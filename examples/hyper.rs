//! The layer round a plain hyper server, without a framework: `cargo run --example hyper`, then open
//! <http://127.0.0.1:3000/>.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};
use tower_livebadge::{Badge, LiveBadgeLayer};

const PAGE: &str = r#"<!doctype html>
<title>N online</title>
<p>There are <img src="/online.png" width="88" height="20" alt="some"> of us."#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    let handle = badges.handle();
    let service = ServiceBuilder::new().layer(badges).service(service_fn(page));

    // Pings find viewers that vanished without a word even where their packets are still taken.
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(10));
    let connections = GracefulShutdown::new();

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = tokio::signal::ctrl_c() => break,
        };
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
        });
    }
    handle.shutdown().await;
    tokio::time::timeout(Duration::from_secs(5), connections.shutdown()).await.ok();
    Ok(())
}

async fn page(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from(PAGE));
    response.headers_mut().insert(CONTENT_TYPE, "text/html; charset=utf-8".parse().expect("valid"));
    if request.uri().path() != "/" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        *response.body_mut() = Full::default();
    }
    Ok(response)
}
