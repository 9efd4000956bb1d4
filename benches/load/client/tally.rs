//! What a crowd has seen.

use std::time::{Duration, Instant};

/// Of all viewers together, and of each.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) frames: u64,
    /// On the wire; of HTTP/2 in the bodies alone.
    pub(crate) bytes: u64,
    /// From `connect()` to the first frame.
    pub(crate) first: Vec<Duration>,
    /// From the last change to a frame.
    pub(crate) late: Vec<Duration>,
    /// Those whose connection was reset before they saw something.
    pub(crate) refused: usize,
    changed: Option<Instant>,
    viewers: Vec<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    asked: Instant,
    frames: u32,
    last: u32,
}

impl Tally {
    /// The place of one who asks now.
    pub(crate) fn join(&mut self) -> usize {
        self.viewers.push(Seen { asked: Instant::now(), frames: 0, last: 0 });
        self.viewers.len() - 1
    }

    pub(crate) fn change(&mut self) {
        self.changed = Some(Instant::now());
    }

    pub(crate) fn see(&mut self, viewer: usize, fingerprint: u32, now: Instant) {
        let seen = &mut self.viewers[viewer];
        seen.frames += 1;
        seen.last = fingerprint;
        if seen.frames == 1 {
            self.first.push(now - seen.asked);
        }
        self.frames += 1;
        self.late.extend(self.changed.map(|changed| now - changed));
    }

    /// How many have no frame yet, and may get one.
    pub(crate) fn waiting(&self) -> usize {
        self.viewers.len() - self.first.len() - self.refused
    }

    pub(crate) fn has_seen(&self, viewer: usize) -> bool {
        self.viewers[viewer].frames > 0
    }

    /// Whether everybody who sees something sees the same.
    pub(crate) fn is_alike(&self) -> bool {
        let mut last = self.viewers.iter().filter(|seen| seen.frames > 0).map(|seen| seen.last);
        let first = last.next();
        last.all(|last| Some(last) == first)
    }
}
