//! A live chart of a value of the application: `cargo run --example values`, then open
//! <http://127.0.0.1:3000/>. What it shows is real: how late this server's own timer is.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tower_livebadge::{Badge, LiveBadgeLayer};

const POINTS: usize = 60;
const EVERY: Duration = Duration::from_millis(250);

/// The fields are the template's slots.
#[derive(Default, Serialize)]
struct Lateness {
    /// Microseconds, oldest first.
    latest: VecDeque<u64>,
    most: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = watch::channel(Lateness::default());
    tokio::spawn(measure(sender));

    let badges = LiveBadgeLayer::builder()
        .badge("/lateness.png", Badge::svg(include_str!("chart.svg")).values(receiver))
        .build()?;
    let handle = badges.handle();
    let page = r#"<!doctype html><title>A live chart</title>
        <img src="/lateness.png" width="480" height="180" alt="how late the server's timer is">"#;
    let app = Router::new().route("/", get(Html(page))).layer(badges);

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            tokio::signal::ctrl_c().await.ok();
            handle.shutdown().await;
        })
        .await?;
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
