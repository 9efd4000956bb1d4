//! What a bus is given: what this node says, and where to bring what it hears.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::nodes::exchange::Exchange;
use crate::nodes::message::Misheard;
use crate::observe::observer::NodesChange;
use crate::observe::throttle::Throttle;

/// Between two lines in the log about nodes that are not understood.
const STRANGERS: Duration = Duration::from_secs(60);

/// Is told when the other nodes can be reached, and when they can't any more.
pub(crate) type Hook = Box<dyn Fn(&NodesChange<'_>) + Send + Sync>;

/// What a [`Bus`](crate::Bus) carries: what this node says, and what it hears.
///
/// It belongs to the call of [`Bus::run`](crate::Bus::run) that it was given to: not to be kept beyond, nor to be taken
/// to another task.
pub struct Wire {
    line: Arc<Line>,
}

/// What every wire of a node leads to, one after the other.
pub(crate) struct Line {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) hook: Hook,
    pub(crate) has_connected: Notify,
    /// Of another version.
    strangers: Throttle,
}

impl Line {
    pub(crate) fn new(exchange: Arc<Exchange>, hook: Hook) -> Self {
        let (has_connected, strangers) = (Notify::new(), Throttle::every(STRANGERS));
        Self { exchange, hook, has_connected, strangers }
    }
}

impl Wire {
    pub(crate) fn of(line: &Arc<Line>) -> Self {
        Self { line: line.clone() }
    }

    /// Messages are carried from now on, as far as the bus knows. When the first one has come back, this node counts
    /// as connected.
    pub fn connected(&mut self) {
        self.line.exchange.begin();
    }

    /// The next message that is to be sent to all nodes, when it is time.
    ///
    /// Nothing is lost if the future is dropped before it is ready.
    pub async fn next(&mut self) -> Vec<u8> {
        let exchange = &self.line.exchange;
        loop {
            match exchange.next(Instant::now()) {
                Ok(message) => return message.write(),
                Err(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = exchange.wake.notified() => {}
                },
            }
        }
    }

    /// Takes in a message that any node has sent, this one included.
    pub fn hear(&mut self, message: &[u8]) {
        let Line { exchange, hook, has_connected, strangers } = &*self.line;
        match exchange.hear(message, Instant::now()) {
            Ok(true) => {
                tracing::info!("connected with other nodes");
                hook(&NodesChange { is_connected: true, error: None });
                has_connected.notify_one();
            }
            Err(Misheard::Version(version)) => {
                if let Some(unsaid) = strangers.may_speak() {
                    tracing::warn!(
                        version,
                        unsaid,
                        "a node with another version of tower-livebadge speaks; who is there is not counted here"
                    );
                }
            }
            Ok(false) | Err(Misheard::Noise) => {}
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire(..)")
    }
}
