//! One live picture being watched: who is here, and what is shown.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::badge::recipe::Recipe;
use crate::picture::paint::Picture;
use crate::picture::ticks::Ticks;
use crate::presence::bell::Bell;
use crate::presence::counts::{RoomCounts, Snapshot};
use crate::presence::crowd::{Crowd, Look, News};
use crate::presence::history::History;
use crate::presence::leaving::{LeaveReason, Leaving};
use crate::presence::ledger::{Asked, Due};
use crate::presence::people::Who;
use crate::presence::totals::Totals;
use crate::request::params::RoomId;
use crate::request::pseudonym::Person;
use crate::room::screen::{Screen, Variant, Watcher};
use crate::room::staleness::Staleness;
use crate::store::contract::RoomKey;
use crate::stream::framing::Medium;
use crate::stream::stage::Ticket;
use crate::sync::{Mutex, MutexGuard};

/// Each style that somebody asks for is drawn for itself. Whoever comes when there are so many gets what
/// the badge itself fills its slots with.
const MAX_SCREENS: usize = 64;

/// One live picture being watched.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) path: Arc<str>,
    pub(crate) id: RoomId,
    /// Of the badge whose room it is: its pace, heartbeat and grace.
    pub(crate) recipe: Arc<Recipe>,
    /// Whose numbers are shown here.
    pub(crate) crowd: Arc<Crowd>,
    /// Where that is other rooms' crowd, whose bell is not this room's.
    bell: Option<Arc<Bell>>,
    screens: Mutex<Screens>,
    pub(crate) stale: Staleness,
    is_forgotten: AtomicBool,
    /// What had been here before is in its history.
    knows_past: AtomicBool,
}

/// Those that are up, and how many there have been.
#[derive(Debug, Default)]
struct Screens {
    up: Vec<Arc<Screen>>,
    made: u64,
}

impl Screens {
    fn find(&self, variant: &Variant) -> Option<&Arc<Screen>> {
        self.up.iter().find(|screen| screen.variant == *variant && screen.takes_newcomers())
    }

    fn open(&self) -> usize {
        self.up.iter().filter(|screen| screen.takes_newcomers()).count()
    }

    fn put_up(&mut self, variant: Variant, recipe: Arc<Recipe>) -> Arc<Screen> {
        self.made += 1;
        let screen = Arc::new(Screen::new(self.made, variant, recipe));
        self.up.reserve_exact(1); // one, as a rule
        self.up.push(screen.clone());
        screen
    }
}

/// What there is in a room at one instant.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) is_empty: bool,
    /// When somebody's leave grace ends.
    pub(crate) next_expiry: Option<Instant>,
    /// Those that somebody looks at.
    pub(crate) screens: Vec<Arc<Screen>>,
}

impl Survey {
    /// Those whose streams go on.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Arc<Screen>> + Clone {
        self.screens.iter().filter(|screen| !screen.is_closed())
    }

    /// Those of them that show a picture: in data no time passes.
    fn pictures(&self) -> impl Iterator<Item = &Picture> {
        let open = self.open().filter(|screen| screen.variant.medium == Medium::Picture);
        open.map(|screen| &*screen.recipe.picture)
    }

    /// How often what is shown is to be looked at, although nothing happens.
    pub(crate) fn tick(&self) -> Option<Duration> {
        self.pictures().filter_map(|picture| picture.tick).min()
    }

    /// The same in step with the wall clock.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = &Ticks> {
        self.pictures().filter_map(|picture| picture.ticks.as_ref())
    }
}

impl Room {
    /// A room with a crowd of its own, which is also counted in its badge's totals.
    pub(crate) fn new(
        path: Arc<str>,
        id: RoomId,
        recipe: Arc<Recipe>,
        history: Option<History>,
    ) -> Self {
        let settings = &recipe.settings;
        let crowd = Crowd::of_room(settings.grace(), settings.calendar.clone(), history);
        Self::of(path, id, recipe, Arc::new(crowd), None)
    }

    /// The same, of whose past nothing is known yet.
    pub(crate) fn without_past(self) -> Self {
        Self { knows_past: AtomicBool::new(false), ..self }
    }

    /// A room that shows a crowd of other rooms.
    pub(crate) fn showing(
        path: Arc<str>,
        id: RoomId,
        recipe: Arc<Recipe>,
        crowd: Arc<Crowd>,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        crowd.wakes(&bell);
        Self::of(path, id, recipe, crowd, Some(bell))
    }

    fn of(
        path: Arc<str>,
        id: RoomId,
        recipe: Arc<Recipe>,
        crowd: Arc<Crowd>,
        bell: Option<Arc<Bell>>,
    ) -> Self {
        let (is_forgotten, knows_past) = (AtomicBool::new(false), AtomicBool::new(true));
        Self {
            path,
            id,
            recipe,
            crowd,
            bell,
            screens: Mutex::default(),
            stale: Staleness::default(),
            is_forgotten,
            knows_past,
        }
    }

    /// Rings when somebody came or went.
    pub(crate) fn bell(&self) -> &Bell {
        self.bell.as_deref().unwrap_or(&self.crowd.bell)
    }

    /// How stores and other nodes call it.
    pub(crate) fn key(&self) -> RoomKey {
        RoomKey::new(self.recipe.path.clone(), self.path.clone())
    }

    pub(crate) fn counts(&self) -> RoomCounts {
        RoomCounts { path: self.path.clone(), counts: self.crowd.counts() }
    }

    /// Whether this one is counted here, or in one of the totals.
    pub(crate) fn has(&self, person: Person) -> bool {
        self.counted_in().any(|crowd| crowd.has(person))
    }

    /// It shows other rooms' people, and has none of its own.
    pub(crate) fn shows_others(&self) -> bool {
        self.recipe.total.is_some()
    }

    /// There is one room more, or less.
    pub(crate) fn opens_or_ends(&self, by: i8) {
        if !self.shows_others() {
            self.recipe.picture.meter.rooms_change(by);
        }
        self.totals().iter().for_each(|total| total.change_rooms(by.into()));
    }

    /// Nobody is here, nobody is expected back, and everything has been told.
    pub(crate) fn is_empty(&self) -> bool {
        let nobody_looks = self.screens().up.iter().all(|screen| screen.stage.is_empty());
        nobody_looks && self.is_nobody_expected() && !self.crowd.has_news()
    }

    /// For the painter: what is here, what that says, and what has happened since the last look. Screens that nobody looks at any more are
    /// gone afterwards.
    pub(crate) fn survey(&self) -> (Survey, Box<Snapshot>, Vec<News>) {
        self.bell().hush();
        let mut screens = {
            let mut screens = self.screens();
            screens.up.retain(|screen| !screen.stage.is_empty());
            screens.up.clone()
        };
        let Look { snapshot, news, next_expiry, is_empty } = self.crowd.look();
        // Also of totals, whose leave graces end when those of the rooms do: whoever is gone from the
        // room by now is gone from them.
        self.totals().iter().for_each(|total| total.tell());
        // Those that most people look at are painted first.
        screens.sort_by_key(|screen| Reverse(screen.counted()));
        let survey = Survey {
            is_empty: screens.is_empty() && (is_empty || self.shows_others()),
            next_expiry,
            screens,
        };
        (survey, snapshot, news)
    }

    /// Ends the streams of everybody who is here. Whoever comes then finds a new screen.
    pub(crate) fn close(&self, reason: LeaveReason) {
        self.screens().up.iter().for_each(|screen| screen.close(reason.clone()));
    }

    /// Asks the painter to do that, once it has shown the newest picture.
    pub(crate) fn ask_to_close(&self) {
        // Under the lock: whoever has a place by now is sent away, and nobody else.
        self.screens().up.iter().for_each(|screen| screen.ask_to_close());
        self.bell().ring();
    }

    pub(crate) fn knows_past(&self) -> bool {
        self.knows_past.load(Ordering::Relaxed)
    }

    /// What had been here before, as far as there was anything; unless that is not asked for any more, which is
    /// said.
    pub(crate) fn remember(&self, before: Option<Totals>) -> bool {
        self.crowd.change_history(|history| {
            // Under its lock: who sets the records meanwhile, or frees the room, has the last word.
            let is_news = !self.knows_past.swap(true, Ordering::Relaxed);
            if let Some(before) = before.filter(|_| is_news) {
                history.add(before);
            }
            is_news
        })
    }

    /// All nodes together had added this until they were asked. Returns whether that could be used.
    pub(crate) fn settle(&self, asked: Asked, kept: Totals, version: Option<u64>) -> bool {
        let is_used = self.crowd.settle(asked, kept, version);
        if is_used {
            self.knows_past.store(true, Ordering::Relaxed);
        }
        is_used
    }

    /// The application changes its past, and has the last word on it.
    pub(crate) fn change_history(&self, change: impl FnOnce(&mut History)) {
        self.crowd.change_history(|history| {
            self.knows_past.store(true, Ordering::Relaxed);
            change(history);
        });
    }

    /// The totals that its people are counted in.
    pub(crate) fn totals(&self) -> &[Arc<Crowd>] {
        if self.shows_others() { &[] } else { &self.recipe.totals }
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        self.is_forgotten.load(Ordering::Relaxed)
    }

    /// Nothing is to be kept of it.
    pub(crate) fn forget(&self) {
        // First: from now on nothing of it is given to anybody.
        self.is_forgotten.store(true, Ordering::Relaxed);
        self.change_history(History::reset);
    }

    /// What is to be kept of it once nobody is here, and whether it knew what had been before. Afterwards it is not
    /// told any more, and has nothing to give.
    pub(crate) fn legacy(&self, give: impl FnMut(Due)) -> Option<(History, bool)> {
        let is_kept = self.recipe.remembers && !self.shows_others();
        let is_kept = is_kept && !self.is_forgotten();
        is_kept.then(|| {
            self.crowd.change_history(|history| {
                // Under its lock: who looks at the room finds this there, or where it has been given.
                history.take().into_iter().for_each(give);
                (history.clone(), self.knows_past.swap(true, Ordering::Relaxed))
            })
        })
    }

    /// Uncounts the viewers of this screen that have stopped reading.
    pub(crate) fn sweep(&self, screen: &Screen) {
        let uncount = |watcher: &Watcher, since| self.leave(watcher, LeaveReason::Stalled, since);
        screen.stage.sweep(uncount);
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
        let mut variant = variant;
        if screens.find(&variant).is_none() && screens.open() >= MAX_SCREENS {
            variant.style = variant.style.with_slots_of(&recipe.picture.style);
        }
        let screen = match screens.find(&variant) {
            Some(screen) => screen.clone(),
            None => screens.put_up(variant, recipe),
        };
        let is_counted = watcher != Watcher::Uncounted;
        let ticket = screen.stage.enter(watcher, is_counted, Instant::now());
        (screen, ticket)
    }

    pub(crate) fn join(&self, watcher: &Watcher) {
        self.count(watcher, Crowd::join);
    }

    /// Counts a viewer again that had stopped reading.
    pub(crate) fn take_back(&self, watcher: &Watcher) {
        self.count(watcher, Crowd::take_back);
    }

    pub(crate) fn leave(&self, watcher: &Watcher, reason: LeaveReason, since: Instant) {
        let leaving = Leaving { reason, stayed: since.elapsed() };
        self.count(watcher, |crowd, who| crowd.leave(who, leaving.clone()));
    }

    /// Those that a viewer of this room is counted in: totals, and its own.
    fn counted_in(&self) -> impl Iterator<Item = &Arc<Crowd>> {
        self.totals().iter().chain((!self.shows_others()).then_some(&self.crowd))
    }

    /// In totals first, so that a leave grace in them ends no later than in the room, which wakes then.
    fn count(&self, watcher: &Watcher, change: impl Fn(&Crowd, Option<&Who>)) {
        if let Watcher::Counted(who) = watcher {
            self.counted_in().for_each(|crowd| change(crowd, who.as_deref()));
        }
        // Otherwise its crowd has rung.
        if *watcher == Watcher::Uncounted || self.shows_others() {
            self.bell().ring();
        }
    }

    fn is_nobody_expected(&self) -> bool {
        self.shows_others() || self.crowd.is_empty()
    }

    fn screens(&self) -> MutexGuard<'_, Screens> {
        self.screens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
