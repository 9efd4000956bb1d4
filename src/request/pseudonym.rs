//! What is remembered of a visitor: a keyed hash, whose keys change every day.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::request::visitor::VisitorKey;

/// What is remembered of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Person([u64; 2]);

/// Makes a [`Person`] of a key.
#[derive(Debug)]
pub(crate) struct Blind {
    salts: Mutex<Salts>,
}

struct Salts {
    since: Instant,
    salts: [RandomState; 2],
}

impl Blind {
    /// Somebody who stays longer is counted once more for each stream opened after the change.
    const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

    pub(crate) fn new() -> Self {
        Self { salts: Mutex::new(Salts::new()) }
    }

    pub(crate) fn person(&self, key: &VisitorKey) -> Person {
        let mut salts = self.salts.lock().unwrap_or_else(PoisonError::into_inner);
        if salts.since.elapsed() > Self::LIFE {
            *salts = Salts::new();
        }
        Person(salts.salts.each_ref().map(|salt| salt.hash_one(key.as_bytes())))
    }
}

impl Salts {
    fn new() -> Self {
        Self { since: Instant::now(), salts: [RandomState::new(), RandomState::new()] }
    }
}

impl fmt::Debug for Salts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salts(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_salt_changes_every_day() {
        let (blind, key) = (Blind::new(), VisitorKey::new("alice"));
        let today = blind.person(&key);
        assert_eq!(blind.person(&key), today);
        assert_ne!(Blind::new().person(&key), today, "each process has its own");
        tokio::time::sleep(Blind::LIFE + Duration::from_secs(1)).await;
        assert_ne!(blind.person(&key), today);
    }
}
