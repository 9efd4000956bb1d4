//! Calls a room's task: something has changed.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Wakes the one task that listens. However often it rings meanwhile, that is heard once.
///
/// Tokio's `Notify` does the same for many listeners; its future alone is larger than this.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    has_rung: AtomicBool,
    listener: AtomicWaker,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.has_rung.store(true, Ordering::Release);
        self.listener.wake();
    }

    /// Ready if it has rung since it was last heard.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_rung.swap(false, Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.listener.register(cx.waker());
        // Again: it may have rung in between, and have found nobody.
        if self.has_rung.swap(false, Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whoever looks after this at what there is need not hear what has rung until now.
    pub(crate) fn hush(&self) {
        self.has_rung.swap(false, Ordering::Acquire);
    }

    pub(crate) async fn heard(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_rings_before_is_heard_once() {
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        assert!(bell.heard().now_or_never().is_some());
        assert!(bell.heard().now_or_never().is_none());
        bell.ring();
        bell.hush();
        assert!(bell.heard().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_listens_is_woken() {
        let bell = Bell::default();
        tokio::join!(bell.heard(), async { bell.ring() });
    }
}
