//! When totals are saved to the application's store, and when they are read from it.
//!
//! Saving is the work of one thread: whatever the store waits for, nothing else does.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use crate::presence::calendar::Calendar;
use crate::presence::crowd::Crowd;
use crate::presence::tokens::{OfDay, Tokens};
use crate::presence::totals::Totals;
use crate::room::reporter::Reporter;
use crate::store::contract::{RoomKey, Store, StoreError};

/// From the beginning of one batch to that of the next: what a killed process may lose.
const INTERVAL: Duration = Duration::from_secs(1);
/// So long after a day at most its secret is destroyed, although nobody comes.
pub(crate) const A_DAY_IS_OVER: Duration = Duration::from_secs(60);
/// So many freed rooms wait for a store that fails; more are forgotten.
pub(crate) const MAX_WAITING: usize = 10_000;
/// A flood of requests for rooms that nobody is in takes no more threads.
pub(crate) const LOADS: usize = 4;

/// Saves what changes, and reads what was saved.
#[derive(Debug)]
pub(crate) struct Keeper {
    desk: Arc<Desk>,
    loads: Arc<Semaphore>,
}

/// What the thread, and all who bring it something, look at.
struct Desk {
    store: Box<dyn Store>,
    tokens: Arc<Tokens>,
    calendar: Arc<Calendar>,
    reporter: Arc<Reporter>,
    pile: Mutex<Pile>,
    has_come: Condvar,
    is_saved: Condvar,
    /// How many batches have been tried that were asked for.
    flushed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Pile {
    waiting: HashMap<RoomKey, Change>,
    /// The batch that is under way.
    saving: Arc<HashMap<RoomKey, Change>>,
    /// Grows when a batch begins, and when it ends.
    steps: u64,
    flushes: u64,
    is_over: bool,
    /// Rooms that were forgotten because the store has failed for long.
    lost: u64,
}

/// What a room has become.
#[derive(Debug, Clone)]
enum Change {
    /// It is open: as it is when its turn comes.
    Open(Arc<Crowd>),
    Is(Totals),
    /// What has come to it while nobody knew what there was before.
    More(Totals),
    Forgotten,
}

impl Keeper {
    /// Of a store that has given its secret of today.
    ///
    /// # Errors
    ///
    /// If the store can't, or no thread can be started.
    pub(crate) fn new(
        store: Box<dyn Store>,
        tokens: Arc<Tokens>,
        calendar: Arc<Calendar>,
        reporter: Arc<Reporter>,
    ) -> Result<Self, StoreError> {
        let OfDay { day, secret } = tokens.of(calendar.today());
        tokens.adopt(OfDay { day, secret: guarded(|| store.day_secret(day, secret))? });
        let desk = Arc::new(Desk {
            store,
            tokens,
            calendar,
            reporter,
            pile: Mutex::default(),
            has_come: Condvar::new(),
            is_saved: Condvar::new(),
            flushed: watch::Sender::new(0),
        });
        let thread = desk.clone();
        let builder = std::thread::Builder::new().name("livebadge-store".to_owned());
        builder.spawn(move || thread.work(day))?;
        Ok(Self { desk, loads: Arc::new(Semaphore::new(LOADS)) })
    }

    /// An open room, or a total, has changed.
    pub(crate) fn mark(&self, room: &RoomKey, crowd: &Arc<Crowd>) {
        // In place of whatever waits: this has what was before in it, and may be another crowd of that room.
        let mut pile = self.desk.pile();
        if pile.waiting.insert(room.clone(), Change::Open(crowd.clone())).is_none() {
            self.desk.has_come.notify_all();
        }
    }

    /// Of a room that is not open any more.
    pub(crate) fn keep(&self, room: RoomKey, totals: Totals) {
        self.bring(room, Change::Is(totals));
    }

    /// The same, if what was there before has not been read yet.
    pub(crate) fn keep_more(&self, room: RoomKey, totals: Totals) {
        self.bring(room, Change::More(totals));
    }

    pub(crate) fn forget(&self, room: RoomKey) {
        self.bring(room, Change::Forgotten);
    }

    /// What is kept of a room, now: blocks.
    pub(crate) fn load_now(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        self.desk.load(room)
    }

    /// The same, on a thread for that.
    pub(crate) async fn load(&self, room: RoomKey) -> Result<Option<Totals>, StoreError> {
        let place = self.loads.clone().acquire_owned().await;
        let desk = self.desk.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            let read = desk.load(&room);
            if let Err(error) = &read {
                desk.reporter.store_failed(error);
            }
            read
        });
        read.await?
    }

    /// Everything that is kept.
    pub(crate) async fn all(&self) -> Result<HashMap<RoomKey, Totals>, StoreError> {
        let desk = self.desk.clone();
        tokio::task::spawn_blocking(move || desk.all()).await?
    }

    /// Returns when all that has been brought until now is saved, or has been tried.
    pub(crate) async fn flush(&self) {
        let (mut flushed, wanted) = {
            let mut pile = self.desk.pile();
            pile.flushes += 1;
            self.desk.has_come.notify_all();
            (self.desk.flushed.subscribe(), pile.flushes)
        };
        // There is no error as long as there is a desk.
        let _ = flushed.wait_for(|flushed| *flushed >= wanted).await;
    }

    fn bring(&self, room: RoomKey, change: Change) {
        let mut pile = self.desk.pile();
        pile.bring(room, change);
        self.desk.has_come.notify_all();
    }
}

impl Drop for Keeper {
    /// The thread saves what is there, and ends; nobody waits for it.
    fn drop(&mut self) {
        self.desk.pile().is_over = true;
        self.desk.has_come.notify_all();
    }
}

impl Desk {
    /// Saves batch after batch; the store has the secret of this day.
    fn work(&self, mut day: u64) {
        let mut failures = 0;
        loop {
            let (batch, flushes, is_over) = self.next_batch();
            let began = Instant::now();
            let result = guarded(|| self.save(&batch, &mut day));
            if let Err(error) = &result {
                self.reporter.store_failed(error);
            } else if failures > 0 {
                tracing::info!("totals are saved again");
            }
            failures = if result.is_err() { failures + 1 } else { 0 };
            self.pile().end(result.ok());
            self.is_saved.notify_all();
            self.flushed.send_replace(flushes);
            if is_over {
                return;
            }
            // A store that fails may have much to do to begin again.
            self.rest(began + INTERVAL * (1 << failures.min(2)));
        }
    }

    /// Waits until there is something to be saved, or a day may have ended.
    fn next_batch(&self) -> (Arc<HashMap<RoomKey, Change>>, u64, bool) {
        let is_idle = |pile: &mut Pile| {
            pile.waiting.is_empty() && !pile.is_over && pile.flushes == *self.flushed.borrow()
        };
        let woken = self.has_come.wait_timeout_while(self.pile(), A_DAY_IS_OVER, is_idle);
        let (mut pile, _) = woken.unwrap_or_else(PoisonError::into_inner);
        pile.saving = Arc::new(std::mem::take(&mut pile.waiting));
        pile.steps += 1;
        (pile.saving.clone(), pile.flushes, pile.is_over)
    }

    /// Until the next batch may begin, or is wanted at once.
    fn rest(&self, until: Instant) {
        let may_rest = |pile: &mut Pile| !pile.is_over && pile.flushes == *self.flushed.borrow();
        let left = until.saturating_duration_since(Instant::now());
        drop(self.has_come.wait_timeout_while(self.pile(), left, may_rest));
    }

    /// Returns the rooms that could not be read, and so were not saved.
    fn save(
        &self,
        batch: &HashMap<RoomKey, Change>,
        day: &mut u64,
    ) -> Result<Vec<RoomKey>, StoreError> {
        let of_day = self.tokens.of(self.calendar.today());
        if of_day.day != *day {
            // Before anybody is kept who was hashed with it.
            let secret = self.store.day_secret(of_day.day, of_day.secret)?;
            self.tokens.adopt(OfDay { secret, ..of_day });
            *day = of_day.day;
        }
        let (mut changes, mut unread) = (Vec::with_capacity(batch.len()), Vec::new());
        for (room, change) in batch {
            match if change.adds() { self.store.load(room) } else { Ok(None) } {
                Ok(before) => {
                    let totals = change.on(before).filter(|totals| !totals.is_nothing());
                    changes.push((room.clone(), totals));
                }
                // One that can't be read keeps no others from being saved.
                Err(error) => {
                    self.reporter.store_failed(&error);
                    unread.push(room.clone());
                }
            }
        }
        if !changes.is_empty() {
            self.store.save(&changes)?;
        }
        Ok(unread)
    }

    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        loop {
            let waits = |pile: &mut Pile| pile.saving.get(room).is_some_and(Change::adds);
            let pile = self.is_saved.wait_while(self.pile(), waits);
            let pile = pile.unwrap_or_else(PoisonError::into_inner);
            let (older, newer) = (pile.saving.get(room), pile.waiting.get(room));
            let change = match (older.cloned(), newer.cloned()) {
                (Some(older), Some(newer)) => Some(older.then(newer)),
                (older, newer) => newer.or(older),
            };
            let steps = pile.steps;
            drop(pile);
            let Some(change) = change else { return guarded(|| self.store.load(room)) };
            if !change.adds() {
                return Ok(change.on(None));
            }
            let before = guarded(|| self.store.load(room))?;
            // Otherwise it may have been saved meanwhile, and be in this already.
            if self.pile().steps == steps {
                return Ok(change.on(before));
            }
        }
    }

    fn all(&self) -> Result<HashMap<RoomKey, Totals>, StoreError> {
        loop {
            let steps = self.pile().steps;
            let mut all = HashMap::new();
            let mut each = |room, totals| drop(all.insert(room, totals));
            let read = guarded(|| self.store.for_each(&mut each));
            read.inspect_err(|error| self.reporter.store_failed(error))?;
            let pile = self.pile();
            let changes = pile.saving.iter().chain(&pile.waiting);
            let changes = changes.map(|(room, change)| (room.clone(), change.clone()));
            let changes: Vec<_> = changes.collect();
            // What is added must not be in it already.
            let adds = changes.iter().any(|(_, change)| change.adds());
            if adds && pile.steps != steps {
                continue;
            }
            drop(pile);
            for (room, change) in changes {
                if let Some(totals) = change.on(all.remove(&room)) {
                    all.insert(room, totals);
                }
            }
            return Ok(all);
        }
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pile {
    fn bring(&mut self, room: RoomKey, change: Change) {
        if self.waiting.len() >= MAX_WAITING && !self.waiting.contains_key(&room) {
            self.lost += 1;
            return;
        }
        let change = match self.waiting.remove(&room) {
            Some(before) => before.then(change),
            None => change,
        };
        self.waiting.insert(room, change);
    }

    /// The batch is saved but for these rooms, or has failed altogether. What is not saved waits again, with what
    /// has become of it since.
    fn end(&mut self, unread: Option<Vec<RoomKey>>) {
        self.steps += 1;
        let batch = std::mem::take(&mut self.saving);
        if unread.is_some() && self.lost > 0 {
            tracing::warn!(
                rooms = self.lost,
                "totals of freed rooms were lost: the store had failed for long, and these were too many"
            );
            self.lost = 0;
        }
        let is_saved =
            |room: &RoomKey| unread.as_ref().is_some_and(|unread| !unread.contains(room));
        for (room, change) in batch.iter().filter(|(room, _)| !is_saved(room)) {
            match self.waiting.remove(room) {
                Some(newer) => drop(self.waiting.insert(room.clone(), change.clone().then(newer))),
                None => self.bring(room.clone(), change.clone()),
            }
        }
    }
}

impl Change {
    /// It is only known with what was there before.
    fn adds(&self) -> bool {
        matches!(self, Self::More(_))
    }

    /// What there is to be kept, where this was kept before.
    fn on(&self, before: Option<Totals>) -> Option<Totals> {
        match self {
            Self::Open(crowd) => Some(crowd.totals()),
            Self::Is(totals) => Some(totals.clone()),
            Self::More(more) => {
                let mut totals = before.unwrap_or_default();
                totals.add(more.clone());
                Some(totals)
            }
            Self::Forgotten => None,
        }
    }

    /// Of one room, one after the other.
    fn then(self, newer: Self) -> Self {
        if !newer.adds() {
            return newer;
        }
        let of = if self.adds() { Self::More } else { Self::Is };
        of(newer.on(self.on(None)).unwrap_or_default())
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(..)")
    }
}

/// A store that panics has failed.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the store panicked".into()))
}
