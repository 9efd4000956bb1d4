//! A listener in, an ended server out: what a layer can't do, because it never sees a socket.
//!
//! Owns accepted sockets and their options, the connections, and their end. Touches `serve` for the
//! handle, by which streams are ended, and `request` for the peer's address. Called by the application
//! alone.

pub(crate) mod connection;
pub(crate) mod descriptors;
pub(crate) mod doorway;
pub(crate) mod preface;
pub(crate) mod server;
pub(crate) mod sockets;
