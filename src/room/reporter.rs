//! Tells the application what happens in its rooms: the observer's hooks, the stream of changes,
//! and the log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::badge::recipe::Recipe;
use crate::error::PaintError;
use crate::observe::observer::{
    Join, Leave, NodesChange, Observer, Occupied, Paint, PaintFailure, Refusal, Refused, Stale,
    Vacated,
};
use crate::observe::throttle::Throttle;
use crate::presence::counts::{Counts, RoomCounts};
use crate::presence::crowd::{Coming, News};
use crate::presence::leaving::Leaving;
use crate::request::name::Name;
use crate::store::contract::StoreError;

/// How many changes a slow reader may be behind before it misses some.
const KEPT_CHANGES: usize = 1024;

pub(crate) struct Reporter {
    observer: Box<dyn Observer>,
    changes: broadcast::Sender<RoomCounts>,
    store_failures: Throttle,
}

impl Reporter {
    pub(crate) fn new(observer: Box<dyn Observer>) -> Self {
        let changes = broadcast::Sender::new(KEPT_CHANGES);
        Self { observer, changes, store_failures: Throttle::default() }
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<RoomCounts> {
        self.changes.subscribe()
    }

    /// Tells of everybody who came and went since the last look.
    pub(crate) fn tell(&self, path: &Arc<str>, news: Vec<News>) {
        for News { what, counts, name } in news {
            let (path, streams) = (path.clone(), counts.streams);
            // For the hooks; the log never says a name.
            let name = name.map(Name::into_inner);
            match what {
                Coming::Join | Coming::Return => {
                    tracing::debug!(%path, streams, "a viewer joined");
                    let is_return = what == Coming::Return;
                    let join = Join { path, counts, is_return, name };
                    self.call(|observer| observer.on_join(&join));
                }
                Coming::Leave(Leaving { reason, stayed }) => {
                    tracing::debug!(%path, streams, ?reason, ?stayed, "a viewer left");
                    let leave = Leave { path, counts, reason, stayed, name };
                    self.call(|observer| observer.on_leave(&leave));
                }
            }
        }
    }

    pub(crate) fn occupied(&self, path: &Arc<str>, counts: Counts) {
        tracing::debug!(%path, "a room is occupied");
        let path = path.clone();
        self.call(|observer| observer.on_occupied(&Occupied { path, counts }));
    }

    pub(crate) fn vacated(&self, path: &Arc<str>, lasted: Duration) {
        tracing::debug!(%path, ?lasted, "a room is vacated");
        let path = path.clone();
        self.call(|observer| observer.on_vacated(&Vacated { path, lasted }));
    }

    pub(crate) fn stale(&self, path: &Arc<str>, is_stale: bool) {
        tracing::debug!(%path, is_stale, "a room's values have become stale or fresh");
        let path = path.clone();
        self.call(|observer| observer.on_stale(&Stale { path, is_stale }));
    }

    /// A room's counts are different from those told last.
    pub(crate) fn changed(&self, path: &Arc<str>, counts: Counts) {
        // An error says that nobody listens.
        let _ = self.changes.send(RoomCounts { path: path.clone(), counts });
    }

    pub(crate) fn painted(&self, paint: &Paint) {
        tracing::trace!(path = %paint.path, bytes = paint.bytes, cached = paint.cached, "painted");
        self.call(|observer| observer.on_paint(paint));
    }

    pub(crate) fn paint_failed(&self, recipe: &Recipe, path: &Arc<str>, error: &PaintError) {
        if let Some(unsaid) = recipe.failures.live.may_speak() {
            let (badge, error) = (&recipe.path, recipe.picture.said_of(error));
            tracing::warn!(%badge, %path, %error, unsaid, "a picture could not be painted; the last one stays");
        }
        let path = path.clone();
        self.call(|observer| observer.on_paint_error(&PaintFailure { path, error }));
    }

    pub(crate) fn refused(&self, path: Arc<str>, reason: Refusal) {
        tracing::debug!(%path, ?reason, "a stream was refused");
        self.call(|observer| observer.on_refusal(&Refused { path, reason }));
    }

    /// Of a store; it is tried again.
    pub(crate) fn store_failed(&self, error: &StoreError) {
        if let Some(unsaid) = self.store_failures.may_speak() {
            tracing::error!(%error, unsaid, "totals could not be saved or read; badges go on from memory");
        }
        self.call(|observer| observer.on_store_error(error));
    }

    pub(crate) fn nodes_changed(&self, change: &NodesChange<'_>) {
        self.call(|observer| observer.on_nodes_change(change));
    }

    /// A panic in the application's code must not end the room's task.
    fn call(&self, hook: impl FnOnce(&dyn Observer)) {
        if catch_unwind(AssertUnwindSafe(|| hook(&*self.observer))).is_err() {
            tracing::error!("an observer of live badges panicked");
        }
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter(..)")
    }
}
