//! Which of the badges that are shown in a room have values whose source is gone or silent.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The badges that are stale. A room is as long as one of them is.
#[derive(Debug, Default)]
pub(crate) struct Staleness {
    badges: Mutex<HashSet<usize>>,
}

impl Staleness {
    /// What is seen of a badge. Returns what the room is from now on, if it was not so before.
    pub(crate) fn see(&self, badge: usize, is_stale: bool) -> Option<bool> {
        self.change(|badges| {
            if is_stale {
                badges.insert(badge);
            } else {
                badges.remove(&badge);
            }
        })
    }

    /// The same where only these are still shown.
    pub(crate) fn keep(&self, is_shown: impl Fn(usize) -> bool) -> Option<bool> {
        self.change(|badges| badges.retain(|badge| is_shown(*badge)))
    }

    pub(crate) fn has(&self, badge: usize) -> bool {
        self.badges().contains(&badge)
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<usize>)) -> Option<bool> {
        let mut badges = self.badges();
        let was_stale = !badges.is_empty();
        change(&mut badges);
        let is_stale = !badges.is_empty();
        (is_stale != was_stale).then_some(is_stale)
    }

    fn badges(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.badges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_stale_as_long_as_one_of_its_badges_is() {
        let room = Staleness::default();
        assert_eq!(room.see(1, false), None);
        assert_eq!(room.see(1, true), Some(true));
        assert_eq!((room.see(1, true), room.see(2, true)), (None, None));
        assert_eq!(room.see(1, false), None);
        assert_eq!((room.has(1), room.has(2)), (false, true));
        assert_eq!(room.keep(|badge| badge == 1), Some(false));
        assert_eq!(room.keep(|_| false), None);
    }
}
