//! "N online", live, in a plain `<img>`: `cargo run --example online`, then open
//! <http://127.0.0.1:3000/> in some browsers.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use tokio::net::TcpListener;
use tower_livebadge::{
    Badge, Counts, FileStore, Format, Handle, LiveBadgeLayer, Look, PeerAddr, RedisBus, RedisStore,
    visitor,
};

#[derive(Parser)]
#[command(about = "A live \"N online\" badge, with no JavaScript")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// How long a stream may be silent, such as 5, 0.5 or 500ms
    #[arg(long, default_value = "5", value_parser = seconds)]
    heartbeat: Duration,
    /// The most pictures per second
    #[arg(long, default_value_t = 10.0)]
    max_rate: f64,
    /// How long somebody who left is still counted as a visitor
    #[arg(long, value_parser = seconds)]
    leave_grace: Option<Duration>,
    /// The most open streams; whoever comes then gets a still picture
    #[arg(long)]
    max_viewers: Option<usize>,
    /// The most open streams of one visitor
    #[arg(long)]
    max_per_key: Option<usize>,
    /// The most open rooms
    #[arg(long)]
    max_rooms: Option<usize>,
    /// What tells visitors apart: cookie:NAME, header:NAME or peer
    #[arg(long)]
    visitors: Option<String>,
    /// How many proxies of one's own append to X-Forwarded-For
    #[arg(long, default_value_t = 0)]
    trust_proxies: usize,
    /// Keeps totals in this file, or in this Redis for all nodes, so that a restart does not begin at 0 again
    #[arg(long)]
    store: Option<String>,
    /// Counts with all others that use this Redis or Valkey, such as redis://127.0.0.1
    #[arg(long)]
    redis: Option<String>,
    /// For how long others count who are not heard any more
    #[arg(long, default_value = "10", value_parser = seconds)]
    lease: Duration,
    /// Where days begin at midnight, such as Europe/Berlin or +02:00
    #[arg(long, default_value = "UTC")]
    time_zone: String,
    /// After how long a viewer is given up who vanished without a word
    #[arg(long, default_value = "15", value_parser = seconds)]
    user_timeout: Duration,
}

impl Options {
    fn apply_to(&self, mut badge: Badge) -> Result<Badge, String> {
        badge = badge.heartbeat(self.heartbeat).max_rate(self.max_rate);
        if let Some(grace) = self.leave_grace {
            badge = badge.leave_grace(grace);
        }
        self.tell_people_apart(badge)
    }

    fn tell_people_apart(&self, badge: Badge) -> Result<Badge, String> {
        let badge = badge.max_per_visitor(self.max_per_key);
        let Some(key) = &self.visitors else { return Ok(badge) };
        Ok(match key.split_once(':') {
            Some(("cookie", name)) => badge.visitors(visitor::cookie(name)),
            Some(("header", name)) => badge.visitors(visitor::header(name)),
            None if key == "peer" => {
                badge.visitors(visitor::x_forwarded_for(self.trust_proxies, PeerAddr::of))
            }
            _ => {
                return Err(format!(
                    "--visitors takes cookie:NAME, header:NAME or peer, not {key}"
                ));
            }
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    // What is to be known of stores and other nodes.
    let log = tracing_subscriber::fmt().with_ansi(std::io::stderr().is_terminal());
    log.with_writer(std::io::stderr).init();

    let jpeg = Badge::online().format(Format::jpeg(85)).rooms_of("/online.png");
    let mut badges = LiveBadgeLayer::builder()
        .badge("/online.png", options.apply_to(Badge::online())?)
        // The same people, for players and cameras' hubs: /online.jpeg?stream
        .badge("/online.jpeg", options.tell_people_apart(jpeg)?)
        .badge("/rooms/{room}/online.png", options.apply_to(Badge::svg(include_str!("room.svg")))?);
    badges = badges.max_viewers(options.max_viewers);
    if let Some(rooms) = options.max_rooms {
        badges = badges.max_rooms(rooms);
    }
    if let Some(store) = &options.store {
        let visits = || Badge::look(Look::visits());
        badges = badges
            .badge("/visits.png", visits().rooms_of("/online.png"))
            .badge("/rooms/{room}/visits.png", visits().rooms_of("/rooms/{room}/online.png"));
        badges = match store.contains("://") {
            true => badges.store(RedisStore::open(store)?),
            false => badges.store(FileStore::open(store)?),
        };
    }
    if let Some(url) = &options.redis {
        badges = badges.nodes(RedisBus::open(url)?).lease(options.lease);
    }
    let badges = badges.time_zone(&options.time_zone).build()?;

    let handle = badges.handle();
    let app = Router::new()
        .route("/", get(Html(include_str!("index.html"))))
        .route("/reconnecting", get(reconnecting))
        .route("/count", get(count))
        .route("/rooms/{room}/count", get(count))
        .with_state(handle.clone())
        .layer(badges); // last, so that it is the outermost

    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    handle
        .serve(listener, app)
        .user_timeout(options.user_timeout)
        .with_graceful_shutdown(asked_to_stop())
        .await;
    Ok(())
}

/// A page that is made anew for each view: its picture comes back by itself after a restart of this program.
async fn reconnecting(State(badges): State<Handle>) -> Result<Html<String>, StatusCode> {
    let path = "/rooms/lobby/online.png";
    let lobby = badges.room_at(path).map_err(|_| StatusCode::NOT_FOUND)?;
    let picture = lobby.embed(path).alt("how many are in the lobby").reconnecting();
    let page = include_str!("reconnecting.html").replace("<!-- picture -->", &picture);
    Ok(Html(page))
}

/// `/count` tells of `/online.png`, `/rooms/lobby/count` of `/rooms/lobby/online.png`.
async fn count(State(badges): State<Handle>, uri: Uri) -> Result<Json<Counts>, StatusCode> {
    let room = badges.room_at(&uri.path().replace("/count", "/online.png"));
    room.map(|room| Json(room.counts())).map_err(|_| StatusCode::NOT_FOUND)
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

/// `5`, `0.5`, `5s` or `500ms`.
fn seconds(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(millis) => (millis, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}
