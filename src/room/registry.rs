//! All rooms that somebody is in: made for the first viewer, freed after the last.

use std::collections::{HashMap, HashSet, hash_map};
use std::hash::{DefaultHasher, Hash, Hasher};
#[cfg(not(livebadge_loom))]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
#[cfg(not(livebadge_loom))]
use std::task::{Context, Waker};

use quick_cache::sync::Cache;
use tokio::runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::badge::recipe::Recipe;
use crate::observe::observer::Refusal;
use crate::presence::counts::{Counts, RoomCounts};
use crate::presence::crowd::Crowd;
use crate::presence::history::History;
use crate::presence::leaving::LeaveReason;
use crate::request::params::RoomId;
use crate::request::pseudonym::Person;
use crate::room::archive::Archive;
use crate::room::beyond::Beyond;
use crate::room::nodes::Nodes;
use crate::room::opened::Room;
use crate::room::painter::Painter;
use crate::room::reporter::Reporter;
use crate::room::screen::{Variant, Watcher};
use crate::room::seat::Seat;
use crate::sync::{Mutex, MutexGuard};

/// With so many rooms, what they do at times that nobody sees they do together.
const MANY: usize = 100;

/// Of so many rooms something is remembered; then some of those that were left first are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// All rooms that somebody is in or has been promised.
#[derive(Debug)]
pub(crate) struct Registry {
    entries: Mutex<HashMap<RoomId, Entry>>,
    max_rooms: usize,
    /// What is remembered of rooms that nobody is in.
    pub(crate) memory: Cache<RoomId, History>,
    /// Grow when what is remembered of some rooms becomes another: what was read before is old then.
    changes: [AtomicU64; 64],
    /// Of applications that want to hear of a room's counts, whether or not somebody is in it.
    subscribers: Mutex<HashMap<RoomId, watch::Sender<Counts>>>,
    beyond: Arc<Beyond>,
    pub(crate) archive: Option<Arc<Archive>>,
    pub(crate) nodes: Option<Arc<Nodes>>,
    shutdown: CancellationToken,
}

/// A room, or what stands for it until its first viewer's body is polled.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Streams that have been promised, those that are open included.
    promised: usize,
    pub(crate) room: Option<Arc<Room>>,
}

/// What it takes to enter a room, which may not be there yet.
#[derive(Debug)]
pub(crate) struct Invitation {
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
        archive: Option<Arc<Archive>>,
        nodes: Option<Arc<Nodes>>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            entries: Mutex::default(),
            max_rooms,
            memory: Cache::new(MAX_REMEMBERED),
            changes: std::array::from_fn(|_| AtomicU64::new(0)),
            subscribers: Mutex::default(),
            beyond: Arc::new(Beyond { reporter, archive: archive.clone(), nodes: nodes.clone() }),
            archive,
            nodes,
            shutdown,
        }
    }

    /// Promises a place for one more stream in a room, if that is open, promised, or may be opened.
    pub(crate) fn promise(&self, id: &RoomId) -> Result<(), Refusal> {
        let mut entries = self.entries();
        let is_full = entries.len() >= self.max_rooms;
        match entries.entry(id.clone()) {
            hash_map::Entry::Vacant(_) if is_full => return Err(Refusal::TooManyRooms),
            entry => entry.or_default().promised += 1,
        }
        Ok(())
    }

    pub(crate) fn take_back_promise(&self, id: &RoomId) {
        let mut entries = self.entries();
        if let Some(entry) = entries.get_mut(id) {
            entry.promised -= 1;
        }
        remove_if_idle(&mut entries, id);
    }

    /// The counts of a room from now on, whether or not it is open.
    pub(crate) fn subscribe(&self, id: &RoomId, recipe: &Recipe) -> watch::Receiver<Counts> {
        let (sender, receiver) = {
            let mut subscribers = self.subscribers();
            subscribers.retain(|_, sender| sender.receiver_count() > 0);
            if let Some(sender) = subscribers.get(id) {
                return sender.subscribe(); // which is being told already
            }
            let (sender, receiver) = watch::channel(Counts::default());
            subscribers.insert(id.clone(), sender.clone());
            (sender, receiver)
        };
        // Afterwards: a room that is opened meanwhile finds the sender by itself.
        if let Some(nodes) = &self.nodes {
            nodes.watch(recipe, &id.params, sender.clone());
        }
        if let Some(crowd) = self.crowd(id, recipe) {
            crowd.set_subscribers(sender);
            crowd.tell();
        }
        receiver
    }

    /// Ends the streams of a room that is open, each with the newest picture.
    pub(crate) fn close(&self, id: &RoomId) {
        if let Some(room) = self.room(id) {
            room.ask_to_close();
        }
    }

    /// Ends all streams, and those that are opened from now on.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
        // A room that is not among these yet looks for itself when it begins.
        let open = |entry: &Entry| entry.room.clone();
        let rooms: Vec<_> = self.entries().values().filter_map(open).collect();
        // Outside the lock: foreign code.
        rooms.iter().for_each(|room| room.bell().ring());
    }

    /// Waits until that has happened.
    #[cfg(feature = "hyper")]
    pub(crate) async fn is_shut_down(&self) {
        self.shutdown.cancelled().await;
    }

    /// How many are in a room; where nobody has opened it, how many are on other nodes.
    pub(crate) fn counts_of(&self, id: &RoomId, recipe: &Recipe) -> Counts {
        let elsewhere = || Some(self.nodes.as_ref()?.counts_of(recipe, &id.params));
        let crowd = self.crowd(id, recipe);
        crowd.map(|crowd| crowd.counts()).or_else(elsewhere).unwrap_or_default()
    }

    /// Whether this one is in a room, or in another one of the same total.
    pub(crate) fn has(&self, id: &RoomId, recipe: &Recipe, person: Person) -> bool {
        match self.room(id) {
            Some(room) => room.has(person),
            None => recipe.totals.iter().any(|total| total.has(person)),
        }
    }

    /// The counts of every room that somebody is in, in no particular order.
    pub(crate) fn counts(&self) -> Vec<RoomCounts> {
        let entries = self.entries();
        let rooms = entries.values().filter_map(|entry| entry.room.clone());
        let rooms: Vec<Arc<Room>> = rooms.filter(|room| !room.shows_others()).collect();
        drop(entries);
        let counts = rooms.iter().map(|room| room.counts());
        // A room is still there for a moment after its last viewer has left.
        let mut all: Vec<_> = counts.filter(|room| room.counts != Counts::default()).collect();
        if let Some(nodes) = &self.nodes {
            let here: HashSet<_> = rooms.iter().map(|room| &room.path).collect();
            all.extend(nodes.all().filter(|room| !here.contains(&room.path)));
        }
        all
    }

    /// Whether this badge shows values in the room that are stale. Nobody knows of a room that is not open.
    pub(crate) fn is_stale(&self, id: &RoomId, badge: usize) -> bool {
        self.room(id).is_some_and(|room| room.stale.has(badge))
    }

    /// What has been read of this room until now is old. Under the lock on entries.
    pub(crate) fn spoil(&self, id: &RoomId) {
        self.changes(id).fetch_add(1, Ordering::Relaxed);
    }

    /// How often something was spoiled of this room, or of a few others.
    pub(crate) fn changes(&self, id: &RoomId) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        &self.changes[hasher.finish() as usize % self.changes.len()]
    }

    pub(crate) fn room(&self, id: &RoomId) -> Option<Arc<Room>> {
        self.entries().get(id)?.room.clone()
    }

    pub(crate) fn crowd(&self, id: &RoomId, recipe: &Recipe) -> Option<Arc<Crowd>> {
        crowd(&self.entries(), id, recipe)
    }

    pub(crate) fn entries(&self) -> MutexGuard<'_, HashMap<RoomId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribers(&self) -> MutexGuard<'_, HashMap<RoomId, watch::Sender<Counts>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those whose numbers this badge's room shows, if it is open or a total.
pub(crate) fn crowd(
    entries: &HashMap<RoomId, Entry>,
    id: &RoomId,
    recipe: &Recipe,
) -> Option<Arc<Crowd>> {
    let of_room = || Some(entries.get(id)?.room.as_ref()?.crowd.clone());
    recipe.total.clone().or_else(of_room)
}

/// Ends a promise, or a room, after which there may be nothing to be kept.
fn remove_if_idle(entries: &mut HashMap<RoomId, Entry>, id: &RoomId) {
    if entries.get(id).is_some_and(|entry| entry.promised == 0 && entry.room.is_none()) {
        entries.remove(id);
    }
}

/// Lets a room's task do what it can at once: most pictures have been drawn before, and then the first viewer has
/// its one together with the response's head, in one write to the socket instead of two.
#[cfg(not(livebadge_loom))]
fn goes_on(task: Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    // As it would be in a task of its own, a panic is the end of it alone.
    catch_unwind(AssertUnwindSafe(|| task.poll(&mut context))).is_ok_and(|poll| poll.is_pending())
}

/// In models of threads, rooms' tasks have no part.
#[cfg(livebadge_loom)]
fn goes_on(_: Pin<&mut impl Future<Output = ()>>) -> bool {
    true
}

/// A room that its task runs. However the task ends, the room is freed: if its runtime is shut down
/// while there are viewers, their streams end, and whoever comes later opens a new room.
#[derive(Debug)]
struct Running {
    registry: Arc<Registry>,
    room: Arc<Room>,
}

impl Running {
    /// Runs the room until it is empty.
    async fn run(self) {
        let Self { registry, room, .. } = &self;
        let _reading = match &registry.archive {
            Some(archive) => Box::pin(archive.remind(room)).await,
            None => None,
        };
        let is_one_of_many = registry.entries().len() >= MANY;
        let mut painter = Painter::new(room.clone(), registry.beyond.clone(), is_one_of_many);
        loop {
            painter.paint_until_empty(&registry.shutdown).await;
            if self.ends() {
                return;
            }
        }
    }

    /// Takes the room down, if it is empty.
    fn ends(&self) -> bool {
        let mut entries = self.registry.entries();
        // Viewers enter under this lock: one who came meanwhile is seen here.
        let is_empty = self.room.is_empty();
        if is_empty {
            self.take_down(&mut entries);
        }
        is_empty
    }

    /// There may be a new room of that name already, which stays.
    fn take_down(&self, entries: &mut HashMap<RoomId, Entry>) {
        let Some(entry) = entries.get_mut(&self.room.id) else { return };
        if entry.room.as_ref().is_some_and(|room| Arc::ptr_eq(room, &self.room)) {
            entry.room = None;
            let archive = self.registry.archive.as_ref();
            let past = self.room.legacy(|due| {
                if let Some(archive) = archive {
                    archive.bring(&self.room, due);
                }
            });
            if let Some(archive) = archive {
                archive.take(&self.room, past.as_ref());
            }
            if let Some(nodes) = &self.registry.nodes {
                nodes.close(&self.room);
            }
            self.registry.spoil(&self.room.id);
            if let Some((history, true)) = past {
                self.registry.memory.insert(self.room.id.clone(), history);
            }
        }
        remove_if_idle(entries, &self.room.id);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.take_down(&mut self.registry.entries());
        self.room.opens_or_ends(-1);
        tracing::debug!(path = %self.room.path, "a room has been freed");
        self.room.close(LeaveReason::Shutdown);
    }
}

impl Registry {
    /// A seat in a room that has been promised, which is opened if nobody was in it.
    pub(crate) fn seat(
        self: &Arc<Self>,
        id: &RoomId,
        invitation: Invitation,
        runtime: &runtime::Handle,
    ) -> Seat {
        let Invitation { host, recipe, variant, watcher } = invitation;
        let registry = self;
        let mut entries = registry.entries();
        let entry = entries.entry(id.clone()).or_default();
        if let Some(room) = &entry.room {
            return Seat::take(room.clone(), variant, recipe, watcher);
        }
        let (own_id, total) = (id.clone(), host.total.clone());
        let path = id.params.path(&host.path).into();
        let room = Arc::new(match total {
            Some(total) => Room::showing(path, own_id, host, total),
            None => {
                let history = registry.memory.get(id);
                let is_known = match &registry.archive {
                    Some(archive) => history.as_ref().is_some_and(|past| archive.is_fresh(past)),
                    None => true,
                };
                let room = Room::new(path, own_id, host, history);
                if let Some(nodes) = &registry.nodes {
                    nodes.open(&room);
                }
                if is_known { room } else { room.without_past() }
            }
        });
        if let Some(archive) = &registry.archive {
            archive.open(&room);
        }
        if let Some(subscribers) = registry.subscribers().get(id) {
            room.crowd.set_subscribers(subscribers.clone());
        }
        let seat = Seat::take(room.clone(), variant, recipe, watcher);
        entry.room = Some(room.clone());
        drop(entries);
        room.opens_or_ends(1);
        // Not a part of the request that has opened it: it outlives that.
        let span = tracing::debug_span!(parent: None, "livebadge_room", path = %room.path);
        tracing::debug!(path = %room.path, "a room has been opened");
        let running = Running { registry: registry.clone(), room };
        // The span in the box, too: a task for a box alone takes 128 bytes, with a span beside it twice as much.
        let mut running = Box::pin(running.run().instrument(span));
        // If the runtime is being shut down, the room is freed again here.
        if goes_on(running.as_mut()) {
            runtime.spawn(running);
        }
        seat
    }
}

#[cfg(all(test, livebadge_loom))]
mod races;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::badge::builder::Badge;
    use crate::badge::check::check;
    use crate::observe::observer::Unobserved;
    use crate::picture::fonts::Fonts;
    use crate::picture::images::Images;
    use crate::picture::raster::Raster;
    use crate::request::params::Params;

    /// A room's task frees it when it is empty, and whatever ends the task afterwards frees it again:
    /// in between, on another thread, somebody may have opened a new one.
    #[test]
    fn a_room_that_ends_leaves_a_new_one_of_its_name_alone() {
        let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>"#;
        let recipe = Arc::new(check("/x.png", Badge::svg(svg), 0, &raster).unwrap());
        let reporter = Arc::new(Reporter::new(Box::new(Unobserved)));
        let registry = Arc::new(Registry::new(1, reporter, None, None, CancellationToken::new()));
        let id = RoomId { badge: 0, params: Params::of([]) };
        let running = || Running {
            registry: registry.clone(),
            room: Arc::new(Room::new("/x.png".into(), id.clone(), recipe.clone(), None)),
        };
        let (old, new) = (running(), running());
        registry.promise(&id).unwrap();
        registry.entries().get_mut(&id).unwrap().room = Some(new.room.clone());
        drop(old);
        assert!(registry.room(&id).is_some_and(|room| Arc::ptr_eq(&room, &new.room)));
        drop(new);
        assert!(registry.room(&id).is_none());
        assert!(registry.entries().contains_key(&id), "it is promised");
        registry.take_back_promise(&id);
        assert!(registry.entries().is_empty());
    }
}
