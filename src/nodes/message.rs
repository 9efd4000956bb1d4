//! What nodes say to each other.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::presence::headcount::Headcount;
use crate::store::contract::RoomKey;

/// How the messages of this crate begin, whatever their version.
const MAGIC: &[u8] = b"livebadge";
/// Of what comes behind that. A node that says something else is not understood.
const VERSION: u8 = 1;

/// Who speaks: drawn at random by each process that starts, so that no two are the same.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct NodeId(pub(crate) [u8; 16]);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) node: NodeId,
    /// How many times it has said what changed, this one included.
    pub(crate) changes: u64,
    pub(crate) word: Word,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// I have come, or was away: tell me everything.
    Hello,
    /// I am here, and nothing has changed.
    Beat,
    /// These rooms have become so.
    Changes(Vec<Said>),
    /// All of my rooms are so: one part of it after the other. One that is in none of them is nobody's.
    Everything { part: Part, rooms: Vec<Said> },
    /// I have missed something of what these said: they are to tell everything.
    Ask(BTreeSet<NodeId>),
    /// These values of the application were set.
    Values(Vec<Told>),
    /// I go: nobody is here any more.
    Goodbye,
}

/// Which part of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// How many times everything has been told: parts of two times don't fit together.
    pub(crate) telling: u32,
    pub(crate) number: u32,
    pub(crate) is_last: bool,
}

/// How many are in a room.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    badge: String,
    path: String,
    streams: u64,
    people: Vec<u8>,
}

/// A value of the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) json: Vec<u8>,
}

/// How often it was set before that, as far as the node knew that set it; of two at once the greater node's is later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) node: NodeId,
}

/// Why a message is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misheard {
    /// Another version of this crate speaks.
    Version(u8),
    /// Anything else.
    Noise,
}

impl Message {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        // Into memory, of a type that it knows: nothing of this can fail.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Misheard> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Misheard::Noise)?;
        let (version, rest) = rest.split_first().ok_or(Misheard::Noise)?;
        if *version != VERSION {
            return Err(Misheard::Version(*version));
        }
        postcard::from_bytes(rest).map_err(|_| Misheard::Noise)
    }
}

impl Said {
    pub(crate) fn new(room: &RoomKey, headcount: &Headcount) -> Self {
        Self {
            badge: room.badge.to_string(),
            path: room.path.to_string(),
            streams: headcount.streams,
            people: if headcount.is_nobody() { Vec::new() } else { headcount.people.write() },
        }
    }

    /// How long it is, roughly.
    pub(crate) fn len(&self) -> usize {
        self.badge.len() + self.path.len() + self.people.len() + 16
    }

    /// The room, and who is in it; nobody, if that can't be read.
    pub(crate) fn into_parts(self) -> (RoomKey, Headcount) {
        let people = crate::presence::distinct::Distinct::read(&self.people).unwrap_or_default();
        (RoomKey::new(self.badge, self.path), Headcount { streams: self.streams, people })
    }
}

impl std::fmt::Debug for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for NodeId {
    /// Its first half: enough to tell some hundreds from each other.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::presence::headcount::Roll;

    #[test]
    fn what_is_said_is_heard() {
        let room = RoomKey::new("/rooms/{room}/x.png", "/rooms/caf%C3%A9/x.png");
        for tokens in [Vec::new(), vec![3, 1, 2], (0..5_000).collect()] {
            let headcount = Headcount::of(Roll { streams: 9, keyless: 2, tokens });
            let rooms = vec![Said::new(&room, &headcount)];
            let part = Part { telling: 2, number: 3, is_last: true };
            let word = Word::Everything { part, rooms };
            let message = Message { node: NodeId([7; 16]), changes: 300, word };
            let heard = Message::read(&message.write()).unwrap();
            assert_eq!(heard, message);
            let Word::Everything { mut rooms, .. } = heard.word else { panic!("another word") };
            assert_eq!(rooms.remove(0).into_parts(), (room.clone(), headcount));
        }
    }

    #[test]
    fn another_version_is_told_from_noise() {
        let message = Message { node: NodeId([7; 16]), changes: 0, word: Word::Hello };
        let mut bytes = message.write();
        bytes[MAGIC.len()] = 2;
        assert_eq!(Message::read(&bytes), Err(Misheard::Version(2)));
        assert_eq!(Message::read(b"PING"), Err(Misheard::Noise));
        assert_eq!(Message::read(&message.write()[..12]), Err(Misheard::Noise));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = MAGIC.to_vec();
            bytes.push(VERSION);
            bytes.extend(&tail);
            if let Ok(Message { word: Word::Changes(rooms), .. }) = Message::read(&bytes) {
                rooms.into_iter().for_each(|said| drop(said.into_parts()));
            }
            drop(Message::read(&tail));
        }
    }
}
