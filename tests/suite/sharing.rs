//! Totals of several nodes: a store that they share is given what has come, once, and says what there is in all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tower_livebadge::{
    Badge, Batch, Handle, LiveBadge, LiveBadgeLayer, NotFound, Records, RoomKey, SharedStore,
    Store, StoreError, Totals,
};

use crate::common::totals::{TOTAL, badges, comes, is_empty, records};
use crate::common::{BROWSER, Direct, drawn, eventually};

/// Adds up in memory; and fails where the test says so, before it adds or after.
#[derive(Clone, Default)]
struct Shelf(Arc<Kept>);

#[derive(Default)]
struct Kept {
    rooms: Mutex<Rooms>,
    secret: Mutex<Option<(u64, [u8; 16])>>,
    fails: AtomicBool,
    loses_answers: AtomicBool,
}

#[derive(Default)]
struct Rooms {
    kept: HashMap<RoomKey, (u64, Totals)>,
    batches: HashMap<u64, u64>,
    changes: u64,
    /// How often a batch came that was added before.
    again: u64,
}

impl Shelf {
    fn works(&self) -> Result<(), StoreError> {
        if self.0.fails.load(SeqCst) { Err("it can't be reached".into()) } else { Ok(()) }
    }

    fn joins(&self, path: &str) -> u64 {
        let rooms = self.0.rooms.lock().unwrap();
        let kept = rooms.kept.iter().find(|(room, _)| *room.path == *path);
        kept.map_or(0, |(_, (_, totals))| totals.records.joins)
    }
}

impl Store for Shelf {
    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        self.works()?;
        Ok(self.0.rooms.lock().unwrap().kept.get(room).map(|(_, totals)| totals.clone()))
    }

    fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError> {
        self.works()?;
        let mut rooms = self.0.rooms.lock().unwrap();
        for (room, totals) in changes {
            rooms.changes += 1;
            let version = rooms.changes;
            match totals {
                Some(totals) => rooms.kept.insert(room.clone(), (version, totals.clone())),
                None => rooms.kept.remove(room),
            };
        }
        Ok(())
    }

    fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError> {
        self.works()?;
        let rooms = self.0.rooms.lock().unwrap();
        rooms.kept.iter().for_each(|(room, (_, totals))| each(room.clone(), totals.clone()));
        Ok(())
    }

    fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
        let mut kept = self.0.secret.lock().unwrap();
        Ok(kept.get_or_insert((day, new)).1)
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        Some(self)
    }
}

impl SharedStore for Shelf {
    fn add(&self, batch: Batch, more: &[(RoomKey, Totals)]) -> Result<(), StoreError> {
        self.works()?;
        let mut rooms = self.0.rooms.lock().unwrap();
        if rooms.batches.insert(batch.node, batch.number) == Some(batch.number) {
            rooms.again += 1;
        } else {
            for (room, more) in more {
                rooms.changes += 1;
                let version = rooms.changes;
                let kept = rooms.kept.entry(room.clone()).or_default();
                kept.0 = version;
                kept.1.add(more.clone());
            }
        }
        match self.0.loses_answers.load(SeqCst) {
            true => Err("the connection was closed".into()),
            false => Ok(()),
        }
    }

    fn news(
        &self,
        rooms: &[(RoomKey, Option<u64>)],
    ) -> Result<Vec<Option<(u64, Totals)>>, StoreError> {
        self.works()?;
        let kept = self.0.rooms.lock().unwrap();
        let of = |(room, known): &(RoomKey, Option<u64>)| {
            let (version, totals) = kept.kept.get(room).cloned().unwrap_or_default();
            (*known != Some(version)).then_some((version, totals))
        };
        Ok(rooms.iter().map(of).collect())
    }
}

async fn node(shelf: &Shelf) -> (LiveBadge<NotFound>, Handle) {
    drawn(badges(shelf.clone()), &[]).await
}

#[tokio::test]
async fn a_room_that_is_open_on_two_nodes_shows_what_came_to_both() {
    let shelf = Shelf::default();
    let ((one, first), (other, second)) = (node(&shelf).await, node(&shelf).await);
    let mut anna = comes(&one, "/a/x.png", "anna").await;
    let mut same = comes(&other, "/a/x.png", "anna").await;
    let ben = comes(&other, "/a/x.png", "ben").await;
    anna.bar_of(3).await;
    same.bar_of(3).await;
    let mut total = Direct::open(&one, TOTAL, &[BROWSER[1]]).await;
    total.bar_of(3).await;
    for handle in [&first, &second] {
        for path in ["/a/x.png", TOTAL] {
            let Records { joins, today, visitors_today, peak, .. } = records(handle, path).await;
            assert_eq!((joins, today, visitors_today, peak), (3, 3, 2, 2), "{path}");
        }
    }
    drop((anna, same, ben, total));
    is_empty(&first).await;
    is_empty(&second).await;
    // Somebody comes back before and after it was given.
    for joins in [4, 5] {
        let mut again = Direct::open(&one, "/a/x.png", &[BROWSER[1], ("x-user", "anna")]).await;
        again.bar_of(joins).await;
        drop(again);
        is_empty(&first).await;
    }
    first.shutdown().await;
    second.shutdown().await;
    assert_eq!((shelf.joins("/a/x.png"), shelf.joins(TOTAL)), (5, 5));
}

/// Whoever looks at a room that nobody is in here sees what has come elsewhere.
#[tokio::test]
async fn a_room_that_is_closed_here_is_read_again() {
    let shelf = Shelf::default();
    let ((one, first), (other, second)) = (node(&shelf).await, node(&shelf).await);
    drop(comes(&one, "/a/x.png", "anna").await);
    is_empty(&first).await;
    assert_eq!(records(&first, "/a/x.png").await.joins, 1);
    let mut ben = comes(&other, "/a/x.png", "ben").await;
    ben.bar_of(2).await;
    second.shutdown().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(records(&first, "/a/x.png").await.joins, 2);
    let all: HashMap<_, _> = first.all_records().await.unwrap().into_iter().collect();
    assert_eq!(all["/a/x.png"].joins, 2);
    let mut anna = Direct::open(&one, "/a/x.png", &[BROWSER[1]]).await;
    assert_eq!(crate::common::read_bar(&anna.next_part().await), 3, "the first picture has it all");
}

#[tokio::test]
async fn what_fails_is_given_later_and_what_may_have_been_given_is_not_given_twice() {
    for loses_answers in [false, true] {
        let shelf = Shelf::default();
        let ((one, first), (other, second)) = (node(&shelf).await, node(&shelf).await);
        let mut anna = comes(&one, "/a/x.png", "anna").await;
        let mut ben = comes(&other, "/a/x.png", "ben").await;
        anna.bar_of(2).await;
        ben.bar_of(2).await;
        let fault = if loses_answers { &shelf.0.loses_answers } else { &shelf.0.fails };
        fault.store(true, SeqCst);
        let mut more = Vec::new();
        for user in ["carl", "dora", "emil"] {
            more.push(comes(&one, "/a/x.png", user).await);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        anna.bar_of(5).await;
        // One who goes, and one who is the first to come, while it fails.
        drop(comes(&one, "/b/x.png", "fay").await);
        eventually("the room to be freed", || first.rooms().len() == 1).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        fault.store(false, SeqCst);
        ben.bar_of(5).await;
        drop((anna, ben, more));
        is_empty(&first).await;
        is_empty(&second).await;
        first.shutdown().await;
        second.shutdown().await;
        let joins = (shelf.joins("/a/x.png"), shelf.joins("/b/x.png"), shelf.joins(TOTAL));
        assert_eq!(joins, (5, 1, 6), "{loses_answers}");
        assert_eq!(shelf.0.rooms.lock().unwrap().again > 0, loses_answers);
    }
}

/// Totals fall to what has come since; peaks are as many as there are.
#[tokio::test]
async fn a_store_that_has_lost_everything_is_not_given_it_again() {
    let shelf = Shelf::default();
    let ((one, first), (other, _second)) = (node(&shelf).await, node(&shelf).await);
    let mut anna = comes(&one, "/a/x.png", "anna").await;
    let mut ben = comes(&other, "/a/x.png", "ben").await;
    let mut carl = comes(&other, "/a/x.png", "carl").await;
    for viewer in [&mut anna, &mut ben, &mut carl] {
        viewer.bar_of(3).await;
    }
    *shelf.0.rooms.lock().unwrap() = Rooms::default();
    for viewer in [&mut anna, &mut ben, &mut carl] {
        viewer.bar_of(0).await;
    }
    let dora = comes(&one, "/a/x.png", "dora").await;
    for viewer in [&mut anna, &mut ben, &mut carl] {
        viewer.bar_of(1).await;
    }
    let Records { joins, today, visitors_today, peak, .. } = records(&first, "/a/x.png").await;
    assert_eq!((joins, today, visitors_today, peak), (1, 1, 1, 2));
    drop(dora);
}

#[tokio::test]
async fn what_the_application_says_is_so_for_all_nodes() {
    let shelf = Shelf::default();
    let ((one, first), (other, second)) = (node(&shelf).await, node(&shelf).await);
    let mut anna = comes(&one, "/a/x.png", "anna").await;
    let mut ben = comes(&other, "/a/x.png", "ben").await;
    anna.bar_of(2).await;
    ben.bar_of(2).await;
    let room = first.room_at("/a/x.png").unwrap();
    let mut set = room.records().await;
    set.joins = 400;
    room.set_records(set);
    let carl = comes(&one, "/a/x.png", "carl").await;
    ben.bar_of(401).await;
    anna.bar_of(401).await;
    // The same from where nobody is.
    drop((anna, carl));
    is_empty(&first).await;
    first.room_at("/a/x.png").unwrap().set_records(Records::default());
    ben.bar_of(0).await;
    drop(ben);
    is_empty(&second).await;
    second.room_at("/a/x.png").unwrap().forget();
    second.shutdown().await;
    assert!(!shelf.0.rooms.lock().unwrap().kept.keys().any(|room| &*room.path == "/a/x.png"));
    assert_eq!(records(&first, "/a/x.png").await.joins, 0);
}

/// Rooms are opened and freed on three nodes, while the store fails now and then, before it adds or after.
#[tokio::test]
async fn whatever_happens_nothing_is_lost_and_nothing_is_shown_twice() {
    let shelf = Shelf::default();
    let nodes = [node(&shelf).await, node(&shelf).await, node(&shelf).await];
    let mut random = fastrand::Rng::with_seed(7);
    let (mut viewers, mut came) = (Vec::new(), [0_u64; 3]);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        let (service, handle) = &nodes[random.usize(..3)];
        let at = random.usize(..3);
        let path = format!("/{at}/x.png");
        came[at] += 1;
        let user = format!("{}", came.iter().sum::<u64>());
        viewers.push(comes(service, &path, &user).await);
        if viewers.len() > 3 || random.u8(..4) == 0 {
            drop(viewers.swap_remove(random.usize(..viewers.len())));
        }
        if random.u8(..8) == 0 {
            viewers.clear();
        }
        // For a second or so.
        if random.u8(..20) == 0 {
            let fault = random.u8(..4);
            shelf.0.fails.store(fault == 0, SeqCst);
            shelf.0.loses_answers.store(fault == 1, SeqCst);
        }
        let shown = records(handle, &path).await;
        assert!(shown.joins <= came[at], "{} of {}", shown.joins, came[at]);
        tokio::time::sleep(Duration::from_millis(random.u64(..60))).await;
    }
    shelf.0.fails.store(false, SeqCst);
    shelf.0.loses_answers.store(false, SeqCst);
    drop(viewers);
    for (_, handle) in &nodes {
        is_empty(handle).await;
        handle.shutdown().await;
    }
    for (at, came) in came.iter().enumerate() {
        assert_eq!(shelf.joins(&format!("/{at}/x.png")), *came, "{at}");
    }
    assert_eq!(shelf.joins(TOTAL), came.iter().sum::<u64>());
    println!("{came:?} came; {} batches came again", shelf.0.rooms.lock().unwrap().again);
}

/// A store is shared also where it is in an `Arc`.
#[test]
fn an_arc_of_it_is_shared() {
    assert!(Arc::new(Shelf::default()).shared().is_some());
    let layer = LiveBadgeLayer::builder().badge("/x.png", Badge::online());
    layer.store(Arc::new(Shelf::default())).build().unwrap();
}
