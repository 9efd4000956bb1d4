//! The numbers of a room, as plain data: how many there are, and how many there have been.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::presence::people::People;

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

/// What has been in a room so far.
///
/// To be stored as it is (with `serde`), and brought back after a restart by
/// [`RoomHandle::set_records`](crate::RoomHandle::set_records). Fields that were not yet there when it was
/// stored are zero.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Records {
    /// The most visitors at once.
    pub peak: usize,
    /// The most visitors at once on that day.
    pub peak_today: usize,
    /// Which day: so many since 1970, UTC.
    pub day: u64,
    /// How often a visitor has come. Another tab of somebody who is there is not another visitor,
    /// nor is a reload within the leave grace.
    pub joins: u64,
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
        let of_other = (&other.counts, &other.records, other.rooms);
        (&self.counts, &self.records, self.rooms) != of_other
            || self.people.differ_from(&other.people)
    }
}
