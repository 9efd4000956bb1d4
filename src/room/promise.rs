//! From a request to the end of its stream: a place that is promised, then a seat.

use std::sync::Arc;

use crate::observe::observer::Refusal;
use crate::request::params::RoomId;
use crate::room::registry::{Invitation, Registry};
use crate::room::seat::Seat;

/// A place among the rooms that may be open at a time.
#[derive(Debug)]
pub(crate) struct Promise(Option<Promised>);

#[derive(Debug)]
struct Promised {
    registry: Arc<Registry>,
    room: RoomId,
}

/// What a promise has become: a seat.
#[derive(Debug)]
pub(crate) struct KeptPromise {
    pub(crate) seat: Seat,
    registry: Arc<Registry>,
}

impl Promise {
    /// Of a place for one more stream in a room.
    pub(crate) fn of(registry: &Arc<Registry>, room: &RoomId) -> Result<Self, Refusal> {
        registry.promise(room)?;
        Ok(Self(Some(Promised { registry: registry.clone(), room: room.clone() })))
    }

    /// Takes a seat in the room, which is opened if nobody was in it.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub(crate) fn redeem(mut self, invitation: Invitation) -> KeptPromise {
        // First of all: where this panics, nothing has been changed.
        let runtime = tokio::runtime::Handle::current();
        let Promised { registry, room } = self.0.take().expect("a promise is redeemed once");
        let seat = registry.seat(&room, invitation, &runtime);
        KeptPromise { seat, registry }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(Promised { registry, room }) = &self.0 {
            registry.take_back_promise(room);
        }
    }
}

impl Drop for KeptPromise {
    fn drop(&mut self) {
        // First the room is left: it goes on for as long as it is promised to somebody.
        self.seat.give_back();
        self.registry.take_back_promise(self.seat.room());
    }
}
