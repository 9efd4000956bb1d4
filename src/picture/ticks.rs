//! When a picture is drawn anew because time passes: in step with the wall clock, until an end.
//!
//! Pure: times are those since 1970.

use std::time::Duration;

/// In step with the wall clock: at the multiples of a duration since 1970, until an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub(crate) every: Duration,
    /// From then on nothing ticks, and time stands still.
    end: Option<Duration>,
}

/// Between two ticks a picture shows the same time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    number: u128,
    is_end: bool,
}

impl Ticks {
    /// An end is rounded up to a whole second, as what is shown has no parts of one.
    pub(crate) fn new(every: Duration, end: Option<Duration>) -> Self {
        let whole = |end: Duration| {
            let is_part = u64::from(end.subsec_nanos() > 0);
            Duration::from_secs(end.as_secs().saturating_add(is_part))
        };
        Self { every, end: end.map(whole) }
    }

    pub(crate) fn end(&self) -> Option<u64> {
        self.end.map(|end| end.as_secs())
    }

    /// The time that is shown at this one.
    pub(crate) fn shown(&self, now: Duration) -> Duration {
        self.end.map_or(now, |end| now.min(end))
    }

    /// Between which ticks this is.
    pub(crate) fn step(&self, now: Duration) -> Step {
        let number = self.shown(now).as_nanos() / self.every.as_nanos().max(1);
        Step { number, is_end: self.end.is_some_and(|end| now >= end) }
    }

    /// How long it is from now to the next tick, if there is one. The end is one, too.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        let every = self.every.as_nanos().max(1);
        let wait = every - now.as_nanos() % every;
        let wait = Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX));
        match self.end {
            Some(end) if now >= end => None,
            Some(end) => Some(wait.min(end - now)),
            None => Some(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn ticks_are_in_step_with_the_wall_clock() {
        let minutes = Ticks::new(ms(60_000), None);
        for (now, wait) in [(0, 60_000), (1, 59_999), (59_999, 1), (60_000, 60_000)] {
            assert_eq!(minutes.wait(ms(now)), Some(ms(wait)), "{now}");
        }
        assert_eq!(minutes.step(ms(60_000)), minutes.step(ms(119_999)));
        assert_ne!(minutes.step(ms(59_999)), minutes.step(ms(60_000)));
    }

    #[test]
    fn the_end_is_a_tick_of_its_own_and_the_last() {
        // A part of a second is rounded up: it is not over before.
        let ticks = Ticks::new(ms(60_000), Some(ms(89_001)));
        assert_eq!(ticks.end(), Some(90));
        assert_eq!(ticks.wait(ms(61_000)), Some(ms(29_000)));
        assert_eq!(ticks.wait(ms(10_000)), Some(ms(50_000)));
        assert_ne!(ticks.step(ms(89_999)), ticks.step(ms(90_000)));
        assert_eq!(ticks.step(ms(90_000)), ticks.step(ms(900_000)));
        assert_eq!((ticks.wait(ms(90_000)), ticks.wait(ms(900_000))), (None, None));
        assert_eq!(ticks.shown(ms(900_000)), ms(90_000));
    }
}
