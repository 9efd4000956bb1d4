//! The numbers of a room, as plain data: how many there are, and how many there have been.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::presence::people::People;
use crate::presence::records::Records;

/// How many are in a room.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// Open streams: tabs, windows, embedded images.
    pub streams: usize,
    /// Distinct visitors, including those within their leave grace.
    pub visitors: usize,
}

/// How long somebody who left stays a visitor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grace {
    pub(crate) of_person: Duration,
    pub(crate) of_keyless: Duration,
}

/// How many are in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomCounts {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// How many are in it.
    pub counts: Counts,
}

/// What a picture can show of a crowd at one instant.
#[derive(Debug, Default, Clone)]
pub(crate) struct Snapshot {
    pub(crate) counts: Counts,
    /// Those of them who are on this node.
    pub(crate) here: Counts,
    /// The other nodes can't be reached.
    pub(crate) is_alone: bool,
    pub(crate) records: Records,
    pub(crate) since_change: Duration,
    /// The number of visitors in the last minutes, oldest first.
    pub(crate) recent: Vec<usize>,
    pub(crate) rooms: usize,
    pub(crate) people: People,
}

impl Snapshot {
    /// Something has happened since the other one, apart from time passing.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        let of_other = (&other.counts, &other.records, other.rooms, other.is_alone);
        (&self.counts, &self.records, self.rooms, self.is_alone) != of_other
            || self.people.differ_from(&other.people)
    }
}
