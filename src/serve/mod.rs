//! Request in, response out; and what the application holds.
//!
//! Owns the layer, its service, the dispatch of requests, responses and their bodies, and the handle.
//! Touches everything below. Called by the application and by its server.

pub(crate) mod answer;
pub(crate) mod body;
#[cfg(feature = "tower-http")]
pub(crate) mod compression;
pub(crate) mod dispatch;
pub(crate) mod embed;
pub(crate) mod handle;
pub(crate) mod layer;
pub(crate) mod not_found;
pub(crate) mod reconnecting;
pub(crate) mod room_handle;
pub(crate) mod service;
pub(crate) mod visit;
