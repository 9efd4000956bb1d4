//! What carries messages between nodes: the contract with whoever writes one.

use std::pin::Pin;
use std::sync::Arc;

use crate::nodes::wire::Wire;

/// Why messages can't be carried now.
pub type BusError = Box<dyn std::error::Error + Send + Sync>;

/// What a [`Bus`] does.
pub type BusFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send + 'a>>;

/// Carries messages between the nodes of a site, each of which has the same badges.
///
/// `RedisBus` (feature `redis`) uses Redis or Valkey, [`LocalBus`](crate::LocalBus) the memory of this process. For
/// anything else that can hand a message to everybody who listens (NATS, PostgreSQL's `NOTIFY`), implement this.
///
/// Messages may be lost, doubled, or late: nodes notice, and ask again. They are a few bytes each second, and up to
/// 20 in a second of at most 150 KB while people come and go. Everything runs on a thread of its own, on a Tokio
/// runtime of its own: nothing that a bus waits for delays a request or a picture.
///
/// ```
/// use tokio::sync::broadcast;
/// use tower_livebadge::{Bus, BusFuture, Wire};
///
/// /// Everybody in this process.
/// struct Broadcast(broadcast::Sender<Vec<u8>>);
///
/// impl Bus for Broadcast {
///     fn run<'a>(&'a self, mut wire: Wire) -> BusFuture<'a, ()> {
///         Box::pin(async move {
///             let mut messages = self.0.subscribe();
///             wire.connected();
///             loop {
///                 tokio::select! {
///                     message = wire.next() => drop(self.0.send(message)),
///                     message = messages.recv() => wire.hear(&message?),
///                 }
///             }
///         })
///     }
/// }
/// ```
pub trait Bus: Send + Sync + 'static {
    /// Connects, says so ([`Wire::connected`]), and then carries messages both ways for as long as it can: sends to
    /// all nodes what [`Wire::next`] gives, and passes to [`Wire::hear`] what any node has sent, this one included.
    ///
    /// When it returns it is called again, after a tenth of a second to a second. It is dropped and called again if
    /// this node does not hear itself any more.
    ///
    /// # Errors
    ///
    /// If it can't connect, or can't go on. That is said in the log and to the
    /// [observer](crate::Observer::on_nodes_change).
    fn run<'a>(&'a self, wire: Wire) -> BusFuture<'a, ()>;

    /// The secret by which nodes tell that two visitors of this day are the same: the one that was given to the first
    /// node that asked for that day, with `new`. To be kept for two days at most.
    ///
    /// By default each node keeps its own: then the same visitor on two nodes is two.
    ///
    /// # Errors
    ///
    /// If it can't be known now. It is asked for again after a second.
    fn day_secret<'a>(&'a self, day: u64, new: [u8; 16]) -> BusFuture<'a, [u8; 16]> {
        let _ = day;
        Box::pin(std::future::ready(Ok(new)))
    }
}

impl<B: Bus + ?Sized> Bus for Arc<B> {
    fn run<'a>(&'a self, wire: Wire) -> BusFuture<'a, ()> {
        (**self).run(wire)
    }

    fn day_secret<'a>(&'a self, day: u64, new: [u8; 16]) -> BusFuture<'a, [u8; 16]> {
        (**self).day_secret(day, new)
    }
}
