//! Viewers whose packets are lost without a word, as in a tunnel: they are counted out in some half a
//! minute, by what the server has set on its sockets, and a short outage loses nobody.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::common::{Client, Protocol};
use super::missing::are_there;
use super::road::{HOST, Road, connect};
use super::say;
use super::server::{Counter, PATH, PATIENCE, Server};
use super::support::Process;
use super::viewer::Viewer;

/// The example that sets its sockets so, and its options.
const SERVER: (&str, &[&str]) = ("online", &["--user-timeout", "15"]);

/// Nobody whose packets are lost is counted for longer.
const GONE: Duration = Duration::from_secs(35);
/// If somebody is gone sooner, it was not by silence.
const TOO_SOON: Duration = Duration::from_secs(3);
const OUTAGE: Duration = Duration::from_secs(8);
const SECOND: Duration = Duration::from_secs(1);

/// One after another they would take minutes.
#[tokio::test]
async fn silent_loss() {
    let roads = ["cut", "outage", "pause"].map(Road::build);
    let [Some(cut), Some(outage), Some(pause)] = roads else { return };
    let mut cases = JoinSet::new();
    cases.spawn(whoever_is_cut_off_see_it_counted_out(cut));
    cases.spawn(a_short_outage_loses_nobody(outage));
    cases.spawn(whoever_is_paused_stays(pause));
    while let Some(case) = cases.join_next().await {
        case.expect("see above");
    }
}

/// A server of its own, with one viewer at the other end of the road.
struct Watched {
    what: String,
    viewer: Viewer,
    counter: Counter,
    _changing: Option<AbortOnDropHandle<()>>,
    server: Server,
}

impl Watched {
    /// One over each protocol, whose picture stays as it is or changes all the time.
    async fn each(road: &Road) -> Vec<Self> {
        let mut all = Vec::new();
        for protocol in Protocol::BOTH {
            for changes in [false, true] {
                all.push(Self::start(road, protocol, changes).await);
            }
        }
        all
    }

    async fn start(road: &Road, protocol: Protocol, changes: bool) -> Self {
        let server = serve(road).await;
        let mut counter = counter(road, server.address).await;
        let viewer = Viewer::over(connect(&road.viewers(), server.address).await, protocol).await;
        counter.wait_for(1, PATIENCE).await;
        let changing = changes.then(|| change(road.server(), server.address));
        let what = format!("{protocol:?}, {}", if changes { "changing" } else { "idle" });
        Self { what, viewer, counter, _changing: changing, server }
    }

    async fn see_it_counted_out(mut self) {
        let what = &self.what;
        let took = self.counter.wait_for(0, GONE).await;
        say(format_args!("silent loss, {what}: gone after {took:.1?}"));
        assert!(took > TOO_SOON, "{what}: it was told");
        assert!(!self.viewer.is_over(), "{what}: the viewer was told");
    }
}

async fn serve(road: &Road) -> Server {
    let (example, options) = SERVER;
    let there = ["ip", "netns", "exec", &road.server()];
    Server::start_by(&there, &format!("{HOST}:0"), example, options).await
}

/// Asks from the server's side of the road.
async fn counter(road: &Road, address: SocketAddr) -> Counter {
    let socket = connect(&road.server(), address).await;
    Counter(Client::over(socket, address, Protocol::Http1).await)
}

/// Somebody who comes and goes on the server's side.
fn change(namespace: String, address: SocketAddr) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let other = Viewer::over(connect(&namespace, address).await, Protocol::Http1).await;
            sleep(SECOND / 2).await;
            drop(other);
            sleep(SECOND / 2).await;
        }
    }))
}

async fn whoever_is_cut_off_see_it_counted_out(road: Road) {
    let watched = Watched::each(&road).await;
    sleep(SECOND).await;
    road.cut();
    let mut waiting = JoinSet::new();
    for watched in watched {
        waiting.spawn(watched.see_it_counted_out());
    }
    while let Some(waited) = waiting.join_next().await {
        waited.expect("see above");
    }
}

async fn a_short_outage_loses_nobody(road: Road) {
    let mut watched = Watched::each(&road).await;
    sleep(SECOND).await;
    road.cut();
    let seen: Vec<usize> = watched.iter().map(|watched| watched.viewer.pictures()).collect();
    sleep(OUTAGE).await;
    road.mend();
    let mended = Instant::now();
    for (Watched { what, viewer, counter, server, .. }, seen) in watched.iter_mut().zip(seen) {
        // Somebody comes, so that there is a change to be seen by the same connection.
        let _other = Viewer::over(connect(&road.server(), server.address).await, Protocol::Http1);
        let _other = _other.await;
        assert!(viewer.sees_more_than(seen, GONE).await, "{what}: nothing new after an outage");
        say(format_args!(
            "an outage of {OUTAGE:?}, {what}: sees on after {:.1?}",
            mended.elapsed()
        ));
        assert!(counter.streams().await >= 2 && !viewer.is_over(), "{what}");
    }
    // Nor is it found out later.
    sleep((GONE - OUTAGE).saturating_sub(mended.elapsed())).await;
    for Watched { what, viewer, counter, .. } in &mut watched {
        assert!(counter.streams().await >= 1 && !viewer.is_over(), "{what}: lost later");
    }
}

/// Its kernel goes on, so all is well with its connection. Over HTTP/2 a server may ask the program
/// itself for a sign of life, and one that is paused gives none: that is told, and not judged.
async fn whoever_is_paused_stays(road: Road) {
    if !are_there("a paused viewer", &[("curl", "curl")]) {
        return;
    }
    let (server, mut counter, curl) = pause(&road, "--http1.1").await;
    let (_asking, mut asking, _silent) = pause(&road, "--http2-prior-knowledge").await;
    let since = Instant::now();
    let mut told = false;
    while since.elapsed() < GONE {
        assert_eq!(counter.streams().await, 1, "paused, HTTP/1.1");
        if asking.streams().await == 0 && !told {
            say(format_args!("paused, Http2: gone after {:.1?}", since.elapsed()));
            told = true;
        }
        sleep(SECOND / 2).await;
    }
    curl.signal(Signal::CONT);
    // It reads on, and is shown who comes.
    let other = connect(&road.server(), server.address).await;
    let _other = Viewer::over(other, Protocol::Http1).await;
    counter.wait_for(2, PATIENCE).await;
    sleep(SECOND).await;
    assert_eq!(counter.streams().await, 2, "paused, HTTP/1.1, afterwards");
    say(format_args!("paused for {GONE:?}, Http1: counted all the time"));
    drop(curl);
    counter.wait_for(1, PATIENCE).await;
}

/// A viewer that is a process, which stands still as soon as it is counted.
async fn pause(road: &Road, protocol: &str) -> (Server, Counter, Process) {
    let server = serve(road).await;
    let mut counter = counter(road, server.address).await;
    let url = format!("http://{}{PATH}", server.address);
    let mut curl = Command::new("ip");
    curl.args(["netns", "exec", &road.viewers(), "curl", "-sN", protocol, "-o", "/dev/null"]);
    let curl = Process::start(curl.args(["-H", "accept: multipart/x-mixed-replace", &url]));
    counter.wait_for(1, PATIENCE).await;
    curl.signal(Signal::STOP);
    (server, counter, curl)
}
