//! What a store keeps of rooms, and what rooms have of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::badge::recipe::Recipe;
use crate::presence::crowd::Crowd;
use crate::presence::history::History;
use crate::presence::totals::Totals;
use crate::request::params::Params;
use crate::room::keeper::Keeper;
use crate::room::opened::Room;
use crate::store::contract::{RoomKey, StoreError};

/// So long a picture waits for what was before. Later it is shown as soon as it is known.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two tries to read it.
const RETRY: Duration = Duration::from_secs(1);

/// The rooms of a layer that has a store.
#[derive(Debug)]
pub(crate) struct Archive {
    keeper: Keeper,
    /// Those of all rooms of a badge: they are always known.
    totals: Vec<(RoomKey, Arc<Crowd>)>,
}

impl Archive {
    /// # Errors
    ///
    /// If the totals can't be read.
    pub(crate) fn new<'a>(
        keeper: Keeper,
        recipes: impl Iterator<Item = &'a Recipe>,
    ) -> Result<Self, StoreError> {
        let mut totals = Vec::new();
        for recipe in recipes {
            let Some(crowd) = &recipe.total else { continue };
            let key = RoomKey::new(&*recipe.path, &*recipe.path);
            if let Some(kept) = keeper.load_now(&key)? {
                crowd.change_history(|history| history.add(kept));
            }
            totals.push((key, crowd.clone()));
        }
        Ok(Self { keeper, totals })
    }

    /// What has been in a room, or in those that its people are counted in, has become another.
    pub(crate) fn note(&self, room: &Room) {
        // Otherwise what there was before would be replaced by what has come since.
        if room.knows_past() && !room.is_forgotten() && !room.shows_others() {
            self.keeper.mark(&key_of(room), &room.crowd);
        }
        for crowd in room.totals() {
            if let Some((key, crowd)) =
                self.totals.iter().find(|(_, total)| Arc::ptr_eq(total, crowd))
            {
                self.keeper.mark(key, crowd);
            }
        }
    }

    /// The application has changed what is remembered of an open room, or of a total.
    pub(crate) fn mark(&self, recipe: &Recipe, params: &Params, crowd: &Arc<Crowd>) {
        self.keeper.mark(&key(recipe, params), crowd);
    }

    /// The same of a room that is not open.
    pub(crate) fn keep(&self, recipe: &Recipe, params: &Params, totals: Totals) {
        self.keeper.keep(key(recipe, params), totals);
    }

    /// A room is freed, of which this is to be kept.
    pub(crate) fn take(&self, room: &Room, history: Option<&History>) {
        match history.map(|history| history.totals.clone()) {
            _ if room.shows_others() => {}
            // Nobody was counted in it: it is not to be known that it was asked for.
            Some(totals) if totals.is_nothing() => {}
            Some(totals) if room.knows_past() => self.keeper.keep(key_of(room), totals),
            Some(totals) => self.keeper.keep_more(key_of(room), totals),
            None => self.keeper.forget(key_of(room)),
        }
    }

    pub(crate) fn forget(&self, recipe: &Recipe, params: &Params) {
        self.keeper.forget(key(recipe, params));
    }

    /// What is kept of a room that nobody is in, if it can be read soon.
    pub(crate) async fn recall(&self, recipe: &Recipe, params: &Params) -> Option<Totals> {
        let kept = timeout(PATIENCE, self.keeper.load(key(recipe, params))).await;
        kept.ok()?.ok()?
    }

    /// Tells a room that has been opened what was there before: soon, or whenever it can be read.
    pub(crate) async fn remind(self: &Arc<Self>, room: &Arc<Room>) {
        if room.knows_past() {
            return;
        }
        let (archive, waiting) = (self.clone(), Arc::downgrade(room));
        let reading = tokio::spawn(async move {
            while let Some(key) = waiting.upgrade().map(|room| key_of(&room)) {
                let kept = archive.keeper.load(key).await;
                match (kept, waiting.upgrade()) {
                    (Ok(kept), Some(room)) => {
                        room.remember(kept);
                        return archive.note(&room);
                    }
                    (Ok(_), None) => return,
                    (Err(_), _) => sleep(RETRY).await,
                }
            }
        });
        // An error says that it takes longer, or that the runtime ends.
        let _ = timeout(PATIENCE, reading).await;
    }

    /// Everything that is kept.
    pub(crate) async fn all(&self) -> Vec<(RoomKey, Totals)> {
        self.keeper.all().await
    }

    /// Saves all that has changed until now.
    pub(crate) async fn flush(&self) {
        self.keeper.flush().await;
    }
}

fn key(recipe: &Recipe, params: &Params) -> RoomKey {
    RoomKey::new(&*recipe.path, params.path(&recipe.path))
}

fn key_of(room: &Room) -> RoomKey {
    RoomKey::new(&*room.recipe.path, room.path.clone())
}
