//! What the application asked for, checked.
//!
//! Owns the badge as it is written, its settings, what it answers to which request, and every check
//! that is made when a layer is built. Touches everything below. Called by `room` and `serve`, which
//! get a recipe that nothing can be wrong with any more.

pub(crate) mod asked;
pub(crate) mod builder;
pub(crate) mod check;
pub(crate) mod data;
pub(crate) mod headers;
pub(crate) mod lint;
pub(crate) mod names;
pub(crate) mod nearest;
pub(crate) mod own_urls;
pub(crate) mod page;
pub(crate) mod recipe;
pub(crate) mod reply;
pub(crate) mod scan;
pub(crate) mod set;
pub(crate) mod settings;
pub(crate) mod timing;
pub(crate) mod trial;
pub(crate) mod verbs;
