//! Who is in a room, and what the numbers have been.
//!
//! Owns joining, leaving, the leave grace, peaks and totals: pure state machines that are fed with
//! instants, and the one lock on who is here. Touches `request` for the pseudonym that stands for a
//! visitor, and for its name. Called by `room`, which joins and leaves, and by `picture`, which shows the
//! numbers.

pub(crate) mod bell;
pub(crate) mod calendar;
pub(crate) mod clock;
pub(crate) mod counts;
pub(crate) mod crowd;
pub(crate) mod days;
pub(crate) mod distinct;
pub(crate) mod elsewhere;
pub(crate) mod headcount;
pub(crate) mod history;
pub(crate) mod leaving;
pub(crate) mod ledger;
pub(crate) mod people;
pub(crate) mod records;
pub(crate) mod roster;
pub(crate) mod tokens;
pub(crate) mod totals;
#[cfg(feature = "time")]
pub(crate) mod zone;
