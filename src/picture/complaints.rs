//! What is wrong while the program runs, told now and then: a room's name that no font has would
//! otherwise fill the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two complaints of one kind about one badge.
const QUIET: Duration = Duration::from_secs(60);

/// When what was last complained about.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Mutex<HashMap<(Arc<str>, Kind), Instant>>,
}

/// What can be complained about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Glyph,
    Color,
}

impl Complaints {
    /// Whether it is time to complain again about the badge at this path.
    pub(crate) fn are_due(&self, path: &Arc<str>, kind: Kind) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match last.get(&(path.clone(), kind)) {
            Some(before) if now.duration_since(*before) < QUIET => false,
            _ => {
                last.insert((path.clone(), kind), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_is_complained_about_once_a_minute_for_each_kind() {
        let complaints = Complaints::default();
        let (one, two): (Arc<str>, Arc<str>) = ("/one".into(), "/two".into());
        assert!(complaints.are_due(&one, Kind::Glyph));
        assert!(!complaints.are_due(&one, Kind::Glyph));
        assert!(complaints.are_due(&one, Kind::Color));
        assert!(complaints.are_due(&two, Kind::Glyph));
    }
}
