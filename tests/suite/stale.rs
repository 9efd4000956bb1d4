//! Values whose source is gone or silent: that is on the picture, in the data and told to the observer,
//! and it ends when the source is back. Time is the test's own.
//!
//! Paused time leaps while a picture is being drawn. So all pictures have been drawn before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tower_livebadge::{
    Badge, Handle, LiveBadge, LiveBadgeLayer, LiveBadgeLayerBuilder, Look, NotFound, Observer,
    Paint, Params, ResponseBody, Stale, visitor,
};

use crate::common::{BROWSER, Direct, bar_badge, bar_badge_of, bar_look_of, call, decode, drawn};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// For whatever happens at once.
const MOMENT: Duration = Duration::from_millis(2);
/// Stale values are a hundred more.
const SLOT: &str = "value + (100 if stale else 0)";

/// What was told since the last look, and how often something was painted.
#[derive(Clone, Default)]
struct Book {
    told: Arc<Mutex<Vec<String>>>,
    painted: Arc<AtomicUsize>,
}

impl Book {
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

impl Observer for Book {
    fn on_stale(&self, stale: &Stale) {
        self.told.lock().unwrap().push(format!("{} {}", stale.path, stale.is_stale));
    }

    fn on_paint(&self, _: &Paint) {
        self.painted.fetch_add(1, Ordering::Relaxed);
    }
}

async fn ready(builder: LiveBadgeLayerBuilder) -> (LiveBadge<NotFound>, Handle, Book) {
    let book = Book::default();
    let bars: Vec<usize> = (0..10).chain(100..110).collect();
    let (service, handle) = drawn(builder.observer(book.clone()), &bars).await;
    (service, handle, book)
}

async fn json(service: &LiveBadge<NotFound>, path: &str) -> String {
    let data = call(service, &format!("{path}?format=json"), &[]).await;
    let Ok(data) = data.into_body().collect().await;
    String::from_utf8(data.to_bytes().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_dropped_is_seen_at_once_and_for_good() {
    let (sender, values) = watch::channel(1);
    let badge = bar_badge_of(SLOT).values(values);
    let (service, _, book) = ready(LiveBadgeLayer::builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    assert_eq!(json(&service, "/x.png").await, r#"{"streams":1,"visitors":1}"#);
    assert!(viewer.is_silent_for(HOUR / 2).await, "silence alone is no end");
    let since = Instant::now();
    // What is sent last is not lost.
    sender.send_replace(2);
    drop(sender);
    viewer.bar_of(102).await;
    assert!(since.elapsed() <= MOMENT, "{:?}", since.elapsed());
    assert_eq!(book.told(), ["/x.png true"]);
    assert_eq!(json(&service, "/x.png").await, r#"{"streams":1,"visitors":1,"stale":true}"#);
    let painted = book.painted.load(Ordering::Relaxed);
    assert!(viewer.is_silent_for(HOUR / 2).await);
    assert_eq!(book.painted.load(Ordering::Relaxed), painted);
    // Who comes later sees it from the beginning, and so does who asks for a still.
    drop(viewer);
    sleep(SECOND).await;
    assert_eq!(book.told(), ["/x.png false"], "nobody looks at it");
    assert_eq!(json(&service, "/x.png").await, r#"{"streams":0,"visitors":0,"stale":true}"#);
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(102).await;
    assert_eq!(book.told(), ["/x.png true"]);
}

#[tokio::test(start_paused = true)]
async fn one_of_several_senders_is_enough() {
    let (sender, values) = watch::channel(1);
    let other = sender.clone();
    let badge = bar_badge_of(SLOT).values(values);
    let (service, _, book) = ready(LiveBadgeLayer::builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    drop(sender);
    assert!(viewer.is_silent_for(HOUR / 2).await);
    drop(other);
    viewer.bar_of(101).await;
    assert_eq!(book.told(), ["/x.png true"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_silent_for_too_long_is_stale_until_it_sends_again() {
    let (sender, values) = watch::channel(1);
    let badge = bar_badge_of(SLOT).values(values).stale_after(5 * SECOND);
    let (service, _, book) = ready(LiveBadgeLayer::builder().badge("/x.png", badge)).await;
    sender.send_replace(1);
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    let mut since = Instant::now();
    for _ in 0..3 {
        // Equal values prove as much as others.
        sleep(4 * SECOND).await;
        sender.send_replace(1);
        since = Instant::now();
        sleep(MOMENT).await;
        assert_eq!(book.told(), [""; 0]);
    }
    viewer.bar_of(101).await;
    let took = since.elapsed();
    assert!((5000..=5010).contains(&took.as_millis()), "{took:?}");
    assert_eq!(book.told(), ["/x.png true"]);
    assert_eq!(json(&service, "/x.png").await, r#"{"streams":1,"visitors":1,"stale":true}"#);
    let Ok(still) = call(&service, "/x.png?still", &[]).await.into_body().collect().await;
    assert_eq!(crate::common::read_bar(&still.to_bytes()), 101);
    let painted = book.painted.load(Ordering::Relaxed);
    assert!(viewer.is_silent_for(HOUR / 2).await);
    assert_eq!(book.painted.load(Ordering::Relaxed), painted);
    let since = Instant::now();
    sender.send_replace(1);
    viewer.bar_of(1).await;
    assert!(since.elapsed() <= MOMENT, "{:?}", since.elapsed());
    assert_eq!(book.told(), ["/x.png false"]);
    assert_eq!(json(&service, "/x.png").await, r#"{"streams":1,"visitors":1}"#);
}

/// What comes of live data, as far as the pace allows.
async fn live(data: &mut ResponseBody) -> String {
    let mut text = String::new();
    while let Ok(Some(Ok(frame))) = timeout(SECOND, data.frame()).await {
        text += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
    }
    text
}

/// Also of whom no picture is drawn for.
#[tokio::test(start_paused = true)]
async fn events_and_lines_say_so_when_it_begins_and_when_it_ends() {
    let sources = Sources::default();
    ["room", "a"].iter().for_each(|id| sources.begin(id, 1));
    let of_room = sources.clone();
    let badge = bar_badge_of("value").values_of(move |params| of_room.of(params, false));
    let badge = badge.heartbeat(HOUR).visitors(visitor::header("x-user"));
    let builder = LiveBadgeLayer::builder().badge("/{id}.png", badge).max_viewers(2);
    let (service, _, book) = ready(builder).await;
    let user = [("x-user", "1")];
    let mut events = call(&service, "/a.png?format=events", &user).await.into_body();
    assert_eq!(live(&mut events).await, event(1, "retry: 2000\n\n", ""));
    let mut lines = call(&service, "/a.png?format=lines", &user).await.into_body();
    let line = |end: &str| format!("{{\"streams\":2,\"visitors\":1{end}}}\n");
    assert!(live(&mut lines).await.ends_with(&line("")));
    assert_eq!(live(&mut events).await, event(2, "", ""));

    let stale = ",\"stale\":true";
    sources.end("a");
    assert_eq!(live(&mut lines).await, line(stale));
    assert_eq!(live(&mut events).await, event(2, "", stale));
    assert_eq!(book.told(), ["/a.png true"]);
    sleep(100 * SECOND).await;
    assert_eq!((live(&mut events).await, live(&mut lines).await), (String::new(), String::new()));
    // Who has no place is told, too.
    let mut refused = call(&service, "/a.png?format=events", &user).await.into_body();
    assert_eq!(live(&mut refused).await, event(2, "retry: 10000\n\n", stale));

    sources.begin("a", 2);
    sleep(3 * SECOND).await;
    assert_eq!(live(&mut lines).await, line(""));
    assert_eq!(live(&mut events).await, event(2, "", ""));
    assert_eq!(book.told(), ["/a.png false"]);
}

fn event(streams: usize, before: &str, end: &str) -> String {
    format!("{before}data: {{\"streams\":{streams},\"visitors\":1{end}}}\n\n")
}

#[tokio::test(start_paused = true)]
async fn names_come_before_that() {
    let (sender, values) = watch::channel(1);
    let badge = bar_badge_of("value").values(values).named(|_| Some("Anna".into()));
    let badge = badge.visitors(visitor::header("x-user")).names_in_data(true);
    let (service, _, _) = ready(LiveBadgeLayer::builder().badge("/x.png", badge)).await;
    let mut lines = call(&service, "/x.png?format=lines", &[("x-user", "1")]).await.into_body();
    let data = r#"{"streams":1,"visitors":1,"people":[{"name":"Anna"}],"guests":0"#;
    assert_eq!(live(&mut lines).await, format!("{data}}}\n"));
    drop(sender);
    let stale = format!(r#"{data},"stale":true}}"#);
    assert_eq!(live(&mut lines).await, format!("{stale}\n"));
    assert_eq!(json(&service, "/x.png").await, stale);
}

/// A slow pace shows a value later; it has been sent when it was sent.
#[tokio::test(start_paused = true)]
async fn the_age_of_a_value_does_not_begin_when_its_turn_comes() {
    let (sender, values) = watch::channel(1);
    let badge = bar_badge_of(SLOT).values(values).stale_after(5 * SECOND).max_rate(0.25);
    let (service, _, _) = ready(LiveBadgeLayer::builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    sender.send_replace(1);
    viewer.bar_of(1).await;
    let since = Instant::now();
    sleep(SECOND).await;
    sender.send_replace(2);
    viewer.bar_of(2).await;
    assert_eq!(since.elapsed().as_secs(), 4);
    viewer.bar_of(102).await;
    // Not before the pace allows it: 4 s after the last one.
    assert_eq!(since.elapsed().as_secs(), 8);
}

/// Sources by their rooms' names, as an application has them, and how often one was asked for.
#[derive(Clone, Default)]
struct Sources {
    senders: Arc<Mutex<HashMap<String, watch::Sender<usize>>>>,
    asked: Arc<AtomicUsize>,
}

impl Sources {
    fn begin(&self, id: &str, value: usize) {
        self.senders.lock().unwrap().insert(id.to_owned(), watch::channel(value).0);
    }

    fn end(&self, id: &str) {
        self.senders.lock().unwrap().remove(id);
    }

    fn of(&self, params: &Params, panics: bool) -> watch::Receiver<usize> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let senders = self.senders.lock().unwrap();
        match senders.get(params.get("id").unwrap()) {
            Some(sender) => sender.subscribe(),
            None if panics => {
                drop(senders);
                panic!("an application's bug, which must not matter")
            }
            None => watch::channel(9).1,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rooms_source_that_was_ended_and_begun_anew_comes_back() {
    for panics in [false, true] {
        let sources = Sources::default();
        ["room", "a", "b"].iter().for_each(|id| sources.begin(id, 1));
        let of_room = sources.clone();
        let badge = bar_badge_of(SLOT).values_of(move |params| of_room.of(params, panics));
        let builder = LiveBadgeLayer::builder().badge("/{id}.png", badge);
        let (service, _, book) = ready(builder).await;
        let mut viewer = Direct::open(&service, "/a.png", &BROWSER).await;
        viewer.bar_of(1).await;
        let mut other = Direct::open(&service, "/b.png", &BROWSER).await;
        other.bar_of(1).await;
        let asked = sources.asked.load(Ordering::Relaxed);
        assert!(viewer.is_silent_for(100 * SECOND).await);
        assert_eq!(sources.asked.load(Ordering::Relaxed), asked, "it is there");

        sources.end("a");
        viewer.bar_of(101).await; // the last value stays, whatever there is instead
        assert_eq!(book.told(), ["/a.png true"]);
        let painted = book.painted.load(Ordering::Relaxed);
        assert!(viewer.is_silent_for(100 * SECOND).await);
        assert_eq!(book.painted.load(Ordering::Relaxed), painted, "{panics}");
        let tries = sources.asked.load(Ordering::Relaxed) - asked;
        assert!((48..=52).contains(&tries), "{tries} in 100 s");

        sources.begin("a", 2);
        let since = Instant::now();
        viewer.bar_of(2).await;
        assert!(since.elapsed() <= 2 * SECOND + MOMENT, "{:?}", since.elapsed());
        assert_eq!(book.told(), ["/a.png false"]);
        let asked = sources.asked.load(Ordering::Relaxed);
        assert!(viewer.is_silent_for(100 * SECOND).await);
        assert_eq!(sources.asked.load(Ordering::Relaxed), asked);
        sources.senders.lock().unwrap()["a"].send_replace(3);
        viewer.bar_of(3).await;
        assert!(other.is_silent_for(SECOND).await, "the other room's is its own");
    }
}

#[tokio::test(start_paused = true)]
async fn a_badge_without_values_is_never_stale_and_a_room_is_as_its_badges_are() {
    let (sender, values) = watch::channel(1);
    let look = bar_look_of(SLOT).values(values).rooms_of("/x.png");
    let badge = bar_badge_of("streams + (100 if stale else 0)");
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge).badge("/look.png", look);
    let (service, _, book) = ready(builder).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    let mut look = Direct::open(&service, "/look.png", &BROWSER).await;
    look.bar_of(1).await;
    viewer.bar_of(2).await;
    drop(sender);
    look.bar_of(101).await;
    assert!(viewer.is_silent_for(100 * SECOND).await);
    assert_eq!(book.told(), ["/x.png true"]);
    assert_eq!(json(&service, "/x.png").await, r#"{"streams":2,"visitors":2}"#);
    assert_eq!(json(&service, "/look.png").await, r#"{"streams":2,"visitors":2,"stale":true}"#);
    drop(look);
    viewer.bar_of(1).await;
    assert_eq!(book.told(), ["/x.png false"]);
}

/// Nothing is looked at when there is nothing to become stale.
#[tokio::test(start_paused = true)]
async fn without_values_there_is_no_timer() {
    let (service, _, book) = ready(LiveBadgeLayer::builder().badge("/x.png", bar_badge())).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    let painted = book.painted.load(Ordering::Relaxed);
    assert!(viewer.is_silent_for(HOUR / 2).await);
    assert_eq!(book.painted.load(Ordering::Relaxed), painted);
}

#[tokio::test]
async fn every_ready_look_is_half_transparent_while_its_values_are_stale() {
    for look in [
        Look::flat("x"),
        Look::flat_square("x"),
        Look::plastic("x"),
        Look::for_the_badge("x"),
        Look::social("x"),
        Look::seven_segment(3),
        Look::odometer(3),
        Look::sparkline("x"),
        Look::digital_clock("UTC"),
        Look::people(),
        Look::sentence("x"),
    ] {
        let (sender, values) = watch::channel(1);
        let badge = Badge::look(look.clone()).values(values).named(|_| None);
        let badges = LiveBadgeLayer::builder().badge("/x.png", badge).build().unwrap();
        let service = badges.into_service();
        let alphas = async || {
            let Ok(still) = call(&service, "/x.png?still", &[]).await.into_body().collect().await;
            let picture = decode(&still.to_bytes());
            let (mut most, mut sum) = (0, 0u64);
            for [_, _, _, alpha] in picture.pixels() {
                most = most.max(alpha);
                sum += u64::from(alpha);
            }
            (most, sum)
        };
        let (most, sum) = alphas().await;
        assert_eq!(most, 255, "{look:?}");
        drop(sender);
        let (dimmed, dimmed_sum) = alphas().await;
        assert!((126..=129).contains(&dimmed), "{look:?}: {dimmed}");
        let half = sum / 2;
        assert!(dimmed_sum.abs_diff(half) < half / 50, "{look:?}: {dimmed_sum} of {sum}");
    }
}
