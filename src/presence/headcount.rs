//! How many are in a room, so that it can be added up over nodes.

use crate::presence::distinct::Distinct;

/// Up to so many people in a room, on one node or on several, are known one by one: 8 KB, as much as the sketch
/// that more of them become.
const EXACT: usize = 1024;

/// How many are in a room on one node, or on several.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Headcount {
    pub(crate) streams: u64,
    /// Those within their leave grace included.
    pub(crate) people: Distinct<EXACT>,
}

/// The same of one node, as it is read.
#[derive(Debug)]
pub(crate) struct Roll {
    pub(crate) streams: usize,
    /// Those who can't be told from others.
    pub(crate) keyless: usize,
    pub(crate) tokens: Vec<u64>,
}

impl Headcount {
    pub(crate) fn of(roll: Roll) -> Self {
        let Roll { streams, keyless, tokens } = roll;
        Self { streams: streams as u64, people: Distinct::of_all(keyless as u64, tokens) }
    }

    /// Nobody is there.
    pub(crate) fn is_nobody(&self) -> bool {
        self.streams == 0 && self.people.count() == 0
    }

    /// With those who are there on another node.
    pub(crate) fn add(&mut self, other: &Self) {
        self.streams = self.streams.saturating_add(other.streams);
        self.people.add(&other.people);
    }
}
