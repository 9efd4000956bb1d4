//! What the application sees and does: hooks, changes, limits, values that fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{
    BROWSER, Client, Protocol, bar_badge, bar_badge_of, eventually, read_bar, serve, within,
};
use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tower_livebadge::{
    Change, Join, Leave, LiveBadgeLayer, Observer, Paint, PaintFailure, Refused,
};

const PATH: &str = "/bar.png";

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn has(&self, line: &str) -> bool {
        self.0.lock().unwrap().iter().any(|written| written == line)
    }
}

impl Observer for Diary {
    fn on_join(&self, join: &Join) {
        self.write(format!("{} join {}", join.path, join.counts.streams));
        panic!("an observer's bug, which must not matter");
    }

    fn on_leave(&self, leave: &Leave) {
        self.write(format!("{} leave {}", leave.path, leave.counts.streams));
    }

    fn on_paint(&self, paint: &Paint) {
        assert!(paint.bytes > 60);
        self.write(format!("{} paint", paint.path));
    }

    fn on_paint_error(&self, failure: &PaintFailure<'_>) {
        self.write(format!("{} error {}", failure.path, failure.error));
    }

    fn on_refusal(&self, refused: &Refused) {
        self.write(format!("{} {:?}", refused.path, refused.reason));
    }
}

#[tokio::test]
async fn an_observer_is_told_and_can_not_do_harm() {
    let diary = Diary::default();
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).observer(diary.clone());
    let badges = badges.max_viewers(1).build().unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.bar_of(1).await;
    assert!(diary.has("/bar.png join 1") && diary.has("/bar.png paint"));
    client.get(PATH, &BROWSER).await.bytes().await;
    assert!(diary.has("/bar.png TooManyViewers"));
    drop(viewer);
    eventually("the leave", || diary.has("/bar.png leave 0")).await;
}

#[tokio::test]
async fn changes_are_told_room_by_room() {
    let badges = LiveBadgeLayer::builder().badge("/{room}/bar.png", bar_badge()).build().unwrap();
    let handle = badges.handle();
    let mut changes = handle.changes();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut next = async || match within("a change", changes.next()).await {
        Some(Change::Room(room)) => (room.path.to_string(), room.counts.streams),
        other => panic!("{other:?}"),
    };
    let one = client.get("/a/bar.png", &BROWSER).await;
    assert_eq!(next().await, ("/a/bar.png".into(), 1));
    let two = client.get("/b/bar.png", &BROWSER).await;
    assert_eq!(next().await, ("/b/bar.png".into(), 1));
    drop(one);
    assert_eq!(next().await, ("/a/bar.png".into(), 0));
    drop(two);
    assert_eq!(next().await, ("/b/bar.png".into(), 0));
}

#[tokio::test]
async fn past_a_limit_there_is_a_still_and_a_freed_place_serves_at_once() {
    let badges = LiveBadgeLayer::builder().badge("/{room}/bar.png", bar_badge());
    let badges = badges.max_viewers(3).max_rooms(2).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut streams = Vec::new();
    for path in ["/a/bar.png", "/b/bar.png"] {
        let mut stream = client.get(path, &BROWSER).await.into_stream();
        stream.bar_of(1).await;
        streams.push(stream);
    }
    // A third room is too many, a third viewer is not, a fourth is.
    let still = client.get("/c/bar.png", &BROWSER).await;
    assert_eq!(read_bar(&still.bytes().await), 0);
    let mut third = client.get("/a/bar.png", &BROWSER).await.into_stream();
    third.bar_of(2).await;
    for _ in 0..100 {
        let still = client.get("/a/bar.png", &BROWSER).await;
        assert_eq!(read_bar(&still.bytes().await), 2);
    }
    drop(third);
    eventually("the place to be free", || {
        handle.room_at("/a/bar.png").unwrap().counts().streams == 1
    })
    .await;
    client.get("/a/bar.png", &BROWSER).await.into_stream().bar_of(2).await;
}

/// A value whose serialization can be told to fail, or to panic.
#[derive(Clone, Copy)]
enum Fragile {
    Good(usize),
    Missing,
    Panic,
}

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Good(number) => serializer.collect_map([("bar", number)]),
            Self::Missing => serializer.collect_map([("no_bar", 0)]),
            Self::Panic => panic!("a value's bug, which must not matter"),
        }
    }
}

#[tokio::test]
async fn the_last_good_picture_stays_while_values_fail() {
    let diary = Diary::default();
    let (sender, values) = watch::channel(Fragile::Good(5));
    let badge = bar_badge_of("bar").values(values).heartbeat(Duration::from_millis(20));
    let badges =
        LiveBadgeLayer::builder().badge(PATH, badge).observer(diary.clone()).build().unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.bar_of(5).await;

    sender.send_replace(Fragile::Missing);
    eventually("the error", || diary.0.lock().unwrap().iter().any(|line| line.contains("filled")))
        .await;
    sender.send_replace(Fragile::Panic);
    eventually("the panic", || diary.has("/bar.png error painting the picture panicked")).await;
    // A still that can't be painted is blank, never an error.
    let still = client.get("/bar.png?still", &BROWSER).await;
    assert_eq!(still.status, 200);
    still.bytes().await;

    sender.send_replace(Fragile::Good(6));
    assert_eq!(read_bar(&viewer.next_part().await), 6, "nothing came in between");
    drop(sender);
    viewer.read().await; // a heartbeat: the stream lives on without a sender
}
