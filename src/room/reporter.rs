//! Tells the application what happens in its rooms: the observer's hooks, the stream of changes,
//! and the log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::error::PaintError;
use crate::observe::observer::{Observer, Paint, Refusal};
use crate::presence::counts::{Counts, RoomCounts};
use crate::presence::crowd::News;
use crate::room::opened::Room;

/// How many changes a slow reader may be behind before it misses some.
const KEPT_CHANGES: usize = 1024;

pub(crate) struct Reporter {
    observer: Box<dyn Observer>,
    changes: broadcast::Sender<RoomCounts>,
}

impl Reporter {
    pub(crate) fn new(observer: Box<dyn Observer>) -> Self {
        Self { observer, changes: broadcast::Sender::new(KEPT_CHANGES) }
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<RoomCounts> {
        self.changes.subscribe()
    }

    /// Tells of everybody who came and went since the last look.
    pub(crate) fn tell(&self, path: &Arc<str>, news: &[News]) {
        let room = |counts: &Counts| RoomCounts { path: path.clone(), counts: counts.clone() };
        for news in news {
            match news {
                News::Join(counts) => {
                    tracing::debug!(%path, streams = counts.streams, "a viewer joined");
                    self.call(|observer| observer.on_join(&room(counts)));
                }
                News::Leave(counts) => {
                    tracing::debug!(%path, streams = counts.streams, "a viewer left");
                    self.call(|observer| observer.on_leave(&room(counts)));
                }
            }
        }
    }

    /// A room's counts are different from those told last.
    pub(crate) fn changed(&self, path: &Arc<str>, counts: Counts) {
        // An error says that nobody listens.
        let _ = self.changes.send(RoomCounts { path: path.clone(), counts });
    }

    pub(crate) fn painted(&self, room: &Room, paint: &Paint) {
        tracing::trace!(path = %room.path, ?paint, "painted");
        self.call(|observer| observer.on_paint(&room.counts(), paint));
    }

    pub(crate) fn paint_failed(&self, room: &Room, error: &PaintError) {
        tracing::warn!(path = %room.path, ?error, "a picture could not be painted; the last one stays");
        self.call(|observer| observer.on_paint_error(&room.counts(), error));
    }

    pub(crate) fn refused(&self, path: &str, refusal: Refusal) {
        tracing::debug!(path, ?refusal, "a stream was refused");
        self.call(|observer| observer.on_refusal(path, refusal));
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
