//! What one other node has said.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::nodes::message::{Part, Said, Word};
use crate::presence::headcount::Headcount;
use crate::store::contract::RoomKey;

/// Between two times that a peer is asked to tell everything.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// One other node.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) rooms: HashMap<RoomKey, Headcount>,
    pub(crate) heard: Instant,
    /// Of the changes that it has told: which of them were heard last.
    changes: u64,
    /// Nothing of what it has said was missed.
    is_whole: bool,
    telling: Option<Telling>,
    asked: Option<Instant>,
}

/// It is telling everything.
#[derive(Debug)]
struct Telling {
    next: Part,
    heard: Instant,
    /// What has been told since the beginning.
    rooms: HashSet<RoomKey>,
}

impl Peer {
    pub(crate) fn new(changes: u64, now: Instant) -> Self {
        Self {
            rooms: HashMap::new(),
            heard: now,
            changes,
            is_whole: false,
            telling: None,
            asked: None,
        }
    }

    /// Takes in what it says, and returns the rooms that this changes. What is older than what was heard before is
    /// ignored.
    pub(crate) fn hear(&mut self, changes: u64, word: Word, now: Instant) -> Vec<RoomKey> {
        if changes < self.changes {
            return Vec::new();
        }
        let is_next =
            changes == self.changes.wrapping_add(u64::from(matches!(word, Word::Changes(_))));
        let is_repeated = matches!(word, Word::Changes(_)) && changes == self.changes;
        if is_repeated && self.is_whole {
            return Vec::new();
        }
        self.heard = now;
        self.changes = changes;
        if !is_next && !is_repeated {
            (self.is_whole, self.telling) = (false, None);
        }
        match word {
            Word::Changes(rooms) => self.take(rooms),
            Word::Everything { part, rooms } => self.take_part(part, rooms, now),
            Word::Hello | Word::Beat | Word::Ask(_) | Word::Values(_) | Word::Goodbye => Vec::new(),
        }
    }

    /// Whether it is to be asked to tell everything. It is, if this says so.
    pub(crate) fn is_to_be_asked(&mut self, now: Instant) -> bool {
        // The rest may be lost.
        self.telling.take_if(|telling| now >= telling.heard + ASK_AGAIN);
        let is_patient = self.asked.is_some_and(|asked| now < asked + ASK_AGAIN);
        if self.is_whole || self.telling.is_some() || is_patient {
            return false;
        }
        self.asked = Some(now);
        true
    }

    fn take(&mut self, rooms: Vec<Said>) -> Vec<RoomKey> {
        let mut changed = Vec::with_capacity(rooms.len());
        for (room, headcount) in rooms.into_iter().map(Said::into_parts) {
            if let Some(telling) = &mut self.telling {
                telling.rooms.insert(room.clone());
            }
            let is_news = if headcount.is_nobody() {
                self.rooms.remove(&room).is_some()
            } else {
                self.rooms.insert(room.clone(), headcount.clone()).as_ref() != Some(&headcount)
            };
            if is_news {
                changed.push(room);
            }
        }
        changed
    }

    fn take_part(&mut self, part: Part, rooms: Vec<Said>, now: Instant) -> Vec<RoomKey> {
        let Part { telling, number, is_last } = part;
        if number == 0 {
            let next = Part { is_last: false, ..part };
            self.telling = Some(Telling { next, heard: now, rooms: HashSet::new() });
        }
        match &mut self.telling {
            Some(told) if (told.next.telling, told.next.number) == (telling, number) => {
                told.next.number = number.wrapping_add(1);
                told.heard = now;
            }
            // The beginning was missed, or something in between.
            _ => {
                self.telling = None;
                return Vec::new();
            }
        }
        let mut changed = self.take(rooms);
        if let Some(told) = self.telling.take_if(|_| is_last) {
            let gone = self.rooms.extract_if(|room, _| !told.rooms.contains(room));
            changed.extend(gone.map(|(room, _)| room));
            self.is_whole = true;
        }
        changed
    }
}
