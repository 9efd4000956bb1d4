//! The thread that speaks with the other nodes.

use std::fmt;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::nodes::bus::{Bus, BusError};
use crate::nodes::exchange::{BEAT, Exchange};
use crate::nodes::message::NodeId;
use crate::nodes::value::{Shareable, Values};
use crate::nodes::wire::{Hook, Line, Wire};
use crate::observe::meter;
use crate::observe::observer::NodesChange;
use crate::observe::throttle::Throttle;
use crate::presence::calendar::Calendar;
use crate::presence::tokens::{OfDay, Tokens};
use crate::request::random::{random, secret};

/// A bus on which this node has not heard itself for so long is connected anew.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two tries to connect, at least and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// So long a layer that is being built waits for the first connection.
const BEGINNING: Duration = Duration::from_millis(500);
/// So long a bus has for the last message.
const GOODBYE: Duration = Duration::from_millis(500);
/// After so long a bus is asked for it again.
const SECRET_AGAIN: Duration = Duration::from_secs(60);
/// So long it has for the secret of a day.
const SECRET: Duration = Duration::from_secs(5);

/// This node among others. When it is dropped, the others are told, and nobody waits for that.
pub(crate) struct Link {
    pub(crate) exchange: Arc<Exchange>,
    has_ended: Arc<Notify>,
}

struct Shared {
    line: Arc<Line>,
    tokens: Arc<Tokens>,
    calendar: Arc<Calendar>,
    /// Is told of the first success or failure.
    begins: mpsc::SyncSender<io::Result<()>>,
}

impl Link {
    /// Returns when it is connected and knows the day's secret, when that has failed for the first time, or soon: whoever
    /// came before would be another one than on other nodes.
    ///
    /// # Errors
    ///
    /// If there can be no thread, or no runtime on it.
    pub(crate) fn start(
        bus: Box<dyn Bus>,
        lease: Duration,
        values: Vec<Arc<dyn Shareable>>,
        tokens: Arc<Tokens>,
        calendar: Arc<Calendar>,
        hook: Hook,
    ) -> io::Result<Self> {
        let id = NodeId(secret().ok_or_else(|| io::Error::other("there are no random numbers"))?);
        let exchange = Arc::new(Exchange::new(id, lease, Values(values.clone())));
        for value in values {
            let exchange = Arc::downgrade(&exchange);
            let wake = move || exchange.upgrade().iter().for_each(|exchange| exchange.say_values());
            value.join(id, Arc::new(wake));
        }
        let (begins, has_begun) = mpsc::sync_channel(1);
        let shared = Arc::new(Shared {
            line: Arc::new(Line::new(exchange.clone(), hook)),
            tokens,
            calendar,
            begins,
        });
        let has_ended = Arc::new(Notify::new());
        let ended = has_ended.clone();
        let work = move || {
            // Here, because a runtime can't be dropped where another one is running.
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(shared.live_on(&*bus)),
                Err(error) => drop(shared.begins.try_send(Err(error))),
            }
            ended.notify_one();
        };
        std::thread::Builder::new().name("livebadge-nodes".to_owned()).spawn(work)?;
        // Otherwise it takes longer.
        if let Ok(begun) = has_begun.recv_timeout(BEGINNING) {
            begun?;
        }
        Ok(Self { exchange, has_ended })
    }

    /// Tells the others that nobody is here any more; returns when that has been carried, or could not be.
    pub(crate) async fn say_goodbye(&self) {
        self.exchange.leave();
        // Both wait for no longer; an error says that it could not be carried.
        let _ = timeout(2 * GOODBYE, self.has_ended.notified()).await;
        self.has_ended.notify_one();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.exchange.leave();
    }
}

impl Shared {
    /// Until this node goes, whatever panics meanwhile: a bus, or a clock, of the application.
    async fn live_on(self: &Arc<Self>, bus: &dyn Bus) {
        while AssertUnwindSafe(self.live(bus)).catch_unwind().await.is_err() {
            tracing::error!("what speaks with other nodes panicked; it begins anew");
            self.line.exchange.break_off();
            sleep(RETRY.1).await;
        }
        self.line.exchange.end();
    }

    async fn live(self: &Arc<Self>, bus: &dyn Bus) {
        tokio::select! {
            () = self.speak(bus) => {}
            () = self.watch_leases() => {}
            () = self.share_secrets(bus) => {}
            () = self.leaves() => {}
        }
    }

    /// This node has gone, and the others have been told, as far as they can be.
    async fn leaves(&self) {
        self.line.exchange.is_leaving.notified().await;
        if self.line.exchange.silence(Instant::now()).is_some() {
            // An error says that it could not be carried.
            let _ = timeout(GOODBYE, self.line.exchange.is_gone.notified()).await;
        }
    }

    /// Connects again and again.
    async fn speak(self: &Arc<Self>, bus: &dyn Bus) {
        let mut wait = RETRY.0;
        let mut told = String::new();
        loop {
            let (wire, began) = (Wire::of(&self.line), Instant::now());
            let error = tokio::select! {
                ended = AssertUnwindSafe(async { bus.run(wire).await }).catch_unwind() => match ended {
                    Ok(Ok(())) => "the bus has ended".into(),
                    Ok(Err(error)) => error,
                    Err(_) => "the bus panicked".into(),
                },
                error = self.silence() => error,
            };
            let was_connected = self.line.exchange.break_off();
            self.has_begun();
            let said = error.to_string();
            if was_connected || said != told {
                tracing::warn!(%error, "other nodes can't be reached; it is tried again");
                (self.line.hook)(&NodesChange { is_connected: false, error: Some(&*error) });
                told = said;
            }
            // Also where it connects each time, and fails at once.
            let lasted = began.elapsed() > RETRY.1;
            wait = if was_connected && lasted { RETRY.0 } else { (wait * 2).min(RETRY.1) };
            sleep(wait.mul_f64(0.5 + (random() % 1000) as f64 / 2000.0)).await;
        }
    }

    fn has_begun(&self) {
        // An error says that it was told before, or that nobody waits.
        let _ = self.begins.try_send(Ok(()));
    }

    /// Returns when this node does not hear itself.
    async fn silence(&self) -> BusError {
        let mut beats = 0;
        loop {
            sleep(BEAT).await;
            let silence = self.line.exchange.silence(Instant::now());
            // Once may be because this process stood still.
            beats = if silence.is_some_and(|silence| silence > SILENCE) { beats + 1 } else { 0 };
            if beats > 1 {
                return "nothing that is sent comes back".into();
            }
        }
    }

    async fn watch_leases(&self) {
        loop {
            let next = Instant::now() + BEAT;
            let until = self.line.exchange.next_expiry().map_or(next, |at| at.min(next));
            sleep_until(until).await;
            self.line.exchange.expire(Instant::now() > until + BEAT);
            meter::nodes(self.line.exchange.is_connected(), self.line.exchange.peers());
        }
    }

    /// Whenever a day begins, and with each new connection, which may lead to a bus that knows nothing; and now and
    /// then, because a bus may forget.
    async fn share_secrets(&self, bus: &dyn Bus) {
        let failures = Throttle::every(SECRET_AGAIN);
        let mut known: Option<(u64, Instant)> = None;
        loop {
            let OfDay { day, secret } = self.tokens.of(self.calendar.today());
            let is_fresh = |(of, at): (u64, Instant)| of == day && at.elapsed() < SECRET_AGAIN;
            if !known.is_some_and(is_fresh) && self.line.exchange.is_connected() {
                let asked = timeout(SECRET, bus.day_secret(day, secret)).await;
                match asked.unwrap_or_else(|_| Err("the bus does not answer".into())) {
                    Ok(secret) => {
                        self.tokens.adopt(OfDay { day, secret });
                        known = Some((day, Instant::now()));
                        self.has_begun();
                    }
                    Err(error) => {
                        if let Some(unsaid) = failures.may_speak() {
                            tracing::warn!(
                                %error, unsaid,
                                "the day's secret is not known: visitors on two nodes may count twice"
                            );
                        }
                    }
                }
            }
            if timeout(BEAT, self.line.has_connected.notified()).await.is_ok() {
                known = None;
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
}
