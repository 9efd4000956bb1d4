//! The seat that ties a viewer to a room: it is counted from its creation to its drop.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::badge::recipe::Recipe;
use crate::observe::meter::Meter;
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
}

impl Seat {
    pub(crate) fn take(
        room: Arc<Room>,
        variant: Variant,
        recipe: Arc<Recipe>,
        watcher: Watcher,
    ) -> Self {
        let (screen, ticket) = room.enter(variant, recipe, watcher);
        screen.opens_for(watcher);
        room.join(watcher);
        Self { room, screen, watcher, ticket: Some(ticket) }
    }

    /// Of the badge that is shown.
    pub(crate) fn meter(&self) -> &Meter {
        self.screen.meter()
    }

    /// What the viewer is to do next. One that had stopped reading and was uncounted is counted
    /// again.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Cue<Frame>> {
        let Some(ticket) = &self.ticket else { return Poll::Ready(Cue::End) };
        let (cue, was_missing) = self.screen.stage.poll(ticket, cx);
        if was_missing {
            self.room.take_back(self.watcher);
        }
        cue
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        self.screen.closes_for(self.watcher);
        let was_missing = self.screen.stage.leave(ticket);
        if was_missing {
            self.room.changed.notify_one(); // it may have been the last one
        } else {
            self.room.leave(self.watcher);
        }
    }
}

#[cfg(all(test, livebadge_loom))]
mod races;
