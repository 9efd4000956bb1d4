//! Several nodes that count together, and one page that shows what each of them shows: `cargo run --example
//! cluster`, or with processes and a Redis or Valkey between them: `-- --redis redis://127.0.0.1`. Then open
//! <http://127.0.0.1:3000/>.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tower_livebadge::{
    Badge, Handle, LiveBadgeLayer, LiveBadgeLayerBuilder, LocalBus, Look, RedisBus, SharedValue,
    visitor,
};
use uuid::Uuid;

#[derive(Parser)]
#[command(about = "Several nodes that count together")]
struct Options {
    /// Where the page is; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// How many nodes
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Each node is a process, and they speak by this Redis or Valkey; otherwise they are in this one
    #[arg(long)]
    redis: Option<String>,
    /// For how long a node counts, in seconds, that is not heard any more
    #[arg(long, default_value_t = 10)]
    lease: u64,
    /// Be one of the nodes
    #[arg(long, hide = true)]
    node: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let lease = Duration::from_secs(options.lease);
    if let (true, Some(url)) = (options.node, &options.redis) {
        let notice = notice();
        let badges = badges(&notice).nodes(RedisBus::open(url)?).lease(lease).build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}/", listener.local_addr()?);
        serve(listener, badges, notice).await;
        return Ok(());
    }

    let (mut rows, mut processes) = (String::new(), Vec::new());
    let bus = LocalBus::new();
    for number in 1..=options.nodes {
        let (url, process) = match &options.redis {
            Some(redis) => {
                let (url, process) = start(redis, options.lease).await?;
                let id = process.id().unwrap_or_default();
                processes.push(process);
                (url, format!("process {id}"))
            }
            None => {
                let notice = notice();
                let badges = badges(&notice).nodes(bus.clone()).lease(lease).build()?;
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let url = format!("http://{}/", listener.local_addr()?);
                tokio::spawn(serve(listener, badges, notice));
                (url, "in this process".to_owned())
            }
        };
        println!("node {number}: {url} {process}");
        rows += &format!(
            "<tr><td><a href=\"{url}\">node {number}</a>, {process}\
             <td><img src=\"{url}online.png\" height=\"28\" alt=\"how many are online, by node {number}\"> \
             <img src=\"{url}notice.png\" height=\"20\" alt=\"what the nodes say\">\n"
        );
    }
    let html = include_str!("page.html").replace("<!-- nodes -->", &rows);
    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(move |headers: HeaderMap| page(headers, html)));
    axum::serve(listener, app).with_graceful_shutdown(asked_to_stop()).await?;
    for mut process in processes {
        process.wait().await?; // it has been asked to stop as well
    }
    Ok(())
}

/// What the nodes have to say, the same on all of them.
fn notice() -> SharedValue<String> {
    SharedValue::new("notice", "nothing yet".to_owned())
}

/// What every node shows. A browser that sees all of them is one visitor: cookies are the same on every port, and
/// [`page`] sets one.
fn badges(notice: &SharedValue<String>) -> LiveBadgeLayerBuilder {
    let look = Look::for_the_badge("online")
        .number("{{ visitors }}")
        .message("{{ visitors }} in {{ streams }}{% if alone %}, this node only{% endif %}");
    let badge = Badge::look(look).visitors(visitor::cookie("visitor"));
    let said = Badge::look(Look::flat("notice").message("{{ value }}")).values(notice.subscribe());
    LiveBadgeLayer::builder().badge("/online.png", badge).badge("/notice.png", said).share(notice)
}

async fn page(headers: HeaderMap, html: String) -> impl IntoResponse {
    let cookies = headers.get(COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    let new =
        (!cookies.contains("visitor=")).then(|| format!("visitor={}; Path=/", Uuid::new_v4()));
    (AppendHeaders(new.map(|cookie| (SET_COOKIE, cookie))), Html(html))
}

async fn serve(listener: TcpListener, badges: LiveBadgeLayer, notice: SharedValue<String>) {
    let handle = badges.handle();
    let app = Router::new()
        .route(
            "/",
            get(Html("<title>A node</title><img src=\"online.png\"> <a href=\"nodes\">nodes</a>")),
        )
        .route("/nodes", get(nodes))
        .route("/notice", post(|text: String| async move { notice.set(text) }))
        .with_state(handle.clone())
        .layer(badges);
    handle.serve(listener, app).with_graceful_shutdown(asked_to_stop()).await;
}

/// What a node knows of the others.
async fn nodes(State(badges): State<Handle>) -> Json<Value> {
    let Some(health) = badges.nodes() else { return Json(Value::Null) };
    let peers = health.peers.iter().map(|peer| {
        json!({ "node": peer.node, "rooms": peer.rooms, "heard_ms": peer.heard.as_millis() as u64 })
    });
    Json(json!({
        "node": health.node,
        "connected": health.is_connected,
        "since_ms": health.since.as_millis() as u64,
        "peers": peers.collect::<Vec<_>>(),
    }))
}

/// A node as a process of its own, and where it is.
async fn start(redis: &str, lease: u64) -> Result<(String, Child), Box<dyn std::error::Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--node", "--redis", redis, "--lease", &lease.to_string()]);
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = process.stdout.take().ok_or("a node has an output")?;
    let line = BufReader::new(stdout).lines().next_line().await?.ok_or("a node did not start")?;
    Ok((line.replace("listening on ", ""), process))
}

async fn asked_to_stop() {
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate()).expect("SIGTERM can be handled").recv().await;
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
