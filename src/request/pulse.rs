//! Whether what is written to a connection flows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// Whether what is written to a connection flows, as the server's end of it knows: an extension of its
/// requests.
///
/// A body can't know: hyper 1.12 asks an HTTP/1 body for 16 pieces that it can't write, and the kernel
/// takes megabytes.
#[derive(Debug, Clone)]
pub(crate) struct Pulse(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Since when nothing could be written, if nothing can.
    stuck_since: Mutex<Option<Instant>>,
    /// For how long nothing may flow.
    patience: Duration,
    is_watched: AtomicBool,
    /// Of the one body that is on its way.
    viewer: AtomicWaker,
}

impl Pulse {
    #[cfg(feature = "hyper")]
    pub(crate) fn new(patience: Duration) -> Self {
        let (stuck_since, is_watched) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Shared { stuck_since, patience, is_watched, viewer: AtomicWaker::new() }))
    }

    /// Whether somebody looks at a live stream there.
    #[cfg(feature = "hyper")]
    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_watched.load(Ordering::Relaxed)
    }

    /// Nothing can be written since then, or something was.
    #[cfg(feature = "hyper")]
    pub(crate) fn set_stuck(&self, since: Option<Instant>) {
        *self.0.stuck_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
        if since.is_none() {
            self.0.viewer.wake();
        }
    }

    /// A live stream begins to look at it, or ends.
    pub(crate) fn set_watched(&self, is_watched: bool) {
        self.0.is_watched.store(is_watched, Ordering::Relaxed);
    }

    /// Whether nothing has flowed for too long. Its viewer is woken when something does.
    pub(crate) fn is_gone(&self, cx: &mut Context<'_>) -> bool {
        // Before the look, so that a change after it wakes.
        self.0.viewer.register(cx.waker());
        let since = *self.0.stuck_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= self.0.patience)
    }
}
