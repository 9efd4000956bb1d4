//! Whether what is written to a connection flows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Whether what is written to a connection flows, as the server's end of it knows: an extension of its
/// requests.
///
/// A body can't know: hyper 1.12 asks an HTTP/1 body for 16 pieces that it can't write, and the kernel
/// takes megabytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_stuck: AtomicBool,
    is_watched: AtomicBool,
    /// Of the one body that is on its way.
    viewer: AtomicWaker,
}

impl Pulse {
    /// Whether somebody looks at a live stream there.
    #[cfg(feature = "hyper")]
    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_watched.load(Ordering::Relaxed)
    }

    /// Something could not be written, or was.
    #[cfg(feature = "hyper")]
    pub(crate) fn set_stuck(&self, is_stuck: bool) {
        if self.0.is_stuck.swap(is_stuck, Ordering::AcqRel) != is_stuck {
            self.0.viewer.wake();
        }
    }

    /// A live stream begins to look at it.
    pub(crate) fn watch(&self) {
        self.0.is_watched.store(true, Ordering::Relaxed);
    }

    /// Ready while it flows; otherwise its viewer is woken when it does.
    pub(crate) fn poll_flow(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Before the look, so that a change after it wakes.
        self.0.viewer.register(cx.waker());
        if self.0.is_stuck.load(Ordering::Acquire) { Poll::Pending } else { Poll::Ready(()) }
    }
}
