//! Who is in a room: a pure state machine, fed with instants.
//!
//! *Streams* are open response bodies. *Visitors* are people, as far as a
//! [`VisitorKey`](crate::VisitorKey) can tell them apart: someone with five tabs is five streams and one visitor. A stream without a key is a
//! visitor of its own.
//!
//! With a leave grace, whoever leaves stays a visitor for that long; coming back within it changes
//! nothing. Streams without a key are interchangeable: a newcomer takes over the seat that was left
//! last, so that a reload changes nothing either. Those visitors are then as many as there were
//! streams at once within the last grace.
//!
//! A name belongs to its visitor, and goes with that one.
//!
//! Where there are other nodes, who is there counts as well: who is there and here, once.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::time::Instant;

use crate::presence::counts::{Counts, Grace};
use crate::presence::elsewhere::Elsewhere;
use crate::presence::headcount::{Headcount, Roll};
use crate::presence::people::{MAX_PEOPLE, People, Someone};
use crate::request::name::Name;
use crate::request::pseudonym::Person;

/// The state machine.
#[derive(Debug)]
pub(crate) struct Roster {
    /// Of a person, and of a stream without one.
    grace: Grace,
    streams: usize,
    keyless: usize,
    /// In a box, because most rooms have none.
    keyed: Option<Box<Keyed>>,
    warm_keyless: VecDeque<Instant>,
    /// `None` where there are no other nodes.
    elsewhere: Option<Box<Elsewhere>>,
}

/// Those who can be told from others.
#[derive(Debug, Default)]
struct Keyed {
    visitors: HashMap<Person, Visitor>,
    /// Those of them with a name, in the order in which they came, and since when.
    named: BTreeMap<u64, (Name, Instant)>,
    arrivals: u64,
    /// Those whose grace has begun, by when it ends and in the order in which it began.
    warm: BTreeMap<(Instant, u64), Person>,
    departures: u64,
}

#[derive(Debug)]
struct Visitor {
    streams: usize,
    /// By what the other nodes know this one.
    token: Option<u64>,
    /// Which one it was to come, and when.
    arrival: u64,
    came: Instant,
    /// Where in `warm` it is; `None` while there is a stream.
    warm: Option<(Instant, u64)>,
}

impl Roster {
    pub(crate) fn new(grace: Grace) -> Self {
        Self {
            grace,
            streams: 0,
            keyless: 0,
            keyed: None,
            warm_keyless: VecDeque::new(),
            elsewhere: None,
        }
    }

    /// There are other nodes. To be called before anybody comes.
    pub(crate) fn has_other_nodes(&mut self) {
        self.elsewhere = Some(Box::default());
    }

    /// They have said this; `None`: nothing new.
    pub(crate) fn hear(&mut self, headcount: Option<Headcount>) {
        let Some(elsewhere) = &mut self.elsewhere else { return };
        match headcount {
            Some(headcount) => elsewhere.hear(headcount),
            None => elsewhere.look(),
        }
    }

    /// What they are to be told, as of the last call that was given an instant.
    pub(crate) fn roll(&self) -> Option<Roll> {
        Some(self.elsewhere.as_ref()?.roll(&self.here()))
    }

    /// One more stream.
    pub(crate) fn join(&mut self, person: Option<Person>, now: Instant) {
        self.expire(now);
        self.streams += 1;
        match person {
            None => {
                self.keyless += 1;
                self.warm_keyless.pop_back();
            }
            Some(person) => {
                let keyed = self.keyed.get_or_insert_default();
                let (arrival, came) = (keyed.arrivals, now);
                let new = || Visitor { streams: 0, token: None, arrival, came, warm: None };
                let visitor = keyed.visitors.entry(person).or_insert_with(new);
                keyed.arrivals += 1;
                visitor.streams += 1;
                if let Some(warm) = visitor.warm.take() {
                    keyed.warm.remove(&warm);
                }
            }
        }
    }

    /// One stream less. To be called once for each join, with its key.
    pub(crate) fn leave(&mut self, person: Option<Person>, now: Instant) {
        self.expire(now);
        match person {
            None => {
                debug_assert!(self.keyless > 0, "a stream left that never joined");
                self.streams = self.streams.saturating_sub(1);
                self.keyless = self.keyless.saturating_sub(1);
                self.warm_keyless.push_back(now + self.grace.of_keyless);
            }
            Some(person) => {
                let Some(Keyed { visitors, warm, departures, .. }) = self.keyed.as_deref_mut()
                else {
                    debug_assert!(false, "a visitor left that never joined");
                    return;
                };
                let Some(visitor) = visitors.get_mut(&person) else {
                    debug_assert!(false, "a visitor left that never joined");
                    return;
                };
                self.streams = self.streams.saturating_sub(1);
                visitor.streams = visitor.streams.saturating_sub(1);
                if visitor.streams == 0 {
                    *departures += 1;
                    let place = (now + self.grace.of_person, *departures);
                    visitor.warm = Some(place);
                    warm.insert(place, person);
                }
            }
        }
        self.expire(now);
    }

    /// Forgets the warm seats whose grace has ended.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.warm_keyless.front().is_some_and(|until| *until <= now) {
            self.warm_keyless.pop_front();
        }
        let Some(Keyed { visitors, named, warm, .. }) = self.keyed.as_deref_mut() else { return };
        while let Some(first) = warm.first_entry().filter(|entry| entry.key().0 <= now) {
            if let Some(gone) = visitors.remove(&first.remove()) {
                named.remove(&gone.arrival);
                if let (Some(elsewhere), Some(token)) = (&mut self.elsewhere, gone.token) {
                    elsewhere.goes(token);
                }
            }
        }
        if visitors.is_empty() {
            self.keyed = None;
        }
    }

    /// By what the other nodes know somebody who is here.
    pub(crate) fn know(&mut self, person: Person, token: u64) {
        let visitor = self.keyed.as_mut().and_then(|keyed| keyed.visitors.get_mut(&person));
        let visitor = visitor.filter(|visitor| visitor.token.is_none());
        if let (Some(elsewhere), Some(visitor)) = (&mut self.elsewhere, visitor) {
            visitor.token = Some(token);
            elsewhere.comes(token);
        }
    }

    /// What somebody who is here is called from now on; without a name, one more of the guests.
    pub(crate) fn call(&mut self, person: Person, name: Option<Name>) {
        let Some(Keyed { visitors, named, .. }) = self.keyed.as_deref_mut() else { return };
        let Some(Visitor { arrival, came, .. }) = visitors.get(&person) else { return };
        match name {
            Some(name) => named.insert(*arrival, (name, *came)),
            None => named.remove(arrival),
        };
    }

    /// Those who are here by name, as of now.
    pub(crate) fn people(&self, now: Instant) -> People {
        let someone = |(name, came): &(Name, Instant)| Someone {
            name: name.clone(),
            since: now.saturating_duration_since(*came),
        };
        let Some(Keyed { named, .. }) = self.keyed.as_deref() else { return People::default() };
        let first = named.values().take(MAX_PEOPLE).map(someone).collect();
        People { first, count: named.len() }
    }

    /// When `expire` may have something to do next.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let keyed = self.keyed.as_ref().and_then(|keyed| keyed.warm.first_key_value());
        let keyed = keyed.map(|((until, _), _)| *until);
        self.warm_keyless.front().copied().into_iter().chain(keyed).min()
    }

    /// The counts as of the last call that was given an instant, with those of other nodes.
    pub(crate) fn counts(&self) -> Counts {
        let here = self.here();
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.add_to(here),
            None => here,
        }
    }

    /// The same without.
    pub(crate) fn here(&self) -> Counts {
        let keyless = self.keyless + self.warm_keyless.len();
        let keyed = self.keyed.as_ref().map_or(0, |keyed| keyed.visitors.len());
        Counts { streams: self.streams, visitors: keyless + keyed }
    }

    /// Whether this one is here, or expected back.
    pub(crate) fn has(&self, person: Person) -> bool {
        self.keyed.as_ref().is_some_and(|keyed| keyed.visitors.contains_key(&person))
    }

    /// Nobody is here, and nobody is expected back.
    pub(crate) fn is_empty(&self) -> bool {
        self.here() == Counts::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::request::key::VisitorKey;
    use crate::request::pseudonym::Blind;

    const GRACE: u64 = 30;

    fn alice() -> Person {
        Blind::new().person(&VisitorKey::new("alice"))
    }

    fn grace(grace: Duration) -> Grace {
        Grace { of_person: grace, of_keyless: grace }
    }

    /// What happens, and how many milliseconds after what happened before.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Join(Option<u8>, u64),
        /// The n-th of the streams that are open, if any is.
        Leave(usize, u64),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = prop_oneof![Just(None), (0..4u8).prop_map(Some)];
        let step = prop_oneof![
            3 => (key, 0..20u64).prop_map(|(key, after)| Step::Join(key, after)),
            3 => (any::<usize>(), 0..20u64).prop_map(|(nth, after)| Step::Leave(nth, after)),
            1 => (0..60u64).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 0..120)
    }

    /// The definition, written for clearness: every span of time during which so many streams of
    /// one key were open.
    #[derive(Default)]
    struct Model {
        spans: HashMap<Option<u8>, Vec<(u64, usize)>>,
    }

    impl Model {
        fn add(&mut self, key: Option<u8>, now: u64, change: isize) {
            let spans = self.spans.entry(key).or_default();
            let open = spans.last().map_or(0, |span| span.1);
            spans.push((now, open.checked_add_signed(change).unwrap()));
        }

        /// The most streams at once within the last grace.
        fn most(&self, key: Option<u8>, now: u64) -> usize {
            let Some(spans) = self.spans.get(&key) else { return 0 };
            let lasted = spans.iter().skip(1).map(|span| span.0).chain([u64::MAX]);
            let recent =
                spans.iter().zip(lasted).filter(|(_, until)| until.saturating_add(GRACE) > now);
            recent.map(|(span, _)| span.1).max().unwrap_or(0)
        }

        fn counts(&self, now: u64) -> Counts {
            let open = |spans: &Vec<(u64, usize)>| spans.last().map_or(0, |span| span.1);
            let keys = self.spans.keys().filter(|key| key.is_some());
            Counts {
                streams: self.spans.values().map(open).sum(),
                visitors: self.most(None, now)
                    + keys.filter(|key| self.most(**key, now) > 0).count(),
            }
        }
    }

    proptest! {
        #[test]
        fn it_counts_as_the_definition_says(steps in steps()) {
            let start = Instant::now();
            let at = |now: u64| start + Duration::from_millis(now);
            let blind = Blind::new();
            let key = |key: Option<u8>| key.map(|key| blind.person(&VisitorKey::new([key])));
            let mut roster = Roster::new(grace(Duration::from_millis(GRACE)));
            let (mut model, mut open, mut now) = (Model::default(), Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Join(who, after) => {
                        now += after;
                        roster.join(key(who), at(now));
                        if let Some(person) = key(who) {
                            roster.call(person, Name::of("Anna").filter(|_| who != Some(3)));
                        }
                        model.add(who, now, 1);
                        open.push(who);
                    }
                    Step::Leave(nth, after) if !open.is_empty() => {
                        now += after;
                        let who = open.swap_remove(nth % open.len());
                        roster.leave(key(who), at(now));
                        model.add(who, now, -1);
                    }
                    Step::Leave(..) => {}
                    Step::Wait(time) => now += time,
                }
                roster.expire(at(now));
                prop_assert_eq!(roster.counts(), model.counts(now));
                let expected_back = roster.counts().visitors > 0 && open.is_empty();
                prop_assert!(!expected_back || roster.next_expiry().is_some_and(|at_| at_ > at(now)));
            }
            for who in open {
                roster.leave(key(who), at(now));
            }
            roster.expire(at(now + GRACE));
            prop_assert!(roster.is_empty());
            prop_assert!(roster.keyed.is_none(), "nothing is left behind");
        }
    }

    #[test]
    fn a_reload_within_the_grace_changes_nothing() {
        let start = Instant::now();
        for key in [None, Some(alice())] {
            let mut roster = Roster::new(grace(Duration::from_secs(3)));
            roster.join(key, start);
            roster.leave(key, start + Duration::from_secs(1));
            assert_eq!(roster.counts(), Counts { streams: 0, visitors: 1 });
            assert!(!roster.is_empty() && key.is_none_or(|key| roster.has(key)), "expected back");
            roster.join(key, start + Duration::from_secs(2));
            assert_eq!(roster.counts(), Counts { streams: 1, visitors: 1 });
            roster.expire(start + Duration::from_secs(60));
            assert_eq!(roster.counts(), Counts { streams: 1, visitors: 1 });
        }
    }

    #[test]
    fn five_tabs_of_one_key_are_one_visitor() {
        let (now, key) = (Instant::now(), alice());
        let mut roster = Roster::new(grace(Duration::ZERO));
        (0..5).for_each(|_| roster.join(Some(key), now));
        assert_eq!(roster.counts(), Counts { streams: 5, visitors: 1 });
        assert!(roster.has(key) && !roster.is_empty());
        (0..5).for_each(|_| roster.leave(Some(key), now));
        assert!(!roster.has(key) && roster.is_empty());
    }

    fn called(roster: &Roster, now: Instant) -> Vec<(String, u64)> {
        let people = roster.people(now);
        assert!(people.count == people.first.len() || people.first.len() == MAX_PEOPLE);
        let said = |someone: &Someone| (someone.name.as_str().to_owned(), someone.since.as_secs());
        people.first.iter().map(said).collect()
    }

    #[test]
    fn names_stand_in_the_order_in_which_their_visitors_came_and_go_with_them() {
        let (start, blind) = (Instant::now(), Blind::new());
        let at = |seconds| start + Duration::from_secs(seconds);
        let [anna, ben] = ["a", "b"].map(|key| blind.person(&VisitorKey::new(key)));
        let mut roster = Roster::new(grace(Duration::from_secs(3)));
        roster.join(Some(anna), at(0));
        roster.join(Some(ben), at(1));
        roster.call(ben, Name::of("Ben"));
        assert_eq!(called(&roster, at(2)), [("Ben".into(), 1)], "the other one is a guest");
        roster.call(anna, Name::of("Anna"));
        assert_eq!(called(&roster, at(2)), [("Anna".into(), 2), ("Ben".into(), 1)]);
        // Another name, a second tab, and a reload are no arrivals.
        roster.join(Some(anna), at(3));
        roster.call(anna, Name::of("Anne"));
        roster.leave(Some(anna), at(4));
        roster.leave(Some(anna), at(4));
        assert_eq!(called(&roster, at(6)), [("Anne".into(), 6), ("Ben".into(), 5)]);
        roster.join(Some(anna), at(6));
        roster.call(ben, None);
        assert_eq!(called(&roster, at(7)), [("Anne".into(), 7)]);
        roster.leave(Some(anna), at(7));
        roster.expire(at(10));
        let names = |roster: &Roster| roster.keyed.as_ref().expect("Ben is here").named.len();
        assert_eq!(names(&roster), 0);
        roster.call(anna, Name::of("Anna"));
        assert_eq!(names(&roster), 0, "nobody who is not here is called");
        roster.join(Some(anna), at(11));
        roster.call(anna, Name::of("Anna"));
        roster.call(ben, Name::of("Ben"));
        assert_eq!(called(&roster, at(11)), [("Ben".into(), 10), ("Anna".into(), 0)]);
    }

    #[test]
    fn of_many_names_the_first_are_told_and_all_are_counted() {
        let (now, blind) = (Instant::now(), Blind::new());
        let mut roster = Roster::new(grace(Duration::ZERO));
        for number in 0..150_u8 {
            let person = blind.person(&VisitorKey::new([number]));
            roster.join(Some(person), now);
            roster.call(person, Name::of(&number.to_string()));
        }
        assert_eq!(roster.people(now).count, 150);
        let names: Vec<String> = (0..100).map(|number: u8| number.to_string()).collect();
        assert_eq!(called(&roster, now).into_iter().map(|one| one.0).collect::<Vec<_>>(), names);
    }
}
