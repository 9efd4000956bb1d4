//! Any order of comings and goings in a crowd, against a definition of what is counted and told.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::presence::leaving::LeaveReason;
use crate::presence::people::Who;
use crate::request::key::VisitorKey;
use crate::request::pseudonym::Blind;

const GRACE: u64 = 30;
const LEAVING: Leaving = Leaving { reason: LeaveReason::Closed, stayed: Duration::ZERO };
/// Whoever has no key is gone at once, and so can't be taken for somebody else.
const GRACES: Grace = Grace { of_person: Duration::from_millis(GRACE), of_keyless: Duration::ZERO };

/// Of one of so many people, or none.
type Key = Option<u8>;

#[derive(Debug, Clone, Copy)]
enum Step {
    Join(Key),
    /// The n-th of the streams that are counted stops reading, or goes.
    Leave(usize),
    /// The n-th of those that had stopped reading reads again.
    TakeBack(usize),
    Wait(u64),
    TakeNews,
    Listen,
    /// Nobody may have looked for long.
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = prop_oneof![Just(None), (0..3u8).prop_map(Some)];
    let step = prop_oneof![
        4 => who.prop_map(Step::Join),
        4 => any::<usize>().prop_map(Step::Leave),
        2 => any::<usize>().prop_map(Step::TakeBack),
        2 => (0..2 * GRACE).prop_map(Step::Wait),
        1 => Just(Step::TakeNews),
        1 => Just(Step::Listen),
        3 => Just(Step::Look),
    ];
    prop::collection::vec(step, 0..80)
}

// What a crowd is asked, in the definition's words.

fn leave(crowd: &Crowd, person: Option<&Who>) {
    crowd.leave(person, LEAVING);
}

/// What was told: who came or went, and the counts since then.
fn news(crowd: &Crowd) -> Vec<(Coming, Counts)> {
    crowd.look().news.into_iter().map(|news| (news.what, news.counts)).collect()
}

#[derive(Default)]
struct Model {
    /// In milliseconds.
    now: u64,
    /// The streams that are counted, and those that have stopped reading.
    open: Vec<Key>,
    stalled: Vec<Key>,
    /// When somebody's last stream was given back.
    left: HashMap<u8, u64>,
    peak: usize,
    joins: u64,
    untold: Vec<(Coming, Counts)>,
}

impl Model {
    fn is_here(&self, key: u8) -> bool {
        let is_expected = || self.left.get(&key).is_some_and(|left| self.now < left + GRACE);
        self.open.contains(&Some(key)) || is_expected()
    }

    fn counts(&self) -> Counts {
        let keyless = self.open.iter().filter(|who| who.is_none()).count();
        let people = (0..3).filter(|key| self.is_here(*key)).count();
        Counts { streams: self.open.len(), visitors: keyless + people }
    }

    fn comes(&mut self, who: Key, what: Coming) {
        let before = self.counts().visitors;
        self.open.push(who);
        let counts = self.counts();
        self.peak = self.peak.max(counts.visitors);
        self.joins += u64::from(what == Coming::Join && counts.visitors > before);
        self.untold.push((what, counts));
    }

    fn goes(&mut self, nth: usize) -> Key {
        let who = self.open.swap_remove(nth);
        if let Some(key) = who.filter(|_| !self.open.contains(&who)) {
            self.left.insert(key, self.now);
        }
        self.untold.push((Coming::Leave(LEAVING), self.counts()));
        who
    }
}

async fn is_as_defined(steps: Vec<Step>) {
    let (crowd, blind) = (Crowd::of_room(GRACES, Arc::default(), None), Blind::new());
    let person = |who_key: Key| {
        let person = |key| blind.person(&VisitorKey::new([key]));
        let who = |key| Who { person: person(key), token: key.into(), name: None };
        who_key.map(who)
    };
    let (mut model, mut listening) = (Model::default(), None);
    for step in steps {
        match step {
            Step::Join(who) => {
                crowd.join(person(who).as_ref());
                model.comes(who, Coming::Join);
            }
            Step::Leave(nth) if !model.open.is_empty() => {
                let who = model.goes(nth % model.open.len());
                leave(&crowd, person(who).as_ref());
                model.stalled.push(who);
            }
            Step::TakeBack(nth) if !model.stalled.is_empty() => {
                let who = model.stalled.swap_remove(nth % model.stalled.len());
                crowd.take_back(person(who).as_ref());
                model.comes(who, Coming::Return);
            }
            Step::Leave(_) | Step::TakeBack(_) => {}
            Step::Wait(time) => {
                tokio::time::advance(Duration::from_millis(time)).await;
                model.now += time;
            }
            Step::TakeNews => assert_eq!(news(&crowd), std::mem::take(&mut model.untold)),
            Step::Listen => {
                let (sender, told) = watch::channel(Counts::default());
                crowd.set_subscribers(sender);
                listening = Some(told);
            }
            Step::Look => {
                is_alike(&crowd, &model, &blind);
                crowd.tell();
                if let Some(told) = &listening {
                    assert_eq!(*told.borrow(), model.counts());
                }
            }
        }
    }
    is_alike(&crowd, &model, &blind);
    assert_eq!(news(&crowd), model.untold);
}

fn is_alike(crowd: &Crowd, model: &Model, blind: &Blind) {
    let counts = model.counts();
    assert_eq!(crowd.counts(), counts);
    assert_eq!(crowd.is_empty(), counts == Counts::default());
    assert_eq!(crowd.has_news(), !model.untold.is_empty());
    for key in 0..3 {
        let person = blind.person(&VisitorKey::new([key]));
        assert_eq!(crowd.has(person), model.is_here(key), "{key}");
    }
    let records = crowd.snapshot().records;
    assert_eq!((records.peak, records.joins), (model.peak, model.joins));
}

proptest! {
    #[test]
    fn a_crowd_counts_and_tells_as_the_definition_says(steps in steps()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(is_as_defined(steps));
    }
}
