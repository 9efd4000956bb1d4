//! Who is in a room, or in all rooms of a badge: counts, history and news under one lock.

use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::presence::calendar::Calendar;
use crate::presence::counts::{Counts, Grace, Snapshot};
use crate::presence::history::History;
use crate::presence::leaving::Leaving;
use crate::presence::people::Who;
use crate::presence::roster::Roster;
use crate::presence::totals::Totals;
use crate::request::name::Name;
use crate::request::pseudonym::Person;
use crate::sync::{Mutex, MutexGuard};

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
    calendar: Arc<Calendar>,
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
        let state = State { roster, history, calendar, news, wakes: Vec::new(), rooms: 0 };
        Self { state: Mutex::new(state), subscribers: Mutex::default() }
    }

    /// What its request says decides from now on how this visitor is called.
    pub(crate) fn join(&self, who: Option<&Who>) {
        self.change(Coming::Join, who, |state, person, now| {
            let before = state.roster.counts().visitors;
            state.roster.join(person, now);
            state.call(who);
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
        let Some(sender) = &*subscribers else { return };
        sender.send_if_modified(|told| {
            let is_news = *told != counts;
            *told = counts;
            is_news
        });
    }

    /// A total is of so many rooms more, or less.
    pub(crate) fn change_rooms(&self, by: isize) {
        let mut state = self.state();
        state.expired(Instant::now());
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

    pub(crate) fn change_history<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        let mut state = self.state();
        let changed = change(&mut state.expired(Instant::now()).history);
        state.wake();
        changed
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (mut state, now) = (self.state(), Instant::now());
        let State { roster, history, rooms, .. } = state.expired(now);
        Snapshot { people: roster.people(now), ..history.snapshot(roster.counts(), *rooms, now) }
    }

    /// What is to be kept of it.
    pub(crate) fn totals(&self) -> Totals {
        self.state().expired(Instant::now()).history.totals.clone()
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

    fn wake(&mut self) {
        self.wakes.retain(|wake| {
            let wake = wake.upgrade();
            wake.as_deref().map(Notify::notify_one).is_some()
        });
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;
    use crate::presence::leaving::LeaveReason;
    use crate::request::key::VisitorKey;
    use crate::request::pseudonym::Blind;

    fn who(key: &str, name: Option<&str>) -> Who {
        let person = Blind::new().person(&VisitorKey::new(key));
        Who { person, token: 0, name: name.and_then(Name::of) }
    }

    fn total(grace: Grace) -> Crowd {
        Crowd::total(grace, Arc::default())
    }

    fn of_room(grace: Grace) -> Crowd {
        Crowd::of_room(grace, Arc::default(), None)
    }

    fn named(crowd: &Crowd) -> Vec<String> {
        let people = crowd.snapshot().people;
        people.first.iter().map(|someone| someone.name.as_str().to_owned()).collect()
    }

    const LEAVING: Leaving = Leaving { reason: LeaveReason::Closed, stayed: Duration::ZERO };

    #[tokio::test(start_paused = true)]
    async fn who_left_long_ago_left_then_even_if_nobody_has_looked_since() {
        let grace = Duration::from_secs(3);
        let crowd = total(Grace { of_person: grace, of_keyless: grace });
        let alice = who("alice", None);
        for who in [Some(&alice), None] {
            crowd.join(who);
            crowd.leave(who, LEAVING);
        }
        tokio::time::advance(Duration::from_secs(63)).await;
        let snapshot = crowd.snapshot();
        assert_eq!(snapshot.counts, Counts::default());
        assert_eq!(snapshot.since_change, Duration::from_secs(60));
        assert_eq!(snapshot.recent[50..], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn rooms_that_are_gone_are_not_woken_and_not_kept() {
        let crowd = total(Grace { of_person: Duration::ZERO, of_keyless: Duration::ZERO });
        for _ in 0..100 {
            crowd.wakes(&Arc::new(Notify::new()));
        }
        assert_eq!(crowd.state().wakes.len(), 1);
    }

    fn of_grace(seconds: u64) -> Grace {
        let grace = Duration::from_secs(seconds);
        Grace { of_person: grace, of_keyless: grace }
    }

    #[test]
    fn every_room_that_is_there_is_woken() {
        let crowd = total(of_grace(0));
        let rooms = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        rooms.iter().for_each(|room| crowd.wakes(room));
        let are_woken = || rooms.iter().all(|room| pin!(room.notified()).now_or_never().is_some());
        assert!(!are_woken());
        crowd.join(None);
        assert!(are_woken());
        crowd.change_rooms(1);
        assert!(are_woken());
        crowd.change_history(History::reset);
        assert!(are_woken());
        assert!(!are_woken());
    }

    #[test]
    fn news_are_told_once_and_by_rooms_alone() {
        let (room, total) = (of_room(of_grace(0)), total(of_grace(0)));
        for crowd in [&room, &total] {
            crowd.join(None);
            crowd.leave(None, LEAVING);
            crowd.take_back(None);
        }
        assert!(room.has_news() && !total.has_news());
        let told: Vec<_> =
            room.take_news().into_iter().map(|news| (news.what, news.counts.streams)).collect();
        assert_eq!(told, [(Coming::Join, 1), (Coming::Leave(LEAVING), 0), (Coming::Return, 1)]);
        assert!(!room.has_news() && room.take_news().is_empty() && total.take_news().is_empty());
        assert_eq!(room.totals().records.joins, 1, "who returns has not come again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_grace_ends_when_it_does() {
        let crowd = total(of_grace(3));
        let alice = who("alice", None);
        crowd.join(Some(&alice));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(crowd.snapshot().since_change, Duration::from_secs(5));
        assert_eq!(crowd.next_expiry(), None);
        crowd.leave(Some(&alice), LEAVING);
        assert_eq!(crowd.next_expiry(), Some(Instant::now() + Duration::from_secs(3)));
        tokio::time::advance(Duration::from_millis(2999)).await;
        assert!(crowd.has(alice.person) && !crowd.is_empty());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!crowd.has(alice.person) && crowd.is_empty());
        assert_eq!(crowd.counts(), Counts::default());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_listens_is_told_of_each_change_once() {
        let crowd = total(of_grace(3));
        crowd.join(None);
        let (sender, mut told) = watch::channel(Counts::default());
        crowd.set_subscribers(sender);
        crowd.tell();
        assert!(told.has_changed().unwrap(), "of who is there already");
        assert_eq!(*told.borrow_and_update(), Counts { streams: 1, visitors: 1 });
        crowd.tell();
        assert!(!told.has_changed().unwrap());
        crowd.leave(None, LEAVING);
        crowd.tell();
        assert_eq!(*told.borrow_and_update(), Counts { streams: 0, visitors: 1 });
        tokio::time::advance(Duration::from_secs(3)).await;
        crowd.tell();
        assert_eq!(*told.borrow_and_update(), Counts::default());
    }

    #[test]
    fn a_new_day_begins_although_nobody_comes() {
        let crowd = total(of_grace(0));
        (0..3).for_each(|_| crowd.join(None));
        (0..2).for_each(|_| crowd.leave(None, LEAVING));
        crowd.change_history(|history| history.totals.records.day -= 1);
        let records = crowd.snapshot().records;
        assert_eq!((records.peak, records.peak_today), (3, 1));
    }

    #[test]
    fn the_newest_request_says_how_a_visitor_is_called() {
        let crowd = of_room(of_grace(0));
        let anna = who("a", Some("Anna"));
        let anne = Who { name: Name::of("Anne"), ..anna.clone() };
        let guest = Who { name: None, ..anna.clone() };
        crowd.join(Some(&anna));
        crowd.join(Some(&anne));
        assert_eq!(named(&crowd), ["Anne"]);
        // Who had stopped reading brings an old name back only if nobody knows a newer one.
        crowd.leave(Some(&anna), LEAVING);
        crowd.take_back(Some(&anna));
        assert_eq!(named(&crowd), ["Anne"]);
        crowd.leave(Some(&anna), LEAVING);
        crowd.leave(Some(&anne), LEAVING);
        assert!(named(&crowd).is_empty());
        crowd.take_back(Some(&anna));
        assert_eq!(named(&crowd), ["Anna"]);
        crowd.join(Some(&guest)); // has logged out
        assert!(named(&crowd).is_empty());
        let told: Vec<_> = crowd.take_news().into_iter().map(|news| news.name).collect();
        assert_eq!(told.len(), 8);
        assert!(told[..7].iter().all(Option::is_some) && told[7].is_none());
    }

    /// Somebody who looks at a total would do that; mostly, nobody does.
    #[tokio::test(start_paused = true)]
    async fn a_name_is_forgotten_although_nobody_looks() {
        let crowd = total(of_grace(3));
        let anna = who("a", Some("Anna"));
        for settle in [Crowd::tell, |crowd: &Crowd| crowd.change_rooms(-1)] {
            crowd.join(Some(&anna));
            crowd.leave(Some(&anna), LEAVING);
            tokio::time::advance(Duration::from_secs(3)).await;
            let is_kept = || crowd.state().roster.people(Instant::now()).count == 1;
            assert!(is_kept());
            settle(&crowd);
            assert!(!is_kept());
        }
    }
}
