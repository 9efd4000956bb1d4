//! A `watch` value as one room reads it: serialised once for all rooms, and whether its sender is there.

use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Serde, Value};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::picture::clean::clean_value;

/// Values of some type, as one room reads them.
pub(crate) trait Values: Send + Sync {
    /// The value now, and not before it: `changed` then waits for a later one. Its strings have no
    /// more characters than these.
    fn take(&mut self, max_chars: usize) -> Value;

    /// Waits until there is a value that `take` has not returned, or until the source is gone, which is
    /// told once.
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Nothing will come any more.
    fn is_gone(&self) -> bool;

    /// When what has been taken was sent, as far as somebody looked then.
    fn sent_at(&self) -> Instant;

    /// Another one that has seen what this one has.
    fn clone_box(&self) -> Box<dyn Values>;
}

/// What this holds.
pub(crate) fn boxed<T>(receiver: watch::Receiver<T>) -> Box<dyn Values>
where
    T: Serialize + Send + Sync + 'static,
{
    let sent_at = Instant::now();
    let newest = Newest { receiver: receiver.clone(), sent_at, taken: None };
    Box::new(Watched::new(receiver, Arc::new(Mutex::new(newest)), sent_at))
}

/// A `watch` value as one room reads it.
struct Watched<T> {
    /// Knows what this room has seen.
    receiver: watch::Receiver<T>,
    newest: Arc<Mutex<Newest<T>>>,
    sent_at: Instant,
    /// When a value was noticed that has not been taken yet: its turn may come later.
    noticed: Option<Instant>,
    /// It is known here that the sender is gone.
    is_end_told: bool,
}

/// The newest value as a template reads it, for all rooms: it is serialised once.
struct Newest<T> {
    receiver: watch::Receiver<T>,
    sent_at: Instant,
    /// With the limit that it has been cut to.
    taken: Option<(usize, Value)>,
}

impl<T> Watched<T> {
    fn new(receiver: watch::Receiver<T>, newest: Arc<Mutex<Newest<T>>>, sent_at: Instant) -> Self {
        Self { receiver, newest, sent_at, noticed: None, is_end_told: false }
    }
}

impl<T: Serialize + Send + Sync + 'static> Values for Watched<T> {
    fn take(&mut self, max_chars: usize) -> Value {
        // First of all: what comes from here on is seen now, or told by `changed`.
        self.is_end_told |= self.is_gone();
        self.receiver.mark_unchanged();
        let noticed = self.noticed.take();
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Newest { receiver, sent_at, taken } = &mut *newest;
        // Taken out, so that it is not there any more should the value's own code panic.
        let before = taken.take();
        let now = receiver.borrow_and_update();
        if now.has_changed() {
            *sent_at = noticed.unwrap_or_else(Instant::now);
        }
        self.sent_at = *sent_at;
        let value = match before {
            Some((limit, value)) if limit == max_chars && !now.has_changed() => value,
            _ => clean_value(&Value::from(Serde(&*now)), max_chars),
        };
        *taken = Some((max_chars, value.clone()));
        value
    }

    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if self.receiver.changed().await.is_ok() {
                self.noticed = Some(Instant::now());
            } else if self.is_end_told {
                pending::<()>().await;
            } else {
                self.is_end_told = true;
            }
        })
    }

    fn is_gone(&self) -> bool {
        self.receiver.has_changed().is_err()
    }

    fn sent_at(&self) -> Instant {
        self.sent_at
    }

    fn clone_box(&self) -> Box<dyn Values> {
        Box::new(Self::new(self.receiver.clone(), self.newest.clone(), self.sent_at))
    }
}

impl Clone for Box<dyn Values> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

impl fmt::Debug for dyn Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values(..)")
    }
}
