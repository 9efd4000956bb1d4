//! Totals outlive the process: a store is asked in time, kept up to date, and waited for by nobody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use tower_livebadge::{
    Badge, BuildErrorKind, Handle, LiveBadge, LiveBadgeLayer, LiveBadgeLayerBuilder, NotFound,
    Observer, Records, RoomKey, Store, StoreError, Totals, visitor,
};

use crate::common::{BROWSER, Direct, bar_badge_of, call, drawn, eventually, log, within};

const ROOMS: &str = "/{room}/x.png";
const TOTAL: &str = "/total.png";

/// Keeps everything in memory, and fails, panics or takes its time where the test says so.
#[derive(Clone, Default)]
struct Shelf(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    rooms: Mutex<HashMap<RoomKey, Totals>>,
    secret: Mutex<Option<(u64, [u8; 16])>>,
    loads: AtomicU64,
    saves: AtomicU64,
    fails: AtomicBool,
    panics: AtomicBool,
    saves_slowly: AtomicBool,
    loads_slowly: AtomicBool,
}

impl Shelf {
    fn works(&self) -> Result<(), StoreError> {
        assert!(!self.0.panics.load(SeqCst), "as the test wants it");
        if self.0.fails.load(SeqCst) { Err("the disk is full".into()) } else { Ok(()) }
    }

    fn records(&self, path: &str) -> Option<Records> {
        let rooms = self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = rooms.iter().find(|(room, _)| *room.path == *path);
        kept.map(|(_, totals)| totals.records.clone())
    }

    fn joins(&self, path: &str) -> u64 {
        self.records(path).map_or(0, |records| records.joins)
    }
}

impl Store for Shelf {
    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        self.0.loads.fetch_add(1, SeqCst);
        if self.0.loads_slowly.load(SeqCst) {
            std::thread::sleep(Duration::from_secs(2));
        }
        self.works()?;
        Ok(self.0.rooms.lock().unwrap().get(room).cloned())
    }

    fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError> {
        self.0.saves.fetch_add(1, SeqCst);
        if self.0.saves_slowly.load(SeqCst) {
            std::thread::sleep(Duration::from_secs(2));
        }
        self.works()?;
        let mut rooms = self.0.rooms.lock().unwrap();
        for (room, totals) in changes {
            match totals {
                Some(totals) => rooms.insert(room.clone(), totals.clone()),
                None => rooms.remove(room),
            };
        }
        Ok(())
    }

    fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError> {
        self.works()?;
        let rooms = self.0.rooms.lock().unwrap();
        rooms.iter().for_each(|(room, totals)| each(room.clone(), totals.clone()));
        Ok(())
    }

    fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
        self.works()?;
        let mut kept = self.0.secret.lock().unwrap();
        match *kept {
            Some((of, secret)) if of == day => Ok(secret),
            _ => {
                *kept = Some((day, new));
                Ok(new)
            }
        }
    }
}

/// Rooms that show how often somebody has come, and a total of them.
fn badges(shelf: &Shelf) -> LiveBadgeLayerBuilder {
    let rooms = bar_badge_of("joins").visitors(visitor::header("x-user"));
    LiveBadgeLayer::builder()
        .badge(ROOMS, rooms.leave_grace(Duration::ZERO))
        .badge(TOTAL, bar_badge_of("joins").total_of(ROOMS))
        .store(shelf.clone())
}

async fn records(handle: &Handle, path: &str) -> Records {
    handle.room_at(path).unwrap().records().await
}

/// Somebody who sees this number.
async fn comes(service: &LiveBadge<NotFound>, path: &str, number: usize) -> Direct {
    let mut viewer = Direct::open(service, path, &[BROWSER[1]]).await;
    viewer.bar_of(number).await;
    viewer
}

/// Everybody has gone, and the room is freed.
async fn is_empty(handle: &Handle) {
    eventually("the rooms to be freed", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn totals_go_on_where_they_were() {
    let shelf = Shelf::default();
    for before in [0, 2, 4] {
        let (service, handle) = drawn(badges(&shelf), &[before + 1, before + 2]).await;
        for user in ["anna", "ben"] {
            let mut viewer =
                Direct::open(&service, "/a/x.png", &[BROWSER[1], ("x-user", user)]).await;
            let count = before + 1 + usize::from(user == "ben");
            viewer.bar_of(count).await;
        }
        is_empty(&handle).await;
        handle.shutdown().await;
        for path in ["/a/x.png", TOTAL] {
            let kept = shelf.records(path).expect("it is kept");
            assert_eq!(
                (kept.joins, kept.today, kept.peak),
                (before as u64 + 2, before as u64 + 2, 1),
                "{path}"
            );
            assert_eq!(kept.visitors_today, 2, "they are the same two, whenever they come: {path}");
        }
    }
}

#[tokio::test]
async fn whoever_wants_no_stream_is_told_of_what_is_kept() {
    let shelf = Shelf::default();
    let (service, handle) = drawn(badges(&shelf), &[1]).await;
    let viewer = comes(&service, "/a/x.png", 1).await;
    drop(viewer);
    is_empty(&handle).await;
    handle.shutdown().await;

    let (service, handle) = drawn(badges(&shelf), &[]).await;
    let data = |path: &'static str| {
        let service = service.clone();
        async move { read(call(&service, path, &[]).await).await }
    };
    let kept = data("/a/x.png?format=json").await;
    let json: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(
        (&json["joins"], &json["today"], &json["visitors_today"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(json["days"].as_array().unwrap().len(), 30);
    assert_eq!(crate::common::read_bar(&data("/a/x.png?still").await), 1);
    assert_eq!(records(&handle, "/a/x.png").await.joins, 1);
    assert_eq!(handle.all_records().await.unwrap().len(), 2, "the room and the total");
    // Once it is in memory, the store is asked no more.
    let loads = shelf.0.loads.load(SeqCst);
    data("/a/x.png?format=json").await;
    assert_eq!(shelf.0.loads.load(SeqCst), loads);
}

#[tokio::test]
async fn rooms_that_were_only_asked_for_leave_nothing() {
    let shelf = Shelf::default();
    let (service, handle) = drawn(badges(&shelf), &[0]).await;
    for path in ["/b/x.png?still", "/c/x.png?format=json", "/d/x.png?format=page&still"] {
        assert_eq!(call(&service, path, &[]).await.status(), StatusCode::OK);
    }
    let unseen = comes(&service, "/e/x.png?uncounted", 0).await;
    drop(unseen);
    // Not polled: it never came.
    drop(call(&service, "/f/x.png", &[BROWSER[1]]).await);
    handle.shutdown().await;
    let kept = shelf.0.rooms.lock().unwrap();
    assert!(kept.is_empty(), "{:?}", kept.keys());
}

#[tokio::test]
async fn what_the_application_says_has_the_last_word() {
    let shelf = Shelf::default();
    let (_, handle) = drawn(badges(&shelf), &[]).await;
    let room = handle.room_at("/a/x.png").unwrap();
    let mut set = room.records().await;
    set.joins = 4711;
    room.set_records(set);
    handle.shutdown().await;
    assert_eq!(shelf.joins("/a/x.png"), 4711);

    let (_, handle) = drawn(badges(&shelf), &[]).await;
    let room = handle.room_at("/a/x.png").unwrap();
    assert_eq!(room.records().await.joins, 4711);
    room.forget();
    assert_eq!(room.records().await.joins, 0);
    handle.shutdown().await;
    assert_eq!(shelf.records("/a/x.png"), None);
}

/// What comes while the store fails is added to what it had, once it can be read again.
#[tokio::test]
async fn a_store_that_fails_keeps_nobody_waiting_and_loses_nothing() {
    #[derive(Clone, Default)]
    struct Failures(Arc<Mutex<Vec<String>>>);

    impl Observer for Failures {
        fn on_store_error(&self, error: &StoreError) {
            self.0.lock().unwrap().push(error.to_string());
        }
    }

    for panics in [false, true] {
        let (shelf, failures) = (Shelf::default(), Failures::default());
        let mut before = Totals::default();
        before.records.joins = 40;
        before.records.peak = 3;
        shelf.0.rooms.lock().unwrap().insert(RoomKey::new(ROOMS, "/a/x.png"), before);
        let layer = badges(&shelf).observer(failures.clone());
        let (service, handle) = drawn(layer, &[1, 2, 41, 42]).await;
        let switch = if panics { &shelf.0.panics } else { &shelf.0.fails };
        switch.store(true, SeqCst);
        let mut viewer = comes(&service, "/a/x.png", 1).await;
        let said = if panics { "the store panicked" } else { "the disk is full" };
        eventually("the hook", || failures.0.lock().unwrap().contains(&said.to_owned())).await;
        switch.store(false, SeqCst);
        // It has learned what was before, and shows it.
        viewer.bar_of(41).await;
        eventually("it to be saved", || shelf.joins("/a/x.png") == 41).await;

        // The same where the room is gone before the store can be read.
        switch.store(true, SeqCst);
        let other = comes(&service, "/b/x.png", 1).await;
        drop(other);
        eventually("the room to be freed", || handle.rooms().len() == 1).await;
        let mut kept = Totals::default();
        kept.records.joins = 50;
        shelf
            .0
            .rooms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(RoomKey::new(ROOMS, "/b/x.png"), kept);
        // It was tried and failed some times meanwhile.
        let saves = failures.0.lock().unwrap().len();
        eventually("more tries", || failures.0.lock().unwrap().len() > saves + 2).await;
        switch.store(false, SeqCst);
        eventually("it to be saved", || shelf.joins("/b/x.png") == 51).await;
        drop(viewer);
        is_empty(&handle).await;
        handle.shutdown().await;
        assert_eq!(shelf.joins("/a/x.png"), 41);
    }
}

#[tokio::test]
async fn pictures_do_not_wait_for_a_slow_store() {
    let shelf = Shelf::default();
    let (service, handle) = drawn(badges(&shelf), &[1, 2]).await;
    shelf.0.saves_slowly.store(true, SeqCst);
    let mut first = comes(&service, "/a/x.png", 1).await;
    eventually("a save to begin", || shelf.0.saves.load(SeqCst) == 1).await;
    let began = Instant::now();
    let second = comes(&service, "/a/x.png", 2).await;
    first.bar_of(2).await;
    // Another room is opened, and read, meanwhile.
    let other = comes(&service, "/b/x.png", 1).await;
    assert!(shelf.0.saves.load(SeqCst) == 1, "all of it while the first save was under way");
    assert!(began.elapsed() < Duration::from_secs(2));

    // One that can't be read soon is shown without what was before, until that is known.
    shelf.0.loads_slowly.store(true, SeqCst);
    let mut kept = Totals::default();
    kept.records.joins = 1;
    shelf.0.rooms.lock().unwrap().insert(RoomKey::new(ROOMS, "/c/x.png"), kept);
    let mut late = comes(&service, "/c/x.png", 1).await;
    late.bar_of(2).await;
    drop((first, second, other, late));
    is_empty(&handle).await;
    handle.shutdown().await;
    assert_eq!((shelf.joins("/a/x.png"), shelf.joins("/c/x.png")), (2, 2));
}

#[tokio::test]
async fn a_store_is_not_asked_more_than_once_a_second() {
    let shelf = Shelf::default();
    let (service, handle) = drawn(badges(&shelf), &[1]).await;
    let began = Instant::now();
    for room in 0..60 {
        let path = format!("/{room}/x.png");
        drop(comes(&service, &path, 1).await);
    }
    let (saves, seconds) = (shelf.0.saves.load(SeqCst), began.elapsed().as_secs());
    assert!(saves <= seconds + 1, "{saves} saves in {seconds} s");
    is_empty(&handle).await;
    handle.shutdown().await;
    assert_eq!(shelf.0.rooms.lock().unwrap().len(), 61);
}

/// A layer that is dropped saves what it has; nobody waits for that.
#[tokio::test]
async fn what_was_not_saved_is_saved_when_the_layer_is_gone() {
    let shelf = Shelf::default();
    let (service, handle) = drawn(badges(&shelf), &[1]).await;
    let viewer = comes(&service, "/a/x.png", 1).await;
    drop((viewer, service));
    is_empty(&handle).await;
    drop(handle);
    eventually("it to be saved", || shelf.joins("/a/x.png") == 1).await;
}

#[tokio::test]
async fn days_begin_where_the_application_says() {
    // 2026-10-25T21:59:59Z: in Berlin one second before midnight would be 22:59:59Z, after the clocks went back.
    let (shelf, clock) = (Shelf::default(), Arc::new(AtomicU64::new(1_792_969_199)));
    let now = clock.clone();
    let time = move || SystemTime::UNIX_EPOCH + Duration::from_secs(now.load(SeqCst));
    let layer = badges(&shelf).time_zone("Europe/Berlin").clock(time);
    let (service, handle) = drawn(layer, &[1, 2, 3, 4]).await;
    let comes = async |count| {
        let mut viewer =
            Direct::open(&service, "/a/x.png", &[BROWSER[1], ("x-user", "anna")]).await;
        viewer.bar_of(count).await;
        drop(viewer);
        is_empty(&handle).await;
        let Records { joins, today, visitors_today, days, .. } = records(&handle, "/a/x.png").await;
        (joins, today, visitors_today, [days[27], days[28], days[29]])
    };
    assert_eq!(comes(1).await, (1, 1, 1, [0, 0, 1]));
    assert_eq!(comes(2).await, (2, 2, 1, [0, 0, 2]));
    clock.fetch_add(1, SeqCst);
    assert_eq!(comes(3).await, (3, 1, 1, [0, 2, 1]), "a new day, and Anna is new on it");
    // Set back over midnight, it is still today.
    clock.fetch_sub(3600, SeqCst);
    assert_eq!(comes(4).await, (4, 2, 1, [0, 2, 2]));
    // A year ahead: the days are over, the totals are not.
    clock.fetch_add(365 * 24 * 3600, SeqCst);
    let Records { joins, today, days, .. } = records(&handle, "/a/x.png").await;
    assert_eq!((joins, today, days.iter().sum()), (4, 0, 0));
}

#[test]
fn a_store_that_can_not_be_used_is_an_error_when_it_is_built() {
    log::keep();
    for panics in [false, true] {
        let shelf = Shelf::default();
        if panics { &shelf.0.panics } else { &shelf.0.fails }.store(true, SeqCst);
        let error = badges(&shelf).build().unwrap_err();
        assert!(matches!(error.kind(), BuildErrorKind::Store { .. }), "{error:?}");
        let said = if panics { "the store panicked" } else { "the disk is full" };
        assert!(error.to_string().contains(said), "{error}");
    }
    let zone = LiveBadgeLayer::builder().badge("/x.png", Badge::online()).time_zone("Mars/Olympus");
    let error = zone.build().unwrap_err().to_string();
    assert!(error.contains("no time zone \"Mars/Olympus\""), "{error}");
}

async fn read(response: http::Response<tower_livebadge::ResponseBody>) -> Vec<u8> {
    use http_body_util::BodyExt;
    within("the body", response.into_body().collect()).await.unwrap().to_bytes().to_vec()
}
