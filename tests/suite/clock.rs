//! What depends on when something happens: services are called without a socket, and time is the
//! test's own, so that "soon" can't mean "with the next heartbeat".
//!
//! Paused time leaps while a picture is being drawn. So all pictures have been drawn before.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{
    BROWSER, Direct, at_once, bar_badge, bar_badge_of, call, drawn, log, read_bar,
};
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::{Instant, advance, sleep};
use tower_livebadge::{Handle, Join, LiveBadgeLayer, Observer, Records, visitor};

const HOUR: Duration = Duration::from_secs(3600);
const BEAT: Duration = Duration::from_secs(5);
/// For whatever happens at once.
const MOMENT: Duration = Duration::from_millis(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn streams(handle: &Handle, path: &str) -> usize {
    handle.room_at(path).unwrap().counts().streams
}

/// The counts are then what they were, and yet the newcomer waits for a picture.
#[tokio::test(start_paused = true)]
async fn who_comes_in_the_instant_in_which_the_same_person_leaves_is_shown_a_picture_at_once() {
    let badge = bar_badge().visitors(visitor::header("x-user")).heartbeat(HOUR);
    let (service, handle) = drawn(LiveBadgeLayer::builder().badge("/x.png", badge), &[1]).await;
    let alice = [BROWSER[1], ("x-user", "alice")];
    let mut first = Direct::open(&service, "/x.png", &alice).await;
    first.bar_of(1).await;
    sleep(seconds(1)).await;
    let mut second = Direct::open(&service, "/x.png", &alice).await;
    let since = Instant::now();
    drop(first);
    second.bar_of(1).await;
    assert!(since.elapsed() <= MOMENT, "{:?}", since.elapsed());
    let records = handle.room_at("/x.png").unwrap().records().await;
    assert_eq!((records.joins, records.peak), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_had_stopped_reading_leaves_once() {
    let badge = bar_badge().heartbeat(BEAT).leave_grace(Duration::ZERO);
    let builder = LiveBadgeLayer::builder().badge("/{room}.png", badge).max_rooms(1);
    let (service, handle) = drawn(builder, &[0, 1, 2]).await;
    let mut reading = Direct::open(&service, "/a.png", &BROWSER).await;
    reading.bar_of(1).await;
    let mut stalled = Direct::open(&service, "/a.png", &BROWSER).await;
    stalled.bar_of(2).await;
    let reader = tokio::spawn(async move { while reading.read().await {} });
    sleep(4 * BEAT).await;
    assert_eq!(streams(&handle, "/a.png"), 1, "one has not been seen for three heartbeats");
    drop(stalled);
    sleep(MOMENT).await;
    assert_eq!(streams(&handle, "/a.png"), 1, "it had left before");
    reader.abort();
    sleep(MOMENT).await;

    // The room ends with it, too: another one may be opened.
    let mut stalled = Direct::open(&service, "/a.png", &BROWSER).await;
    stalled.bar_of(1).await;
    sleep(4 * BEAT + MOMENT).await;
    assert_eq!(streams(&handle, "/a.png"), 0);
    drop(stalled);
    sleep(MOMENT).await;
    Direct::open(&service, "/b.png", &BROWSER).await.bar_of(1).await;
}

/// A laptop that slept, a virtual machine that was moved: for its viewers it was the server that did
/// not answer.
#[tokio::test(start_paused = true)]
async fn whom_the_server_itself_kept_waiting_is_not_missing() {
    let badge = bar_badge().heartbeat(BEAT);
    let (service, handle) = drawn(LiveBadgeLayer::builder().badge("/x.png", badge), &[1]).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    // Two heartbeats that it does not take, and one that comes late.
    sleep(2 * BEAT + MOMENT).await;
    advance(3 * BEAT).await;
    sleep(MOMENT).await;
    assert_eq!(streams(&handle, "/x.png"), 1);
    // A little late is not late.
    advance(BEAT + BEAT / 4).await;
    sleep(MOMENT).await;
    assert_eq!(streams(&handle, "/x.png"), 0, "this heartbeat is the third");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_two_pictures_the_first_at_once_and_the_last_after_the_interval() {
    let (sender, values) = watch::channel(0usize);
    let badge = bar_badge_of("value").values(values).max_rate(2.0).heartbeat(HOUR);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, _) = drawn(builder, &[0, 1, 20]).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(0).await;
    sleep(seconds(1)).await; // quiet: the pace allows a picture
    let since = Instant::now();
    sender.send_replace(1);
    assert_eq!(read_bar(&viewer.next_part().await), 1);
    assert!(since.elapsed() <= MOMENT, "{:?}", since.elapsed());
    for number in 2..=20 {
        sender.send_replace(number);
        tokio::task::yield_now().await;
    }
    assert_eq!(read_bar(&viewer.next_part().await), 20);
    let took = since.elapsed().as_millis();
    assert!((500..=505).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn what_changes_all_the_time_is_shown_as_often_as_the_pace_allows() {
    let (sender, values) = watch::channel(0usize);
    let badge = bar_badge_of("value").values(values).heartbeat(HOUR);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, _) = drawn(builder, &(0..=100).collect::<Vec<_>>()).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(0).await;
    sleep(seconds(1)).await;
    let changes = tokio::spawn(async move {
        for number in 1..=100 {
            sender.send_replace(number);
            sleep(10 * MOMENT).await;
        }
        sender
    });
    let mut shown = Vec::new();
    while shown.last() != Some(&100) {
        shown.push(read_bar(&viewer.next_part().await));
    }
    // Ten a second, the first at once, and the last.
    assert!((10..=12).contains(&shown.len()), "{shown:?}");
    changes.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn to_find_nothing_new_takes_a_tenth_of_the_next_changes_time() {
    let (sender, values) = watch::channel(10);
    let badge = bar_badge_of("value // 10").values(values).max_rate(1.0).heartbeat(HOUR);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, _) = drawn(builder, &[1, 2, 3]).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    sleep(seconds(2)).await;
    let since = Instant::now();
    sender.send_replace(11); // looks the same
    sleep(20 * MOMENT).await;
    sender.send_replace(20);
    viewer.bar_of(2).await;
    let took = since.elapsed();
    assert!((100..=105).contains(&took.as_millis()), "{took:?}");
    // After a picture it is the whole of it.
    sender.send_replace(30);
    viewer.bar_of(3).await;
    let took = since.elapsed();
    assert!((1100..=1110).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_shows_how_time_passes_is_looked_at_once_a_second() {
    log::keep();
    let badge = bar_badge_of("since_change").heartbeat(HOUR);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, _) = drawn(builder, &(0..=10).collect::<Vec<_>>()).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(0).await;
    let since = Instant::now();
    for second in 1..=10 {
        viewer.bar_of(second).await;
        let late = since.elapsed().saturating_sub(seconds(second as u64));
        assert!(late <= 5 * MOMENT, "{second}: {late:?}");
    }
    let rounds = log::text().matches("painting").count();
    assert!((11..=13).contains(&rounds), "{rounds} rounds in ten seconds");
}

/// A style that nobody has looked at before gets its picture at once, whatever the pace says.
#[tokio::test(start_paused = true)]
async fn a_new_styles_first_picture_takes_nobodys_turn() {
    let (sender, values) = watch::channel(1usize);
    let badge = bar_badge_of("value").values(values).max_rate(1.0).heartbeat(HOUR);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, _) = drawn(builder, &[1, 3, 2]).await;
    let Ok(_) =
        call(&service, "/drawn.png?still&theme=dark", &[]).await.into_body().collect().await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    sleep(seconds(5)).await;
    let since = Instant::now();
    sender.send_replace(2);
    viewer.bar_of(2).await;
    sleep(400 * MOMENT).await;
    let look = "/x.png?theme=dark&uncounted";
    let mut other = Direct::open(&service, look, &BROWSER).await;
    other.bar_of(2).await;
    assert!(since.elapsed() <= 405 * MOMENT, "{:?}", since.elapsed());
    sender.send_replace(3);
    viewer.bar_of(3).await;
    let took = since.elapsed().as_millis();
    assert!((1000..=1005).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn a_total_shows_at_once_who_comes_to_its_rooms_and_which_rooms_end() {
    let rooms = bar_badge().leave_grace(Duration::ZERO).heartbeat(HOUR);
    let total = bar_badge_of("10 * rooms + streams").total_of("/{room}/x.png").heartbeat(HOUR);
    let builder =
        LiveBadgeLayer::builder().badge("/{room}/x.png", rooms).badge("/total.png", total);
    let (service, _) = drawn(builder, &(0..=24).collect::<Vec<_>>()).await;
    let mut total = Direct::open(&service, "/total.png", &BROWSER).await;
    total.bar_of(0).await;
    let mut open = Vec::new();
    for (path, shown) in [("/a/x.png", 11), ("/a/x.png", 12), ("/b/x.png", 23)] {
        sleep(seconds(1)).await;
        let mut viewer = Direct::open(&service, path, &BROWSER).await;
        let since = Instant::now();
        viewer.next_part().await;
        open.push(viewer);
        total.bar_of(shown).await;
        assert!(since.elapsed() <= MOMENT, "{shown} after {:?}", since.elapsed());
    }
    sleep(seconds(1)).await; // quiet: the streams that end are shown before their rooms have ended
    open.clear();
    let since = Instant::now();
    total.bar_of(0).await;
    assert!(since.elapsed() < seconds(1), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_set_and_reset_is_shown_at_once() {
    let badge = bar_badge_of("joins").heartbeat(HOUR);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, handle) = drawn(builder, &[0, 1, 7]).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    sleep(seconds(1)).await;
    let since = Instant::now();
    let mut records = Records::default();
    records.joins = 7;
    handle.room_at("/x.png").unwrap().set_records(records);
    viewer.bar_of(7).await;
    assert!(since.elapsed() <= MOMENT, "{:?}", since.elapsed());
    handle.room_at("/x.png").unwrap().reset();
    viewer.bar_of(0).await;
    assert!(since.elapsed() < seconds(1), "{:?}", since.elapsed());
}

/// Notes who joined, and whether it is told as a return.
#[derive(Clone, Default)]
struct Joins(Arc<Mutex<Vec<(String, bool)>>>);

impl Observer for Joins {
    fn on_join(&self, join: &Join) {
        self.0.lock().unwrap().push((join.path.to_string(), join.is_return));
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_again_after_a_stall_has_not_come_once_more() {
    let joins = Joins::default();
    let rooms =
        bar_badge().visitors(visitor::header("x-user")).leave_grace(Duration::ZERO).heartbeat(BEAT);
    let total = bar_badge_of("streams").total_of("/{room}/x.png");
    let builder = LiveBadgeLayer::builder()
        .badge("/{room}/x.png", rooms)
        .badge("/total.png", total)
        .observer(joins.clone());
    let (service, handle) = drawn(builder, &[0, 1, 2]).await;
    let of = |path: &str| {
        let room = handle.room_at(path).unwrap();
        (room.counts().streams, room.counts().visitors, at_once(room.records()).joins)
    };
    let both = || (of("/a/x.png"), of("/total.png"));
    for (user, before) in [("alice", 0), ("", 1)] {
        let headers = [BROWSER[1], ("x-user", user)];
        let headers = if user.is_empty() { &headers[..1] } else { &headers };
        let mut viewer = Direct::open(&service, "/a/x.png", headers).await;
        viewer.bar_of(1).await;
        sleep(4 * BEAT).await;
        // The room is a new one each time; the total is not.
        assert_eq!(both(), ((0, 0, 1), (0, 0, before + 1)), "{user}");
        viewer.read().await;
        assert_eq!(both(), ((1, 1, 1), (1, 1, before + 1)), "{user}");
        sleep(MOMENT).await;
        let told = std::mem::take(&mut *joins.0.lock().unwrap());
        assert_eq!(told, [("/a/x.png".to_owned(), false), ("/a/x.png".to_owned(), true)]);
        drop(viewer);
        sleep(MOMENT).await;
        assert_eq!(of("/total.png"), (0, 0, before + 1), "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_old_enough_ends_with_the_newest_picture_and_no_other_does() {
    let badge = bar_badge().heartbeat(BEAT).leave_grace(Duration::ZERO).max_age(seconds(12));
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, handle) = drawn(builder, &[0, 1, 2]).await;
    let mut old = Direct::open(&service, "/x.png", &BROWSER).await;
    old.bar_of(1).await;
    let since = Instant::now();
    sleep(seconds(4)).await;
    let mut young = Direct::open(&service, "/x.png", &BROWSER).await;
    young.bar_of(2).await;
    let young_ends = tokio::spawn(async move {
        let parts = young.rest().await;
        (parts, Instant::now())
    });
    let parts = old.rest().await;
    assert_eq!(since.elapsed().as_secs(), 15, "the first heartbeat after its time");
    assert_eq!(read_bar(parts.last().unwrap()), 2);
    let (parts, ended) = young_ends.await.unwrap();
    assert_eq!((ended - since).as_secs(), 20);
    assert_eq!(read_bar(parts.last().unwrap()), 1);
    sleep(MOMENT).await;
    assert!(handle.rooms().is_empty());
}

/// Who is gone while the others are shown the last picture is still on it.
#[tokio::test(start_paused = true)]
async fn the_last_picture_counts_who_was_there_when_shutdown_began() {
    let badge = bar_badge().leave_grace(Duration::ZERO).max_rate(1000.0);
    let builder = LiveBadgeLayer::builder().badge("/x.png", badge);
    let (service, handle) = drawn(builder, &[0, 1, 2, 3]).await;
    let mut viewers = Vec::new();
    for number in 1..=3 {
        let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
        viewer.bar_of(number).await;
        viewers.push(viewer);
        sleep(seconds(1)).await;
    }
    let slow = viewers.remove(0); // it has been shown 1
    let shutdown = tokio::spawn(async move {
        assert!(handle.shutdown_within(HOUR).await, "all have ended");
        handle
    });
    for viewer in viewers {
        let last = viewer.rest().await;
        assert_eq!(read_bar(last.last().unwrap()), 3);
        sleep(seconds(1)).await;
    }
    assert!(!shutdown.is_finished(), "somebody is there");
    let shown = slow.rest().await;
    let shown: Vec<usize> = shown.iter().map(|part| read_bar(part)).collect();
    assert_eq!(shown, [3, 3], "the newest, and once more as the end");
    assert!(shutdown.await.unwrap().rooms().is_empty());
}

/// It has been shown a picture, and is not told any more. What has not been read at all is no viewer
/// yet, but holds a place.
#[tokio::test(start_paused = true)]
async fn a_viewer_that_does_not_read_holds_the_shutdown_up_for_a_second_at_most() {
    let builder = LiveBadgeLayer::builder().badge("/x.png", bar_badge());
    let (service, handle) = drawn(builder, &[1]).await;
    let mut stuck = Direct::open(&service, "/x.png", &BROWSER).await;
    stuck.read().await;
    assert_eq!(streams(&handle, "/x.png"), 1);
    let unread = Direct::open(&service, "/x.png", &BROWSER).await;
    let since = Instant::now();
    handle.shutdown().await;
    assert_eq!(since.elapsed().as_millis(), 1000);
    assert!(!handle.shutdown_within(seconds(7)).await);
    assert_eq!(since.elapsed().as_millis(), 8000);
    drop(stuck);
    assert!(!handle.shutdown_within(seconds(1)).await);
    drop(unread);
    let since = Instant::now();
    assert!(handle.shutdown_within(seconds(7)).await);
    assert!(since.elapsed() < seconds(1));
    assert!(handle.rooms().is_empty());
}
