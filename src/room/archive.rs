//! What a store keeps of rooms, and what rooms have of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::badge::recipe::Recipe;
use crate::presence::calendar::Calendar;
use crate::presence::crowd::Crowd;
use crate::presence::history::History;
use crate::presence::ledger::Due;
use crate::presence::tokens::Tokens;
use crate::presence::totals::Totals;
use crate::request::params::Params;
use crate::room::keeper::Keeper;
use crate::room::opened::Room;
use crate::room::reporter::Reporter;
use crate::room::sharing::Sharing;
use crate::store::contract::{RoomKey, Store, StoreError};

/// So long a picture waits for what was before. Later it is shown as soon as it is known.
const PATIENCE: Duration = Duration::from_millis(500);
/// So long what all nodes have added is taken for what there is, in a room that nobody is in.
const FRESH: Duration = Duration::from_secs(1);
/// Between two tries to read it.
const RETRY: Duration = Duration::from_secs(1);

/// The rooms of a layer that has a store.
#[derive(Debug)]
pub(crate) struct Archive {
    keeping: Keeping,
    /// Those of all rooms of a badge: they are always known.
    totals: Vec<(RoomKey, Arc<Crowd>)>,
}

/// Who saves.
#[derive(Debug)]
pub(crate) enum Keeping {
    /// What there is, in a store of this layer's own.
    Alone(Keeper),
    /// What has come, in a store that other nodes add to, too.
    Shared(Sharing),
}

impl Keeping {
    /// # Errors
    ///
    /// If the store can't give its secret of today, or no thread can be started.
    pub(crate) fn new(
        store: Box<dyn Store>,
        tokens: Arc<Tokens>,
        calendar: Arc<Calendar>,
        reporter: Arc<Reporter>,
    ) -> Result<Self, StoreError> {
        Ok(if store.shared().is_some() {
            Self::Shared(Sharing::new(store, tokens, calendar, reporter)?)
        } else {
            Self::Alone(Keeper::new(store, tokens, calendar, reporter)?)
        })
    }
}

impl Archive {
    /// # Errors
    ///
    /// If the totals can't be read.
    pub(crate) fn new<'a>(
        keeping: Keeping,
        recipes: impl Iterator<Item = &'a Recipe>,
    ) -> Result<Self, StoreError> {
        let mut totals = Vec::new();
        for recipe in recipes {
            let Some(crowd) = &recipe.total else { continue };
            let key = recipe.key(&Params::of([]));
            let kept = match &keeping {
                Keeping::Alone(keeper) => keeper.load_now(&key)?,
                Keeping::Shared(sharing) => sharing.load_now(&key)?,
            };
            if let Some(kept) = kept {
                crowd.change_history(|history| history.add(kept));
            }
            if let Keeping::Shared(sharing) = &keeping {
                sharing.open_total(key.clone(), crowd);
            }
            totals.push((key, crowd.clone()));
        }
        Ok(Self { keeping, totals })
    }

    /// Whether other nodes add to the same store.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.keeping, Keeping::Shared(_))
    }

    /// A room has been opened, in which nobody is yet.
    pub(crate) fn open(&self, room: &Arc<Room>) {
        if let Keeping::Shared(sharing) = &self.keeping
            && !room.shows_others()
        {
            sharing.open(room);
        }
    }

    /// Whether what is remembered of a room that nobody is in need not be read again. What other nodes add is not
    /// known longer than that.
    pub(crate) fn is_fresh(&self, past: &History) -> bool {
        !self.is_shared() || past.heard().is_some_and(|at| at.elapsed() < FRESH)
    }

    /// What has been in a room, or in those that its people are counted in, has become another.
    pub(crate) fn note(&self, room: &Room) {
        // Where it is shared, all open rooms are looked at in each round.
        let Keeping::Alone(keeper) = &self.keeping else { return };
        // Otherwise what there was before would be replaced by what has come since.
        if room.knows_past() && !room.is_forgotten() && !room.shows_others() {
            keeper.mark(&room.key(), &room.crowd);
        }
        for crowd in room.totals() {
            if let Some((key, crowd)) =
                self.totals.iter().find(|(_, total)| Arc::ptr_eq(total, crowd))
            {
                keeper.mark(key, crowd);
            }
        }
    }

    /// The application has changed what is remembered of an open room, or of a total.
    pub(crate) fn mark(&self, recipe: &Recipe, params: &Params, crowd: &Arc<Crowd>) {
        if let Keeping::Alone(keeper) = &self.keeping {
            keeper.mark(&recipe.key(params), crowd);
        }
    }

    /// The same of a room that is not open.
    pub(crate) fn keep(&self, recipe: &Recipe, params: &Params, history: &mut History) {
        let (key, totals) = (recipe.key(params), history.totals.clone());
        match &self.keeping {
            Keeping::Alone(keeper) => keeper.keep(key, totals),
            Keeping::Shared(sharing) => {
                history.take();
                sharing.bring(key, Due::instead(totals));
            }
        }
    }

    /// A room is freed, of which this is to be kept; it may not have known what there was before.
    pub(crate) fn take(&self, room: &Room, past: Option<&(History, bool)>) {
        match (&self.keeping, past) {
            _ if room.shows_others() => {}
            // It has been brought, or was forgotten when the application said so.
            (Keeping::Shared(_), _) => {}
            // Nobody was counted in it: it is not to be known that it was asked for.
            (_, Some((History { totals, .. }, _))) if totals.is_nothing() => {}
            (Keeping::Alone(keeper), Some((history, true))) => {
                keeper.keep(room.key(), history.totals.clone());
            }
            (Keeping::Alone(keeper), Some((history, false))) => {
                keeper.keep_more(room.key(), history.totals.clone());
            }
            (Keeping::Alone(keeper), None) => keeper.forget(room.key()),
        }
    }

    /// What has come to a room that is freed, where other nodes add to it.
    pub(crate) fn bring(&self, room: &Room, due: Due) {
        if let Keeping::Shared(sharing) = &self.keeping {
            sharing.bring(room.key(), due);
        }
    }

    pub(crate) fn forget(&self, recipe: &Recipe, params: &Params) {
        match &self.keeping {
            Keeping::Alone(keeper) => keeper.forget(recipe.key(params)),
            Keeping::Shared(sharing) => sharing.forget(recipe.key(params)),
        }
    }

    /// What is kept of a room that nobody is in, if it can be read soon.
    pub(crate) async fn recall(&self, recipe: &Recipe, params: &Params) -> Option<Option<Totals>> {
        self.load_soon(recipe.key(params)).await
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
                if archive.ask(&room).await {
                    return;
                }
                sleep(RETRY).await;
            }
        }));
        // An error says that it takes longer, or that the runtime ends.
        let _ = timeout(PATIENCE, &mut reading).await;
        Some(reading)
    }

    /// What is kept of an open room that does not know it yet, if it can be read soon.
    pub(crate) async fn remind_soon(&self, room: &Room) {
        // An error says that it takes longer.
        let _ = timeout(PATIENCE, self.ask(room)).await;
    }

    /// Returns whether the room knows what was there before.
    async fn ask(&self, room: &Room) -> bool {
        // First: what is given meanwhile may not be in the answer.
        let asked = room.crowd.ask();
        let Ok(kept) = self.load(room.key()).await else { return false };
        match asked {
            Some(asked) => {
                // Of which version it is, is not said.
                room.knows_past() || room.settle(asked, kept.unwrap_or_default(), None)
            }
            None => {
                if room.remember(kept) {
                    self.note(room);
                }
                true
            }
        }
    }

    async fn load(&self, key: RoomKey) -> Result<Option<Totals>, StoreError> {
        match &self.keeping {
            Keeping::Alone(keeper) => keeper.load(key).await,
            Keeping::Shared(sharing) => sharing.load(key).await,
        }
    }

    /// `None` if it can't be read, or not soon.
    async fn load_soon(&self, key: RoomKey) -> Option<Option<Totals>> {
        timeout(PATIENCE, self.load(key)).await.ok()?.ok()
    }

    /// Everything that is kept.
    pub(crate) async fn all(&self) -> Result<HashMap<RoomKey, Totals>, StoreError> {
        match &self.keeping {
            Keeping::Alone(keeper) => keeper.all().await,
            Keeping::Shared(sharing) => sharing.all().await,
        }
    }

    /// Saves all that has changed until now.
    pub(crate) async fn flush(&self) {
        match &self.keeping {
            Keeping::Alone(keeper) => keeper.flush().await,
            Keeping::Shared(sharing) => sharing.flush().await,
        }
    }
}
