//! Where a room's newest picture stands, and who is to be woken when it changes.
//!
//! Latest wins: there is one picture and a version number, no queue. A viewer that was slow takes
//! what is newest and skips what it missed.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::presence::leaving::LeaveReason;
use crate::stream::places::Places;
pub(crate) use crate::stream::places::Ticket;
use crate::sync::{Mutex, MutexGuard};

/// So many newcomers at most wait for a round. In a rush most are shown what there is at once, together with the
/// response's head: one write to the socket instead of two.
const MAX_WAITING: u32 = 32;

/// A viewer that did not come for what was due during this many sweeps in a row is missing.
const MISSING_AFTER: u8 = 3;

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
    /// Another one with every heartbeat.
    beat: u32,
    /// Grows with every round of painting, whether or not it had something to show.
    round: u64,
    /// Newcomers who wait for the next round.
    waiting: u32,
    /// From when on a change begins a round at once; `None` while one is due or under way.
    idle_from: Option<Instant>,
    /// Why every stream ends, if they do.
    closed: Option<LeaveReason>,
    places: Places<Place<K>>,
    /// When there was nobody yet.
    made: Instant,
}

/// Of these there are as many as viewers: the smaller, the better.
#[derive(Debug)]
struct Place<K> {
    viewer: K,
    /// There while the viewer waits; taken to wake it.
    waker: Option<Waker>,
    since: Age,
    /// From when on it has not been missing.
    there_since: Age,
    /// The version that it has seen; of a newcomer, the round whose end it waits for because it will count it.
    mark: u64,
    beat: u32,
    /// It has seen nothing yet.
    is_new: bool,
    /// It has been there for long enough, and ends.
    is_over: bool,
    /// Sweeps in a row that found the viewer woken, but not come.
    missed: u8,
}

/// Since a stage was made, in nanoseconds: half of an [`Instant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Age(u64);

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
            waiting: 0,
            idle_from: None,
            closed: None,
            places: Places::new(),
            made: Instant::now(),
        };
        Self { inner: Mutex::new(inner) }
    }

    /// Takes a place. To be called *before* the newcomer is counted: if the painter is idle then,
    /// the new count starts a round, and the newcomer's first picture is that round's rather than
    /// an older one in which it is missing. A newcomer that starts no round does not wait for one.
    pub(crate) fn enter(&self, viewer: K, starts_round: bool, now: Instant) -> Ticket {
        let mut inner = self.lock();
        let is_idle = inner.idle_from.is_some_and(|from| from <= now);
        let waits = starts_round && is_idle && inner.waiting < MAX_WAITING;
        inner.waiting += u32::from(waits);
        let (since, beat) = (Age::of(inner.made, now), inner.beat);
        let awaited_round = if waits { inner.round + 1 } else { 0 };
        inner.places.insert(Place {
            viewer,
            waker: None,
            since,
            there_since: since,
            mark: awaited_round,
            beat,
            is_new: true,
            is_over: false,
            missed: 0,
        })
    }

    /// Gives the place back. Returns its viewer, and since when it was there; `None` if it was missing.
    pub(crate) fn leave(&self, ticket: Ticket) -> (K, Option<Instant>) {
        let mut inner = self.lock();
        let place = inner.places.remove(ticket);
        let there_since = place.there_since.after(inner.made);
        drop(inner);
        // Here, outside the lock, the waker is dropped: foreign code.
        let there_since = (!place.is_missing()).then_some(there_since);
        (place.viewer, there_since)
    }

    /// No viewer has a place, not even one that is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().places.is_empty()
    }

    /// What the viewer is to do next; and itself, if it had been missing until now.
    pub(crate) fn poll(&self, ticket: &Ticket, cx: &mut Context<'_>) -> (Poll<Cue<T>>, Option<K>)
    where
        K: Clone,
    {
        let mut inner = self.lock();
        let cue = inner.cue(ticket);
        let made = inner.made;
        let place = inner.places.get_mut(ticket);
        let is_back = place.is_missing();
        if is_back {
            place.there_since = Age::of(made, Instant::now());
        }
        place.missed = 0;
        match (&mut place.waker, &cue) {
            (Some(waker), Poll::Pending) => waker.clone_from(cx.waker()),
            (none, Poll::Pending) => *none = Some(cx.waker().clone()),
            // Not waiting: until it polls again it owes us a visit.
            (waker, Poll::Ready(_)) => *waker = None,
        }
        (cue, is_back.then(|| place.viewer.clone()))
    }

    /// The viewer can't come, and is missing from the next sweep on, until it polls again.
    pub(crate) fn look_away(&self, ticket: &Ticket) {
        let mut inner = self.lock();
        let place = inner.places.get_mut(ticket);
        place.missed = place.missed.max(MISSING_AFTER - 1);
        let waker = place.waker.take();
        drop(inner);
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
            inner.waiting = 0;
            if let Some(picture) = picture {
                inner.newest = Some(picture);
                inner.version += 1;
            }
        });
    }

    /// Makes every waiting viewer prove that its connection lives.
    pub(crate) fn beat(&self) {
        self.update(|inner| inner.beat = inner.beat.wrapping_add(1));
    }

    /// Ends every viewer's stream after the newest picture.
    pub(crate) fn close(&self, reason: LeaveReason) {
        self.update(|inner| inner.closed = Some(reason));
    }

    /// Ends the streams of those who came before this, after the newest picture.
    pub(crate) fn retire(&self, before: Instant) {
        self.update(|inner| {
            let before = Age::of(inner.made, before);
            inner.places.iter_mut().for_each(|place| place.is_over |= place.since < before);
        });
    }

    /// Passes on the viewers that are missing from now on, and since when each was there: they have been woken several sweeps ago
    /// and did not come, which proves that nobody reads at the other end.
    ///
    /// Under the lock: one that comes back meanwhile must not be counted again before it is uncounted.
    /// The two of it would be a peak that never was.
    pub(crate) fn sweep(&self, mut is_missing: impl FnMut(&K, Instant)) {
        let mut inner = self.lock();
        let Inner { places, made, .. } = &mut *inner;
        for place in places.iter_mut().filter(|place| place.waker.is_none()) {
            place.missed = place.missed.saturating_add(1);
            if place.missed == MISSING_AFTER {
                is_missing(&place.viewer, place.there_since.after(*made));
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
        let place = self.places.get_mut(ticket);
        if !place.is_due(version, beat, round, closed.is_some()) {
            return Poll::Pending;
        }
        let has_seen_newest = place.has_seen(version);
        let end = closed.or_else(|| place.is_over.then_some(LeaveReason::MaxAge));
        if let Some(reason) = end.filter(|_| has_seen_newest) {
            return Poll::Ready(Cue::End(reason));
        }
        place.beat = beat;
        if has_seen_newest {
            return Poll::Ready(Cue::Beat);
        }
        (place.mark, place.is_new) = (version, false);
        Poll::Ready(Cue::Show(self.newest.clone().expect("a version has a picture")))
    }

    fn take_due_wakers(&mut self) -> Vec<Waker> {
        let Self { version, beat, round, ref closed, ref mut places, .. } = *self;
        let due = |place: &&mut Place<K>| place.is_due(version, beat, round, closed.is_some());
        places.iter_mut().filter(due).filter_map(|place| place.waker.take()).collect()
    }
}

impl Age {
    /// How old a stage was then that was made then.
    fn of(made: Instant, then: Instant) -> Self {
        Self(then.saturating_duration_since(made).as_nanos() as u64) // 584 years
    }

    fn after(self, made: Instant) -> Instant {
        made + Duration::from_nanos(self.0)
    }
}

impl<K> Place<K> {
    fn is_due(&self, version: u64, beat: u32, round: u64, closed: bool) -> bool {
        if closed || self.is_over {
            true
        } else if self.is_new {
            version > 0 && round >= self.mark
        } else {
            self.mark < version || self.beat != beat
        }
    }

    /// Before the first picture there is nothing that somebody has not seen.
    fn has_seen(&self, version: u64) -> bool {
        version == 0 || !self.is_new && self.mark == version
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
