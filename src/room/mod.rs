//! One live picture being watched.
//!
//! Owns admission (who may enter, and which views have lost their stream), seats (a viewer from its first poll to its drop), the rooms that
//! are open, and the one task of each: its painter. Touches `badge` for the recipe, `nodes` for who is elsewhere, `presence` for who
//! is here, `stream` for where pictures go. Called by `serve`.

pub(crate) mod admission;
pub(crate) mod archive;
pub(crate) mod beyond;
pub(crate) mod canvas;
pub(crate) mod heart;
pub(crate) mod keeper;
pub(crate) mod nodes;
pub(crate) mod opened;
pub(crate) mod painter;
pub(crate) mod past;
pub(crate) mod pile;
pub(crate) mod promise;
pub(crate) mod registry;
pub(crate) mod reporter;
pub(crate) mod rush;
pub(crate) mod screen;
pub(crate) mod seat;
pub(crate) mod sharing;
pub(crate) mod staleness;
pub(crate) mod ticker;
pub(crate) mod views;
pub(crate) mod watching;
