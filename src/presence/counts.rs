//! The numbers of a room, as plain data: how many there are, and how many there have been.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};
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

/// What a snapshot says, as far as time alone does not change it: short enough to be kept, to see whether the
/// next one says something else.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Gist {
    pub(crate) counts: Counts,
    pub(crate) here: Counts,
    pub(crate) day: u64,
    /// Hashes, under a key of this process: nobody can make two that are alike.
    pub(crate) records: u64,
    all_else: u64,
}

impl Snapshot {
    pub(crate) fn gist(&self) -> Gist {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

        let Self { counts, here, is_alone, records, rooms, people, .. } = self;
        let names = people.first.iter().map(|someone| someone.name.as_str());
        let names: Vec<_> = names.collect();
        Gist {
            counts: counts.clone(),
            here: here.clone(),
            day: records.day,
            records: KEY.hash_one(records),
            all_else: KEY.hash_one((rooms, is_alone, people.count, names)),
        }
    }
}
