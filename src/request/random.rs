//! Numbers that nobody can guess.

use std::hash::{BuildHasher, RandomState};

/// Another one each time: the hasher's keys are random, and differ every time.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}
