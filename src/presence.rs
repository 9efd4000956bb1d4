//! Who is in a room: a pure state machine, fed with instants.
//!
//! *Streams* are open response bodies. *Visitors* are people, as far as a [`VisitorKey`] can tell
//! them apart: someone with five tabs is five streams and one visitor. A stream without a key is a
//! visitor of its own.
//!
//! With a leave grace, whoever leaves stays a visitor for that long; coming back within it changes
//! nothing. Streams without a key are interchangeable: a newcomer takes over the seat that has been
//! kept warm the longest, so that a reload changes nothing either.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::visitor::VisitorKey;

/// How many are in a room.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counts {
    /// Open streams: tabs, windows, embedded images.
    pub streams: usize,
    /// Distinct visitors, including those within their leave grace.
    pub visitors: usize,
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Presence {
    grace: Duration,
    streams: usize,
    keyless: usize,
    keyed: HashMap<VisitorKey, Visitor>,
    /// Warm seats in the order in which they expire, oldest first. An entry of a key that came back
    /// meanwhile is stale: its instant is not the visitor's.
    warm: VecDeque<(Instant, VisitorKey)>,
    warm_keyless: VecDeque<Instant>,
}

#[derive(Debug)]
struct Visitor {
    streams: usize,
    /// When the last stream's grace ends; `None` while there is a stream.
    warm_until: Option<Instant>,
}

impl Presence {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            streams: 0,
            keyless: 0,
            keyed: HashMap::new(),
            warm: VecDeque::new(),
            warm_keyless: VecDeque::new(),
        }
    }

    /// One more stream.
    pub(crate) fn join(&mut self, key: Option<&VisitorKey>, now: Instant) {
        self.expire(now);
        self.streams += 1;
        match key {
            None => {
                self.keyless += 1;
                self.warm_keyless.pop_front();
            }
            Some(key) => {
                let new = || Visitor { streams: 0, warm_until: None };
                let visitor = self.keyed.entry(key.clone()).or_insert_with(new);
                visitor.streams += 1;
                visitor.warm_until = None;
            }
        }
    }

    /// One stream less. To be called once for each join, with its key.
    pub(crate) fn leave(&mut self, key: Option<&VisitorKey>, now: Instant) {
        self.expire(now);
        let until = now + self.grace;
        match key {
            None => {
                debug_assert!(self.keyless > 0, "a stream left that never joined");
                self.streams = self.streams.saturating_sub(1);
                self.keyless = self.keyless.saturating_sub(1);
                self.warm_keyless.push_back(until);
            }
            Some(key) => {
                let Some(visitor) = self.keyed.get_mut(key) else {
                    debug_assert!(false, "a visitor left that never joined");
                    return;
                };
                self.streams = self.streams.saturating_sub(1);
                visitor.streams = visitor.streams.saturating_sub(1);
                if visitor.streams == 0 {
                    visitor.warm_until = Some(until);
                    self.warm.push_back((until, key.clone()));
                }
            }
        }
        self.expire(now);
    }

    /// Forgets the warm seats whose grace has ended.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.warm_keyless.front().is_some_and(|until| *until <= now) {
            self.warm_keyless.pop_front();
        }
        while self.warm.front().is_some_and(|(until, _)| *until <= now) {
            let Some((until, key)) = self.warm.pop_front() else { break };
            if self.keyed.get(&key).is_some_and(|visitor| visitor.warm_until == Some(until)) {
                self.keyed.remove(&key);
            }
        }
    }

    /// When `expire` may have something to do next.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let keyed = self.warm.front().map(|(until, _)| *until);
        self.warm_keyless.front().copied().into_iter().chain(keyed).min()
    }

    /// The counts as of the last call that was given an instant.
    pub(crate) fn counts(&self) -> Counts {
        let keyless = self.keyless + self.warm_keyless.len();
        Counts { streams: self.streams, visitors: keyless + self.keyed.len() }
    }

    /// Nobody is here, and nobody is expected back.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts() == Counts::default()
    }
}
