//! One live picture being watched: who is here, what is shown, and the seat that ties a viewer to
//! both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::frame::Frame;
use crate::observer::RoomCounts;
use crate::params::Params;
use crate::presence::{Counts, Presence};
use crate::recipe::Recipe;
use crate::stage::{Cue, Stage, Ticket};
use crate::style::Style;
use crate::visitor::Person;

/// One live picture being watched.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) path: Arc<str>,
    pub(crate) params: Params,
    /// Of the badge whose room it is: its pace, heartbeat and grace.
    pub(crate) recipe: Arc<Recipe>,
    /// Somebody came or went.
    pub(crate) changed: Notify,
    people: Mutex<People>,
    screens: Mutex<Vec<Arc<Screen>>>,
}

/// What is shown on a screen: which badge's picture, and in which style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Face {
    pub(crate) badge: usize,
    pub(crate) style: Style,
}

/// Where one face of a room is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) face: Face,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) stage: Stage<Frame, Watcher>,
}

/// As what a viewer is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// Looks on, and is not counted.
    Uncounted,
    Counted(Option<Person>),
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
    /// Those that somebody looks at.
    pub(crate) screens: Vec<Arc<Screen>>,
}

impl Room {
    pub(crate) fn new(path: Arc<str>, params: Params, recipe: Arc<Recipe>) -> Self {
        let presence = Presence::new(recipe.rules.grace());
        Self {
            path,
            params,
            recipe,
            changed: Notify::new(),
            people: Mutex::new(People { presence, news: Vec::new() }),
            screens: Mutex::default(),
        }
    }

    pub(crate) fn counts(&self) -> RoomCounts {
        let mut people = self.people();
        people.presence.expire(Instant::now());
        RoomCounts { path: self.path.clone(), counts: people.presence.counts() }
    }

    /// Nobody is here, nobody is expected back, and everything has been told.
    pub(crate) fn is_empty(&self) -> bool {
        let nobody_looks = self.screens().iter().all(|screen| screen.stage.is_empty());
        let mut people = self.people();
        people.presence.expire(Instant::now());
        nobody_looks && people.presence.is_empty() && people.news.is_empty()
    }

    /// For the painter: what is, and what it has to tell. Screens that nobody looks at any more are
    /// gone afterwards.
    pub(crate) fn look(&self) -> Look {
        let screens = {
            let mut screens = self.screens();
            screens.retain(|screen| !screen.stage.is_empty());
            screens.clone()
        };
        let mut people = self.people();
        people.presence.expire(Instant::now());
        Look {
            counts: people.presence.counts(),
            is_empty: screens.is_empty() && people.presence.is_empty(),
            next_expiry: people.presence.next_expiry(),
            news: std::mem::take(&mut people.news),
            screens,
        }
    }

    /// Ends the streams of everybody who is here.
    pub(crate) fn close(&self) {
        self.screens().iter().for_each(|screen| screen.stage.close());
    }

    /// Uncounts the viewers of this screen that have stopped reading.
    pub(crate) fn sweep(&self, screen: &Screen) {
        for watcher in screen.stage.sweep() {
            self.leave(watcher);
        }
    }

    /// A place at the screen with this face, which is put up for its first viewer.
    fn enter(&self, face: Face, recipe: Arc<Recipe>, watcher: Watcher) -> (Arc<Screen>, Ticket) {
        // Under the lock, so that the painter can't take the screen down meanwhile.
        let mut screens = self.screens();
        let screen = match screens.iter().find(|screen| screen.face == face) {
            Some(screen) => screen.clone(),
            None => {
                let screen = Arc::new(Screen { face, recipe, stage: Stage::new() });
                screens.push(screen.clone());
                screen
            }
        };
        let ticket = screen.stage.enter(watcher, watcher != Watcher::Uncounted, Instant::now());
        (screen, ticket)
    }

    fn join(&self, watcher: Watcher) {
        if let Watcher::Counted(person) = watcher {
            let mut people = self.people();
            people.presence.join(person, Instant::now());
            let news = News::Join(people.presence.counts());
            people.news.push(news);
        }
        self.changed.notify_one();
    }

    fn leave(&self, watcher: Watcher) {
        if let Watcher::Counted(person) = watcher {
            let mut people = self.people();
            people.presence.leave(person, Instant::now());
            let news = News::Leave(people.presence.counts());
            people.news.push(news);
        }
        self.changed.notify_one();
    }

    fn screens(&self) -> MutexGuard<'_, Vec<Arc<Screen>>> {
        self.screens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's presence in a room, from its creation to its drop.
#[derive(Debug)]
pub(crate) struct Seat {
    room: Arc<Room>,
    screen: Arc<Screen>,
    watcher: Watcher,
    ticket: Ticket,
}

impl Seat {
    pub(crate) fn take(room: Arc<Room>, face: Face, recipe: Arc<Recipe>, watcher: Watcher) -> Self {
        let (screen, ticket) = room.enter(face, recipe, watcher);
        room.join(watcher);
        Self { room, screen, watcher, ticket }
    }

    /// What the viewer is to do next. One that had stopped reading and was uncounted is counted
    /// again.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Cue<Frame>> {
        let (cue, was_missing) = self.screen.stage.poll(&self.ticket, cx);
        if was_missing {
            self.room.join(self.watcher);
        }
        cue
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let was_missing = self.screen.stage.leave(&self.ticket);
        if was_missing {
            self.room.changed.notify_one(); // it may have been the last one
        } else {
            self.room.leave(self.watcher);
        }
    }
}
