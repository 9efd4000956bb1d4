//! What is measured.

mod screen;
#[path = "../../tests/browsers/server.rs"]
#[allow(dead_code, reason = "what only tests need")]
mod server;
#[path = "../../tests/browsers/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what only tests need")]
mod support;

use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use screen::Screen;
use server::Server;

const ROUNDS: u32 = 20;

#[tokio::main]
pub(crate) async fn measure() {
    let server = Server::start().await;
    let mut screen = Screen::start().await;
    let mut pictures = Vec::new();
    for streams in 0..=2 {
        pictures.push(picture_of(&server, streams).await);
    }

    let mut first = Vec::new();
    for _ in 0..ROUNDS {
        screen.open(&server.url).await;
        let shown = screen.shows(&pictures[1]).await;
        first.push(shown.since(screen.response_started("/online.png").await));
        screen.close().await;
        server.counts(0).await;
    }
    report("response begins -> first picture", first);

    screen.open(&server.url).await;
    screen.shows(&pictures[1]).await;
    let (mut joins, mut leaves) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        pause(round).await;
        let came = SystemTime::now();
        let visitor = server.visitor().await;
        joins.push(screen.shows(&pictures[2]).await.since(came));

        pause(round).await;
        let went = SystemTime::now();
        drop(visitor);
        leaves.push(screen.shows(&pictures[1]).await.since(went));
    }
    report("somebody comes -> the number changes", joins);
    report("somebody goes -> the number changes", leaves);
}

async fn picture_of(server: &Server, streams: u64) -> support::Pixels {
    let mut visitors = Vec::new();
    for _ in 0..streams {
        visitors.push(server.visitor().await);
    }
    let picture = server.picture_of(streams).await;
    drop(visitors);
    server.counts(0).await;
    picture
}

/// Longer than the time between two pictures (100 ms), which is not what is measured here, and not
/// in step with frames.
async fn pause(round: u32) {
    sleep(Duration::from_millis(300) + Duration::from_micros(3_700) * round).await;
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let (least, most) = (millis(times[0]), millis(times[times.len() - 1]));
    let median = millis(times[times.len() / 2]);
    let count = times.len();
    println!("{what}: median {median:.1} ms, {least:.1} to {most:.1} ms, {count} times");
}
