//! What a store keeps of rooms, and what rooms have of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

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
            let key = recipe.key(&Params::of([]));
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
            self.keeper.mark(&room.key(), &room.crowd);
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
        self.keeper.mark(&recipe.key(params), crowd);
    }

    /// The same of a room that is not open.
    pub(crate) fn keep(&self, recipe: &Recipe, params: &Params, totals: Totals) {
        self.keeper.keep(recipe.key(params), totals);
    }

    /// A room is freed, of which this is to be kept; it may not have known what there was before.
    pub(crate) fn take(&self, room: &Room, past: Option<&(History, bool)>) {
        match past {
            _ if room.shows_others() => {}
            // Nobody was counted in it: it is not to be known that it was asked for.
            Some((History { totals, .. }, _)) if totals.is_nothing() => {}
            Some((history, true)) => self.keeper.keep(room.key(), history.totals.clone()),
            Some((history, false)) => self.keeper.keep_more(room.key(), history.totals.clone()),
            None => self.keeper.forget(room.key()),
        }
    }

    pub(crate) fn forget(&self, recipe: &Recipe, params: &Params) {
        self.keeper.forget(recipe.key(params));
    }

    /// What is kept of a room that nobody is in, if it can be read soon.
    pub(crate) async fn recall(&self, recipe: &Recipe, params: &Params) -> Option<Totals> {
        self.load_soon(recipe.key(params)).await?
    }

    /// Tells a room that has been opened what was there before: soon, or whenever it can be read, as long as what
    /// is returned is kept.
    pub(crate) async fn remind(
        self: &Arc<Self>,
        room: &Arc<Room>,
    ) -> Option<AbortOnDropHandle<()>> {
        if room.knows_past() {
            return None;
        }
        let (archive, room) = (self.clone(), room.clone());
        let mut reading = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                match archive.keeper.load(room.key()).await {
                    Ok(kept) => return archive.has_read(&room, kept),
                    Err(_) => sleep(RETRY).await,
                }
            }
        }));
        // An error says that it takes longer, or that the runtime ends.
        let _ = timeout(PATIENCE, &mut reading).await;
        Some(reading)
    }

    fn has_read(&self, room: &Room, kept: Option<Totals>) {
        if room.remember(kept) {
            self.note(room);
        }
    }

    /// What is kept of an open room that does not know it yet, if it can be read soon.
    pub(crate) async fn remind_soon(&self, room: &Room) {
        if let Some(kept) = self.load_soon(room.key()).await {
            self.has_read(room, kept);
        }
    }

    /// `None` if it can't be read, or not soon.
    async fn load_soon(&self, key: RoomKey) -> Option<Option<Totals>> {
        timeout(PATIENCE, self.keeper.load(key)).await.ok()?.ok()
    }

    /// Everything that is kept.
    pub(crate) async fn all(&self) -> Result<HashMap<RoomKey, Totals>, StoreError> {
        self.keeper.all().await
    }

    /// Saves all that has changed until now.
    pub(crate) async fn flush(&self) {
        self.keeper.flush().await;
    }
}
