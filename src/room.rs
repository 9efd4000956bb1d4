//! One live picture being watched: who is here, what is shown, and the seat that ties a viewer to
//! both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::frame::Frame;
use crate::observer::RoomCounts;
use crate::presence::{Counts, Presence};
use crate::recipe::Recipe;
use crate::stage::{Cue, Stage, Ticket};
use crate::template::Params;
use crate::visitor::VisitorKey;

/// One live picture being watched.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) path: Arc<str>,
    pub(crate) params: Params,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) stage: Stage<Frame, Option<VisitorKey>>,
    /// Somebody came or went.
    pub(crate) changed: Notify,
    people: Mutex<People>,
}

#[derive(Debug)]
struct People {
    presence: Presence,
    /// What the painter has not yet told anybody.
    news: Vec<News>,
}

/// Somebody came or went, and the counts since then.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News {
    Join(Counts),
    Leave(Counts),
}

/// The state of a room at one instant.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) counts: Counts,
    pub(crate) is_empty: bool,
    /// When somebody's leave grace ends.
    pub(crate) next_expiry: Option<Instant>,
    /// Since the last look.
    pub(crate) news: Vec<News>,
}

impl Room {
    pub(crate) fn new(path: Arc<str>, params: Params, recipe: Arc<Recipe>) -> Self {
        let presence = Presence::new(recipe.leave_grace);
        Self {
            path,
            params,
            recipe,
            stage: Stage::new(),
            changed: Notify::new(),
            people: Mutex::new(People { presence, news: Vec::new() }),
        }
    }

    pub(crate) fn counts(&self) -> RoomCounts {
        let mut people = self.people();
        people.presence.expire(Instant::now());
        RoomCounts { path: self.path.clone(), counts: people.presence.counts() }
    }

    /// Nobody is here, nobody is expected back, and everything has been told.
    pub(crate) fn is_empty(&self) -> bool {
        let is_stage_empty = self.stage.is_empty();
        let mut people = self.people();
        people.presence.expire(Instant::now());
        is_stage_empty && people.presence.is_empty() && people.news.is_empty()
    }

    /// For the painter: what is, and what it has to tell.
    pub(crate) fn look(&self) -> Look {
        let is_stage_empty = self.stage.is_empty();
        let mut people = self.people();
        people.presence.expire(Instant::now());
        Look {
            counts: people.presence.counts(),
            is_empty: is_stage_empty && people.presence.is_empty(),
            next_expiry: people.presence.next_expiry(),
            news: std::mem::take(&mut people.news),
        }
    }

    /// Uncounts the viewers that have stopped reading.
    pub(crate) fn sweep(&self) {
        for key in self.stage.sweep() {
            self.leave(key.as_ref());
        }
    }

    fn join(&self, key: Option<&VisitorKey>) {
        let mut people = self.people();
        people.presence.join(key, Instant::now());
        let news = News::Join(people.presence.counts());
        people.news.push(news);
        drop(people);
        self.changed.notify_one();
    }

    fn leave(&self, key: Option<&VisitorKey>) {
        let mut people = self.people();
        people.presence.leave(key, Instant::now());
        let news = News::Leave(people.presence.counts());
        people.news.push(news);
        drop(people);
        self.changed.notify_one();
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's presence in a room, from its creation to its drop.
#[derive(Debug)]
pub(crate) struct Seat {
    room: Arc<Room>,
    key: Option<VisitorKey>,
    ticket: Ticket,
}

impl Seat {
    pub(crate) fn take(room: Arc<Room>, key: Option<VisitorKey>) -> Self {
        let ticket = room.stage.enter(key.clone(), Instant::now());
        room.join(key.as_ref());
        Self { room, key, ticket }
    }

    /// What the viewer is to do next. One that had stopped reading and was uncounted is counted
    /// again.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Cue<Frame>> {
        let (cue, was_missing) = self.room.stage.poll(&self.ticket, cx);
        if was_missing {
            self.room.join(self.key.as_ref());
        }
        cue
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let was_missing = self.room.stage.leave(&self.ticket);
        if was_missing {
            self.room.changed.notify_one(); // it may have been the last one
        } else {
            self.room.leave(self.key.as_ref());
        }
    }
}
