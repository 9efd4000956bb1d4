//! Pictures that show the time: in step with the wall clock, whatever that does, and no longer than they
//! must. Time is the test's own, and so is the wall clock.
//!
//! Paused time leaps while a picture is being drawn. So all pictures have been drawn before.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::{Instant, advance, sleep, timeout};
use tower_livebadge::{
    Badge, BuildErrorKind, Format, Handle, LiveBadge, LiveBadgeLayer, LiveBadgeLayerBuilder, Look,
    NotFound, Observer, Paint,
};

use crate::common::{
    BROWSER, Direct, bar_badge_of, bar_look_of, call, decode, drawn, log, read_bar,
};

const SECOND: Duration = Duration::from_secs(1);
/// For whatever happens at once.
const MOMENT: Duration = Duration::from_millis(2);
/// 2026-11-26 12:00:00, UTC, a multiple of 100 s.
const NOON: u64 = 1_795_694_400;

/// A wall clock that goes with the test's time, and can be set.
#[derive(Clone)]
struct Wall {
    began: Instant,
    /// In milliseconds since 1970.
    base: u64,
    shift: Arc<AtomicI64>,
    asked: Arc<AtomicUsize>,
}

impl Wall {
    fn at(base: Duration) -> Self {
        let base = base.as_millis() as u64;
        Self { began: Instant::now(), base, shift: Arc::default(), asked: Arc::default() }
    }

    fn now(&self) -> Duration {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.began.elapsed().as_millis() as i64 + self.base as i64;
        Duration::from_millis((now + self.shift.load(Ordering::Relaxed)) as u64)
    }

    fn set(&self, by: Duration, is_back: bool) {
        let by = by.as_millis() as i64;
        self.shift.fetch_add(if is_back { -by } else { by }, Ordering::Relaxed);
    }

    /// The test's time has leapt.
    fn restart(&self) {
        let since = self.began.elapsed().as_millis() as i64;
        self.shift.store(-since, Ordering::Relaxed);
    }

    fn builder(&self) -> LiveBadgeLayerBuilder {
        let wall = self.clone();
        LiveBadgeLayer::builder().clock(move || SystemTime::UNIX_EPOCH + wall.now())
    }

    /// How long ago the last full second was, or how long it is until the next.
    fn off(&self) -> Duration {
        let part = Duration::from_nanos(self.now().subsec_nanos().into());
        part.min(SECOND - part)
    }
}

/// A bar of as many pixels as seconds have gone in these hundred.
fn seconds_badge() -> Badge {
    bar_badge_of("now % 100").every(SECOND)
}

async fn ready(builder: LiveBadgeLayerBuilder) -> (LiveBadge<NotFound>, Handle) {
    drawn(builder, &(0..=101).collect::<Vec<_>>()).await
}

async fn next(viewer: &mut Direct) -> usize {
    read_bar(&viewer.next_part().await)
}

/// Nothing is sent for so long.
#[tokio::test(start_paused = true)]
async fn every_second_is_shown_when_it_begins() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 300));
    let (service, _) = ready(wall.builder().badge("/x.png", seconds_badge())).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    let first = next(&mut viewer).await;
    for second in first + 1..first + 50 {
        assert_eq!(next(&mut viewer).await, second % 100);
        assert_eq!(wall.now().as_secs() % 100, second as u64 % 100);
        assert!(wall.off() <= MOMENT, "{second}: {:?}", wall.off());
    }
}

#[tokio::test(start_paused = true)]
async fn for_data_alone_nobody_looks_at_the_clock() {
    let wall = Wall::at(Duration::from_secs(NOON));
    let (service, _) = ready(wall.builder().badge("/x.png", seconds_badge())).await;
    let mut lines = call(&service, "/x.png?format=lines", &[]).await.into_body();
    let mut next = async || lines.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(next().await, "{\"streams\":1,\"visitors\":1}\n");
    let asked = wall.asked.load(Ordering::Relaxed);
    assert_eq!(next().await, "\n", "a heartbeat");
    let for_days = wall.asked.load(Ordering::Relaxed) - asked;
    assert!(for_days <= PER_ROUND, "five seconds later it was asked {for_days} times");
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    let first = self::next(&mut viewer).await;
    assert_eq!(self::next(&mut viewer).await, first + 1);
}

#[tokio::test(start_paused = true)]
async fn a_longer_step_is_at_its_multiples_and_nothing_in_between() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 12_300));
    let badge = bar_badge_of("now // 60 % 100").every(60 * SECOND);
    let (service, _) = ready(wall.builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    let first = next(&mut viewer).await;
    for minute in first + 1..first + 10 {
        assert!(!viewer.is_silent_for(60 * SECOND + MOMENT).await);
        assert_eq!(next(&mut viewer).await, minute % 100);
        let now = wall.now();
        assert!(now.as_secs().is_multiple_of(60) && now.subsec_millis() <= 2, "{now:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn changes_at_any_pace_do_not_hold_a_tick_up() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 300));
    let (sender, values) = watch::channel(0u64);
    let badge = bar_badge_of("now % 50 + 50 * (value % 2)").values(values);
    let badge = badge.max_rate(1.0).every(SECOND);
    let (service, _) = ready(wall.builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    next(&mut viewer).await;
    let changes = tokio::spawn(async move {
        for number in 1.. {
            sleep(Duration::from_millis(70)).await;
            sender.send_replace(number);
        }
    });
    let (since, mut pictures) = (Instant::now(), 0);
    for _ in 0..20 {
        let shown = next(&mut viewer).await % 50;
        assert_eq!(shown as u64, wall.now().as_secs() % 50);
        assert!(wall.off() <= MOMENT, "{:?}", wall.off());
        pictures += 1;
    }
    // A tick is a picture, and takes the turn of whatever else has changed.
    assert_eq!((pictures, since.elapsed().as_secs().abs_diff(20) <= 1), (20, true));
    changes.abort();
}

/// A change in the middle of a second is shown at once where the pace allows, and the tick all the same.
#[tokio::test(start_paused = true)]
async fn a_change_just_before_a_tick_delays_neither() {
    let wall = Wall::at(Duration::from_secs(NOON));
    let (sender, values) = watch::channel(0u64);
    let badge = bar_badge_of("now % 50 + 50 * value").values(values).every(SECOND);
    let (service, _) = ready(wall.builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    let first = next(&mut viewer).await;
    let mut second = next(&mut viewer).await;
    assert_eq!(second, first + 1);
    sleep(Duration::from_millis(950)).await;
    sender.send_replace(1);
    assert_eq!(next(&mut viewer).await, second + 50);
    assert_eq!(wall.now().subsec_millis() / 10, 95);
    second += 1;
    assert_eq!(next(&mut viewer).await, second + 50);
    assert!(wall.off() <= MOMENT, "{:?}", wall.off());
    // The next change waits for its turn after that.
    sleep(Duration::from_millis(20)).await;
    sender.send_replace(0);
    assert_eq!(next(&mut viewer).await, second);
    assert_eq!(wall.now().subsec_millis() / 10, 10);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_shows_one_right_picture_and_is_in_step_again() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 300));
    let (service, _) = ready(wall.builder().badge("/x.png", seconds_badge())).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    next(&mut viewer).await;
    let (day, year) = (Duration::from_secs(86_400), Duration::from_secs(365 * 86_400));
    for (by, is_back) in [(day, true), (year, false), (SECOND * 13, true), (SECOND / 3, false)] {
        sleep(SECOND / 4).await;
        wall.set(by, is_back);
        // What was under way is at its old time.
        let shown = next(&mut viewer).await as u64;
        assert_eq!(shown, wall.now().as_secs() % 100, "{by:?}");
        for second in shown + 1..shown + 5 {
            assert_eq!(next(&mut viewer).await as u64, second % 100, "{by:?}");
            assert!(wall.off() <= MOMENT, "{by:?}: {:?}", wall.off());
        }
    }
}

/// Also where its next tick is far away, or never: after an end, or over it.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_is_seen_at_the_next_heartbeat() {
    let wall = Wall::at(Duration::from_secs(NOON));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON) + 10 * HOUR;
    let badge = bar_badge_of("now // 3600 % 100").every(HOUR).until(end).heartbeat(5 * SECOND);
    let (service, _) = ready(wall.builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    let noon = next(&mut viewer).await;
    for (hours, is_back, shown) in [(3, false, 3), (2, true, 1), (12, false, 10), (11, true, 2)] {
        sleep(7 * SECOND).await;
        wall.set(hours * HOUR, is_back);
        let since = Instant::now();
        assert_eq!(next(&mut viewer).await, (noon + shown) % 100, "{hours}");
        assert!(since.elapsed() <= 5 * SECOND + MOMENT, "{hours}: {:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_has_no_burst_to_send() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 300));
    let (service, _) = ready(wall.builder().badge("/x.png", seconds_badge())).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    next(&mut viewer).await;
    advance(Duration::from_millis(33_400)).await;
    let mut shown = next(&mut viewer).await as u64;
    assert_eq!(shown, wall.now().as_secs() % 100);
    for _ in 0..5 {
        let then = next(&mut viewer).await as u64;
        assert_eq!(then, (shown + 1) % 100);
        assert!(wall.off() <= MOMENT, "{:?}", wall.off());
        shown = then;
    }
}

#[tokio::test(start_paused = true)]
async fn when_it_is_over_the_last_picture_stays_and_nothing_follows() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 300));
    // It is rounded up.
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(NOON * 1000 + 9_500);
    let badge = seconds_badge().until(end);
    let (service, _) = ready(wall.builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    let mut shown = next(&mut viewer).await;
    while shown < 10 {
        let then = next(&mut viewer).await;
        assert_eq!(then, shown + 1);
        shown = then;
    }
    assert!(viewer.is_silent_for(1000 * SECOND).await);
    // Who comes later sees the same.
    let mut late = Direct::open(&service, "/x.png", &BROWSER).await;
    assert_eq!(next(&mut late).await, 10);
    let Ok(still) = call(&service, "/x.png?still", &[]).await.into_body().collect().await;
    assert_eq!(read_bar(&still.to_bytes()), 10);
    // Set back before the end, it goes on.
    wall.set(1005 * SECOND, true);
    let since = Instant::now();
    drop(late);
    while next(&mut viewer).await < 10 {}
    assert!(since.elapsed() > SECOND, "it has been counting");
    assert!(viewer.is_silent_for(1000 * SECOND).await);
}

/// An end that is no multiple of the step is a step of its own.
#[tokio::test(start_paused = true)]
async fn the_end_is_shown_at_its_time() {
    let wall = Wall::at(Duration::from_secs(NOON));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + 90);
    let badge = bar_badge_of("now % 100").every(60 * SECOND).until(end);
    let (service, _) = ready(wall.builder().badge("/x.png", badge)).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    next(&mut viewer).await;
    for second in [60, 90] {
        assert!(!viewer.is_silent_for(60 * SECOND + MOMENT).await);
        assert_eq!(next(&mut viewer).await, second);
    }
    assert!(wall.now().as_millis().abs_diff(u128::from(NOON + 90) * 1000) <= 2);
    assert!(viewer.is_silent_for(1000 * SECOND).await);
}

/// How often something is painted.
#[derive(Clone, Default)]
struct Paints(Arc<Mutex<Vec<Arc<str>>>>);

impl Observer for Paints {
    fn on_paint(&self, paint: &Paint) {
        self.0.lock().unwrap().push(paint.path.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_ticks_when_nobody_looks() {
    let wall = Wall::at(Duration::from_secs(NOON));
    let paints = Paints::default();
    let badge = seconds_badge().leave_grace(HOUR);
    let builder = wall.builder().badge("/x.png", badge).observer(paints.clone());
    let (service, _) = ready(builder).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    next(&mut viewer).await;
    next(&mut viewer).await;
    drop(viewer);
    sleep(MOMENT).await;
    let (painted, asked) = (paints.0.lock().unwrap().len(), wall.asked.load(Ordering::Relaxed));
    // The room is still there, as somebody may come back.
    sleep(HOUR / 2).await;
    assert_eq!(paints.0.lock().unwrap().len(), painted);
    let rounds = wall.asked.load(Ordering::Relaxed) - asked;
    assert!(rounds <= PER_ROUND * 1800 / 5, "at each heartbeat, not at each second: {rounds}");
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    while next(&mut viewer).await as u64 != wall.now().as_secs() % 100 {}
}

/// So often the clock is asked for the day when a room looks after itself.
const PER_ROUND: usize = 4;
const HOUR: Duration = Duration::from_secs(3600);

/// What shows no time has no clock to look at, even beside one that does.
#[tokio::test(start_paused = true)]
async fn a_badge_without_time_is_not_painted_by_the_clock() {
    log::keep();
    let wall = Wall::at(Duration::from_secs(NOON));
    let look = bar_look_of("now % 100").every(SECOND).rooms_of("/x.png");
    let builder = wall.builder().badge("/x.png", bar_badge_of("visitors")).badge("/t.png", look);
    let (service, _) = ready(builder).await;
    let mut viewer = Direct::open(&service, "/x.png", &BROWSER).await;
    viewer.bar_of(1).await;
    let asked = wall.asked.load(Ordering::Relaxed);
    assert!(viewer.is_silent_for(100 * SECOND).await);
    assert_eq!(wall.asked.load(Ordering::Relaxed), asked);
    let mut clock = Direct::open(&service, "/t.png", &BROWSER).await;
    for _ in 0..5 {
        next(&mut clock).await;
    }
    viewer.bar_of(2).await;
    assert!(viewer.is_silent_for(100 * SECOND).await, "the number has not changed");
}

/// The words of a look, by the data of a badge.
async fn said(builder: LiveBadgeLayerBuilder) -> String {
    let service = builder.build().expect("a right badge").into_service();
    let Ok(data) = call(&service, "/x.png?format=shields", &[]).await.into_body().collect().await;
    let data: serde_json::Value = serde_json::from_slice(&data.to_bytes()).unwrap();
    format!("{} | {}", data["label"].as_str().unwrap(), data["message"].as_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_clock_tells_the_time_of_its_zone_also_when_it_changes() {
    for (at, zone, text) in [
        (NOON, "Europe/Berlin", "Berlin | 13:00:00"),
        (NOON, "America/New_York", "New York | 07:00:00"),
        (NOON, "UTC", "UTC | 12:00:00"),
        (NOON, "+05:30", "+05:30 | 17:30:00"),
        // The last second of winter, and the first one of summer; and back.
        (1_774_745_999, "Europe/Berlin", "Berlin | 01:59:59"),
        (1_774_746_000, "Europe/Berlin", "Berlin | 03:00:00"),
        (1_792_889_999, "Europe/Berlin", "Berlin | 02:59:59"),
        (1_792_890_000, "Europe/Berlin", "Berlin | 02:00:00"),
        // A leap day's last second.
        (1_835_481_599, "UTC", "UTC | 23:59:59"),
    ] {
        let wall = Wall::at(Duration::from_secs(at));
        let builder = wall.builder().badge("/x.png", Badge::look(Look::clock(zone)));
        assert_eq!(said(builder).await, text, "{at}");
    }
    let leap = Wall::at(Duration::from_secs(1_835_481_599));
    let look = Look::clock("UTC").message("{{ now | date('%A, %F') }}");
    let builder = leap.builder().badge("/x.png", Badge::look(look));
    assert_eq!(said(builder).await, "UTC | Tuesday, 2028-02-29");
}

#[tokio::test(start_paused = true)]
async fn a_countdown_counts_and_says_when_it_is_over() {
    for (left, text) in [
        (Duration::from_secs(93_784), "in | 1 d 02:03:04"),
        (Duration::from_secs(61), "in | 01:01"),
        (Duration::from_millis(1), "in | 00:01"),
        (Duration::ZERO, "in | now"),
    ] {
        let wall = Wall::at(Duration::from_secs(NOON));
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON) + left;
        let look = Look::countdown("in", end, "now");
        assert_eq!(said(wall.builder().badge("/x.png", Badge::look(look))).await, text);
    }
}

/// Drawn as SVG, which takes no time to speak of.
#[tokio::test(start_paused = true)]
async fn a_countdown_ticks_to_its_end_and_no_further() {
    let wall = Wall::at(Duration::from_millis(NOON * 1000 + 500));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + 4);
    let look = Look::countdown("launch in", end, "lift-off");
    let badge = Badge::look(look).format(Format::Svg).heartbeat(HOUR);
    let badges = wall.builder().badge("/x.svg", badge).build().unwrap();
    let service = badges.into_service();
    for second in 0..5 {
        wall.set(second * SECOND, false);
        let Ok(_) = call(&service, "/x.svg?still", &[]).await.into_body().collect().await;
        wall.set(second * SECOND, true);
    }
    wall.restart();
    let headers = [BROWSER[0], BROWSER[1], ("accept", "multipart/x-mixed-replace")];
    let mut response = call(&service, "/x.svg", &headers).await.into_body();
    let (mut text, mut since) = (String::new(), Instant::now());
    while !text.contains(">lift-off<") {
        let frame = response.frame().await.unwrap().unwrap().into_data().unwrap();
        text.push_str(&String::from_utf8_lossy(&frame));
        since = Instant::now();
    }
    for time in ["00:03", "00:02", "00:01"] {
        assert!(text.contains(&format!(">{time}<")), "{time}");
    }
    assert!(!text.contains(">00:00<"));
    assert!(timeout(HOUR / 2, response.frame()).await.is_err(), "after {:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn every_state_of_a_look_that_shows_time_is_drawn() {
    for look in [
        Look::clock("Asia/Kolkata"),
        Look::digital_clock("Europe/London"),
        Look::digital_clock("UTC").message("{{ now | date('%H-%M %S') }}"),
        Look::countdown("in", SystemTime::now() + HOUR, "over"),
        Look::countdown("in", SystemTime::UNIX_EPOCH, "over").width(90.0),
    ] {
        let badge = Badge::look(look.clone());
        let badges = LiveBadgeLayer::builder().badge("/x.png", badge).build().unwrap();
        let still = call(&badges.into_service(), "/x.png?still", &[]).await;
        let Ok(still) = still.into_body().collect().await;
        let opaque = decode(&still.to_bytes()).pixels().filter(|pixel| pixel[3] == 255).count();
        assert!(opaque > 500, "{look:?}");
    }
}

fn error(badge: Badge) -> (String, bool) {
    let built = LiveBadgeLayer::builder().badge("/x.png", badge.clone()).build();
    let error = built.err().unwrap_or_else(|| panic!("{badge:?} is right"));
    let is_setting = matches!(error.kind(), BuildErrorKind::Setting { .. });
    (error.to_string(), is_setting)
}

#[test]
fn since_when_somebody_is_there_is_a_time_to_be_redrawn() {
    let badge = bar_badge_of("people | map(attribute='since') | sum % 100");
    let badge = badge.named(|_| None).every(60 * SECOND);
    LiveBadgeLayer::builder().badge("/x.png", badge).build().unwrap();
}

#[test]
fn what_is_wrong_about_time_is_found_when_it_is_built() {
    let end = SystemTime::UNIX_EPOCH + HOUR;
    for (badge, said) in [
        (bar_badge_of("now % 9"), "every is needed"),
        (bar_badge_of("9 | since % 9"), "every is needed"),
        (bar_badge_of("now % 9").every(SECOND / 2), "every takes a second to a day"),
        (bar_badge_of("now % 9").every(25 * HOUR), "every takes a second to a day"),
        (bar_badge_of("visitors").every(SECOND), "nothing in the template does"),
        (bar_badge_of("visitors").until(end), "until ends what every begins"),
        (bar_badge_of("visitors").stale_after(SECOND), "Badge::values"),
    ] {
        let (error, is_setting) = error(badge);
        assert!(error.contains(said) && is_setting, "{error}");
    }
    for (slot, said) in [
        ("now | date('%S', 'Europe/Berlln') | int", "no time zone \"Europe/Berlln\""),
        ("now | date('%S', '+99:00') | int", "no time zone"),
        ("now | date('%!') | int", "is no format"),
        ("'soon' | until", "is no time"),
        // Where no trial comes.
        ("9 if visitors != 77777 else now | date('%S', 'Mars/Olympus') | int", "Mars/Olympus"),
        ("9 if visitors != 77777 else now | date('%Q%!') | int", "is no format"),
    ] {
        let (error, _) = error(bar_badge_of(slot).every(SECOND));
        assert!(error.contains(said) && error.contains("line 3"), "{error}");
    }
    let (error, _) = error(Badge::look(Look::clock("Atlantis")));
    assert!(error.contains("the look's message") && error.contains("no time zone"), "{error}");
    let (error, _) =
        self::error(Badge::look(Look::digital_clock("UTC").message("{{ now | date('%p') }}")));
    assert!(error.contains("lit"), "{error}");
}

#[test]
fn a_pace_that_is_slower_than_the_clock_is_an_error_wherever_it_is_said() {
    let slow = bar_badge_of("visitors").max_rate(0.5);
    let (error, _) = error(bar_badge_of("now % 9").max_rate(0.5).every(SECOND));
    assert!(error.contains("beside max_rate"), "{error}");
    let look = bar_look_of("now % 9").every(SECOND).rooms_of("/x.png");
    let both = LiveBadgeLayer::builder().badge("/x.png", slow).badge("/t.png", look);
    let error = both.build().unwrap_err();
    assert_eq!(error.path(), Some("/t.png"));
    let right = bar_badge_of("now % 9").max_rate(0.5).every(2 * SECOND);
    LiveBadgeLayer::builder().badge("/x.png", right).build().unwrap();
}
