//! Where a room's newest picture stands, and who is to be woken when it changes.
//!
//! Latest wins: there is one picture and a version number, no queue. A viewer that was slow takes
//! what is newest and skips what it missed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use crate::presence::leaving::LeaveReason;
use crate::sync::{Mutex, MutexGuard};

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
    /// Why every stream ends, if they do.
    closed: Option<LeaveReason>,
    /// Side by side, so that a beat takes as long as there are viewers, not as there have been.
    places: Vec<Place<K>>,
}

#[derive(Debug)]
struct Place<K> {
    /// Where it is, for its ticket. Changed under the stage's lock only.
    at: Arc<AtomicUsize>,
    viewer: K,
    since: Instant,
    /// From when on it has not been missing.
    there_since: Instant,
    /// It has been there for long enough, and ends.
    is_over: bool,
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
pub(crate) struct Ticket(Arc<AtomicUsize>);

/// What a viewer is to do next.
#[derive(Debug)]
pub(crate) enum Cue<T> {
    /// Show this: it is newer than what was seen.
    Show(Arc<T>),
    /// Nothing is new; prove that the connection lives.
    Beat,
    /// Nothing will ever be new, for this reason.
    End(LeaveReason),
}

impl<T, K> Stage<T, K> {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            newest: None,
            version: 0,
            beat: 0,
            round: 0,
            idle_from: None,
            closed: None,
            places: Vec::new(),
        };
        Self { inner: Mutex::new(inner) }
    }

    /// Takes a place. To be called *before* the newcomer is counted: if the painter is idle then,
    /// the new count starts a round, and the newcomer's first picture is that round's rather than
    /// an older one in which it is missing. A newcomer that starts no round does not wait for one.
    pub(crate) fn enter(&self, viewer: K, starts_round: bool, now: Instant) -> Ticket {
        let mut inner = self.lock();
        let waits = starts_round && inner.idle_from.is_some_and(|from| from <= now);
        let at = Arc::new(AtomicUsize::new(inner.places.len()));
        let place = Place {
            at: at.clone(),
            viewer,
            since: now,
            there_since: now,
            is_over: false,
            waker: None,
            version: 0,
            beat: inner.beat,
            awaited_round: if waits { inner.round + 1 } else { 0 },
            missed: 0,
        };
        inner.places.push(place);
        Ticket(at)
    }

    /// Gives the place back. Returns since when its viewer was there; `None` if it was missing.
    pub(crate) fn leave(&self, ticket: Ticket) -> Option<Instant> {
        let place = self.lock().remove(&ticket);
        // Here, outside the lock, the waker is dropped: foreign code.
        (!place.is_missing()).then_some(place.there_since)
    }

    /// No viewer has a place, not even one that is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().places.is_empty()
    }

    /// What the viewer is to do next, and whether it had been missing until now.
    pub(crate) fn poll(&self, ticket: &Ticket, cx: &mut Context<'_>) -> (Poll<Cue<T>>, bool) {
        let mut inner = self.lock();
        let cue = inner.cue(ticket);
        let place = inner.place(ticket);
        let was_missing = place.is_missing();
        if was_missing {
            place.there_since = Instant::now();
        }
        place.missed = 0;
        match (&mut place.waker, &cue) {
            (Some(waker), Poll::Pending) => waker.clone_from(cx.waker()),
            (none, Poll::Pending) => *none = Some(cx.waker().clone()),
            // Not waiting: until it polls again it owes us a visit.
            (waker, Poll::Ready(_)) => *waker = None,
        }
        (cue, was_missing)
    }

    /// The viewer does not wait any more, and is missed until it polls again.
    pub(crate) fn look_away(&self, ticket: &Ticket) {
        let waker = self.lock().place(ticket).waker.take();
        drop(waker); // outside the lock: foreign code
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
    pub(crate) fn close(&self, reason: LeaveReason) {
        self.update(|inner| inner.closed = Some(reason));
    }

    /// Ends the streams of those who came before this, after the newest picture.
    pub(crate) fn retire(&self, before: Instant) {
        self.update(|inner| {
            inner.places.iter_mut().for_each(|place| place.is_over |= place.since < before);
        });
    }

    /// Passes on the viewers that are missing from now on, and since when each was there: they have been woken several sweeps ago
    /// and did not come, which proves that nobody reads at the other end.
    ///
    /// Under the lock: one that comes back meanwhile must not be counted again before it is uncounted.
    /// The two of it would be a peak that never was.
    pub(crate) fn sweep(&self, mut is_missing: impl FnMut(&K, Instant)) {
        for place in &mut self.lock().places {
            if place.waker.is_none() {
                place.missed = place.missed.saturating_add(1);
                if place.missed == MISSING_AFTER {
                    is_missing(&place.viewer, place.there_since);
                }
            }
        }
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
        let (version, beat, round) = (self.version, self.beat, self.round);
        let closed = self.closed.clone();
        let place = self.place(ticket);
        if !place.is_due(version, beat, round, closed.is_some()) {
            return Poll::Pending;
        }
        let end = closed.or_else(|| place.is_over.then_some(LeaveReason::MaxAge));
        if let Some(reason) = end
            && place.version == version
        {
            return Poll::Ready(Cue::End(reason));
        }
        place.beat = beat;
        if place.version == version {
            return Poll::Ready(Cue::Beat);
        }
        place.version = version;
        Poll::Ready(Cue::Show(self.newest.clone().expect("a version has a picture")))
    }

    fn place(&mut self, ticket: &Ticket) -> &mut Place<K> {
        &mut self.places[ticket.0.load(Ordering::Relaxed)]
    }

    fn remove(&mut self, ticket: &Ticket) -> Place<K> {
        let at = ticket.0.load(Ordering::Relaxed);
        let place = self.places.swap_remove(at);
        if let Some(moved) = self.places.get(at) {
            moved.at.store(at, Ordering::Relaxed);
        }
        // What a crowd took is given back when it has left.
        if self.places.len() < self.places.capacity() / 4 {
            self.places.shrink_to(self.places.len() * 2);
        }
        place
    }

    fn take_due_wakers(&mut self) -> Vec<Waker> {
        let Self { version, beat, round, ref closed, ref mut places, .. } = *self;
        let due = |place: &&mut Place<K>| place.is_due(version, beat, round, closed.is_some());
        places.iter_mut().filter(due).filter_map(|place| place.waker.take()).collect()
    }
}

impl<K> Place<K> {
    fn is_due(&self, version: u64, beat: u64, round: u64, closed: bool) -> bool {
        if closed || self.is_over {
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
mod tests;

#[cfg(all(test, not(livebadge_loom)))]
mod properties;

#[cfg(all(test, livebadge_loom))]
mod races;
