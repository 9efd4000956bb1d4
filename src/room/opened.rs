//! One live picture being watched: who is here, what is shown, and the seat that ties a viewer to
//! both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::badge::recipe::Recipe;
use crate::observe::meter::Meter;
use crate::presence::counts::{RoomCounts, Snapshot};
use crate::presence::crowd::{Crowd, News};
use crate::presence::history::History;
use crate::request::params::Params;
use crate::request::pseudonym::Person;
use crate::request::style::Style;
use crate::stream::frame::Frame;
use crate::stream::stage::{Stage, Ticket};

/// One live picture being watched.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) path: Arc<str>,
    pub(crate) params: Params,
    /// Of the badge whose room it is: its pace, heartbeat and grace.
    pub(crate) recipe: Arc<Recipe>,
    /// Somebody came or went.
    pub(crate) changed: Arc<Notify>,
    /// Whose numbers are shown here.
    pub(crate) crowd: Arc<Crowd>,
    /// Those that a viewer of this room is counted in: its own, and totals.
    counted_in: Vec<Arc<Crowd>>,
    screens: Mutex<Vec<Arc<Screen>>>,
}

/// What is shown on a screen: which badge's picture, and in which style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub(crate) badge: usize,
    pub(crate) style: Style,
}

/// Where one variant of a room is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) variant: Variant,
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

/// The state of a room at one instant.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) snapshot: Snapshot,
    pub(crate) is_empty: bool,
    /// When somebody's leave grace ends.
    pub(crate) next_expiry: Option<Instant>,
    /// Since the last look.
    pub(crate) news: Vec<News>,
    /// Those that somebody looks at.
    pub(crate) screens: Vec<Arc<Screen>>,
}

impl Screen {
    pub(crate) fn meter(&self) -> &Meter {
        &self.recipe.picture.meter
    }
}

impl Survey {
    /// How often what is shown is to be looked at, although nothing happens.
    pub(crate) fn tick(&self) -> Option<Duration> {
        self.screens.iter().filter_map(|screen| screen.recipe.picture.tick).min()
    }
}

impl Room {
    /// A room with a crowd of its own, which is also counted in its badge's totals.
    pub(crate) fn new(
        path: Arc<str>,
        params: Params,
        recipe: Arc<Recipe>,
        history: Option<History>,
    ) -> Self {
        let crowd = Arc::new(Crowd::of_room(recipe.settings.grace(), history));
        let counted_in = [std::slice::from_ref(&crowd), &recipe.totals].concat();
        Self { counted_in, ..Self::showing(path, params, recipe, crowd) }
    }

    /// A room that shows a crowd of other rooms.
    pub(crate) fn showing(
        path: Arc<str>,
        params: Params,
        recipe: Arc<Recipe>,
        crowd: Arc<Crowd>,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        crowd.wakes(&changed);
        let (counted_in, screens) = (Vec::new(), Mutex::default());
        Self { path, params, recipe, changed, crowd, counted_in, screens }
    }

    pub(crate) fn counts(&self) -> RoomCounts {
        RoomCounts { path: self.path.clone(), counts: self.crowd.counts() }
    }

    /// Whether this one is counted here, or in one of the totals.
    pub(crate) fn has(&self, person: Person) -> bool {
        self.counted_in.iter().any(|crowd| crowd.has(person))
    }

    /// It shows other rooms' people, and has none of its own.
    pub(crate) fn shows_others(&self) -> bool {
        self.counted_in.is_empty()
    }

    /// There is one room more, or less.
    pub(crate) fn opens_or_ends(&self, by: i8) {
        if !self.shows_others() {
            self.recipe.picture.meter.rooms_change(by);
        }
        let totals = self.counted_in.iter().skip(1);
        totals.for_each(|total| total.change_rooms(by.into()));
    }

    /// Nobody is here, nobody is expected back, and everything has been told.
    pub(crate) fn is_empty(&self) -> bool {
        let nobody_looks = self.screens().iter().all(|screen| screen.stage.is_empty());
        nobody_looks && self.is_nobody_expected() && !self.crowd.has_news()
    }

    /// For the painter: what is, and what it has to tell. Screens that nobody looks at any more are
    /// gone afterwards.
    pub(crate) fn look(&self) -> Survey {
        let screens = {
            let mut screens = self.screens();
            screens.retain(|screen| !screen.stage.is_empty());
            screens.clone()
        };
        Survey {
            news: self.crowd.take_news(),
            snapshot: self.crowd.snapshot(),
            is_empty: screens.is_empty() && self.is_nobody_expected(),
            next_expiry: self.crowd.next_expiry(),
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

    /// A place at the screen with this variant, which is put up for its first viewer.
    pub(crate) fn enter(
        &self,
        variant: Variant,
        recipe: Arc<Recipe>,
        watcher: Watcher,
    ) -> (Arc<Screen>, Ticket) {
        // Under the lock, so that the painter can't take the screen down meanwhile.
        let mut screens = self.screens();
        let screen = match screens.iter().find(|screen| screen.variant == variant) {
            Some(screen) => screen.clone(),
            None => {
                let screen = Arc::new(Screen { variant, recipe, stage: Stage::new() });
                screens.push(screen.clone());
                screen
            }
        };
        let ticket = screen.stage.enter(watcher, watcher != Watcher::Uncounted, Instant::now());
        (screen, ticket)
    }

    pub(crate) fn join(&self, watcher: Watcher) {
        if let Watcher::Counted(person) = watcher {
            self.counted_in.iter().for_each(|crowd| crowd.join(person));
        }
        self.changed.notify_one();
    }

    pub(crate) fn leave(&self, watcher: Watcher) {
        if let Watcher::Counted(person) = watcher {
            self.counted_in.iter().for_each(|crowd| crowd.leave(person));
        }
        self.changed.notify_one();
    }

    fn is_nobody_expected(&self) -> bool {
        self.shows_others() || self.crowd.is_empty()
    }

    fn screens(&self) -> MutexGuard<'_, Vec<Arc<Screen>>> {
        self.screens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
