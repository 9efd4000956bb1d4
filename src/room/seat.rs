//! The seat that ties a viewer to a room: it is counted from its creation to its drop.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::badge::recipe::Recipe;
use crate::observe::meter::Meter;
use crate::presence::leaving::LeaveReason;
use crate::request::params::RoomId;
use crate::room::opened::Room;
use crate::room::screen::{Screen, Variant, Watcher};
use crate::stream::frame::Frame;
use crate::stream::stage::{Cue, Ticket};

/// A viewer's presence in a room, from its creation to its drop.
#[derive(Debug)]
pub(crate) struct Seat {
    room: Arc<Room>,
    screen: Arc<Screen>,
    /// `None` once it has been given back.
    ticket: Option<Ticket>,
    /// Why the stream ends; the viewer goes by itself unless one has been told.
    ending: LeaveReason,
}

impl Seat {
    pub(crate) fn take(
        room: Arc<Room>,
        variant: Variant,
        recipe: Arc<Recipe>,
        watcher: Watcher,
    ) -> Self {
        let (screen, ticket) = room.enter(variant, recipe, watcher.clone());
        screen.opens_for(&watcher);
        room.join(&watcher);
        Self { room, screen, ticket: Some(ticket), ending: LeaveReason::Closed }
    }

    /// Of the badge that is shown.
    pub(crate) fn meter(&self) -> &Meter {
        self.screen.meter()
    }

    /// What the viewer is to do next. One that had stopped reading and was uncounted is counted
    /// again.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Cue<Frame>> {
        let Some(ticket) = &self.ticket else {
            return Poll::Ready(Cue::End(self.ending.clone()));
        };
        let (cue, returned) = self.screen.stage.poll(ticket, cx);
        if let Some(watcher) = returned {
            self.room.take_back(&watcher);
        }
        if let Poll::Ready(Cue::End(reason)) = &cue {
            self.ending = reason.clone();
        }
        cue
    }

    pub(crate) fn room(&self) -> &RoomId {
        &self.room.id
    }

    /// The viewer goes; it may have gone before.
    pub(crate) fn give_back(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let (watcher, there_since) = self.screen.stage.leave(ticket);
        self.screen.closes_for(&watcher);
        match there_since {
            Some(since) => self.room.leave(&watcher, self.ending.clone(), since),
            // It was missing, and may have been the last one.
            None => self.room.bell().ring(),
        }
    }

    /// The viewer can't be shown anything for now: it does not read, or is gone.
    pub(crate) fn look_away(&self) {
        if let Some(ticket) = &self.ticket {
            self.screen.stage.look_away(ticket);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(all(test, livebadge_loom))]
mod races;
