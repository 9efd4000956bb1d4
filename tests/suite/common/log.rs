//! What a test's own thread logs, whatever other tests do at the same time.
//!
//! A subscriber for one thread alone can miss events: `tracing` asks once for each place in the code
//! whether anybody is interested, and remembers the answer of whoever was there.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;

thread_local! {
    static KEPT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Keeps what is logged from now on in this thread, where a test's runtime runs.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let is_kept = dynamic_filter_fn(|_, _| KEPT.with_borrow(Option::is_some));
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Kept);
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(is_kept));
        tracing::subscriber::set_global_default(subscriber).expect("no other one is set");
    });
    KEPT.set(Some(Vec::new()));
}

/// What has been kept.
pub(crate) fn text() -> String {
    KEPT.with_borrow(|kept| String::from_utf8_lossy(kept.as_deref().unwrap_or_default()).into())
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        KEPT.with_borrow_mut(|kept| kept.get_or_insert_default().extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
