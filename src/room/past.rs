//! What has been in a room, whether or not somebody is in it: shown, changed, forgotten, saved.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::badge::recipe::Recipe;
use crate::presence::counts::Snapshot;
use crate::presence::history::History;
use crate::presence::records::Records;
use crate::presence::totals::Totals;
use crate::request::params::RoomId;
use crate::room::archive::Archive;
use crate::room::registry::{Registry, crowd};

/// So long at the end rooms are waited for that are still reading.
const LEARNING: Duration = Duration::from_millis(500);

impl Registry {
    /// Forgets what has been in a room, and it altogether if nobody is in it.
    pub(crate) fn forget(&self, id: &RoomId, recipe: &Recipe) {
        let entries = self.entries();
        match entries.get(id).and_then(|entry| entry.room.as_ref()) {
            Some(room) if !room.shows_others() => room.forget(),
            _ => {
                if let Some(crowd) = crowd(&entries, id, recipe) {
                    crowd.change_history(History::reset);
                }
            }
        }
        self.memory.remove(id);
        self.spoil(id);
        if let Some(archive) = &self.archive {
            archive.forget(recipe, &id.params);
        }
    }

    /// What there is to be seen of a room, whether or not somebody is in it.
    pub(crate) fn snapshot(&self, id: &RoomId, recipe: &Recipe) -> Snapshot {
        match self.crowd(id, recipe) {
            Some(crowd) => crowd.snapshot(),
            None => {
                let today = recipe.settings.calendar.today();
                let counts = self.counts_of(id, recipe);
                let is_alone = self.nodes.as_ref().is_some_and(|nodes| nodes.is_alone());
                Snapshot { counts, is_alone, ..self.remembered(id, today).deserted(today) }
            }
        }
    }

    /// Brings to mind what a store has kept of a room, unless that is known; `None` if there is nothing to
    /// wait for.
    pub(crate) fn recall(
        self: &Arc<Self>,
        id: &RoomId,
        recipe: &Arc<Recipe>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let archive = self.archive.as_ref()?;
        let room = self.room(id);
        let is_known = recipe.total.is_some()
            || room
                .as_ref()
                .map_or_else(|| self.is_remembered(archive, id), |room| room.knows_past());
        if is_known {
            return None;
        }
        let (archive, registry) = (archive.clone(), self.clone());
        let (id, recipe) = (id.clone(), recipe.clone());
        Some(async move {
            match room {
                Some(room) => archive.remind_soon(&room).await,
                None => registry.recall_closed(&archive, &id, &recipe).await,
            }
        })
    }

    async fn recall_closed(&self, archive: &Archive, id: &RoomId, recipe: &Recipe) {
        for _ in 0..3 {
            let changes = self.changes(id).load(Ordering::Relaxed);
            let Some(kept) = archive.recall(recipe, &id.params).await else { return };
            // Other nodes may have forgotten what is remembered here.
            let is_news = archive.is_shared() && self.memory.contains_key(id);
            let Some(kept) = kept.or(is_news.then(Totals::default)) else { return };
            // Whoever was there meanwhile knows it better.
            let entries = self.entries();
            if crowd(&entries, id, recipe).is_some() || self.is_remembered(archive, id) {
                return;
            }
            if self.changes(id).load(Ordering::Relaxed) == changes {
                let today = recipe.settings.calendar.today();
                let mut history = if archive.is_shared() {
                    self.remembered(id, today)
                } else {
                    History::new(Instant::now(), today)
                };
                history.learn(kept, archive.is_shared());
                self.memory.insert(id.clone(), history);
                return;
            }
        }
    }

    /// In memory, as it is now.
    fn is_remembered(&self, archive: &Archive, id: &RoomId) -> bool {
        self.memory.get(id).is_some_and(|past| archive.is_fresh(&past))
    }

    fn remembered(&self, id: &RoomId, today: u64) -> History {
        self.memory.get(id).unwrap_or_else(|| History::new(Instant::now(), today))
    }

    /// Has no effect on a room that is neither open nor remembered.
    pub(crate) fn change_history(
        &self,
        id: &RoomId,
        recipe: &Recipe,
        change: impl FnOnce(&mut History),
    ) {
        // Under the lock, so that the room is not freed meanwhile.
        let entries = self.entries();
        let room = entries.get(id).and_then(|entry| entry.room.as_ref());
        if let Some(total) = &recipe.total {
            total.change_history(change);
        } else if let Some(room) = room {
            room.change_history(change);
        } else if recipe.remembers {
            let today = recipe.settings.calendar.today();
            let mut history = self.remembered(id, today);
            history.see(0, Instant::now(), today);
            change(&mut history);
            if let Some(archive) = &self.archive {
                archive.keep(recipe, &id.params, &mut history);
            }
            self.spoil(id);
            self.memory.insert(id.clone(), history);
            return;
        }
        if let (Some(archive), Some(crowd)) = (&self.archive, crowd(&entries, id, recipe)) {
            archive.mark(recipe, &id.params, &crowd);
        }
    }

    /// The records of every room that is open or remembered. Totals are not among them.
    pub(crate) fn all_records(&self, today: u64) -> Vec<(RoomId, Records)> {
        let entries = self.entries();
        let open = entries.iter().filter_map(|(id, entry)| Some((id, entry.room.as_ref()?)));
        // Of one that does not know yet what was before, the store knows more.
        let open = open.filter(|(_, room)| !room.shows_others() && room.knows_past());
        let open: Vec<_> =
            open.map(|(id, room)| (id.clone(), room.crowd.snapshot().records)).collect();
        let is_open = |id: &RoomId| entries.get(id).is_some_and(|entry| entry.room.is_some());
        // What other nodes have added since, the store knows.
        let is_known = self.archive.as_ref().is_none_or(|archive| !archive.is_shared());
        let remembered = self.memory.iter().filter(|(id, _)| is_known && !is_open(id));
        let remembered = remembered.map(|(id, past)| (id, past.deserted(today).records));
        open.into_iter().chain(remembered).collect()
    }

    /// Saves all that has changed, where there is a store.
    pub(crate) async fn save(&self) {
        let Some(archive) = &self.archive else { return };
        // One that is about to learn what was before is saved as a whole.
        let know = || {
            self.entries()
                .values()
                .filter_map(|entry| entry.room.as_ref())
                .all(|room| room.knows_past())
        };
        let until = Instant::now() + LEARNING;
        while !know() && Instant::now() < until {
            sleep(LEARNING / 50).await;
        }
        {
            let entries = self.entries();
            // Their tasks may not have had the time to.
            let rooms = entries.values().filter_map(|entry| entry.room.as_ref());
            rooms.for_each(|room| archive.note(room));
        }
        archive.flush().await;
    }
}
