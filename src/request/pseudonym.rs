//! What is remembered of a visitor: a keyed hash, whose keys change every day.
//!
//! Somebody who is there when they change stays who it was: an old key is kept for as long as a
//! stream of its day is open, and whoever is still known by it is not given a new name.

use std::fmt;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher24};
use tokio::time::Instant;

use crate::request::key::VisitorKey;
use crate::request::random::{self, Secret};

/// What is remembered of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Person([u64; 2]);

/// Keeps somebody's name known for as long as its stream is open.
#[derive(Clone)]
pub(crate) struct Salt(Arc<Secret>);

/// Makes a [`Person`] of a key.
#[derive(Debug)]
pub(crate) struct Blind {
    salts: Mutex<Salts>,
}

#[derive(Debug)]
struct Salts {
    today: Salt,
    since: Instant,
    /// Of days before, the newest first.
    before: Vec<Old>,
}

#[derive(Debug)]
struct Old {
    salt: Salt,
    /// Since when no stream of its day has been open.
    unused: Option<Instant>,
}

impl Blind {
    const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
    /// Nobody is expected back later than that: the longest leave grace.
    const LONGEST_GRACE: Duration = Duration::from_secs(60 * 60);

    pub(crate) fn new() -> Self {
        let today = Salt::new().expect("the operating system has random numbers");
        let (since, before) = (Instant::now(), Vec::new());
        Self { salts: Mutex::new(Salts { today, since, before }) }
    }

    /// Whose key this is: who it was on the day before, if that one is still here, and otherwise who it
    /// is today. The salt is to be kept with the stream.
    pub(crate) fn recognise(
        &self,
        key: &VisitorKey,
        is_here: impl Fn(Person) -> bool,
    ) -> (Person, Salt) {
        let (today, before) = self.salts();
        let mut names = before.into_iter().map(|salt| (salt.name(key), salt));
        names.find(|(person, _)| is_here(*person)).unwrap_or_else(|| (today.name(key), today))
    }

    /// Who somebody is today.
    #[cfg(test)]
    pub(crate) fn person(&self, key: &VisitorKey) -> Person {
        self.recognise(key, |_| false).0
    }

    /// Today's, and those of days before that are still in use.
    fn salts(&self) -> (Salt, Vec<Salt>) {
        let mut salts = self.salts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now.duration_since(salts.since) > Self::LIFE {
            salts.change(now);
        }
        salts.before.retain_mut(|old| old.is_needed(now));
        (salts.today.clone(), salts.before.iter().map(|old| old.salt.clone()).collect())
    }
}

impl Salts {
    fn change(&mut self, now: Instant) {
        let Some(new) = Salt::new() else {
            tracing::warn!("the operating system has no random numbers: keys of visitors stay");
            return;
        };
        let old = std::mem::replace(&mut self.today, new);
        self.before.insert(0, Old { salt: old, unused: None });
        self.since = now;
    }
}

impl Old {
    fn is_needed(&mut self, now: Instant) -> bool {
        if Arc::strong_count(&self.salt.0) > 1 {
            self.unused = None;
            return true;
        }
        let unused = *self.unused.get_or_insert(now);
        now.duration_since(unused) <= Blind::LONGEST_GRACE
    }
}

impl Salt {
    fn new() -> Option<Self> {
        random::secret().map(|secret| Self(Arc::new(secret)))
    }

    fn name(&self, key: &VisitorKey) -> Person {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(key.as_bytes());
        let hash = hasher.finish128();
        Person([hash.h1, hash.h2])
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60 + 1);

    fn alice() -> VisitorKey {
        VisitorKey::new("alice")
    }

    #[tokio::test(start_paused = true)]
    async fn the_salt_changes_every_day() {
        let (blind, key) = (Blind::new(), alice());
        let today = blind.person(&key);
        assert_eq!(blind.person(&key), today);
        assert_ne!(blind.person(&VisitorKey::new("bob")), today);
        assert_ne!(Blind::new().person(&key), today, "each process has its own");
        tokio::time::advance(DAY).await;
        assert_ne!(blind.person(&key), today);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_still_here_is_who_it_was_and_nobody_else_is() {
        let blind = Blind::new();
        let (alice_then, stream) = blind.recognise(&alice(), |_| false);
        let bob_then = blind.person(&VisitorKey::new("bob"));
        for day in 1..4 {
            tokio::time::advance(DAY).await;
            let (person, tab) = blind.recognise(&alice(), |person| person == alice_then);
            assert_eq!(person, alice_then, "day {day}");
            drop(tab);
            let bob = blind.recognise(&VisitorKey::new("bob"), |person| person == alice_then);
            assert_ne!(bob.0, bob_then);
        }
        // Within a grace it is still the same; later, nothing can tell any more who it was.
        drop(stream);
        let is_known = || blind.recognise(&alice(), |person| person == alice_then).0 == alice_then;
        assert!(is_known());
        tokio::time::advance(Duration::from_secs(60 * 60)).await;
        assert!(is_known());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!is_known());
    }

    #[tokio::test(start_paused = true)]
    async fn salts_that_nobody_uses_are_gone() {
        let blind = Blind::new();
        let kept = blind.recognise(&alice(), |_| false).1;
        for _ in 0..30 {
            tokio::time::advance(DAY).await;
            blind.person(&alice());
        }
        assert_eq!(blind.salts().1.len(), 2, "the one in use, and that of yesterday");
        drop(kept);
        for _ in 0..2 {
            tokio::time::advance(DAY).await;
            blind.person(&alice());
        }
        assert_eq!(blind.salts().1.len(), 1);
    }
}
