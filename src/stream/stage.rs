//! Where a room's newest picture stands, and who is to be woken when it changes.
//!
//! Latest wins: there is one picture and a version number, no queue. A viewer that was slow takes
//! what is newest and skips what it missed.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use tokio::time::Instant;

#[cfg(all(test, livebadge_loom))]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, livebadge_loom)))]
use std::sync::{Mutex, MutexGuard};

/// A viewer that did not come for what was due during this many sweeps in a row is missing.
const MISSING_AFTER: u32 = 3;

/// The newest `T`, and the viewers (each known by a `K`) that wait for a newer one.
#[derive(Debug)]
pub(crate) struct Stage<T, K> {
    inner: Mutex<Inner<T, K>>,
}

#[derive(Debug)]
struct Inner<T, K> {
    newest: Option<Arc<T>>,
    /// Grows with every picture shown.
    version: u64,
    /// Grows with every heartbeat.
    beat: u64,
    /// Grows with every round of painting, whether or not it had something to show.
    round: u64,
    /// From when on a change begins a round at once; `None` while one is due or under way.
    idle_from: Option<Instant>,
    closed: bool,
    places: Slab<Place<K>>,
}

#[derive(Debug)]
struct Place<K> {
    viewer: K,
    /// There while the viewer waits; taken to wake it.
    waker: Option<Waker>,
    version: u64,
    beat: u64,
    /// The round whose end a newcomer waits for, because it will count the newcomer.
    awaited_round: u64,
    /// Sweeps in a row that found the viewer woken, but not come.
    missed: u32,
}

/// The right to a place on the stage.
#[derive(Debug)]
pub(crate) struct Ticket(usize);

/// What a viewer is to do next.
#[derive(Debug)]
pub(crate) enum Cue<T> {
    /// Show this: it is newer than what was seen.
    Show(Arc<T>),
    /// Nothing is new; prove that the connection lives.
    Beat,
    /// Nothing will ever be new.
    End,
}

impl<T, K: Clone> Stage<T, K> {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            newest: None,
            version: 0,
            beat: 0,
            round: 0,
            idle_from: None,
            closed: false,
            places: Slab::new(),
        };
        Self { inner: Mutex::new(inner) }
    }

    /// Takes a place. To be called *before* the newcomer is counted: if the painter is idle then,
    /// the new count starts a round, and the newcomer's first picture is that round's rather than
    /// an older one in which it is missing. A newcomer that starts no round does not wait for one.
    pub(crate) fn enter(&self, viewer: K, starts_round: bool, now: Instant) -> Ticket {
        let mut inner = self.lock();
        let waits = starts_round && inner.idle_from.is_some_and(|from| from <= now);
        let place = Place {
            viewer,
            waker: None,
            version: 0,
            beat: inner.beat,
            awaited_round: if waits { inner.round + 1 } else { 0 },
            missed: 0,
        };
        Ticket(inner.places.insert(place))
    }

    /// Gives the place back. Returns whether its viewer was missing.
    pub(crate) fn leave(&self, ticket: &Ticket) -> bool {
        let place = self.lock().places.try_remove(ticket.0);
        // Here, outside the lock, the waker is dropped: foreign code.
        place.is_some_and(|place| place.is_missing())
    }

    /// No viewer has a place, not even one that is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().places.is_empty()
    }

    /// What the viewer is to do next, and whether it had been missing until now.
    pub(crate) fn poll(&self, ticket: &Ticket, cx: &mut Context<'_>) -> (Poll<Cue<T>>, bool) {
        let mut inner = self.lock();
        let cue = inner.cue(ticket);
        let place = &mut inner.places[ticket.0];
        let was_missing = place.is_missing();
        place.missed = 0;
        match (&mut place.waker, &cue) {
            (Some(waker), Poll::Pending) => waker.clone_from(cx.waker()),
            (none, Poll::Pending) => *none = Some(cx.waker().clone()),
            // Not waiting: until it polls again it owes us a visit.
            (waker, Poll::Ready(_)) => *waker = None,
        }
        (cue, was_missing)
    }

    /// Says from when on a change will be painted at once, if nothing changes before.
    pub(crate) fn set_idle_from(&self, from: Option<Instant>) {
        self.lock().idle_from = from;
    }

    /// Ends a round of painting, which shows a newer picture or leaves the newest.
    pub(crate) fn end_round(&self, picture: Option<Arc<T>>) {
        self.update(|inner| {
            inner.round += 1;
            if let Some(picture) = picture {
                inner.newest = Some(picture);
                inner.version += 1;
            }
        });
    }

    /// Makes every waiting viewer prove that its connection lives.
    pub(crate) fn beat(&self) {
        self.update(|inner| inner.beat += 1);
    }

    /// Ends every viewer's stream after the newest picture.
    pub(crate) fn close(&self) {
        self.update(|inner| inner.closed = true);
    }

    /// Returns the viewers that are missing from now on: they have been woken several sweeps ago
    /// and did not come, which proves that nobody reads at the other end.
    pub(crate) fn sweep(&self) -> Vec<K> {
        let mut missing = Vec::new();
        for (_, place) in &mut self.lock().places {
            if place.waker.is_none() {
                place.missed = place.missed.saturating_add(1);
                if place.missed == MISSING_AFTER {
                    missing.push(place.viewer.clone());
                }
            }
        }
        missing
    }

    /// Wakes whoever has something to do after the change.
    fn update(&self, change: impl FnOnce(&mut Inner<T, K>)) {
        let mut inner = self.lock();
        change(&mut inner);
        let wakers: Vec<Waker> = inner.take_due_wakers();
        drop(inner);
        // Outside the lock: a woken viewer may poll on another thread at once.
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T, K>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, K> Inner<T, K> {
    fn cue(&mut self, ticket: &Ticket) -> Poll<Cue<T>> {
        let place = &mut self.places[ticket.0];
        if !place.is_due(self.version, self.beat, self.round, self.closed) {
            return Poll::Pending;
        }
        if place.version < self.version {
            place.version = self.version;
            place.beat = self.beat;
            return Poll::Ready(Cue::Show(self.newest.clone().expect("a version has a picture")));
        }
        if self.closed {
            return Poll::Ready(Cue::End);
        }
        place.beat = self.beat;
        Poll::Ready(Cue::Beat)
    }

    fn take_due_wakers(&mut self) -> Vec<Waker> {
        let Self { version, beat, round, closed, ref mut places, .. } = *self;
        let due = |place: &&mut Place<K>| place.is_due(version, beat, round, closed);
        places
            .iter_mut()
            .map(|(_, place)| place)
            .filter(due)
            .filter_map(|p| p.waker.take())
            .collect()
    }
}

impl<K> Place<K> {
    fn is_due(&self, version: u64, beat: u64, round: u64, closed: bool) -> bool {
        if closed {
            return true;
        }
        let newcomer = self.version == 0;
        if newcomer {
            version > 0 && round >= self.awaited_round
        } else {
            self.version < version || self.beat < beat
        }
    }

    fn is_missing(&self) -> bool {
        self.missed >= MISSING_AFTER
    }
}

#[cfg(all(test, not(livebadge_loom)))]
mod tests {
    use std::task::Waker;

    use super::*;

    type Numbers = Stage<u32, &'static str>;

    /// Polls once: a number is a picture, -1 a heartbeat, -2 the end.
    fn poll(stage: &Numbers, ticket: &Ticket) -> Option<i64> {
        match stage.poll(ticket, &mut Context::from_waker(Waker::noop())).0 {
            Poll::Ready(Cue::Show(number)) => Some(i64::from(*number)),
            Poll::Ready(Cue::Beat) => Some(-1),
            Poll::Ready(Cue::End) => Some(-2),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_slow_viewer_gets_the_newest_and_one_heartbeat() {
        let stage = Numbers::new();
        let ticket = stage.enter("slow", true, Instant::now());
        assert_eq!(poll(&stage, &ticket), None);
        (1..=3).for_each(|number| stage.end_round(Some(Arc::new(number))));
        assert_eq!(poll(&stage, &ticket), Some(3));
        assert_eq!(poll(&stage, &ticket), None);
        (0..3).for_each(|_| stage.beat());
        assert_eq!(poll(&stage, &ticket), Some(-1));
        assert_eq!(poll(&stage, &ticket), None);
    }

    #[test]
    fn a_picture_counts_as_a_heartbeat() {
        let stage = Numbers::new();
        let ticket = stage.enter("viewer", true, Instant::now());
        stage.end_round(Some(Arc::new(1)));
        assert_eq!(poll(&stage, &ticket), Some(1));
        stage.beat();
        stage.end_round(Some(Arc::new(2)));
        assert_eq!(poll(&stage, &ticket), Some(2));
        assert_eq!(poll(&stage, &ticket), None);
    }

    #[test]
    fn nothing_comes_before_the_first_picture() {
        let stage = Numbers::new();
        let ticket = stage.enter("early", true, Instant::now());
        stage.beat();
        assert_eq!(poll(&stage, &ticket), None);
        stage.end_round(Some(Arc::new(1)));
        assert_eq!(poll(&stage, &ticket), Some(1));
    }

    #[test]
    fn a_newcomer_waits_for_the_round_that_it_starts() {
        let stage = Numbers::new();
        stage.end_round(Some(Arc::new(1)));
        stage.set_idle_from(Some(Instant::now()));
        let ticket = stage.enter("newcomer", true, Instant::now());
        assert_eq!(poll(&stage, &ticket), None);
        stage.end_round(Some(Arc::new(2)));
        assert_eq!(poll(&stage, &ticket), Some(2));
    }

    #[test]
    fn a_newcomer_gets_the_old_picture_when_the_round_shows_none() {
        let stage = Numbers::new();
        stage.end_round(Some(Arc::new(1)));
        stage.set_idle_from(Some(Instant::now()));
        let ticket = stage.enter("newcomer", true, Instant::now());
        stage.end_round(None);
        assert_eq!(poll(&stage, &ticket), Some(1));
    }

    #[test]
    fn a_newcomer_that_is_not_counted_waits_for_no_round() {
        let stage = Numbers::new();
        stage.end_round(Some(Arc::new(1)));
        stage.set_idle_from(Some(Instant::now()));
        let ticket = stage.enter("looking on", false, Instant::now());
        assert_eq!(poll(&stage, &ticket), Some(1));
    }

    #[test]
    fn a_newcomer_does_not_wait_while_the_painter_rests() {
        let stage = Numbers::new();
        stage.end_round(Some(Arc::new(1)));
        stage.set_idle_from(Some(Instant::now() + std::time::Duration::from_secs(60)));
        let ticket = stage.enter("newcomer", true, Instant::now());
        assert_eq!(poll(&stage, &ticket), Some(1));
    }

    #[test]
    fn the_newest_picture_comes_before_the_end() {
        let stage = Numbers::new();
        let ticket = stage.enter("viewer", true, Instant::now());
        stage.end_round(Some(Arc::new(1)));
        stage.close();
        assert_eq!(poll(&stage, &ticket), Some(1));
        assert_eq!(poll(&stage, &ticket), Some(-2));
    }

    #[test]
    fn who_does_not_come_when_woken_is_missing_until_it_does() {
        let stage = Numbers::new();
        let (stuck, waiting) = (
            stage.enter("stuck", true, Instant::now()),
            stage.enter("waiting", true, Instant::now()),
        );
        stage.end_round(Some(Arc::new(1)));
        for ticket in [&stuck, &waiting] {
            poll(&stage, ticket);
            poll(&stage, ticket);
        }
        stage.beat();
        poll(&stage, &waiting);
        poll(&stage, &waiting);
        let found: Vec<_> = (0..4).map(|_| stage.sweep()).collect();
        assert_eq!(found, [vec![], vec![], vec!["stuck"], vec![]]);

        let (cue, was_missing) = stage.poll(&stuck, &mut Context::from_waker(Waker::noop()));
        assert!(was_missing && matches!(cue, Poll::Ready(Cue::Beat)));
        assert!(!stage.leave(&stuck) && !stage.leave(&waiting));
    }
}

/// `RUSTFLAGS="--cfg livebadge_loom" cargo test --release --lib stage::races`
#[cfg(all(test, livebadge_loom))]
mod races {
    use loom::future::block_on;
    use loom::thread;
    use std::future::poll_fn;

    use super::*;

    async fn next(stage: &Stage<u32, ()>, ticket: &Ticket) -> Cue<u32> {
        poll_fn(|cx| stage.poll(ticket, cx).0).await
    }

    #[test]
    fn the_last_picture_and_the_end_reach_whoever_waits() {
        loom::model(|| {
            let stage = loom::sync::Arc::new(Stage::<u32, ()>::new());
            let painter = thread::spawn({
                let stage = stage.clone();
                move || {
                    stage.end_round(Some(Arc::new(1)));
                    stage.end_round(Some(Arc::new(2)));
                    stage.close();
                }
            });
            let ticket = stage.enter((), true, Instant::now());
            let last = block_on(async {
                let mut last = 0;
                while let Cue::Show(number) = next(&stage, &ticket).await {
                    assert!(*number > last, "pictures only get newer");
                    last = *number;
                }
                last
            });
            assert_eq!(last, 2);
            stage.leave(&ticket);
            painter.join().unwrap();
        });
    }

    #[test]
    fn a_newcomer_is_never_left_waiting_for_a_round() {
        loom::model(|| {
            let stage = loom::sync::Arc::new(Stage::<u32, ()>::new());
            stage.end_round(Some(Arc::new(1)));
            stage.set_idle_from(Some(Instant::now()));
            let joined = loom::sync::Arc::new(loom::sync::Mutex::new(false));
            let viewer = thread::spawn({
                let (stage, joined) = (stage.clone(), joined.clone());
                move || {
                    let ticket = stage.enter((), true, Instant::now());
                    *joined.lock().unwrap() = true; // starts a round, if none is under way
                    block_on(next(&stage, &ticket));
                    stage.leave(&ticket);
                }
            });
            // As the painter does: first not idle, then look, then paint. It looks until it has
            // seen the newcomer, who is waiting for the last of these rounds at the latest.
            loop {
                stage.set_idle_from(None);
                let seen = *joined.lock().unwrap();
                stage.end_round(None);
                if seen {
                    break;
                }
                stage.set_idle_from(Some(Instant::now()));
                thread::yield_now();
            }
            viewer.join().unwrap();
        });
    }
}
