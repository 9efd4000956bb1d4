//! What is told to the outside: hooks and metrics.
//!
//! Owns what an application can hear of. Touches `presence` for the counts. Called by whatever has
//! something to tell.

pub(crate) mod meter;
pub(crate) mod observer;
pub(crate) mod throttle;
