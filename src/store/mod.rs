//! Totals that outlive the process.
//!
//! Owns what a store has to do, and those that come along: a file, and one that nodes share. Touches `presence` for what is kept.
//! Called by `room`, which says when, and by the application, which says where.

pub(crate) mod contract;
#[cfg(feature = "store")]
pub(crate) mod file;
#[cfg(feature = "redis")]
pub(crate) mod redis;
