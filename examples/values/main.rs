//! Values of the application as live pictures: `cargo run --example values`, then open
//! <http://127.0.0.1:3000/>. One chart for everybody, of how late this server's own timer is; stop
//! watches, each in a room of its own with a value of its own; and a [lamp] that another process sets.

mod lamp;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tower_livebadge::{Badge, LiveBadgeLayer, Params};

const POINTS: usize = 60;
const EVERY: Duration = Duration::from_millis(250);

#[derive(Parser)]
#[command(about = "Live pictures of an application's own values, with no JavaScript")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// What another process says to set the lamp; without it nobody can. As an option, all of this machine see it
    #[arg(long, env = "LAMP_TOKEN", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    token: Option<String>,
    /// After how many seconds without a word the lamp is stale
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    stale_after: u64,
}

/// The fields are the template's slots.
#[derive(Default, Serialize)]
struct Lateness {
    /// Microseconds, oldest first.
    latest: VecDeque<u64>,
    most: u64,
}

/// Of one stop watch.
#[derive(Default, Serialize)]
struct Elapsed {
    seconds: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let (sender, receiver) = watch::channel(Lateness::default());
    tokio::spawn(measure(sender));
    let (lamp, set_lamp) = lamp::lamp(options.token, Duration::from_secs(options.stale_after));

    let badges = LiveBadgeLayer::builder()
        .badge("/lateness.png", Badge::svg(include_str!("chart.svg")).values(receiver))
        .badge("/watches/{name}.png", Badge::svg(include_str!("watch.svg")).values_of(start))
        .badge("/lamp.png", lamp)
        .build()?;
    let handle = badges.handle();
    let page = Html(include_str!("page.html"));
    let app = Router::new().route("/", get(page)).merge(set_lamp).layer(badges);

    let listener = TcpListener::bind(options.addr).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
    Ok(())
}

async fn measure(sender: watch::Sender<Lateness>) {
    loop {
        let due = Instant::now() + EVERY;
        sleep(EVERY).await;
        let late = due.elapsed().as_micros() as u64;
        sender.send_modify(|lateness| {
            lateness.latest.push_back(late);
            if lateness.latest.len() > POINTS {
                lateness.latest.pop_front();
            }
            lateness.most = lateness.latest.iter().copied().max().unwrap_or_default();
        });
    }
}

/// Called when somebody opens a room: a watch is started then, and stops when the room is freed.
fn start(_: &Params) -> watch::Receiver<Elapsed> {
    let (sender, receiver) = watch::channel(Elapsed::default());
    // Also called when the layer is built, to see what there is to show.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(run(sender));
    }
    receiver
}

async fn run(sender: watch::Sender<Elapsed>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let start = seconds.tick().await;
    loop {
        tokio::select! {
            now = seconds.tick() => {
                sender.send_modify(|elapsed| elapsed.seconds = (now - start).as_secs());
            }
            // Nobody looks any more.
            () = sender.closed() => return,
        }
    }
}
