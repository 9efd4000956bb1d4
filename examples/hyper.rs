//! The layer round a function from request to response, without a framework: `cargo run --example hyper`,
//! then open <http://127.0.0.1:3000/>.

use std::convert::Infallible;
use std::net::SocketAddr;

use clap::Parser;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};
use tower_livebadge::{Badge, LiveBadgeLayer};

const PAGE: &str = r#"<!doctype html>
<title>N online</title>
<p>There are <img src="/online.png" width="88" height="20" alt="some"> of us."#;

#[derive(Parser)]
#[command(about = "A live badge round a function, with no JavaScript")]
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

    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    handle.serve(listener, service).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
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
