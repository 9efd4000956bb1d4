//! More than one node: what each says of its rooms, and what it has heard of the others'.
//!
//! Owns the words that nodes exchange, what each peer has said and until when that holds, and the thread that
//! speaks and listens. Touches `presence` for who is here and who is elsewhere, and `store` for how rooms are called.
//! Called by `room`, which says what has changed, and by `serve`, which begins and ends it.

pub(crate) mod bus;
pub(crate) mod exchange;
pub(crate) mod health;
pub(crate) mod link;
pub(crate) mod local;
pub(crate) mod message;
pub(crate) mod peer;
pub(crate) mod peers;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod speech;
pub(crate) mod value;
pub(crate) mod wire;
