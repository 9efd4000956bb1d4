//! When what has come to rooms is given to a store that all nodes share, and when it is asked what has come to the
//! others.
//!
//! All of it is the work of one thread, in rounds: what this node has to add, and then what there is of the open rooms.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use crate::presence::calendar::Calendar;
use crate::presence::crowd::Crowd;
use crate::presence::ledger::{Asked, Due};
use crate::presence::tokens::{OfDay, Tokens};
use crate::presence::totals::Totals;
use crate::request::random::random;
use crate::room::keeper::{A_DAY_IS_OVER, LOADS, guarded};
use crate::room::opened::Room;
use crate::room::pile::{Open, Parcel, Pile, There, append};
use crate::room::reporter::Reporter;
use crate::store::contract::{Batch, RoomKey, Store, StoreError};

/// From the beginning of one round to that of the next: twice as long it takes at most until another node shows what has
/// come to this one.
const INTERVAL: Duration = Duration::from_millis(750);
/// The store is asked of so many rooms at a time.
const AT_A_TIME: usize = 1000;

/// Gives and asks.
#[derive(Debug)]
pub(crate) struct Sharing {
    desk: Arc<Desk>,
    loads: Arc<Semaphore>,
}

/// What the thread, and all who bring it something, look at.
struct Desk {
    store: Box<dyn Store>,
    tokens: Arc<Tokens>,
    calendar: Arc<Calendar>,
    reporter: Arc<Reporter>,
    node: u64,
    pile: Mutex<Pile>,
    has_come: Condvar,
    is_done: Condvar,
    /// How many rounds have been tried that were asked for.
    flushed: watch::Sender<u64>,
}

impl Sharing {
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
            node: random(),
            pile: Mutex::default(),
            has_come: Condvar::new(),
            is_done: Condvar::new(),
            flushed: watch::Sender::new(0),
        });
        let thread = desk.clone();
        let builder = std::thread::Builder::new().name("livebadge-store".to_owned());
        builder.spawn(move || thread.work(day))?;
        Ok(Self { desk, loads: Arc::new(Semaphore::new(LOADS)) })
    }

    /// A room has been opened. From now on it is looked at in each round.
    pub(crate) fn open(&self, room: &Arc<Room>) {
        room.crowd.change_history(|history| history.share());
        self.desk.pile().open.insert(room.key(), Open::Room(Arc::downgrade(room)));
        self.desk.has_come.notify_all();
    }

    /// The same of a total.
    pub(crate) fn open_total(&self, room: RoomKey, crowd: &Arc<Crowd>) {
        crowd.change_history(|history| history.share());
        self.desk.pile().open.insert(room, Open::Total(crowd.clone()));
        self.desk.has_come.notify_all();
    }

    /// What has come to a room that is not open any more, or what it has become there.
    pub(crate) fn bring(&self, room: RoomKey, due: Due) {
        self.desk.pile().bring(room, due);
        self.desk.has_come.notify_all();
    }

    /// For all nodes. What comes to an open room is not kept any more.
    pub(crate) fn forget(&self, room: RoomKey) {
        let mut pile = self.desk.pile();
        if matches!(pile.open.get(&room), Some(Open::Room(_))) {
            pile.open.remove(&room);
        }
        pile.bring(room, Due::instead(Totals::default()));
        self.desk.has_come.notify_all();
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
            desk.load(&room).inspect_err(|error| desk.reporter.store_failed(error))
        });
        read.await?
    }

    /// Everything that is kept.
    pub(crate) async fn all(&self) -> Result<HashMap<RoomKey, Totals>, StoreError> {
        let desk = self.desk.clone();
        tokio::task::spawn_blocking(move || desk.all()).await?
    }

    /// Returns when all that has come until now is given, or that has been tried.
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
}

impl Drop for Sharing {
    /// The thread gives what is there, and ends; nobody waits for it.
    fn drop(&mut self) {
        self.desk.pile().is_over = true;
        self.desk.has_come.notify_all();
    }
}

impl Desk {
    /// Round after round; the store has the secret of this day.
    fn work(&self, mut day: u64) {
        let (mut failures, mut number) = (0_u32, 0);
        loop {
            let (open, flushes, is_over) = self.begin(&mut number);
            let began = Instant::now();
            let mut result = self.give(&mut day);
            // After one that failed before, there is what has come since.
            if result.is_ok() && (failures > 0 || is_over) {
                self.collect(&open, &mut number);
                result = self.give(&mut day);
            }
            let result = result.and_then(|()| self.ask(&open));
            if let Err(error) = &result {
                self.reporter.store_failed(error);
            } else if failures > 0 {
                tracing::info!("totals are shared again");
            }
            failures = if result.is_err() { failures + 1 } else { 0 };
            self.end();
            self.flushed.send_replace(flushes);
            if is_over {
                return;
            }
            // A store that fails may have much to do to begin again.
            self.rest(began + INTERVAL * (1 << failures.min(2)));
        }
    }

    /// Waits until there is something to do, or a day may have ended.
    fn begin(&self, number: &mut u64) -> (Vec<(RoomKey, There)>, u64, bool) {
        let is_idle = |pile: &mut Pile| {
            let is_empty = pile.open.is_empty() && pile.waiting.is_empty() && pile.giving.is_none();
            is_empty && !pile.is_over && pile.flushes == *self.flushed.borrow()
        };
        let woken = self.has_come.wait_timeout_while(self.pile(), A_DAY_IS_OVER, is_idle);
        let (mut pile, _) = woken.unwrap_or_else(PoisonError::into_inner);
        pile.is_under_way = true;
        let open = pile.there();
        let (flushes, is_over) = (pile.flushes, pile.is_over);
        drop(pile);
        self.collect(&open, number);
        (open, flushes, is_over)
    }

    /// Takes what is to be given, unless something is that was taken before.
    fn collect(&self, open: &[(RoomKey, There)], number: &mut u64) {
        let mut dues = {
            let mut pile = self.pile();
            if pile.giving.is_some() {
                return;
            }
            pile.take_waiting()
        };
        // Without the lock: who brings something does not wait for so many.
        for (room, there) in open {
            there.take().into_iter().for_each(|due| append(&mut dues, room.clone(), due));
        }
        // Of those that were freed meanwhile, which had nothing any more.
        let freed = self.pile().take_waiting();
        freed.into_iter().for_each(|(room, due)| append(&mut dues, room, due));
        if !dues.is_empty() {
            *number += 1;
            let batch = Batch::new(self.node, *number);
            self.pile().giving = Some(Arc::new(Parcel { batch, dues }));
        }
    }

    fn give(&self, day: &mut u64) -> Result<(), StoreError> {
        let parcel = self.pile().giving.clone();
        guarded(|| {
            let of_day = self.tokens.of(self.calendar.today());
            if of_day.day != *day {
                // Before anybody is kept who was hashed with it.
                let secret = self.store.day_secret(of_day.day, of_day.secret)?;
                self.tokens.adopt(OfDay { secret, ..of_day });
                *day = of_day.day;
            }
            let Some(parcel) = parcel else { return Ok(()) };
            let (mut saves, mut adds) = (Vec::new(), Vec::new());
            for (room, due) in &parcel.dues {
                if due.instead.is_some() {
                    let totals = due.clone().on(None);
                    saves.push((room.clone(), Some(totals).filter(|totals| !totals.is_nothing())));
                } else {
                    adds.push((room.clone(), due.more.clone()));
                }
            }
            if !saves.is_empty() {
                self.store.save(&saves)?;
            }
            match self.store.shared() {
                Some(store) if !adds.is_empty() => store.add(parcel.batch, &adds),
                _ => Ok(()),
            }
        })?;
        let mut pile = self.pile();
        pile.giving = None;
        if pile.lost > 0 {
            tracing::warn!(
                rooms = pile.lost,
                "totals of freed rooms were lost: the store had failed for long, and these were too many"
            );
            pile.lost = 0;
        }
        Ok(())
    }

    /// Tells open rooms what there is of all nodes. All that was taken from them is given.
    fn ask(&self, open: &[(RoomKey, There)]) -> Result<(), StoreError> {
        let Some(store) = self.store.shared() else { return Ok(()) };
        for some in open.chunks(AT_A_TIME) {
            let asked =
                |(room, there): &(RoomKey, There)| Some((there.crowd().ask()?, room.clone()));
            let asked: Vec<Option<(Asked, RoomKey)>> = some.iter().map(asked).collect();
            let some = some.iter().zip(&asked);
            let some: Vec<_> =
                some.filter_map(|((_, there), asked)| Some((there, asked.as_ref()?))).collect();
            let rooms = some.iter().map(|(_, (asked, room))| (room.clone(), asked.version));
            let rooms: Vec<_> = rooms.collect();
            let news = guarded(|| store.news(&rooms))?;
            for ((there, (asked, _)), news) in some.into_iter().zip(news) {
                if let Some((version, totals)) = news {
                    there.settle(*asked, totals, version);
                }
            }
        }
        Ok(())
    }

    fn end(&self) {
        self.pile().is_under_way = false;
        self.is_done.notify_all();
    }

    /// Until the next round may begin, or is wanted at once.
    fn rest(&self, until: Instant) {
        let may_rest = |pile: &mut Pile| !pile.is_over && pile.flushes == *self.flushed.borrow();
        let left = until.saturating_duration_since(Instant::now());
        drop(self.has_come.wait_timeout_while(self.pile(), left, may_rest));
    }

    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        loop {
            let (due, steps) = {
                let pile = self.settled()?;
                (pile.waiting.get(room).cloned(), pile.steps)
            };
            let kept = guarded(|| self.store.load(room))?;
            // Otherwise it may have been given meanwhile, and be in this already.
            if due.is_none() || self.pile().steps == steps {
                return Ok(due.map(|due| due.on(kept.clone())).or(kept));
            }
        }
    }

    fn all(&self) -> Result<HashMap<RoomKey, Totals>, StoreError> {
        let read = || {
            loop {
                let steps = self.settled()?.steps;
                let mut all = HashMap::new();
                let mut each = |room, totals| drop(all.insert(room, totals));
                guarded(|| self.store.for_each(&mut each))?;
                let pile = self.pile();
                if !pile.waiting.is_empty() && pile.steps != steps {
                    continue;
                }
                for (room, due) in &pile.waiting {
                    let totals = due.clone().on(all.remove(room));
                    all.insert(room.clone(), totals);
                }
                all.retain(|_, totals| !totals.is_nothing());
                return Ok(all);
            }
        };
        read().inspect_err(|error| self.reporter.store_failed(error))
    }

    /// When nothing is being given. An error where it is not known whether something was.
    fn settled(&self) -> Result<MutexGuard<'_, Pile>, StoreError> {
        let waits = |pile: &mut Pile| pile.is_under_way;
        let pile = self.is_done.wait_while(self.pile(), waits);
        let pile = pile.unwrap_or_else(PoisonError::into_inner);
        match pile.giving {
            Some(_) => Err("what was given to the store may be in it, or not".into()),
            None => Ok(pile),
        }
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(..)")
    }
}
