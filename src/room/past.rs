//! What has been in a room, whether or not somebody is in it: shown, changed, forgotten, saved.

use std::sync::Arc;

use tokio::time::Instant;

use crate::badge::recipe::Recipe;
use crate::presence::counts::Snapshot;
use crate::presence::history::History;
use crate::presence::records::Records;
use crate::request::params::RoomId;
use crate::room::opened::Room;
use crate::room::registry::{Registry, crowd};

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
                self.remembered(id, today).deserted(today)
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
        let archive = self.archive.clone()?;
        let is_known = self.crowd(id, recipe).is_some() || self.memory.contains_key(id);
        let (registry, id, recipe) = (self.clone(), id.clone(), recipe.clone());
        (!is_known).then_some(async move {
            if let Some(kept) = archive.recall(&recipe, &id.params).await {
                // Whoever was there meanwhile knows it better.
                let entries = registry.entries();
                if crowd(&entries, &id, &recipe).is_none() && !registry.memory.contains_key(&id) {
                    let today = recipe.settings.calendar.today();
                    let mut history = History::new(Instant::now(), today);
                    history.add(kept);
                    registry.memory.insert(id, history);
                }
            }
        })
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
                archive.keep(recipe, &id.params, history.totals.clone());
            }
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
        let open = open.filter(|(_, room)| !room.shows_others());
        let open: Vec<_> =
            open.map(|(id, room)| (id.clone(), room.crowd.snapshot().records)).collect();
        let is_open = |id: &RoomId| entries.get(id).is_some_and(|entry| entry.room.is_some());
        let remembered = self.memory.iter().filter(|(id, _)| !is_open(id));
        let remembered = remembered.map(|(id, past)| (id, past.deserted(today).records));
        open.into_iter().chain(remembered).collect()
    }

    /// Saves all that has changed, where there is a store.
    pub(crate) async fn save(&self) {
        let Some(archive) = &self.archive else { return };
        let rooms: Vec<Arc<Room>> =
            self.entries().values().filter_map(|entry| entry.room.clone()).collect();
        // Their tasks may not have had the time to.
        rooms.iter().for_each(|room| archive.note(room));
        drop(rooms);
        archive.flush().await;
    }
}
