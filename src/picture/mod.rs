//! From numbers to encoded pixels.
//!
//! Owns templates, looks, fonts, drawing, encoding, and the threads that this takes. Touches
//! `presence` for the snapshot that is shown, `request` for the style that is asked for, `observe` to
//! say what a drawing cost. Called by `badge` (which checks a picture) and by `room` and `serve`
//! (which want one).

pub(crate) mod alike;
pub(crate) mod clean;
pub(crate) mod color;
pub(crate) mod complaints;
pub(crate) mod css;
pub(crate) mod deflate;
pub(crate) mod encode;
pub(crate) mod faces;
pub(crate) mod filters;
pub(crate) mod fonts;
pub(crate) mod format;
pub(crate) mod huffman;
pub(crate) mod images;
pub(crate) mod kinds;
pub(crate) mod layers;
pub(crate) mod letters;
pub(crate) mod lines;
pub(crate) mod look;
pub(crate) mod misfit;
pub(crate) mod mistake;
pub(crate) mod outlines;
pub(crate) mod paint;
pub(crate) mod palette;
pub(crate) mod people;
pub(crate) mod plans;
pub(crate) mod raster;
pub(crate) mod slots;
pub(crate) mod template;
pub(crate) mod threads;
pub(crate) mod ticks;
#[cfg(feature = "time")]
pub(crate) mod times;
pub(crate) mod together;
pub(crate) mod values;
pub(crate) mod watched;
pub(crate) mod words;
