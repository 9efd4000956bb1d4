//! Hooks: what an application may want to know while it happens.

use std::time::Duration;

use crate::error::PaintError;
use crate::presence::counts::RoomCounts;

/// A picture that has been painted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Paint {
    /// The size of the encoded picture.
    pub bytes: usize,
    /// How long it took from the change being noticed to the picture being there.
    pub took: Duration,
    /// It had been drawn before, and was taken from the cache.
    pub cached: bool,
}

/// Why a request that wanted a stream got one whole picture instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// As many streams are open as
    /// [`max_viewers`](crate::LiveBadgeLayerBuilder::max_viewers) allows.
    TooManyViewers,
    /// As many rooms are open as [`max_rooms`](crate::LiveBadgeLayerBuilder::max_rooms) allows, and
    /// the request is for another one.
    TooManyRooms,
    /// As many streams are open in the room as [`max_per_room`](crate::Badge::max_per_room) allows.
    RoomFull,
    /// The visitor has as many streams open as
    /// [`max_per_visitor`](crate::Badge::max_per_visitor) allows.
    TooManyOfVisitor,
    /// [`Handle::shutdown`](crate::Handle::shutdown) has been called.
    ShuttingDown,
}

/// Hooks for an application that wants to log, measure or react.
///
/// Every method does nothing unless it is implemented. They are called from the rooms' own tasks,
/// soon after what they tell of and in its order (`on_refusal` during the request), so they should
/// be quick; a panic in one is caught and logged.
///
/// ```
/// use tower_livebadge::{Badge, LiveBadgeLayer, Observer, RoomCounts};
///
/// struct Greeter;
///
/// impl Observer for Greeter {
///     fn on_join(&self, room: &RoomCounts) {
///         println!("{}: {} watching", room.path, room.counts.streams);
///     }
/// }
///
/// let badges = LiveBadgeLayer::builder()
///     .badge("/online.png", Badge::online())
///     .observer(Greeter)
///     .build()?;
/// # Ok::<(), tower_livebadge::BuildError>(())
/// ```
pub trait Observer: Send + Sync + 'static {
    /// A stream has been opened; these are the counts with it.
    fn on_join(&self, room: &RoomCounts) {
        let _ = room;
    }

    /// A stream has ended; these are the counts without it.
    fn on_leave(&self, room: &RoomCounts) {
        let _ = room;
    }

    /// A room's picture has been painted.
    fn on_paint(&self, room: &RoomCounts, paint: &Paint) {
        let _ = (room, paint);
    }

    /// A room's picture could not be painted; its viewers keep the last good one.
    fn on_paint_error(&self, room: &RoomCounts, error: &PaintError) {
        let _ = (room, error);
    }

    /// A request for the badge at this path was refused a stream.
    fn on_refusal(&self, path: &str, refusal: Refusal) {
        let _ = (path, refusal);
    }
}

/// The observer of whoever sets none.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {}
