//! What this node says next: a plan, without a clock.

use std::collections::{BTreeSet, HashSet};

use crate::nodes::message::{NodeId, Part, Word};
use crate::store::contract::RoomKey;

/// As many rooms fit into one message, if their names are short.
const MAX_ROOMS: usize = 4096;

/// What this node has to say.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    is_hello_due: bool,
    to_ask: BTreeSet<NodeId>,
    /// The rooms that have changed since they were said last.
    changed: HashSet<RoomKey>,
    /// How many times this was said.
    changes: u64,
    telling: Option<Telling>,
    are_values_due: bool,
    /// Somebody asked while everything was being told, and may have missed the beginning.
    is_asked_again: bool,
    /// How many times everything was told.
    tellings: u32,
    /// What was said last: the others have their turn first.
    last: Kind,
    end: End,
}

/// This node is telling everything, or is to.
#[derive(Debug, Default)]
struct Telling {
    part: u32,
    /// `None` before the first part: what is opened until then is said as a change before it, and would be missed in
    /// a list that is older.
    left: Option<Vec<RoomKey>>,
}

/// What takes turns, so that nothing of it waits for ever.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Changes,
    Everything,
    Values,
    #[default]
    Ask,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    NotYet,
    Due,
    Said,
}

/// What is to be said; of rooms, of which.
#[derive(Debug, PartialEq)]
pub(crate) enum Planned {
    Word(Word),
    Values,
    Changes(Vec<RoomKey>),
    Everything { part: Part, rooms: Vec<RoomKey> },
}

impl Speech {
    /// The others may hear it from now on: it says that it is there, and all that there is.
    pub(crate) fn begin(&mut self) {
        self.is_hello_due = true;
        self.changed.clear();
        self.to_ask.clear();
        // What has changed while nobody heard it is a change, too: who misses what follows notices.
        self.changes += 1;
        self.telling = Some(Telling::default());
        self.is_asked_again = false;
    }

    pub(crate) fn tell_everything(&mut self) {
        // Not from the beginning again and again, if many ask.
        self.is_asked_again = self.telling.as_ref().is_some_and(|telling| telling.left.is_some());
        self.telling.get_or_insert_default();
    }

    pub(crate) fn ask(&mut self, node: NodeId) {
        self.to_ask.insert(node);
    }

    /// A value was set.
    pub(crate) fn say_values(&mut self) {
        self.are_values_due = true;
    }

    /// This room has changed. Returns whether that is news.
    pub(crate) fn say(&mut self, room: &RoomKey) -> bool {
        self.changed.insert(room.clone())
    }

    /// There was no place for these.
    pub(crate) fn say_later(&mut self, left: Vec<RoomKey>) {
        self.changed.extend(left);
    }

    /// There was no place for these. Returns whether everything has been told.
    pub(crate) fn tell_later(&mut self, left: Vec<RoomKey>) -> bool {
        let Some(telling) = &mut self.telling else { return true };
        let all = telling.left.get_or_insert_default();
        all.extend(left);
        let is_last = all.is_empty();
        if is_last {
            self.tellings = self.tellings.wrapping_add(1);
            let again = std::mem::take(&mut self.is_asked_again);
            self.telling = again.then(Telling::default);
        }
        is_last
    }

    /// From now on it says nothing but goodbye.
    pub(crate) fn end(&mut self) {
        if self.end == End::NotYet {
            self.end = End::Due;
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end == End::Said
    }

    /// How many times it has said what changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Of everything that is here, if that is to be told.
    pub(crate) fn next(&mut self, all: impl FnOnce() -> Vec<RoomKey>) -> Option<Planned> {
        match self.end {
            End::NotYet => {}
            End::Due => {
                self.end = End::Said;
                return Some(Planned::Word(Word::Goodbye));
            }
            End::Said => return None,
        }
        if std::mem::take(&mut self.is_hello_due) {
            return Some(Planned::Word(Word::Hello));
        }
        self.last = self.turn()?;
        Some(match self.last {
            Kind::Values => {
                self.are_values_due = false;
                Planned::Values
            }
            Kind::Ask => Planned::Word(Word::Ask(std::mem::take(&mut self.to_ask))),
            Kind::Changes => {
                self.changes += 1;
                let mut rooms: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
                self.changed.extend(rooms.drain(rooms.len().min(MAX_ROOMS)..));
                Planned::Changes(rooms)
            }
            Kind::Everything => {
                let Telling { part, left } = self.telling.as_mut()?;
                let left = left.get_or_insert_with(all);
                let rooms = left.split_off(left.len().saturating_sub(MAX_ROOMS));
                let part = Part { telling: self.tellings, number: next(part), is_last: false };
                Planned::Everything { part, rooms }
            }
        })
    }

    /// What has waited for longest of what there is to be said.
    fn turn(&self) -> Option<Kind> {
        let turns = match self.last {
            Kind::Ask => [Kind::Changes, Kind::Everything, Kind::Values, Kind::Ask],
            Kind::Changes => [Kind::Everything, Kind::Values, Kind::Ask, Kind::Changes],
            Kind::Everything => [Kind::Values, Kind::Ask, Kind::Changes, Kind::Everything],
            Kind::Values => [Kind::Ask, Kind::Changes, Kind::Everything, Kind::Values],
        };
        turns.into_iter().find(|kind| match kind {
            Kind::Ask => !self.to_ask.is_empty(),
            Kind::Values => self.are_values_due,
            Kind::Changes => !self.changed.is_empty(),
            Kind::Everything => self.telling.is_some(),
        })
    }
}

fn next(number: &mut u32) -> u32 {
    let now = *number;
    *number = now.wrapping_add(1);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: usize) -> RoomKey {
        RoomKey::new("/{room}.png", format!("/{n}.png"))
    }

    fn part(number: u32) -> Part {
        Part { telling: 0, number, is_last: false }
    }

    #[test]
    fn everything_and_changes_take_turns() {
        let mut speech = Speech::default();
        speech.begin();
        let all = || (0..2 * MAX_ROOMS).map(room).collect();
        assert_eq!(speech.next(all), Some(Planned::Word(Word::Hello)));
        let mut parts = 0;
        for step in 0..4 {
            speech.say(&room(step));
            match speech.next(all).unwrap() {
                Planned::Changes(rooms) => {
                    assert_eq!((rooms.len(), step % 2), (1 + step.min(1), 0));
                }
                Planned::Everything { part, rooms } => {
                    assert_eq!((part.number, rooms.len(), step % 2), (parts, MAX_ROOMS, 1));
                    parts += 1;
                    assert_eq!(speech.tell_later(Vec::new()), parts == 2);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(speech.next(all), Some(Planned::Changes(vec![room(3)])));
        assert_eq!((speech.next(all), speech.changes()), (None, 4));
    }

    /// Otherwise what is opened and said in between would be missing in it, and be taken for nobody's.
    #[test]
    fn everything_is_what_there_is_when_its_first_part_is_said() {
        let mut speech = Speech::default();
        speech.tell_everything();
        speech.say(&room(1));
        assert_eq!(speech.next(Vec::new), Some(Planned::Changes(vec![room(1)])));
        let first = Planned::Everything { part: part(0), rooms: vec![room(1)] };
        assert_eq!(speech.next(|| vec![room(1)]), Some(first));
    }

    #[test]
    fn whoever_asks_meanwhile_is_told_afterwards() {
        let mut speech = Speech::default();
        let all = || vec![room(1)];
        speech.tell_everything();
        speech.tell_everything();
        assert!(matches!(speech.next(all), Some(Planned::Everything { .. })));
        speech.tell_everything();
        assert!(speech.tell_later(Vec::new()));
        let again = Part { telling: 1, ..part(0) };
        assert_eq!(speech.next(all), Some(Planned::Everything { part: again, rooms: all() }));
        assert!(speech.tell_later(Vec::new()) && speech.next(all).is_none());
    }

    #[test]
    fn asking_lets_the_rest_have_its_turn() {
        let mut speech = Speech::default();
        let mut said = Vec::new();
        for node in 0..9 {
            speech.ask(NodeId([node; 16]));
            speech.say(&room(1));
            said.push(matches!(speech.next(Vec::new), Some(Planned::Changes(_))));
        }
        assert_eq!(said.iter().filter(|is_change| **is_change).count(), 5);
    }

    #[test]
    fn what_had_no_place_comes_later_and_goodbye_is_the_last_word() {
        let mut speech = Speech::default();
        speech.begin();
        let all = || vec![room(1), room(2)];
        speech.next(all);
        assert!(matches!(
            speech.next(all),
            Some(Planned::Everything { part: Part { number: 0, .. }, .. })
        ));
        assert!(!speech.tell_later(vec![room(2)]));
        let rest = Planned::Everything { part: part(1), rooms: vec![room(2)] };
        assert_eq!(speech.next(all), Some(rest));
        assert!(speech.tell_later(Vec::new()));
        speech.say(&room(1));
        speech.end();
        assert_eq!(speech.next(all), Some(Planned::Word(Word::Goodbye)));
        speech.end();
        assert!(speech.has_ended() && speech.next(all).is_none());
    }
}
