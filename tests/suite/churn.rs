//! Lines of data while people come and go all the time: each line is whole, JSON in the shape that is
//! documented and nothing else, says something new (or else a change was missed), and what it says is possible.
//! Two seconds; `CHURN_SECONDS=600 cargo test --all-features --test suite churn -- --nocapture` takes longer,
//! and tells figures.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tower_livebadge::{LiveBadgeLayer, visitor};

use crate::common::client::RawBody;
use crate::common::site::Book;
use crate::common::{BROWSER, Client, Protocol, Server, bar_badge, eventually, serve, within};

/// How many come and go at a time, each over a connection of its own.
const CROWD: usize = 12;
const PATHS: [&str; 2] = ["/plain.png", "/named.png"];
/// What the first users are called, and what of it is shown. All others are guests.
const NAMES: [(&str, &str); 6] = [
    ("Anna", "Anna"),
    (r#"","streams":9,"x":""#, r#"","streams":9,"x":""#),
    ("Zoë 🦊\u{202e}", "Zoë 🦊"),
    ("two\r\n{}\nlines", "two {} lines"),
    ("\\u0000\\", "\\u0000\\"),
    ("nul\0\u{2028}", "nul"),
];
const USERS: usize = 10;

/// The whole of what is documented.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    streams: usize,
    visitors: usize,
    people: Option<Vec<Person>>,
    guests: Option<usize>,
    stale: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: String,
}

impl State {
    /// Twice the crowd may be there: a server learns that somebody went when the next one may have come.
    fn check(&self, is_named: bool) {
        assert!(self.visitors <= self.streams && self.streams <= 2 * CROWD, "{self:?}");
        assert!(self.stale.is_none_or(|is_stale| is_stale), "{self:?}");
        assert_eq!(
            (self.people.is_some(), self.guests.is_some()),
            (is_named, is_named),
            "{self:?}"
        );
        let Some(people) = &self.people else { return };
        let names: BTreeSet<&str> = people.iter().map(|person| &*person.name).collect();
        assert_eq!(names.len(), people.len(), "each once: {self:?}");
        assert_eq!(Some(self.visitors - people.len()), self.guests, "{self:?}");
        let is_known = |name: &str| NAMES.iter().any(|(_, shown)| *shown == name);
        assert!(names.iter().all(|name| is_known(name)), "{self:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_right_while_people_come_and_go() {
    let seconds = std::env::var("CHURN_SECONDS").map_or(Ok(2), |text| text.parse());
    let time = Duration::from_secs(seconds.expect("CHURN_SECONDS is a number"));
    let (sender, values) = watch::channel(0);
    let badge = || {
        let badge = bar_badge().visitors(visitor::header("x-user")).values(values.clone());
        badge.leave_grace(Duration::ZERO).max_rate(1000.0).heartbeat(Duration::from_secs(1))
    };
    let book = Book::default();
    let named = badge().named(name).names_in_data(true).max_people(100);
    let badges = LiveBadgeLayer::builder().badge(PATHS[0], badge()).badge(PATHS[1], named);
    let badges = badges.observer(book.clone()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;

    let mut watchers = Vec::new();
    for (path, protocol) in PATHS.into_iter().flat_map(|path| Protocol::BOTH.map(|p| (path, p))) {
        watchers.push(Watcher::start(&server, path, protocol).await);
    }
    let until = Instant::now() + time;
    let mut crowd = JoinSet::new();
    (0..CROWD).for_each(|_| _ = crowd.spawn(come_and_go(server.address, until)));
    let stayed: usize = crowd.join_all().await.into_iter().sum();

    // What is told at last is what is so at last.
    for watcher in &mut watchers {
        watcher.until(|state| (state.streams, state.stale) == (0, None)).await;
    }
    eventually("all leaves", || book.leaves() == book.joins()).await;
    drop(sender);
    for watcher in &mut watchers {
        watcher.until(|state| (state.streams, state.stale) == (0, Some(true))).await;
    }
    for path in PATHS {
        handle.room_at(path).unwrap().close();
    }
    let mut lines = Vec::new();
    for watcher in watchers {
        lines.push(within("the end", watcher.reads).await.expect("every line is right"));
    }
    println!("{time:?}: {} joins, {stayed} read something, lines {lines:?}", book.joins());
    assert!(book.joins() >= stayed && stayed > CROWD, "{stayed} of {}", book.joins());
    assert!(lines.iter().all(|lines| *lines > CROWD), "{lines:?}");
}

fn name(request: &http::request::Parts) -> Option<String> {
    let user: usize = request.headers.get("x-user")?.to_str().ok()?.parse().ok()?;
    NAMES.get(user).map(|(name, _)| (*name).to_owned())
}

/// Somebody who comes again and again until then, each time as somebody else. Returns how often there was
/// something to read.
async fn come_and_go(address: std::net::SocketAddr, until: Instant) -> usize {
    let mut stayed = 0;
    while Instant::now() < until {
        let protocol = fastrand::choice(Protocol::BOTH).unwrap();
        let mut client = Client::connect(address, protocol).await;
        let path = fastrand::choice(PATHS).unwrap();
        let query = fastrand::choice(["", "?format=lines", "?format=events", "?format=page"]);
        let user = fastrand::usize(..USERS).to_string();
        let headers = [BROWSER[1], ("x-user", &*user)];
        let reply = client.get(&(path.to_owned() + query.unwrap()), &headers).await;
        assert_eq!(reply.status, 200);
        // Some go before anything has come.
        if fastrand::u8(..8) == 0 {
            continue;
        }
        let mut body = reply.into_bytes();
        let stay = Duration::from_millis(fastrand::u64(..40));
        within("something to read", body.next()).await.expect("a stream goes on");
        stayed += 1;
        timeout(stay, async { while body.next().await.is_some() {} }).await.ok();
    }
    stayed
}

/// Somebody who reads lines, uncounted, and checks each.
struct Watcher {
    newest: watch::Receiver<State>,
    /// How many there were, when they have ended in the regular way.
    reads: AbortOnDropHandle<usize>,
}

impl Watcher {
    async fn start(server: &Server, path: &'static str, protocol: Protocol) -> Self {
        let mut client = Client::connect(server.address, protocol).await;
        let reply = client.get(&format!("{path}?format=lines&uncounted"), &[]).await;
        assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
        let (sender, newest) = watch::channel(State::default());
        let reads = tokio::spawn(read(reply.into_bytes(), path == PATHS[1], sender));
        Self { newest, reads: AbortOnDropHandle::new(reads) }
    }

    async fn until(&mut self, is_so: impl FnMut(&State) -> bool) {
        let seen = within("what is so", self.newest.wait_for(is_so)).await;
        seen.expect("every line is right");
    }
}

async fn read(mut body: RawBody, is_named: bool, newest: watch::Sender<State>) -> usize {
    let (mut lines, mut repeated, mut unread) = (0, 0, Vec::new());
    while let Some(bytes) = within("a line or a heartbeat", body.next()).await {
        unread.extend(bytes);
        while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            if end == 0 {
                continue; // a heartbeat
            }
            let state: Result<State, _> = serde_json::from_slice(&line);
            let state = state.unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()));
            state.check(is_named);
            repeated += usize::from(lines > 0 && *newest.borrow() == state);
            newest.send_replace(state);
            lines += 1;
        }
    }
    assert_eq!(unread.escape_ascii().to_string(), "", "half a line");
    // Who misses a change and the one back is told once more what is so; nobody else is.
    assert!(repeated * 4 < lines, "{repeated} of {lines} lines are those before");
    lines
}
