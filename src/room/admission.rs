//! Who may enter: one step, in which everything that limits streams has its say.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::badge::settings::Settings;
use crate::observe::observer::Refusal;
use crate::request::params::RoomId;
use crate::request::pseudonym::{Person, Salt};
use crate::room::promise::Promise;
use crate::room::registry::Registry;
use crate::room::screen::Watcher;
use crate::room::views::{Sighting, Views};

/// The limits of a layer, and what is taken of them.
#[derive(Debug)]
pub(crate) struct Admission {
    open: Arc<Open>,
    max_viewers: usize,
    quotas: Arc<Quotas>,
    shutdown: CancellationToken,
    /// Those that reconnect.
    pub(crate) views: Views,
}

/// Who wants a stream.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) room: &'a RoomId,
    /// The badge that is to be shown, and its settings.
    pub(crate) badge: usize,
    pub(crate) settings: &'a Settings,
    /// Of the badge whose room it is.
    pub(crate) host: &'a Settings,
    pub(crate) watcher: &'a Watcher,
    /// Also of somebody who only looks on.
    pub(crate) visitor: Option<(Person, Salt)>,
    pub(crate) sighting: Option<Sighting>,
}

/// What an open stream holds as long as it is open.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) promise: Promise,
    pub(crate) pass: Pass,
}

/// Shares of the limits. Shutdown waits for it.
#[derive(Debug)]
pub(crate) struct Pass {
    _open: OpenOne,
    /// In a box, because there is a pass for each viewer, and most have nothing of it.
    _shares: Option<Box<Shares>>,
}

#[derive(Debug)]
struct Shares {
    _in_room: Option<Share>,
    _of_visitor: Option<Share>,
    /// By which its visitor is known.
    _salt: Option<Salt>,
    _sighting: Option<Sighting>,
}

impl Admission {
    /// At most so many streams may be open at a time.
    pub(crate) fn new(max_viewers: usize, shutdown: CancellationToken) -> Self {
        Self {
            open: Arc::default(),
            max_viewers,
            quotas: Arc::default(),
            shutdown,
            views: Views::default(),
        }
    }

    /// Lets somebody in, or says why not. What has been taken until then is given back.
    pub(crate) fn admit(
        &self,
        registry: &Arc<Registry>,
        claim: Claim<'_>,
    ) -> Result<Admitted, Refusal> {
        let Claim { room, badge, settings, host, watcher, visitor, sighting } = claim;
        let (person, salt) = visitor.unzip();
        if self.shutdown.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        let open = self.open.one_more(self.max_viewers).ok_or(Refusal::TooManyViewers)?;
        // Once more: whoever waits for the last one to go either sees this one, or has said so before.
        if self.shutdown.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        // Whoever only looks on takes nobody's place.
        let (holder, limit) = match watcher {
            Watcher::Counted(_) => {
                (Holder::Room(room.clone()), settings.max_per_room.or(host.max_per_room))
            }
            Watcher::Uncounted => (Holder::Lookers(room.clone(), badge), settings.max_per_room),
        };
        let in_room = self.quotas.take(holder, limit, Refusal::RoomFull)?;
        let of_visitor = person.map(|person| {
            let holder = Holder::Visitor { badge, person };
            self.quotas.take(holder, settings.max_per_visitor, Refusal::TooManyOfVisitor)
        });
        let of_visitor = of_visitor.transpose()?.flatten();
        let promise = Promise::of(registry, room)?;
        let has_shares =
            in_room.is_some() || of_visitor.is_some() || salt.is_some() || sighting.is_some();
        let shares =
            Shares { _in_room: in_room, _of_visitor: of_visitor, _salt: salt, _sighting: sighting };
        let shares = has_shares.then(|| Box::new(shares));
        Ok(Admitted { promise, pass: Pass { _open: open, _shares: shares } })
    }

    /// Whether this one has a share of a badge's streams.
    pub(crate) fn knows(&self, badge: usize, person: Person) -> bool {
        self.quotas.taken().contains_key(&Holder::Visitor { badge, person })
    }

    /// Lets nobody in any more, and waits until everybody has left.
    pub(crate) async fn drained(&self) {
        self.open.none().await;
    }
}

/// How many streams are open. A semaphore's permits and a tracker's tokens would be three times as large.
#[derive(Debug, Default)]
struct Open {
    streams: AtomicUsize,
    none: Notify,
}

/// An open stream.
#[derive(Debug)]
struct OpenOne(Arc<Open>);

impl Open {
    /// Unless there are so many.
    fn one_more(self: &Arc<Self>, most: usize) -> Option<OpenOne> {
        let more = |streams| (streams < most).then_some(streams + 1);
        let before = self.streams.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        before.is_ok().then(|| OpenOne(self.clone()))
    }

    /// Waits until there is none.
    async fn none(&self) {
        loop {
            let mut told = pin!(self.none.notified());
            // Before the look, so that what happens after it is told.
            told.as_mut().enable();
            if self.streams.load(Ordering::SeqCst) == 0 {
                return;
            }
            told.await;
        }
    }
}

impl Drop for OpenOne {
    fn drop(&mut self) {
        if self.0.streams.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

/// Whose share of the streams it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    /// Those who are counted in a room.
    Room(RoomId),
    /// Those who look on in a room with a badge.
    Lookers(RoomId, usize),
    Visitor {
        badge: usize,
        person: Person,
    },
}

/// The shares that are taken of limited things.
#[derive(Debug, Default)]
struct Quotas(Mutex<HashMap<Holder, usize>>);

/// A share, from the request to the stream's end.
#[derive(Debug)]
struct Share {
    quotas: Arc<Quotas>,
    holder: Holder,
}

impl Quotas {
    /// One more share, if the holder has fewer than this many. What is not limited is not kept.
    fn take(
        self: &Arc<Self>,
        holder: Holder,
        limit: Option<usize>,
        full: Refusal,
    ) -> Result<Option<Share>, Refusal> {
        let Some(limit) = limit else { return Ok(None) };
        let mut taken = self.taken();
        let shares = taken.get(&holder).copied().unwrap_or_default();
        if shares >= limit {
            return Err(full);
        }
        taken.insert(holder.clone(), shares + 1);
        Ok(Some(Share { quotas: self.clone(), holder }))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Holder, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.quotas.taken();
        let Some(shares) = taken.get_mut(&self.holder) else { return };
        *shares -= 1;
        if *shares == 0 {
            taken.remove(&self.holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::params::Params;

    #[test]
    fn shares_come_back_and_leave_nothing_behind() {
        let quotas = Arc::new(Quotas::default());
        let room = RoomId { badge: 0, params: Params::of([("room", "a")]) };
        for holder in [Holder::Room(room.clone()), Holder::Lookers(room, 1)] {
            let take = |limit| quotas.take(holder.clone(), limit, Refusal::RoomFull);
            assert_eq!(take(Some(0)).unwrap_err(), Refusal::RoomFull);
            assert!(take(None).unwrap().is_none());
            let shares: Vec<_> = (0..3).map(|_| take(Some(3)).unwrap()).collect();
            assert_eq!(take(Some(3)).unwrap_err(), Refusal::RoomFull);
            drop(shares);
            assert!(quotas.taken().is_empty());
        }
    }
}
