//! The application's own values, whatever their type: what a template reads, and when they change.

use std::fmt;
use std::future::pending;
use std::pin::Pin;

use minijinja::value::{Serde, Value};
use serde::Serialize;
use tokio::sync::watch;

/// A `watch` value of some type.
pub(crate) trait Values: Send + Sync {
    /// The value now, and not before it: `changed` then waits for a later one.
    fn take(&mut self) -> Value;

    /// Waits until there is a value that `take` has not returned.
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Another one that has seen what this one has.
    fn clone_box(&self) -> Box<dyn Values>;
}

pub(crate) fn watched<T>(receiver: watch::Receiver<T>) -> Box<dyn Values>
where
    T: Serialize + Send + Sync + 'static,
{
    Box::new(Watched(receiver))
}

struct Watched<T>(watch::Receiver<T>);

impl<T: Serialize + Send + Sync + 'static> Values for Watched<T> {
    fn take(&mut self) -> Value {
        Value::from(Serde(&*self.0.borrow_and_update()))
    }

    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if self.0.changed().await.is_err() {
                // The sender is gone: the last value stays.
                pending::<()>().await;
            }
        })
    }

    fn clone_box(&self) -> Box<dyn Values> {
        Box::new(Self(self.0.clone()))
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
