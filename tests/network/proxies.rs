//! Proxies in front, as `docs/DEPLOY.md` sets them up: changes come through, whoever goes is noticed,
//! and the heartbeat keeps a stream that would be cut for its silence.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::common::Protocol;
use super::program::Kind;
use super::say;
use super::server::{Counter, PATIENCE, Server};
use super::viewer::Viewer;

/// Often enough for the proxies here.
const OFTEN: [&str; 2] = ["--heartbeat", "500ms"];
const RARELY: [&str; 2] = ["--heartbeat", "3600"];
/// What proxies take for a server that hangs. They come with 50 or 60 s, and the heartbeat with 5 s.
const SILENCE: Duration = Duration::from_millis(1500);
const SOME_SILENCES: Duration = Duration::from_secs(5);

#[tokio::test]
async fn nginx() {
    passes_streams(Kind::Nginx).await;
}

#[tokio::test]
async fn haproxy() {
    passes_streams(Kind::HaProxy).await;
}

#[tokio::test]
async fn caddy() {
    passes_streams(Kind::Caddy).await;
}

async fn passes_streams(kind: Kind) {
    if !kind.is_there() {
        return;
    }
    let server = Server::start("online", &OFTEN).await;
    let mut counter = server.counter().await;
    let proxy = kind.start(server.address, SILENCE).await;
    let mut viewer = Viewer::come(proxy.address, Protocol::Http1).await;
    counter.wait_for(1, PATIENCE).await;
    changes_are_shown(kind, &server, &mut counter, &mut viewer).await;

    let seen = viewer.pictures();
    sleep(SOME_SILENCES).await;
    assert_eq!((viewer.pictures(), viewer.is_over()), (seen, false), "nothing but heartbeats");
    changes_are_shown(kind, &server, &mut counter, &mut viewer).await;

    for (ending, other) in [
        ("FIN", Viewer::come(proxy.address, Protocol::Http1).await),
        ("RST", Viewer::come_to_reset(proxy.address, Protocol::Http1).await),
    ] {
        // Both are there at first.
        let before = if ending == "FIN" { 3 } else { 2 };
        counter.wait_for(before, PATIENCE).await;
        drop(other);
        let took = counter.wait_for(before - 1, PATIENCE).await;
        say(format_args!("{}: {ending} noticed after {took:.1?}", kind.name()));
    }

    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(Viewer::come(proxy.address, Protocol::Http1).await);
    }
    counter.wait_for(21, PATIENCE).await;
    drop(proxy);
    let took = counter.wait_for(0, PATIENCE).await;
    say(format_args!("{}: killed with 21 viewers, gone after {took:.1?}", kind.name()));

    is_cut_for_silence(kind).await;
}

/// Otherwise nothing was shown by the streams that live on.
async fn is_cut_for_silence(kind: Kind) {
    let server = Server::start("online", &RARELY).await;
    let mut counter = server.counter().await;
    let proxy = kind.start(server.address, SILENCE).await;
    let mut viewer = Viewer::come(proxy.address, Protocol::Http1).await;
    counter.wait_for(1, PATIENCE).await;
    let since = Instant::now();
    assert!(viewer.is_cut_within(PATIENCE).await, "{kind:?} waits in silence");
    say(format_args!("{}: cut for silence after {:.1?}", kind.name(), since.elapsed()));
    counter.wait_for(0, PATIENCE).await;
}

/// Somebody comes and goes, who does not use the proxy.
async fn changes_are_shown(
    kind: Kind,
    server: &Server,
    counter: &mut Counter,
    viewer: &mut Viewer,
) {
    let alone = counter.still().await;
    assert!(viewer.sees(&alone, PATIENCE).await, "{kind:?}: 1 looks");
    let other = Viewer::come(server.address, Protocol::Http2).await;
    counter.wait_for(2, PATIENCE).await;
    let since = Instant::now();
    let both = counter.still().await;
    assert!(viewer.sees(&both, PATIENCE).await, "{kind:?}: 2 look");
    say(format_args!("{}: a change is shown after {:.1?}", kind.name(), since.elapsed()));
    drop(other);
    counter.wait_for(1, PATIENCE).await;
    assert!(viewer.sees(&alone, PATIENCE).await, "{kind:?}: 1 looks again");
}
