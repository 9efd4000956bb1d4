//! What is wrong while the program runs, told now and then: a room's name that no font has would
//! otherwise fill the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::observe::throttle::Throttle;

/// Between two complaints of one kind about one badge.
const QUIET: Duration = Duration::from_secs(60);

/// What has been complained about lately.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<HashMap<(Arc<str>, Kind), Throttle>>);

/// What can be complained about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Glyph,
    Color,
}

impl Complaints {
    /// Whether it is time to complain again about the badge at this path.
    pub(crate) fn are_due(&self, path: &Arc<str>, kind: Kind) -> bool {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let throttle = kinds.entry((path.clone(), kind)).or_insert_with(|| Throttle::every(QUIET));
        throttle.may_speak().is_some()
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
