//! Hooks: what an application may want to know while it happens.

use std::sync::Arc;
use std::time::Duration;

use crate::error::PaintError;
use crate::presence::counts::Counts;
use crate::presence::leaving::LeaveReason;
use crate::store::contract::StoreError;

/// A counted stream has been opened, or is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Join {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// How many are in the room with it.
    pub counts: Counts,
    /// Its viewer had stopped reading, was told as a [`Leave`], and reads again.
    pub is_return: bool,
    /// What its viewer is called, by [`Badge::named`](crate::Badge::named); `None` for a guest.
    pub name: Option<Arc<str>>,
}

/// A counted stream has ended, or is no longer read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leave {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// How many are in the room without it.
    pub counts: Counts,
    /// Why, as far as the server can know.
    pub reason: LeaveReason,
    /// For how long it has been counted: since the [`Join`] that was told of it last.
    pub stayed: Duration,
    /// What its viewer was called when it came: the name of the [`Join`].
    pub name: Option<Arc<str>>,
}

/// A room that nobody was in has its first visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupied {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// How many are in it.
    pub counts: Counts,
}

/// The last visitor of a room has left it, and has not come back within the leave grace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vacated {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// For how long there had been somebody, the leave grace included.
    pub lasted: Duration,
}

/// The values that are shown in a room have become stale, or are so no more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stale {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// Their source is gone, or has sent nothing for longer than
    /// [`stale_after`](crate::Badge::stale_after).
    pub is_stale: bool,
}

/// A room's picture has been painted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Paint {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// How many are in the room.
    pub counts: Counts,
    /// The size of the encoded picture.
    pub bytes: usize,
    /// How long it took from the change being noticed to the picture being there.
    pub took: Duration,
    /// It had been drawn before, and was taken from the cache.
    pub cached: bool,
}

/// A room's picture could not be painted; its viewers keep the last good one.
#[derive(Debug)]
#[non_exhaustive]
pub struct PaintFailure<'a> {
    /// The room's path. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// Why not.
    pub error: &'a PaintError,
}

/// A request was refused a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The path of the room that it was for. Parameters are percent-encoded.
    pub path: Arc<str>,
    /// Why.
    pub reason: Refusal,
}

/// Why a request that wanted a stream got one whole picture instead.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// The other nodes can be reached, or can't any more.
#[derive(Debug)]
#[non_exhaustive]
pub struct NodesChange<'a> {
    /// Whether they can.
    pub is_connected: bool,
    /// Why not.
    pub error: Option<&'a (dyn std::error::Error + 'static)>,
}

/// Hooks for an application that wants to log, measure or react.
///
/// Every method does nothing unless it is implemented. They are called from the rooms' own tasks,
/// soon after what they tell of and in its order (`on_refusal` during the request), so they should
/// be quick; a panic in one is caught and logged.
///
/// ```
/// use tower_livebadge::{Badge, Join, LiveBadgeLayer, Observer};
///
/// struct Greeter;
///
/// impl Observer for Greeter {
///     fn on_join(&self, join: &Join) {
///         println!("{}: {} watching", join.path, join.counts.streams);
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
    /// A counted stream has been opened.
    ///
    /// Those who only look on are not told of.
    fn on_join(&self, join: &Join) {
        let _ = join;
    }

    /// A counted stream has ended.
    ///
    /// Each is told once for each join, in whatever way it ends. Who is there when the runtime ends that
    /// the room's task is on is not told of any more; the counts are right all the same.
    fn on_leave(&self, leave: &Leave) {
        let _ = leave;
    }

    /// A room that was empty is empty no more: for an application that does something as long as somebody
    /// is there, such as reading a sensor.
    ///
    /// Told in turn with [`on_vacated`](Self::on_vacated), room by room. Who comes and leaves in one
    /// moment may be told of by neither.
    fn on_occupied(&self, occupied: &Occupied) {
        let _ = occupied;
    }

    /// A room is empty again: nobody is counted in it, nor expected back.
    ///
    /// A reload, or somebody who comes back within the [leave grace](crate::Badge::leave_grace), does not
    /// empty a room. Not told when the runtime ends that the room's task is on.
    fn on_vacated(&self, vacated: &Vacated) {
        let _ = vacated;
    }

    /// Values that somebody looks at have become [stale](crate::Badge::stale_after), or are so no more.
    ///
    /// Told in turn, room by room; first that they are. That they are no more is also told when nobody looks
    /// at them any longer. A room in which several badges have values is stale as long as one of them is.
    fn on_stale(&self, stale: &Stale) {
        let _ = stale;
    }

    /// A room's picture has been painted.
    fn on_paint(&self, paint: &Paint) {
        let _ = paint;
    }

    /// A room's picture could not be painted.
    fn on_paint_error(&self, failure: &PaintFailure<'_>) {
        let _ = failure;
    }

    /// The [store](crate::LiveBadgeLayerBuilder::store) could not save or read totals.
    ///
    /// Badges go on with what is in memory, and it is tried again as long as there is something to be saved: after
    /// one second, two, then every four. Called on the thread that saves, or that reads.
    fn on_store_error(&self, error: &StoreError) {
        let _ = error;
    }

    /// The other [nodes](crate::LiveBadgeLayerBuilder::nodes) can be reached, or can't any more, or for another reason
    /// than before.
    ///
    /// Badges go on with what is known: who is here, and for the length of a
    /// [lease](crate::LiveBadgeLayerBuilder::lease) who was there. Called on the thread that speaks with them.
    fn on_nodes_change(&self, change: &NodesChange<'_>) {
        let _ = change;
    }

    /// A request was refused a stream.
    fn on_refusal(&self, refused: &Refused) {
        let _ = refused;
    }
}

/// The observer of whoever sets none.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {}
