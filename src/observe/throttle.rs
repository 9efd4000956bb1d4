//! Keeps a fault that comes back with every request from flooding the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The least time between two lines of one kind, unless another is asked for.
const INTERVAL: Duration = Duration::from_secs(10);

/// Whether something has been said lately.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    said: Mutex<Option<Said>>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    /// How many lines have been left out since.
    unsaid: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::every(INTERVAL)
    }
}

impl Throttle {
    pub(crate) fn every(interval: Duration) -> Self {
        Self { interval, said: Mutex::default() }
    }

    /// Whether a line may be written now, and how many have been left out before it.
    pub(crate) fn may_speak(&self) -> Option<u64> {
        let now = Instant::now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *said {
            Some(said) if now < said.at + self.interval => {
                said.unsaid += 1;
                None
            }
            said => {
                said.replace(Said { at: now, unsaid: 0 }).map_or(0, |before| before.unsaid).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_in_ten_seconds_tells_how_many_were_left_out() {
        let throttle = Throttle::default();
        assert_eq!(throttle.may_speak(), Some(0));
        assert_eq!(throttle.may_speak(), None);
        assert_eq!(throttle.may_speak(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(throttle.may_speak(), Some(2));
        assert_eq!(throttle.may_speak(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(throttle.may_speak(), Some(1));
    }
}
