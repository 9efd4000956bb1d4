//! All rooms that somebody is in: made for the first viewer, freed after the last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::badge::recipe::Recipe;
use crate::presence::counts::{Counts, Records, RoomCounts, Snapshot};
use crate::presence::crowd::Crowd;
use crate::presence::history::History;
use crate::request::params::RoomId;
use crate::request::pseudonym::Person;
use crate::room::opened::{Room, Variant, Watcher};
use crate::room::painter::Painter;
use crate::room::reporter::Reporter;
use crate::room::seat::Seat;

/// Of so many rooms something is remembered; then some of those that were left first are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// All rooms that somebody is in.
#[derive(Debug)]
pub(crate) struct Registry {
    rooms: Mutex<HashMap<RoomId, Arc<Room>>>,
    max_rooms: usize,
    /// What is remembered of rooms that nobody is in.
    memory: Cache<RoomId, History>,
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
    pub(crate) variant: Variant,
    pub(crate) watcher: Watcher,
}

impl Registry {
    pub(crate) fn new(
        max_rooms: usize,
        reporter: Arc<Reporter>,
        shutdown: CancellationToken,
    ) -> Self {
        let memory = Cache::new(MAX_REMEMBERED);
        Self { rooms: Mutex::default(), max_rooms, memory, reporter, shutdown }
    }

    /// What there is to be seen of a room, whether or not somebody is in it.
    pub(crate) fn snapshot(&self, id: &RoomId, recipe: &Recipe) -> Snapshot {
        let crowd = crowd(&self.rooms(), id, recipe);
        match crowd {
            Some(crowd) => crowd.snapshot(),
            None => {
                let past = self.memory.get(id).unwrap_or_default();
                past.deserted()
            }
        }
    }

    /// How many are in a room; nobody, if nobody has opened it.
    pub(crate) fn counts_of(&self, id: &RoomId, recipe: &Recipe) -> Counts {
        let crowd = crowd(&self.rooms(), id, recipe);
        crowd.map(|crowd| crowd.counts()).unwrap_or_default()
    }

    /// Has no effect on a room that is neither open nor remembered.
    pub(crate) fn change_history(
        &self,
        id: &RoomId,
        recipe: &Recipe,
        change: impl FnOnce(&mut History),
    ) {
        // Under the lock, so that the room is not freed meanwhile.
        let rooms = self.rooms();
        if let Some(crowd) = crowd(&rooms, id, recipe) {
            crowd.change_history(change);
        } else if recipe.remembers {
            let mut history = self.memory.get(id).unwrap_or_default();
            change(&mut history);
            self.memory.insert(id.clone(), history);
        }
    }

    /// The records of every room that is open or remembered.
    pub(crate) fn all_records(&self) -> Vec<(RoomId, Records)> {
        let rooms = self.rooms();
        let open = rooms.iter().filter(|(_, room)| !room.shows_others());
        let open: Vec<_> =
            open.map(|(id, room)| (id.clone(), room.crowd.snapshot().records)).collect();
        let remembered = self.memory.iter().filter(|(id, _)| !rooms.contains_key(id));
        let remembered = remembered.map(|(id, past)| (id, past.deserted().records));
        open.into_iter().chain(remembered).collect()
    }

    /// Whether this one is in a room, or in another one of the same total.
    pub(crate) fn has(&self, id: &RoomId, recipe: &Recipe, person: Person) -> bool {
        let room = self.rooms().get(id).cloned();
        match room {
            Some(room) => room.has(person),
            None => recipe.totals.iter().any(|total| total.has(person)),
        }
    }

    /// Whether a viewer of this room could enter now.
    pub(crate) fn has_space_for(&self, id: &RoomId) -> bool {
        let rooms = self.rooms();
        rooms.len() < self.max_rooms || rooms.contains_key(id)
    }

    /// The counts of every room that somebody is in, in no particular order.
    pub(crate) fn counts(&self) -> Vec<RoomCounts> {
        let rooms = self.rooms();
        let rooms = rooms.values().filter(|room| !room.shows_others());
        let rooms: Vec<Arc<Room>> = rooms.cloned().collect();
        let counts = rooms.iter().map(|room| room.counts());
        // A room is still there for a moment after its last viewer has left.
        counts.filter(|room| room.counts != Counts::default()).collect()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those whose numbers this badge's room shows, if it is open or a total.
fn crowd(rooms: &HashMap<RoomId, Arc<Room>>, id: &RoomId, recipe: &Recipe) -> Option<Arc<Crowd>> {
    let of_room = || rooms.get(id).map(|room| room.crowd.clone());
    recipe.total.clone().or_else(of_room)
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
                if room.recipe.remembers && !room.shows_others() {
                    registry.memory.insert(id.clone(), room.crowd.history());
                }
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
        self.room.opens_or_ends(-1);
        tracing::debug!(path = %self.room.path, "a room has been freed");
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
        let Self { registry, room: id, path, host, recipe, variant, watcher } = self;
        // First of all: where this panics, nothing has been changed.
        let runtime = tokio::runtime::Handle::current();
        let mut rooms = registry.rooms();
        if let Some(room) = rooms.get(&id) {
            return Seat::take(room.clone(), variant, recipe, watcher);
        }
        let (params, total) = (id.params.clone(), host.total.clone());
        let room = Arc::new(match total {
            Some(total) => Room::showing(path, params, host, total),
            None => Room::new(path, params, host, registry.memory.get(&id)),
        });
        let seat = Seat::take(room.clone(), variant, recipe, watcher);
        rooms.insert(id.clone(), room.clone());
        drop(rooms);
        room.opens_or_ends(1);
        // Not a part of the request that has opened it: it outlives that.
        let span = tracing::debug_span!(parent: None, "livebadge_room", path = %room.path);
        tracing::debug!(path = %room.path, "a room has been opened");
        // If the runtime is being shut down, the room is freed again here.
        runtime.spawn(Running { registry, id, room }.run().instrument(span));
        seat
    }
}
