//! What this node says next: a plan, without a clock.

use std::collections::{HashSet, VecDeque};

use crate::nodes::message::{NodeId, Word};
use crate::store::contract::RoomKey;

/// As many rooms fit into one message, if their names are short.
const MAX_ROOMS: usize = 4096;

/// What this node has to say.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    is_hello_due: bool,
    to_ask: VecDeque<NodeId>,
    /// The rooms that have changed since they were said last.
    changed: HashSet<RoomKey>,
    /// How many times this was said.
    changes: u64,
    telling: Option<Telling>,
    /// The last message was about what changed: then something else has its turn.
    was_change: bool,
    end: End,
}

/// This node is telling everything, or is to.
#[derive(Debug)]
struct Telling {
    part: u32,
    /// `None` before the first part: what is opened until then is said as a change before it, and would be missed in
    /// a list that is older.
    left: Option<Vec<RoomKey>>,
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
    Changes(Vec<RoomKey>),
    Everything { part: u32, rooms: Vec<RoomKey> },
}

impl Speech {
    /// The others hear it from now on: it says that it is there, and all that there is.
    pub(crate) fn begin(&mut self) {
        self.is_hello_due = true;
        self.changed.clear();
        self.to_ask.clear();
        self.tell_everything();
    }

    pub(crate) fn tell_everything(&mut self) {
        self.telling = Some(Telling { part: 0, left: None });
    }

    pub(crate) fn ask(&mut self, node: NodeId) {
        self.to_ask.push_back(node);
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
        self.telling.take_if(|_| is_last);
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
        if let Some(node) = self.to_ask.pop_front() {
            return Some(Planned::Word(Word::Ask(node)));
        }
        let may_change = self.telling.is_none() || !self.was_change;
        self.was_change = may_change && !self.changed.is_empty();
        if self.was_change {
            self.changes += 1;
            let mut rooms: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
            self.changed.extend(rooms.drain(rooms.len().min(MAX_ROOMS)..));
            return Some(Planned::Changes(rooms));
        }
        let Telling { part, left } = self.telling.as_mut()?;
        let left = left.get_or_insert_with(all);
        let rooms = left.split_off(left.len().saturating_sub(MAX_ROOMS));
        let planned = Planned::Everything { part: *part, rooms };
        *part += 1;
        Some(planned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: usize) -> RoomKey {
        RoomKey::new("/{room}.png", format!("/{n}.png"))
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
                    assert_eq!((rooms.len(), step % 2), (1 + step.min(1), 0))
                }
                Planned::Everything { part, rooms } => {
                    assert_eq!((part, rooms.len(), step % 2), (parts, MAX_ROOMS, 1));
                    parts += 1;
                    assert_eq!(speech.tell_later(Vec::new()), parts == 2);
                }
                Planned::Word(word) => panic!("{word:?}"),
            }
        }
        assert_eq!(speech.next(all), Some(Planned::Changes(vec![room(3)])));
        assert_eq!(speech.changes(), 3);
        assert_eq!(speech.next(all), None);
    }

    /// Otherwise what is opened and said in between would be missing in it, and be taken for nobody's.
    #[test]
    fn everything_is_what_there_is_when_its_first_part_is_said() {
        let mut speech = Speech::default();
        speech.tell_everything();
        speech.say(&room(1));
        assert_eq!(speech.next(Vec::new), Some(Planned::Changes(vec![room(1)])));
        let first = Planned::Everything { part: 0, rooms: vec![room(1)] };
        assert_eq!(speech.next(|| vec![room(1)]), Some(first));
    }

    #[test]
    fn what_had_no_place_comes_later_and_goodbye_is_the_last_word() {
        let mut speech = Speech::default();
        speech.begin();
        let all = || vec![room(1), room(2)];
        speech.next(all);
        assert!(matches!(speech.next(all), Some(Planned::Everything { part: 0, .. })));
        assert!(!speech.tell_later(vec![room(2)]));
        let rest = Planned::Everything { part: 1, rooms: vec![room(2)] };
        assert_eq!(speech.next(all), Some(rest));
        assert!(speech.tell_later(Vec::new()));
        speech.say(&room(1));
        speech.end();
        assert_eq!(speech.next(all), Some(Planned::Word(Word::Goodbye)));
        speech.end();
        assert!(speech.has_ended() && speech.next(all).is_none());
    }
}
