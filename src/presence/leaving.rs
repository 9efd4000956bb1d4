//! Why somebody leaves a room, and after how long.

use std::time::Duration;

/// Why a stream is no longer counted, as far as the body of a response can know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeaveReason {
    /// The response's body was dropped while the stream was open: the viewer closed or reset it, or the
    /// server has given up its connection. A body is not told which.
    Closed,
    /// The viewer did not take what was sent to it for
    /// [three heartbeats](crate::Badge::heartbeat) in a row. If it reads on, it joins again.
    Stalled,
    /// The stream had reached its [`max_age`](crate::Badge::max_age).
    MaxAge,
    /// The application closed the room: [`RoomHandle::close`](crate::RoomHandle::close).
    RoomClosed,
    /// The server is going down: [`Handle::shutdown`](crate::Handle::shutdown).
    Shutdown,
}

/// How somebody leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) reason: LeaveReason,
    pub(crate) stayed: Duration,
}
