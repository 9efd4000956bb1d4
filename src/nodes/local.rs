//! A bus in the memory of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::nodes::bus::{Bus, BusFuture};
use crate::nodes::wire::Wire;

/// So many messages may wait for a node; then it misses some, and asks for everything.
const MAX_WAITING: usize = 256;

/// Carries messages between the layers of one process: for tests, and for several services in one program that show
/// the same badges.
///
/// Clones are the same bus.
///
/// ```
/// use tower_livebadge::{Badge, LiveBadgeLayer, LocalBus};
///
/// let bus = LocalBus::new();
/// let node = || LiveBadgeLayer::builder().badge("/online.png", Badge::online()).nodes(bus.clone()).build();
/// let (here, there) = (node()?, node()?);
/// # Ok::<(), tower_livebadge::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LocalBus {
    messages: broadcast::Sender<Vec<u8>>,
    secrets: Arc<Mutex<HashMap<u64, [u8; 16]>>>,
}

impl LocalBus {
    /// A bus that nobody is on yet.
    pub fn new() -> Self {
        Self { messages: broadcast::Sender::new(MAX_WAITING), secrets: Arc::default() }
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus for LocalBus {
    fn run<'a>(&'a self, mut wire: Wire) -> BusFuture<'a, ()> {
        Box::pin(async move {
            let mut messages = self.messages.subscribe();
            wire.connected();
            loop {
                tokio::select! {
                    message = wire.next() => drop(self.messages.send(message)),
                    message = messages.recv() => match message {
                        Ok(message) => wire.hear(&message),
                        Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(error) => return Err(error.into()),
                    },
                }
            }
        })
    }

    fn day_secret<'a>(&'a self, day: u64, new: [u8; 16]) -> BusFuture<'a, [u8; 16]> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = *secrets.entry(day).or_insert(new);
        secrets.retain(|other, _| other.abs_diff(day) <= 1);
        Box::pin(std::future::ready(Ok(secret)))
    }
}
