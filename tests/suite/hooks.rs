//! What an observer is told of leaving, and of rooms that fill and empty. Time is the test's own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{BROWSER, Direct, bar_badge, drawn};
use tokio::time::{advance, sleep};
use tower_livebadge::{
    Badge, Handle, Leave, LeaveReason, LiveBadge, LiveBadgeLayer, NotFound, Observer, Occupied,
    Vacated, visitor,
};

const BEAT: Duration = Duration::from_secs(5);
/// For whatever happens at once.
const MOMENT: Duration = Duration::from_millis(1);

/// What was told since the last look.
#[derive(Clone, Default)]
struct Book {
    leaves: Arc<Mutex<Vec<(LeaveReason, u64)>>>,
    rooms: Arc<Mutex<Vec<String>>>,
}

impl Book {
    /// Each with the seconds that the viewer had stayed.
    fn leaves(&self) -> Vec<(LeaveReason, u64)> {
        std::mem::take(&mut *self.leaves.lock().unwrap())
    }

    fn rooms(&self) -> Vec<String> {
        std::mem::take(&mut *self.rooms.lock().unwrap())
    }
}

impl Observer for Book {
    fn on_leave(&self, leave: &Leave) {
        self.leaves.lock().unwrap().push((leave.reason.clone(), leave.stayed.as_secs()));
    }

    fn on_occupied(&self, occupied: &Occupied) {
        let line = format!("{} +{}", occupied.path, occupied.counts.visitors);
        self.rooms.lock().unwrap().push(line);
    }

    fn on_vacated(&self, vacated: &Vacated) {
        let line = format!("{} -{}", vacated.path, vacated.lasted.as_secs());
        self.rooms.lock().unwrap().push(line);
    }
}

async fn observed(badge: Badge) -> (LiveBadge<NotFound>, Handle, Book) {
    let book = Book::default();
    let builder = LiveBadgeLayer::builder().badge("/{room}.png", badge).observer(book.clone());
    let (service, handle) = drawn(builder, &[0, 1, 2]).await;
    (service, handle, book)
}

async fn look(service: &LiveBadge<NotFound>, room: &str) -> Direct {
    let mut viewer = Direct::open(service, &format!("/{room}.png"), &BROWSER).await;
    viewer.read().await;
    viewer
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_told_with_the_reason_and_how_long_it_stayed() {
    use LeaveReason::{Closed, MaxAge, RoomClosed, Shutdown, Stalled};
    let badge = bar_badge().heartbeat(BEAT).leave_grace(Duration::ZERO);
    let badge = badge.max_age(Duration::from_secs(100));
    let (service, handle, book) = observed(badge).await;

    let viewer = look(&service, "a").await;
    sleep(Duration::from_secs(2)).await;
    drop(viewer);
    sleep(MOMENT).await;
    assert_eq!(book.leaves(), [(Closed, 2)]);

    let mut viewer = look(&service, "a").await;
    sleep(4 * BEAT).await;
    assert_eq!(book.leaves(), [(Stalled, 15)], "uncounted by the third heartbeat");
    // It is told again from when it reads on, and only what it stayed since then.
    viewer.read().await;
    sleep(Duration::from_secs(3)).await;
    drop(viewer);
    sleep(MOMENT).await;
    assert_eq!(book.leaves(), [(Closed, 3)]);

    // Who goes while it is uncounted has been told already.
    let viewer = look(&service, "a").await;
    sleep(4 * BEAT).await;
    drop(viewer);
    sleep(MOMENT).await;
    assert_eq!(book.leaves(), [(Stalled, 15)]);

    look(&service, "a").await.rest().await;
    sleep(MOMENT).await;
    assert_eq!(book.leaves(), [(MaxAge, 105)], "the first heartbeat after its time");

    let viewer = look(&service, "a").await;
    handle.room_at("/a.png").unwrap().close();
    viewer.rest().await;
    sleep(MOMENT).await;
    assert_eq!(book.leaves(), [(RoomClosed, 0)]);

    let (reader, gone) = (look(&service, "a").await, look(&service, "a").await);
    let shutdown = tokio::spawn(async move { handle.shutdown().await });
    sleep(MOMENT).await;
    drop(gone); // before it was told
    reader.rest().await;
    shutdown.await.unwrap();
    sleep(MOMENT).await;
    let mut last = book.leaves();
    last.sort_by_key(|(reason, _)| *reason != Closed);
    assert_eq!(last, [(Closed, 0), (Shutdown, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_room_is_occupied_and_vacated_in_turn_and_a_reload_is_neither() {
    let grace = Duration::from_secs(3);
    let badge = bar_badge().visitors(visitor::header("sec-fetch-dest")).leave_grace(grace);
    let (service, _handle, book) = observed(badge.heartbeat(BEAT)).await;
    for _ in 0..2 {
        let first = look(&service, "a").await;
        sleep(MOMENT).await;
        assert_eq!(book.rooms(), ["/a.png +1"]);
        let second = look(&service, "a").await;
        drop(first);
        drop(second);
        sleep(grace - MOMENT).await;
        let again = look(&service, "a").await;
        sleep(Duration::from_secs(1)).await;
        drop(again);
        sleep(grace - MOMENT).await;
        assert!(book.rooms().is_empty(), "somebody was there, or expected back");
        sleep(2 * MOMENT).await;
        assert_eq!(book.rooms(), ["/a.png -7"]);
    }
}

/// An uncounted viewer is nobody; and one that stopped reading is nobody until it reads on.
#[tokio::test(start_paused = true)]
async fn who_is_not_counted_does_not_occupy_a_room() {
    let badge = bar_badge().heartbeat(BEAT).leave_grace(Duration::ZERO);
    let (service, _handle, book) = observed(badge).await;
    let mut looker = Direct::open(&service, "/a.png?uncounted", &BROWSER).await;
    looker.read().await;
    advance(Duration::from_secs(1)).await;
    drop(looker);
    sleep(MOMENT).await;
    assert!(book.rooms().is_empty());

    let mut viewer = look(&service, "b").await;
    sleep(4 * BEAT).await;
    viewer.read().await;
    sleep(MOMENT).await;
    assert_eq!(book.rooms(), ["/b.png +1", "/b.png -15", "/b.png +1"]);
    assert_eq!(book.leaves().len(), 1);
}

/// The room's task has not been told yet that it is to close; who sits down meanwhile is none of those
/// who are sent away.
#[tokio::test(start_paused = true)]
async fn who_comes_after_a_room_was_closed_stays_however_soon() {
    let badge = bar_badge().heartbeat(BEAT).leave_grace(Duration::ZERO);
    let (service, handle, book) = observed(badge).await;
    let room = handle.room_at("/a.png").unwrap();
    for is_somebody_there in [true, false] {
        let old = look(&service, "a").await;
        let old = if is_somebody_there {
            Some(tokio::spawn(old.rest()))
        } else {
            drop(old);
            None
        };
        room.close();
        let mut new = look(&service, "a").await;
        if let Some(old) = old {
            old.await.unwrap();
        }
        let reads = tokio::time::timeout(3 * BEAT, async { while new.read().await {} }).await;
        assert!(reads.is_err(), "the newcomer's stream goes on");
        assert_eq!(room.counts().streams, 1);
        drop(new);
        sleep(MOMENT).await;
        book.leaves();
    }
}
