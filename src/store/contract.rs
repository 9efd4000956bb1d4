//! What a store has to do.

use std::error::Error;
use std::sync::Arc;

use crate::presence::totals::Totals;

/// Why a store could not do what it was asked for.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// Keeps what has been in rooms, so that totals outlive the process.
///
/// With the feature `store` there is one that is ready: [`FileStore`](crate::FileStore). For another
/// database, implement this.
///
/// All methods may block. The layer calls [`save`](Self::save) and [`day_secret`](Self::day_secret) on a thread
/// of its own, outside of any runtime, one after the other, and [`load`](Self::load) and
/// [`for_each`](Self::for_each) on Tokio's threads for what blocks; never where a request would wait for it. So
/// `load` is to work while a `save` is under way. [`build`](crate::LiveBadgeLayerBuilder::build) waits for the
/// first secret, and for what is kept of totals.
///
/// One layer at a time uses what is kept: `save` replaces it. A store that several nodes are to use at a time adds it
/// up: it is a [`SharedStore`], too, and says so by [`shared`](Self::shared). What fails is said in the log
/// and to the [observer](crate::Observer::on_store_error), and is tried again; badges go on with what they
/// have in memory.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use tower_livebadge::{Badge, LiveBadgeLayer, RoomKey, Store, StoreError, Totals};
///
/// /// Keeps everything as long as the process lives.
/// #[derive(Default)]
/// struct InMemory {
///     rooms: Mutex<HashMap<RoomKey, Totals>>,
///     secret: Mutex<Option<(u64, [u8; 16])>>,
/// }
///
/// impl Store for InMemory {
///     fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
///         Ok(self.rooms.lock().unwrap().get(room).cloned())
///     }
///
///     fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError> {
///         let mut rooms = self.rooms.lock().unwrap();
///         for (room, totals) in changes {
///             match totals {
///                 Some(totals) => rooms.insert(room.clone(), totals.clone()),
///                 None => rooms.remove(room),
///             };
///         }
///         Ok(())
///     }
///
///     fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError> {
///         let rooms = self.rooms.lock().unwrap();
///         rooms.iter().for_each(|(room, totals)| each(room.clone(), totals.clone()));
///         Ok(())
///     }
///
///     fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
///         let mut kept = self.secret.lock().unwrap();
///         match *kept {
///             Some((of, secret)) if of == day => Ok(secret),
///             _ => {
///                 *kept = Some((day, new));
///                 Ok(new)
///             }
///         }
///     }
/// }
///
/// let badges = LiveBadgeLayer::builder()
///     .badge("/online.png", Badge::online())
///     .store(InMemory::default())
///     .build()?;
/// # Ok::<(), tower_livebadge::BuildError>(())
/// ```
pub trait Store: Send + Sync + 'static {
    /// What is kept of a room; `None` if that is nothing.
    ///
    /// # Errors
    ///
    /// If it can't be read now.
    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError>;

    /// Keeps of each of these rooms what comes with it, in the place of what was kept of it, or nothing any
    /// more if nothing comes; and nothing else changes. All of it, or, with an error, none of it.
    ///
    /// # Errors
    ///
    /// If it can't be kept now. The same rooms come again, with what they have become by then.
    fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError>;

    /// Calls this with every room that something is kept of, in no particular order.
    ///
    /// # Errors
    ///
    /// If not all of them can be read now.
    fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError>;

    /// The secret that visitors of this day are hashed with: the one that is kept for that day, or `new`, if
    /// none is, which is kept from now on. That of every other day is destroyed: when the day is over,
    /// nothing leads from what is kept to anybody.
    ///
    /// # Errors
    ///
    /// If it can't be read or kept now.
    fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError>;

    /// Itself, if several nodes may use it at a time. Then [`save`](Self::save) is called only for what the
    /// application sets or forgets.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        (**self).load(room)
    }

    fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError> {
        (**self).save(changes)
    }

    fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError> {
        (**self).for_each(each)
    }

    fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
        (**self).day_secret(day, new)
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        (**self).shared()
    }
}

/// What a [`Store`](crate::Store) can do that all nodes of a site share: it adds up what each of them counts.
///
/// With the feature `redis` there is one that is ready: `RedisStore`. For another database, implement this beside
/// [`Store`](crate::Store), and return it from [`Store::shared`](crate::Store::shared). Both methods are called on
/// the layer's thread for the store, one after the other.
///
/// Of a room, [`add`](Self::add) brings what has come since the last time, not what there is in all. So it is to be
/// added once, also if it comes twice because an answer was lost: a [`Batch`] says which is which.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use tower_livebadge::{Batch, RoomKey, SharedStore, StoreError, Totals};
///
/// #[derive(Default)]
/// struct InMemory(Mutex<Kept>);
///
/// #[derive(Default)]
/// struct Kept {
///     rooms: HashMap<RoomKey, (u64, Totals)>,
///     /// The last batch of each node.
///     batches: HashMap<u64, u64>,
///     changes: u64,
/// }
///
/// impl SharedStore for InMemory {
///     fn add(&self, batch: Batch, more: &[(RoomKey, Totals)]) -> Result<(), StoreError> {
///         let mut kept = self.0.lock().unwrap();
///         if kept.batches.insert(batch.node, batch.number) == Some(batch.number) {
///             return Ok(()); // it was added before
///         }
///         for (room, more) in more {
///             kept.changes += 1;
///             let version = kept.changes;
///             let (last, totals) = kept.rooms.entry(room.clone()).or_default();
///             *last = version;
///             totals.add(more.clone());
///         }
///         Ok(())
///     }
///
///     fn news(
///         &self,
///         rooms: &[(RoomKey, Option<u64>)],
///     ) -> Result<Vec<Option<(u64, Totals)>>, StoreError> {
///         let kept = self.0.lock().unwrap();
///         let of = |(room, known): &(RoomKey, Option<u64>)| {
///             let (version, totals) = kept.rooms.get(room).cloned().unwrap_or_default();
///             (*known != Some(version)).then_some((version, totals))
///         };
///         Ok(rooms.iter().map(of).collect())
///     }
/// }
/// ```
pub trait SharedStore: Send + Sync {
    /// Adds to each of these rooms what comes with it ([`Totals::add`]), unless this batch was added before.
    ///
    /// # Errors
    ///
    /// If not all of it can be added now, or that can't be known. The same batch comes again, and no other of this
    /// node before it.
    fn add(&self, batch: Batch, more: &[(RoomKey, Totals)]) -> Result<(), StoreError>;

    /// What there is now of each of these rooms, of all nodes together, with its version: any number that is another
    /// one whenever something else is kept, and 0 where nothing is. `None` instead where that is the version that
    /// comes with the room, which was given before.
    ///
    /// Asked each second of the rooms that are open.
    ///
    /// # Errors
    ///
    /// If it can't be read now.
    fn news(
        &self,
        rooms: &[(RoomKey, Option<u64>)],
    ) -> Result<Vec<Option<(u64, Totals)>>, StoreError>;
}

/// Which batch it is that a node adds to a [`SharedStore`]: it is added once, however often it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Batch {
    /// The layer that it comes from: drawn at random when that was built.
    pub node: u64,
    /// One after the other, from 1.
    pub number: u64,
}

impl Batch {
    /// Of this node.
    pub fn new(node: u64, number: u64) -> Self {
        Self { node, number }
    }
}

/// A room, as a [`Store`] knows it: the path that its badge was added with, and its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RoomKey {
    /// As it was added: `/rooms/{room}/online.png`.
    pub badge: Arc<str>,
    /// With the values of its parameters, percent-encoded: `/rooms/lobby/online.png`. That of a
    /// [total](crate::Badge::total_of) is its badge's.
    pub path: Arc<str>,
}

impl RoomKey {
    /// Of what a store has kept of it.
    pub fn new(badge: impl Into<Arc<str>>, path: impl Into<Arc<str>>) -> Self {
        Self { badge: badge.into(), path: path.into() }
    }
}
