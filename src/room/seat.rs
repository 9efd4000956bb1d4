//! The seat that ties a viewer to a room: it is counted from its creation to its drop.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::badge::recipe::Recipe;
use crate::observe::meter::Meter;
use crate::presence::leaving::LeaveReason;
use crate::room::opened::Room;
use crate::room::screen::{Screen, Variant, Watcher};
use crate::stream::frame::Frame;
use crate::stream::stage::{Cue, Ticket};

/// A viewer's presence in a room, from its creation to its drop.
#[derive(Debug)]
pub(crate) struct Seat {
    room: Arc<Room>,
    screen: Arc<Screen>,
    watcher: Watcher,
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
        Self { room, screen, watcher, ticket: Some(ticket), ending: LeaveReason::Closed }
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
        let (cue, was_missing) = self.screen.stage.poll(ticket, cx);
        if was_missing {
            self.room.take_back(&self.watcher);
        }
        if let Poll::Ready(Cue::End(reason)) = &cue {
            self.ending = reason.clone();
        }
        cue
    }

    /// The viewer can't be shown anything for now.
    pub(crate) fn look_away(&self) {
        if let Some(ticket) = &self.ticket {
            self.screen.stage.look_away(ticket);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        self.screen.closes_for(&self.watcher);
        match self.screen.stage.leave(ticket) {
            Some(since) => self.room.leave(&self.watcher, self.ending.clone(), since),
            // It was missing, and may have been the last one.
            None => self.room.changed.notify_one(),
        }
    }
}

#[cfg(all(test, livebadge_loom))]
mod races;
