//! What time it is: the one place that asks.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The wall clock: the machine's, unless the application has another one.
#[derive(Clone, Default)]
pub(crate) struct Clock(Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>);

impl Clock {
    pub(crate) fn of(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The time since 1970, UTC; none before.
    pub(crate) fn now(&self) -> Duration {
        since_1970(self.0.as_ref().map_or_else(SystemTime::now, |now| now()))
    }
}

/// How long after the beginning of 1970, UTC, this is; none before.
pub(crate) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(the application's)" } else { "Clock(system)" })
    }
}
