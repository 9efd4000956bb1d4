//! Totals that outlive the process.
//!
//! Owns what a store has to do, and the one that comes along: a file. Touches `presence` for what is kept.
//! Called by `room`, which says when, and by the application, which says where.

pub(crate) mod contract;
#[cfg(feature = "store")]
pub(crate) mod file;
