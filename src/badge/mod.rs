//! What the application asked for, checked.
//!
//! Owns the badge as it is written, its settings, what it answers to which request, and every check
//! that is made when a layer is built. Touches everything below. Called by `room` and `serve`, which
//! get a recipe that nothing can be wrong with any more.

pub(crate) mod builder;
pub(crate) mod check;
pub(crate) mod data;
pub(crate) mod own_urls;
pub(crate) mod recipe;
pub(crate) mod reply;
pub(crate) mod settings;
