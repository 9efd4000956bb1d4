//! When so many come and go at once that to show each number on the way would keep the newcomers waiting.

use std::time::Duration;

use tokio::time::Instant;

/// So many a second are a rush, if there are a few at all: ten thousand who come within a second would get eight
/// pictures each otherwise, and the last of them would wait for the first ones' to be sent.
const PER_SECOND: u32 = 500;
const A_FEW: u32 = 50;

/// For so long at most the number stays as it was.
const PATIENCE: Duration = Duration::from_secs(1);

/// Knows how many have come and gone since the last look at it, and how fast.
#[derive(Debug)]
pub(crate) struct Rush {
    moves: u32,
    /// The first of them.
    since: Instant,
    last_round: Instant,
}

impl Rush {
    pub(crate) fn new(now: Instant) -> Self {
        Self { moves: 0, since: now, last_round: now }
    }

    pub(crate) fn note(&mut self, moves: usize, now: Instant) {
        if self.moves == 0 {
            self.since = now;
        }
        self.moves = self.moves.saturating_add(moves.try_into().unwrap_or(u32::MAX));
    }

    /// Whether it goes on, so that a round is to be put off.
    pub(crate) fn goes_on(&mut self, now: Instant) -> bool {
        let moves = std::mem::take(&mut self.moves);
        let time = now.saturating_duration_since(self.since);
        let is_fast = u128::from(moves) >= u128::from(PER_SECOND) * time.as_millis() / 1000;
        moves >= A_FEW && is_fast && now < self.end()
    }

    /// When it is over at the latest.
    pub(crate) fn end(&self) -> Instant {
        self.last_round + PATIENCE
    }

    pub(crate) fn begin_round(&mut self, now: Instant) {
        self.last_round = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_put_off_in_a_rush_but_not_for_longer_than_a_second() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rush = Rush::new(start);
        rush.note(49, at(0));
        assert!(!rush.goes_on(at(10)), "a few");
        rush.note(1, at(20));
        rush.note(60, at(90));
        assert!(rush.goes_on(at(100)));
        rush.note(60, at(100));
        assert!(!rush.goes_on(at(300)), "not that many a second");
        rush.note(100, at(900));
        assert!(rush.goes_on(at(900)), "all at once, after a pause");
        rush.begin_round(at(300));
        for ms in (400..1300).step_by(100) {
            rush.note(1000, at(ms));
            assert!(rush.goes_on(at(ms)), "{ms}");
        }
        rush.note(1000, at(1300));
        assert!(!rush.goes_on(at(1300)));
    }
}
