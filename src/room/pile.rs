//! What waits to be given to a store that all nodes share, and the rooms that are to hear of it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::presence::crowd::Crowd;
use crate::presence::ledger::{Asked, Due};
use crate::presence::totals::Totals;
use crate::room::keeper::MAX_WAITING;
use crate::room::opened::Room;
use crate::store::contract::{Batch, RoomKey};

/// What waits, and who is to hear.
#[derive(Debug, Default)]
pub(crate) struct Pile {
    pub(crate) open: HashMap<RoomKey, Open>,
    /// Of rooms that are not open any more.
    pub(crate) waiting: HashMap<RoomKey, Due>,
    /// What is being given, or may have been given: it is tried until that is known.
    pub(crate) giving: Option<Arc<Parcel>>,
    pub(crate) is_under_way: bool,
    /// Grows whenever something is taken from what waits.
    pub(crate) steps: u64,
    pub(crate) flushes: u64,
    pub(crate) is_over: bool,
    /// Rooms that were forgotten because the store has failed for long.
    pub(crate) lost: u64,
}

/// A room that is looked at in each round.
#[derive(Debug)]
pub(crate) enum Open {
    Room(Weak<Room>),
    Total(Arc<Crowd>),
}

/// The same of one that is still there.
#[derive(Debug)]
pub(crate) enum There {
    Room(Arc<Room>),
    Total(Arc<Crowd>),
}

/// What is given at once.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) batch: Batch,
    pub(crate) dues: HashMap<RoomKey, Due>,
}

impl Pile {
    pub(crate) fn bring(&mut self, room: RoomKey, due: Due) {
        if self.waiting.len() >= MAX_WAITING && !self.waiting.contains_key(&room) {
            self.lost += 1;
            return;
        }
        append(&mut self.waiting, room, due);
    }

    /// What waits until now.
    pub(crate) fn take_waiting(&mut self) -> HashMap<RoomKey, Due> {
        self.steps += 1;
        std::mem::take(&mut self.waiting)
    }

    /// The rooms that are still there.
    pub(crate) fn there(&mut self) -> Vec<(RoomKey, There)> {
        let mut there = Vec::with_capacity(self.open.len());
        self.open.retain(|room, open| {
            let one = match open {
                Open::Room(open) => open.upgrade().map(There::Room),
                Open::Total(crowd) => Some(There::Total(crowd.clone())),
            };
            one.map(|one| there.push((room.clone(), one))).is_some()
        });
        there
    }
}

/// Adds this behind what has been due of the same room before.
pub(crate) fn append(dues: &mut HashMap<RoomKey, Due>, room: RoomKey, due: Due) {
    let due = match dues.remove(&room) {
        Some(before) => before.then(due),
        None => due,
    };
    dues.insert(room, due);
}

impl There {
    pub(crate) fn crowd(&self) -> &Arc<Crowd> {
        match self {
            Self::Room(room) => &room.crowd,
            Self::Total(crowd) => crowd,
        }
    }

    /// Of one that was forgotten meanwhile nothing is to be given.
    pub(crate) fn take(&self) -> Option<Due> {
        match self {
            Self::Room(room) if room.is_forgotten() => None,
            _ => self.crowd().take(),
        }
    }

    pub(crate) fn settle(&self, asked: Asked, totals: Totals, version: u64) {
        match self {
            Self::Room(room) => drop(room.settle(asked, totals, Some(version))),
            Self::Total(crowd) => drop(crowd.settle(asked, totals, Some(version))),
        }
    }
}
