//! What is kept where in Redis, and how it is written.

use redis::{FromRedisValue, Pipeline};

use crate::presence::records::Records;
use crate::presence::totals::Totals;
use crate::request::random::random;
use crate::store::contract::RoomKey;
use crate::store::redis::server::{SECRET_LIFE, secret_key};

/// The fields of a room.
const VERSION: &str = "v";
const RECORDS: &str = "records";
/// So long after its last batch a node is forgotten: one that has not been able to reach the server for longer may add
/// a batch twice.
const NODE_LIFE: u64 = 30 * 24 * 60 * 60;

/// All of them, by what they begin with.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) prefix: String,
}

/// What is read of a room: its version, and its records.
pub(crate) type Read = (Option<u64>, Option<String>);

impl Keys {
    pub(crate) fn secret(&self, day: u64) -> String {
        secret_key(&self.prefix, day)
    }

    /// The last batch of a node, and how many parts of it are there.
    pub(crate) fn node(&self, node: u64) -> String {
        format!("{}:node:{node:016x}", self.prefix)
    }

    /// All rooms, by when they changed last.
    pub(crate) fn rooms(&self) -> String {
        format!("{}:rooms", self.prefix)
    }

    pub(crate) fn room(&self, name: &str) -> String {
        format!("{}:room:{name}", self.prefix)
    }

    /// Who came to a room on a day.
    pub(crate) fn people(&self, day: u64, name: &str) -> String {
        format!("{}:people:{day}:{name}", self.prefix)
    }

    /// Asks for a room's version.
    pub(crate) fn ask_version(&self, pipe: &mut Pipeline, name: &str) {
        pipe.cmd("HGET").arg(self.room(name)).arg(VERSION);
    }

    /// Asks for what [`Read`] takes.
    pub(crate) fn ask_room(&self, pipe: &mut Pipeline, name: &str) {
        pipe.cmd("HMGET").arg(self.room(name)).arg(VERSION).arg(RECORDS);
    }

    pub(crate) fn ask_people(&self, pipe: &mut Pipeline, name: &str, day: u64) {
        pipe.cmd("GET").arg(self.people(day, name));
    }

    /// Replaces what is kept of a room, at this time.
    pub(crate) fn write(&self, pipe: &mut Pipeline, name: &str, totals: &Totals, now: u64) {
        let records = serde_json::to_string(&totals.records).unwrap_or_default();
        let room = pipe.cmd("HSET").arg(self.room(name));
        room.arg(VERSION).arg(random().max(1)).arg(RECORDS).arg(records).ignore();
        let people = self.people(totals.records.day, name);
        if totals.records.visitors_today == 0 {
            pipe.cmd("DEL").arg(people).ignore();
        } else {
            let set = pipe.cmd("SET").arg(people).arg(totals.people());
            set.arg("EX").arg(SECRET_LIFE.as_secs()).ignore();
        }
        pipe.cmd("ZADD").arg(self.rooms()).arg(now).arg(name).ignore();
    }

    /// Who came to it expires by itself, if the day is not known.
    pub(crate) fn forget(&self, pipe: &mut Pipeline, name: &str, day: Option<u64>) {
        pipe.cmd("DEL").arg(self.room(name)).ignore();
        if let Some(day) = day {
            pipe.cmd("DEL").arg(self.people(day, name)).ignore();
        }
        pipe.cmd("ZREM").arg(self.rooms()).arg(name).ignore();
    }

    /// A part of a batch of this node is there.
    pub(crate) fn write_node(&self, pipe: &mut Pipeline, node: u64, done: Done) {
        let set = pipe.cmd("SET").arg(self.node(node));
        set.arg(format!("{} {}", done.batch, done.parts)).arg("EX").arg(NODE_LIFE).ignore();
    }
}

/// How far a node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Done {
    pub(crate) batch: u64,
    pub(crate) parts: usize,
}

impl Done {
    pub(crate) fn read(text: Option<&str>) -> Option<Self> {
        let (batch, parts) = text?.split_once(' ')?;
        Some(Self { batch: batch.parse().ok()?, parts: parts.parse().ok()? })
    }
}

/// As a room is called in keys: both of its paths, which may have any character.
pub(crate) fn name(room: &RoomKey) -> String {
    serde_json::to_string(&(&*room.badge, &*room.path)).unwrap_or_default()
}

pub(crate) fn room(name: &str) -> Option<RoomKey> {
    let (badge, path): (String, String) = serde_json::from_str(name).ok()?;
    Some(RoomKey::new(badge, path))
}

/// `None` if there are none, or somebody else has written them.
pub(crate) fn records(name: &str, text: Option<&str>) -> Option<Records> {
    let read = serde_json::from_str(text?);
    read.inspect_err(
        |error| tracing::warn!(room = name, %error, "no totals: somebody else has written this"),
    )
    .ok()
}

/// What a server says, where it may say anything.
pub(crate) fn list<T: FromRedisValue>(values: Vec<redis::Value>) -> redis::RedisResult<Vec<T>> {
    values.into_iter().map(|value| Ok(T::from_redis_value(value)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_told_apart_whatever_they_are_called() {
        for (badge, path) in [("/{a}/x.png", "/%20/x.png"), ("/\"\n", "/\\ü"), ("", "")] {
            let key = RoomKey::new(badge, path);
            assert_eq!(room(&name(&key)), Some(key));
        }
        assert_ne!(name(&RoomKey::new("/a", "/b")), name(&RoomKey::new("/a\",\"/b", "")));
        assert_eq!(room("/a.png"), None);
    }

    #[test]
    fn how_far_a_node_has_come_is_read() {
        assert_eq!(Done::read(Some("7 2")), Some(Done { batch: 7, parts: 2 }));
        assert!(Done::read(Some("7 2")) < Done::read(Some("8 0")));
        for nothing in [None, Some(""), Some("7"), Some("a b")] {
            assert_eq!(Done::read(nothing), None);
        }
    }
}
