//! The layer round a plain hyper server, without a framework, with the settings that notice viewers who
//! vanish without a word: `cargo run --example hyper`, then open <http://127.0.0.1:3000/>.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceBuilder, service_fn};
use tower_livebadge::{Badge, LiveBadgeLayer};

const PAGE: &str = r#"<!doctype html>
<title>N online</title>
<p>There are <img src="/online.png" width="88" height="20" alt="some"> of us."#;

#[derive(Parser)]
#[command(about = "A live badge on a plain hyper server, with no JavaScript")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    let handle = badges.handle();
    let service = ServiceBuilder::new().layer(badges).service(service_fn(page));

    // Pings find viewers that vanished without a word even where their packets are still taken.
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(10));
    let connections = GracefulShutdown::new();

    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Too many open files, or somebody who has gone already: others may still come.
                Err(error) => {
                    eprintln!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = tokio::signal::ctrl_c() => break,
        };
        if let Err(error) = set_up(&stream) {
            eprintln!("socket: {error}");
        }
        let service = TowerToHyperService::new(service.clone());
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        // An error is a viewer who has left, as all do some time.
        tokio::spawn(async move { connection.await.ok() });
    }
    handle.shutdown().await;
    tokio::time::timeout(Duration::from_secs(5), connections.shutdown()).await.ok();
    Ok(())
}

/// Otherwise the operating system takes a quarter of an hour to give somebody up.
fn set_up(stream: &TcpStream) -> std::io::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(15);
    // A small picture does not wait until the one before it is acknowledged.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(PATIENCE).with_interval(PATIENCE / 3);
    socket.set_tcp_keepalive(&keepalive)?;
    // While something is on its way, keep-alive does not look.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(PATIENCE))?;
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
