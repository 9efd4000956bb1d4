//! When a room's pictures are drawn anew although nothing has happened: time passes.

use std::time::Duration;

use tokio::time::Instant;

use crate::presence::clock::Clock;
use crate::room::opened::Survey;

/// Knows of the last round, and of the wall clock then.
#[derive(Debug)]
pub(crate) struct Ticker {
    last_round: Instant,
    wall: Duration,
}

impl Ticker {
    pub(crate) fn new(clock: &Clock, now: Instant) -> Self {
        Self { wall: clock.now(), last_round: now }
    }

    /// All pictures are looked at.
    pub(crate) fn begin_round(&mut self, clock: &Clock, now: Instant) {
        self.last_round = now;
        self.wall = clock.now();
    }

    /// Whether the wall clock has ticked since the last round, for one of the pictures. A clock that was
    /// set has, too, in either direction.
    pub(crate) fn has_ticked(&self, clock: &Clock, survey: &Survey) -> bool {
        let mut ticks = survey.ticks().peekable();
        if ticks.peek().is_none() {
            return false;
        }
        let wall = clock.now();
        ticks.any(|ticks| ticks.step(wall) != ticks.step(self.wall))
    }

    /// When it ticks next; now, if it has, such as while something was drawn, or because it was set. Should the
    /// wall clock be behind then, it is asked again.
    pub(crate) fn next_tick(&self, clock: &Clock, survey: &Survey) -> Option<Instant> {
        let mut ticks = survey.ticks().peekable();
        ticks.peek()?;
        if self.has_ticked(clock, survey) {
            return Some(Instant::now());
        }
        let (now, wall) = (Instant::now(), clock.now());
        ticks.filter_map(|ticks| ticks.wait(wall)).min().map(|wait| now + wait)
    }

    /// When what has been in the room is to be looked at again.
    pub(crate) fn next_look(&self, survey: &Survey) -> Option<Instant> {
        survey.tick().map(|tick| self.last_round + tick)
    }
}
