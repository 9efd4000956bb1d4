//! All rooms that somebody is in: made for the first viewer, freed after the last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::observer::RoomCounts;
use crate::painter::Painter;
use crate::params::Params;
use crate::presence::Counts;
use crate::recipe::Recipe;
use crate::reporter::Reporter;
use crate::room::{Face, Room, Seat, Watcher};

/// Names a room: whose badge's it is, and what its path's parameters are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomId {
    pub(crate) badge: usize,
    pub(crate) params: Params,
}

/// All rooms that somebody is in.
#[derive(Debug)]
pub(crate) struct Registry {
    rooms: Mutex<HashMap<RoomId, Arc<Room>>>,
    max_rooms: usize,
    reporter: Arc<Reporter>,
    shutdown: CancellationToken,
}

/// What it takes to enter a room, which may not be there yet.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) registry: Arc<Registry>,
    pub(crate) room: RoomId,
    pub(crate) path: Arc<str>,
    /// Of the badge whose room it is.
    pub(crate) host: Arc<Recipe>,
    /// Of the badge that is shown.
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) face: Face,
    pub(crate) watcher: Watcher,
}

impl Registry {
    pub(crate) fn new(
        max_rooms: usize,
        reporter: Arc<Reporter>,
        shutdown: CancellationToken,
    ) -> Self {
        Self { rooms: Mutex::default(), max_rooms, reporter, shutdown }
    }

    pub(crate) fn room(&self, id: &RoomId) -> Option<Arc<Room>> {
        self.rooms().get(id).cloned()
    }

    /// Whether a viewer of this room could enter now.
    pub(crate) fn has_space_for(&self, id: &RoomId) -> bool {
        let rooms = self.rooms();
        rooms.len() < self.max_rooms || rooms.contains_key(id)
    }

    /// The counts of every room that somebody is in, in no particular order.
    pub(crate) fn counts(&self) -> Vec<RoomCounts> {
        let rooms: Vec<Arc<Room>> = self.rooms().values().cloned().collect();
        let counts = rooms.iter().map(|room| room.counts());
        // A room is still there for a moment after its last viewer has left.
        counts.filter(|room| room.counts != Counts::default()).collect()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A room that its task runs. However the task ends, the room is freed: if its runtime is shut down
/// while there are viewers, their streams end, and whoever comes later opens a new room.
#[derive(Debug)]
struct Running {
    registry: Arc<Registry>,
    id: RoomId,
    room: Arc<Room>,
}

impl Running {
    /// Runs the room until it is empty.
    async fn run(self) {
        let Self { registry, id, room } = &self;
        let mut painter = Painter::new(room.clone(), registry.reporter.clone());
        loop {
            painter.paint_until_empty(&registry.shutdown).await;
            let mut rooms = registry.rooms();
            // Viewers enter under this lock: one who came meanwhile is seen here.
            if room.is_empty() {
                rooms.remove(id);
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut rooms = self.registry.rooms();
        // There may be a new room of that name already.
        if rooms.get(&self.id).is_some_and(|room| Arc::ptr_eq(room, &self.room)) {
            rooms.remove(&self.id);
        }
        drop(rooms);
        self.room.close();
    }
}

impl Invitation {
    /// Takes a seat in the room, which is opened if nobody was in it.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub(crate) fn accept(self) -> Seat {
        let Self { registry, room: id, path, host, recipe, face, watcher } = self;
        // First of all: where this panics, nothing has been changed.
        let runtime = tokio::runtime::Handle::current();
        let mut rooms = registry.rooms();
        if let Some(room) = rooms.get(&id) {
            return Seat::take(room.clone(), face, recipe, watcher);
        }
        let room = Arc::new(Room::new(path, id.params.clone(), host));
        let seat = Seat::take(room.clone(), face, recipe, watcher);
        rooms.insert(id.clone(), room.clone());
        drop(rooms);
        // If the runtime is being shut down, the room is freed again here.
        runtime.spawn(Running { registry, id, room }.run());
        seat
    }
}
