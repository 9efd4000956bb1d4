//! How many streams each room and each visitor has open or has been promised.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::observe::observer::Refusal;
use crate::request::params::RoomId;
use crate::request::pseudonym::Person;

/// Whose share of the streams it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    Room(RoomId),
    Visitor { badge: usize, person: Person },
}

/// All shares that are taken.
#[derive(Debug)]
pub(crate) struct Quotas {
    max_rooms: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    shares: HashMap<Holder, usize>,
    /// Different rooms among the holders.
    rooms: usize,
}

/// A share, from the request to the stream's end.
#[derive(Debug)]
pub(crate) struct Share {
    quotas: Arc<Quotas>,
    holder: Holder,
}

impl Quotas {
    pub(crate) fn new(max_rooms: usize) -> Self {
        Self { max_rooms, taken: Mutex::default() }
    }

    /// One more share, if the holder has fewer than this many.
    pub(crate) fn take(self: &Arc<Self>, holder: Holder, limit: usize) -> Result<Share, Refusal> {
        let is_room = matches!(holder, Holder::Room(_));
        let full = if is_room { Refusal::RoomFull } else { Refusal::TooManyOfVisitor };
        let mut taken = self.taken();
        let Taken { shares, rooms } = &mut *taken;
        match shares.entry(holder.clone()) {
            _ if limit == 0 => return Err(full),
            Entry::Occupied(entry) if *entry.get() >= limit => return Err(full),
            Entry::Occupied(mut entry) => *entry.get_mut() += 1,
            Entry::Vacant(_) if is_room && *rooms >= self.max_rooms => {
                return Err(Refusal::TooManyRooms);
            }
            Entry::Vacant(entry) => {
                entry.insert(1);
                *rooms += usize::from(is_room);
            }
        }
        Ok(Share { quotas: self.clone(), holder })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.quotas.taken();
        let Some(count) = taken.shares.get_mut(&self.holder) else { return };
        *count -= 1;
        if *count == 0 {
            taken.shares.remove(&self.holder);
            taken.rooms -= usize::from(matches!(self.holder, Holder::Room(_)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::params::Params;
    use crate::request::pseudonym::Blind;
    use crate::request::visitor::VisitorKey;

    fn room(name: &str) -> Holder {
        Holder::Room(RoomId { badge: 0, params: Params::of([("room", name)]) })
    }

    #[test]
    fn shares_come_back_and_leave_nothing_behind() {
        let quotas = Arc::new(Quotas::new(2));
        let person = Blind::new().person(&VisitorKey::new("alice"));
        let alice = Holder::Visitor { badge: 0, person };
        for (holder, full) in [(alice, Refusal::TooManyOfVisitor), (room("a"), Refusal::RoomFull)] {
            assert_eq!(quotas.take(holder.clone(), 0).unwrap_err(), full);
            let shares = (0..3).map(|_| quotas.take(holder.clone(), 3).unwrap());
            let shares: Vec<_> = shares.collect();
            assert_eq!(quotas.take(holder.clone(), 3).unwrap_err(), full);
            drop(shares);
            let taken = quotas.taken();
            assert!(taken.shares.is_empty() && taken.rooms == 0);
        }
    }

    #[test]
    fn rooms_are_limited_before_anybody_is_in_them() {
        let quotas = Arc::new(Quotas::new(2));
        let take = |name| quotas.take(room(name), usize::MAX);
        let (a, _b) = (take("a").unwrap(), take("b").unwrap());
        assert_eq!(take("c").unwrap_err(), Refusal::TooManyRooms);
        let again = take("a").unwrap();
        drop(a);
        assert_eq!(take("c").unwrap_err(), Refusal::TooManyRooms);
        drop(again);
        take("c").unwrap();
    }
}
