//! Who may enter: one step, in which everything that limits streams has its say.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::badge::settings::Settings;
use crate::observe::observer::Refusal;
use crate::request::params::RoomId;
use crate::request::pseudonym::{Person, Salt};
use crate::room::registry::{Promise, Registry};
use crate::room::screen::Watcher;
use crate::room::views::{Sighting, Views};

/// The limits of a layer, and what is taken of them.
#[derive(Debug)]
pub(crate) struct Admission {
    /// A permit for each stream that may still be opened.
    vacancies: Arc<Semaphore>,
    quotas: Arc<Quotas>,
    open: TaskTracker,
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
    _pass: Pass,
}

/// Shares of the limits. Shutdown waits for it.
#[derive(Debug)]
pub(crate) struct Pass {
    _permit: OwnedSemaphorePermit,
    _in_room: Option<Share>,
    _of_visitor: Option<Share>,
    _open: TaskTrackerToken,
    /// By which its visitor is known.
    _salt: Option<Salt>,
    _sighting: Option<Sighting>,
}

impl Admission {
    /// At most so many streams may be open at a time.
    pub(crate) fn new(max_viewers: usize, shutdown: CancellationToken) -> Self {
        let max_viewers = max_viewers.min(Semaphore::MAX_PERMITS);
        Self {
            vacancies: Arc::new(Semaphore::new(max_viewers)),
            quotas: Arc::default(),
            open: TaskTracker::new(),
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
        let permit = self.vacancies.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::TooManyViewers)?;
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
        let promise = registry.promise(room)?;
        let open = self.open.token();
        let pass = Pass {
            _permit: permit,
            _in_room: in_room,
            _of_visitor: of_visitor,
            _open: open,
            _salt: salt,
            _sighting: sighting,
        };
        Ok(Admitted { promise, _pass: pass })
    }

    /// Whether this one has a share of a badge's streams.
    pub(crate) fn knows(&self, badge: usize, person: Person) -> bool {
        self.quotas.taken().contains_key(&Holder::Visitor { badge, person })
    }

    /// Lets nobody in any more, and waits until everybody has left.
    pub(crate) async fn drained(&self) {
        self.open.close();
        self.open.wait().await;
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
