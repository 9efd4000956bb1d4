//! The wire, and the newest frame on it.
//!
//! Owns the boundary, the framing of pictures as parts, of data as lines and of words as HTML, and the stage on which the newest of them
//! stands until every viewer has taken it. Touches `picture` for the formats. Called by `room`, whose
//! painter puts frames there, and by `serve`, whose bodies take them.

pub(crate) mod frame;
pub(crate) mod frames;
pub(crate) mod framing;
pub(crate) mod lines;
pub(crate) mod multipart;
pub(crate) mod page;
pub(crate) mod parts;
pub(crate) mod places;
pub(crate) mod stage;
