//! Who is in a room, or in all rooms of a badge: counts, history and news under one lock.

use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::presence::bell::Bell;
use crate::presence::calendar::Calendar;
use crate::presence::counts::{Counts, Grace, Snapshot};
use crate::presence::headcount::{Headcount, Roll};
use crate::presence::history::History;
use crate::presence::leaving::Leaving;
use crate::presence::ledger::{Asked, Due};
use crate::presence::people::Who;
use crate::presence::roster::Roster;
use crate::presence::totals::Totals;
use crate::request::name::Name;
use crate::request::pseudonym::Person;
use crate::sync::{Mutex, MutexGuard};

/// The people in a room, or in all rooms of a badge.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Of the room whose own it is.
    pub(crate) bell: Bell,
    state: Mutex<State>,
    /// Of an application that wants to hear of the counts. Taken before `state`, never after.
    subscribers: Mutex<Option<watch::Sender<Counts>>>,
}

#[derive(Debug)]
struct State {
    roster: Roster,
    history: History,
    calendar: Arc<Calendar>,
    /// What the painter has not yet told anybody; `None` where another crowd tells it.
    news: Option<Vec<News>>,
    /// Of rooms that show a total.
    wakes: Vec<Weak<Bell>>,
    /// How many rooms a total is of.
    rooms: usize,
    rooms_elsewhere: usize,
    /// The other nodes can't be reached.
    is_alone: bool,
}

/// Somebody came or went, and the counts since then.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) what: Coming,
    pub(crate) counts: Counts,
    /// Of the stream, by its request.
    pub(crate) name: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Coming {
    Join,
    /// Somebody who had stopped reading reads again.
    Return,
    Leave(Leaving),
}

/// A crowd at one instant.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) snapshot: Box<Snapshot>,
    /// What has not yet been told.
    pub(crate) news: Vec<News>,
    /// When somebody's leave grace ends.
    pub(crate) next_expiry: Option<Instant>,
    pub(crate) is_empty: bool,
}

impl Crowd {
    /// Of one room; `history` is what is remembered of it.
    pub(crate) fn of_room(grace: Grace, calendar: Arc<Calendar>, history: Option<History>) -> Self {
        Self::new(grace, calendar, history, Some(Vec::new()))
    }

    /// Of all rooms of a badge.
    pub(crate) fn total(grace: Grace, calendar: Arc<Calendar>) -> Self {
        Self::new(grace, calendar, None, None)
    }

    fn new(
        grace: Grace,
        calendar: Arc<Calendar>,
        history: Option<History>,
        news: Option<Vec<News>>,
    ) -> Self {
        let new = || History::new(Instant::now(), calendar.today());
        let (history, roster) = (history.unwrap_or_else(new), Roster::new(grace));
        let state = State {
            roster,
            history,
            calendar,
            news,
            wakes: Vec::new(),
            rooms: 0,
            rooms_elsewhere: 0,
            is_alone: false,
        };
        Self { bell: Bell::default(), state: Mutex::new(state), subscribers: Mutex::default() }
    }

    /// What its request says decides from now on how this visitor is called.
    pub(crate) fn join(&self, who: Option<&Who>) {
        self.change(Coming::Join, who, |state, person, now| {
            let before = state.roster.counts().visitors;
            state.roster.join(person, now);
            state.call(who);
            state.know(who);
            if state.roster.counts().visitors > before {
                state.history.join(who.map(|who| who.token));
            }
        });
    }

    /// Counts somebody again who has not been away, but had stopped reading.
    ///
    /// Its request is an old one: another stream of the same visitor may have said something newer.
    pub(crate) fn take_back(&self, who: Option<&Who>) {
        self.change(Coming::Return, who, |state, person, now| {
            let is_known = person.is_some_and(|person| state.roster.has(person));
            state.roster.join(person, now);
            state.call(who.filter(|_| !is_known));
            state.know(who);
        });
    }

    pub(crate) fn leave(&self, who: Option<&Who>, leaving: Leaving) {
        self.change(Coming::Leave(leaving), who, |state, person, now| {
            state.roster.leave(person, now);
        });
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
        // Also if nobody listens: whose leave grace has ended is to be forgotten.
        let counts = self.counts();
        tell(subscribers.as_ref(), &counts);
    }

    /// What there is, and what there is to tell, which subscribers are told.
    pub(crate) fn look(&self) -> Look {
        let subscribers = self.subscribers();
        let look = {
            let (mut state, now) = (self.state(), Instant::now());
            Look {
                snapshot: Box::new(state.snapshot(now)),
                news: state.news.as_mut().map(std::mem::take).unwrap_or_default(),
                next_expiry: state.roster.next_expiry(),
                is_empty: state.roster.is_empty(),
            }
        };
        tell(subscribers.as_ref(), &look.snapshot.counts);
        look
    }

    /// There are other nodes. To be called before anybody comes.
    pub(crate) fn has_other_nodes(&self) {
        self.state().roster.has_other_nodes();
    }

    /// They have said this of those who are there; or only that they can be reached, or can't.
    pub(crate) fn hear(&self, headcount: Option<Headcount>, is_alone: bool) {
        let mut state = self.state();
        let before = (state.expired(Instant::now()).roster.counts(), state.is_alone);
        state.roster.hear(headcount);
        state.is_alone = is_alone;
        let counts = state.roster.counts();
        if (&counts, is_alone) == (&before.0, before.1) {
            return;
        }
        let today = state.calendar.today();
        state.history.see(counts.visitors, Instant::now(), today);
        self.wake(&mut state);
    }

    /// Compares who is here with who is elsewhere, for those who are too many to know that at any time.
    pub(crate) fn look_elsewhere(&self) {
        let is_alone = self.state().is_alone;
        self.hear(None, is_alone);
    }

    /// What the other nodes are to be told. Whose leave grace has ended is in it until the room's task has seen that.
    pub(crate) fn roll(&self) -> Option<Roll> {
        self.state().roster.roll()
    }

    /// A total is of so many rooms more, or less.
    pub(crate) fn change_rooms(&self, by: isize) {
        let mut state = self.state();
        state.expired(Instant::now());
        state.rooms = state.rooms.saturating_add_signed(by);
        self.wake(&mut state);
    }

    /// A total is of so many more rooms, which are only open on other nodes.
    pub(crate) fn set_rooms_elsewhere(&self, rooms: usize) {
        let mut state = self.state();
        if state.rooms_elsewhere != rooms {
            state.rooms_elsewhere = rooms;
            self.wake(&mut state);
        }
    }

    /// Tells this one of changes, too, as long as it is there.
    pub(crate) fn wakes(&self, wake: &Arc<Bell>) {
        let wakes = &mut self.state().wakes;
        wakes.retain(|wake| wake.strong_count() > 0);
        wakes.reserve_exact(1); // one, as a rule
        wakes.push(Arc::downgrade(wake));
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state().expired(Instant::now()).roster.counts()
    }

    pub(crate) fn change_history<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        let mut state = self.state();
        let changed = change(&mut state.expired(Instant::now()).history);
        self.wake(&mut state);
        changed
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state().snapshot(Instant::now())
    }

    /// What is to be kept of it.
    pub(crate) fn totals(&self) -> Totals {
        self.state().expired(Instant::now()).history.totals.clone()
    }

    /// What a store that is shared is to be given now, once.
    pub(crate) fn take(&self) -> Option<Due> {
        self.state().expired(Instant::now()).history.take()
    }

    /// To be told before that store is asked.
    pub(crate) fn ask(&self) -> Option<Asked> {
        self.state().history.ask()
    }

    /// All nodes together have added this until they were asked. Returns whether that could be used.
    pub(crate) fn settle(&self, asked: Asked, kept: Totals, version: Option<u64>) -> bool {
        let mut state = self.state();
        let history = &mut state.expired(Instant::now()).history;
        let before = history.totals.records.clone();
        let is_used = history.settle(asked, kept, version);
        if history.totals.records != before {
            self.wake(&mut state);
        }
        is_used
    }

    /// Whether this one is here, or expected back.
    pub(crate) fn has(&self, person: Person) -> bool {
        self.state().expired(Instant::now()).roster.has(person)
    }

    /// Nobody is here, and nobody is expected back.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().expired(Instant::now()).roster.is_empty()
    }

    pub(crate) fn has_news(&self) -> bool {
        self.state().news.as_ref().is_some_and(|news| !news.is_empty())
    }

    fn change(
        &self,
        what: Coming,
        who: Option<&Who>,
        change: impl FnOnce(&mut State, Option<Person>, Instant),
    ) {
        let (mut state, now) = (self.state(), Instant::now());
        change(state.expired(now), who.map(|who| who.person), now);
        let counts = state.roster.counts();
        let today = state.calendar.today();
        state.history.see(counts.visitors, now, today);
        if let Some(news) = &mut state.news {
            let name = who.and_then(|who| who.name.clone());
            news.push(News { what, counts, name });
        }
        self.wake(&mut state);
    }

    fn wake(&self, state: &mut State) {
        self.bell.ring();
        state.wakes.retain(|wake| {
            let wake = wake.upgrade();
            wake.as_deref().map(Bell::ring).is_some()
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribers(&self) -> MutexGuard<'_, Option<watch::Sender<Counts>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells these, if it is news to them.
fn tell(subscribers: Option<&watch::Sender<Counts>>, counts: &Counts) {
    let Some(sender) = subscribers else { return };
    sender.send_if_modified(|told| {
        let is_news = told != counts;
        told.clone_from(counts);
        is_news
    });
}

impl State {
    fn snapshot(&mut self, now: Instant) -> Snapshot {
        let Self { roster, history, rooms, rooms_elsewhere, is_alone, .. } = self.expired(now);
        let snapshot = history.snapshot(roster.counts(), *rooms + *rooms_elsewhere, now);
        Snapshot {
            people: roster.people(now),
            here: roster.here(),
            is_alone: *is_alone,
            ..snapshot
        }
    }

    /// As it is now: without those whose leave grace has ended.
    fn expired(&mut self, now: Instant) -> &mut Self {
        // Each at its time: nobody may have looked since.
        while let Some(end) = self.roster.next_expiry().filter(|end| *end <= now) {
            self.roster.expire(end);
            self.history.see(self.roster.counts().visitors, end, self.calendar.day(now - end));
        }
        self.history.see(self.roster.counts().visitors, now, self.calendar.today());
        self
    }

    fn call(&mut self, who: Option<&Who>) {
        if let Some(Who { person, name, .. }) = who {
            self.roster.call(*person, name.clone());
        }
    }

    fn know(&mut self, who: Option<&Who>) {
        if let Some(Who { person, token, .. }) = who {
            self.roster.know(*person, *token);
        }
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
