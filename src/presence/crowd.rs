//! Who is in a room, or in all rooms of a badge: counts, history and news under one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::presence::counts::{Counts, Grace, Snapshot};
use crate::presence::history::{History, day};
use crate::presence::roster::Roster;
use crate::request::pseudonym::Person;

/// The people in a room, or in all rooms of a badge.
#[derive(Debug)]
pub(crate) struct Crowd {
    state: Mutex<State>,
    /// Of an application that wants to hear of the counts. Taken before `state`, never after.
    subscribers: Mutex<Option<watch::Sender<Counts>>>,
}

#[derive(Debug)]
struct State {
    roster: Roster,
    history: History,
    /// What the painter has not yet told anybody; `None` where another crowd tells it.
    news: Option<Vec<News>>,
    /// Of the rooms that show a total.
    wakes: Vec<Weak<Notify>>,
    /// How many rooms a total is of.
    rooms: usize,
}

/// Somebody came or went, and the counts since then.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) what: Coming,
    pub(crate) counts: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coming {
    Join,
    /// Somebody who had stopped reading reads again.
    Return,
    Leave,
}

impl Crowd {
    /// Of one room; `history` is what is remembered of it.
    pub(crate) fn of_room(grace: Grace, history: Option<History>) -> Self {
        Self::new(grace, history, Some(Vec::new()))
    }

    /// Of all rooms of a badge.
    pub(crate) fn total(grace: Grace) -> Self {
        Self::new(grace, None, None)
    }

    fn new(grace: Grace, history: Option<History>, news: Option<Vec<News>>) -> Self {
        let history = history.unwrap_or_default();
        let roster = Roster::new(grace);
        let state = State { roster, history, news, wakes: Vec::new(), rooms: 0 };
        Self { state: Mutex::new(state), subscribers: Mutex::default() }
    }

    pub(crate) fn join(&self, person: Option<Person>) {
        self.change(Coming::Join, |state, now| {
            let before = state.roster.counts().visitors;
            state.roster.join(person, now);
            let joins = &mut state.history.records.joins;
            *joins = joins.saturating_add(u64::from(state.roster.counts().visitors > before));
        });
    }

    /// Counts somebody again who has not been away, but had stopped reading.
    pub(crate) fn take_back(&self, person: Option<Person>) {
        self.change(Coming::Return, |state, now| state.roster.join(person, now));
    }

    pub(crate) fn leave(&self, person: Option<Person>) {
        self.change(Coming::Leave, |state, now| state.roster.leave(person, now));
    }

    /// Those who want to hear of the counts.
    pub(crate) fn set_subscribers(&self, subscribers: watch::Sender<Counts>) {
        *self.subscribers() = Some(subscribers);
    }

    /// Tells them of the counts if these have changed.
    ///
    /// Not where they change, because that is under other locks: whoever listens may hold on to what it
    /// has heard while it asks for more.
    pub(crate) fn tell(&self) {
        let subscribers = self.subscribers();
        let Some(sender) = &*subscribers else { return };
        let counts = self.counts();
        sender.send_if_modified(|told| {
            let is_news = *told != counts;
            *told = counts;
            is_news
        });
    }

    /// A total is of so many rooms more, or less.
    pub(crate) fn change_rooms(&self, by: isize) {
        let mut state = self.state();
        state.rooms = state.rooms.saturating_add_signed(by);
        state.wake();
    }

    /// Tells this one of changes, too, as long as it is there.
    pub(crate) fn wakes(&self, wake: &Arc<Notify>) {
        let wakes = &mut self.state().wakes;
        wakes.retain(|wake| wake.strong_count() > 0);
        wakes.push(Arc::downgrade(wake));
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state().expired(Instant::now()).roster.counts()
    }

    pub(crate) fn change_history(&self, change: impl FnOnce(&mut History)) {
        let mut state = self.state();
        change(&mut state.expired(Instant::now()).history);
        state.wake();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (mut state, now) = (self.state(), Instant::now());
        let State { roster, history, rooms, .. } = state.expired(now);
        history.snapshot(roster.counts(), *rooms, now)
    }

    /// What is to be remembered of a room when it is freed.
    pub(crate) fn history(&self) -> History {
        self.state().expired(Instant::now()).history.clone()
    }

    /// When somebody's leave grace ends.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.state().roster.next_expiry()
    }

    /// Whether this one is here, or expected back.
    pub(crate) fn has(&self, person: Person) -> bool {
        self.state().expired(Instant::now()).roster.has(person)
    }

    /// Nobody is here, and nobody is expected back.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().expired(Instant::now()).roster.is_empty()
    }

    /// What has not been told yet.
    pub(crate) fn take_news(&self) -> Vec<News> {
        self.state().news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn has_news(&self) -> bool {
        self.state().news.as_ref().is_some_and(|news| !news.is_empty())
    }

    fn change(&self, what: Coming, change: impl FnOnce(&mut State, Instant)) {
        let (mut state, now) = (self.state(), Instant::now());
        change(state.expired(now), now);
        let counts = state.roster.counts();
        state.history.see(counts.visitors, now, day(Duration::ZERO));
        if let Some(news) = &mut state.news {
            news.push(News { what, counts });
        }
        state.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribers(&self) -> MutexGuard<'_, Option<watch::Sender<Counts>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// As it is now: without those whose leave grace has ended.
    fn expired(&mut self, now: Instant) -> &mut Self {
        // Each at its time: nobody may have looked since.
        while let Some(end) = self.roster.next_expiry().filter(|end| *end <= now) {
            self.roster.expire(end);
            self.history.see(self.roster.counts().visitors, end, day(now - end));
        }
        self.history.see(self.roster.counts().visitors, now, day(Duration::ZERO));
        self
    }

    fn wake(&mut self) {
        self.wakes.retain(|wake| {
            let wake = wake.upgrade();
            wake.as_deref().map(Notify::notify_one).is_some()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::key::VisitorKey;
    use crate::request::pseudonym::Blind;

    #[tokio::test(start_paused = true)]
    async fn who_left_long_ago_left_then_even_if_nobody_has_looked_since() {
        let grace = Duration::from_secs(3);
        let crowd = Crowd::total(Grace { of_person: grace, of_keyless: grace });
        let alice = Blind::new().person(&VisitorKey::new("alice"));
        for person in [Some(alice), None] {
            crowd.join(person);
            crowd.leave(person);
        }
        tokio::time::advance(Duration::from_secs(63)).await;
        let snapshot = crowd.snapshot();
        assert_eq!(snapshot.counts, Counts::default());
        assert_eq!(snapshot.since_change, Duration::from_secs(60));
        assert_eq!(snapshot.recent[50..], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn rooms_that_are_gone_are_not_woken_and_not_kept() {
        let crowd = Crowd::total(Grace { of_person: Duration::ZERO, of_keyless: Duration::ZERO });
        for _ in 0..100 {
            crowd.wakes(&Arc::new(Notify::new()));
        }
        assert_eq!(crowd.state().wakes.len(), 1);
    }
}
