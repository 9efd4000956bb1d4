//! The application's own values, whatever their type: what a template reads, when they change, and
//! whether their source is still there.

use std::fmt;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use minijinja::value::Value;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::error::PaintError;
use crate::picture::watched::{Values, boxed};
use crate::request::params::Params;

/// After a panic in the values' own code, and after the end of a room's source.
const RETRY: Duration = Duration::from_secs(2);

/// Where a badge's values come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// The same ones for all rooms.
    Shared(Box<dyn Values>),
    /// A room's own.
    PerRoom(Arc<OfRoom>),
}

/// Makes a room's values from its parameters.
type OfRoom = dyn Fn(&Params) -> Box<dyn Values> + Send + Sync;

/// What these hold, for all rooms.
pub(crate) fn watched<T>(receiver: watch::Receiver<T>) -> Source
where
    T: Serialize + Send + Sync + 'static,
{
    Source::Shared(boxed(receiver))
}

/// What the ones hold that are made for each room.
pub(crate) fn per_room<T>(
    of_room: impl Fn(&Params) -> watch::Receiver<T> + Send + Sync + 'static,
) -> Source
where
    T: Serialize + Send + Sync + 'static,
{
    Source::PerRoom(Arc::new(move |params| boxed(of_room(params))))
}

/// The values of one room, made from their sources when they are first asked for.
#[derive(Debug)]
pub(crate) struct RoomValues {
    sources: Arc<[Source]>,
    params: Params,
    max_chars: usize,
    /// Values that are older than this are stale.
    stale_after: Option<Duration>,
    opened: Option<Vec<Box<dyn Values>>>,
    /// When to try again what has failed.
    retry: Option<Instant>,
    /// When they become stale unless a new one comes.
    stale_at: Option<Instant>,
    /// When to look for a new source.
    reopen_at: Option<Instant>,
}

/// Values as they are at one instant.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) values: Vec<Value>,
    /// The source of one of them is gone, or has sent nothing for too long.
    pub(crate) is_stale: bool,
}

impl RoomValues {
    pub(crate) fn new(
        sources: Arc<[Source]>,
        params: Params,
        max_chars: usize,
        stale_after: Option<Duration>,
    ) -> Self {
        let (opened, retry, stale_at, reopen_at) = (None, None, None, None);
        Self { sources, params, max_chars, stale_after, opened, retry, stale_at, reopen_at }
    }

    /// The values as they are now. Their own code runs here: a panic in it is an error, and each call
    /// tries again.
    pub(crate) fn take(&mut self) -> Result<Taken, PaintError> {
        let take = || {
            let open = || self.sources.iter().map(|source| source.open(&self.params)).collect();
            let opened = self.opened.get_or_insert_with(open);
            opened.iter_mut().map(|values| values.take(self.max_chars)).collect()
        };
        let taken = catch_unwind(AssertUnwindSafe(take));
        let now = Instant::now();
        self.retry = taken.is_err().then(|| now + RETRY);
        let is_stale = self.look_at_sources(now);
        taken.map(|values| Taken { values, is_stale }).map_err(|_| PaintError::Panicked)
    }

    /// Waits until one has changed, has become stale or is so no more, or until it is time to try again.
    pub(crate) async fn changed(&mut self) {
        loop {
            let next = [self.retry, self.stale_at, self.reopen_at].into_iter().flatten().min();
            let at_next = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = at_next => {}
                () = self.any_changed() => return,
            }
            let now = Instant::now();
            // Each is told once, and set again when the values are taken.
            let is_retry = self.retry.take_if(|at| *at <= now).is_some();
            let is_stale = self.stale_at.take_if(|at| *at <= now).is_some();
            if is_retry || is_stale || self.reopen(now) {
                return;
            }
        }
    }

    async fn any_changed(&mut self) {
        let opened = self.opened.iter_mut().flatten();
        any_ready(opened.map(|values| values.changed()).collect()).await;
    }

    /// Whether what has been taken is stale; if not, when it will be. A room's own source may come back.
    fn look_at_sources(&mut self, now: Instant) -> bool {
        let opened = self.opened.as_deref().unwrap_or_default();
        let is_gone = opened.iter().any(|values| values.is_gone());
        let ends = opened.iter().map(|values| values.sent_at().checked_add(self.stale_after?));
        let stale_at = ends.flatten().min();
        let is_stale = is_gone || stale_at.is_some_and(|at| at <= now);
        self.stale_at = stale_at.filter(|_| !is_stale);
        let mut sources = self.sources.iter().zip(opened);
        let is_to_reopen = sources.any(|(source, values)| source.may_come_back(&**values));
        self.reopen_at = is_to_reopen.then(|| self.reopen_at.unwrap_or(now + RETRY));
        is_stale
    }

    /// Asks for new sources in the place of those that are gone. The last values stay until one is there;
    /// a panic says that it is not.
    fn reopen(&mut self, now: Instant) -> bool {
        if self.reopen_at.is_none_or(|at| now < at) {
            return false;
        }
        self.reopen_at = Some(now + RETRY);
        let mut is_back = false;
        let opened = self.opened.iter_mut().flatten();
        for (source, values) in self.sources.iter().zip(opened) {
            if !source.may_come_back(&**values) {
                continue;
            }
            let made = catch_unwind(AssertUnwindSafe(|| source.open(&self.params)));
            if let Some(made) = made.ok().filter(|made| !made.is_gone()) {
                *values = made;
                is_back = true;
            }
        }
        is_back
    }
}

/// Waits for the first of these; for ever, if there is none.
pub(crate) async fn any_ready<F: Future<Output = ()> + ?Sized>(mut futures: Vec<Pin<Box<F>>>) {
    poll_fn(|cx| {
        let is_ready = futures.iter_mut().any(|future| future.as_mut().poll(cx).is_ready());
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl Source {
    fn open(&self, params: &Params) -> Box<dyn Values> {
        match self {
            Self::Shared(values) => values.clone_box(),
            Self::PerRoom(of_room) => of_room(params),
        }
    }

    /// These are gone, and can be made anew.
    fn may_come_back(&self, values: &dyn Values) -> bool {
        matches!(self, Self::PerRoom(_)) && values.is_gone()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared(_) => "Shared(..)",
            Self::PerRoom(_) => "PerRoom(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Context;

    use serde::Serializer;

    use super::*;

    /// Counts how often it is serialised.
    #[derive(Clone)]
    struct Counted(Arc<AtomicUsize>, String);

    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert_ne!(self.1, "panic");
            serializer.serialize_str(&self.1)
        }
    }

    fn rooms(source: Source, number: usize, max_chars: usize) -> Vec<RoomValues> {
        let sources: Arc<[Source]> = Arc::new([source]);
        let room = |_| RoomValues::new(sources.clone(), Params::of([]), max_chars, None);
        (0..number).map(room).collect()
    }

    fn shown(rooms: &mut [RoomValues]) -> Vec<String> {
        rooms.iter_mut().map(|room| room.take().unwrap().values[0].to_string()).collect()
    }

    #[test]
    fn a_value_is_serialised_once_for_all_rooms() {
        let times = Arc::new(AtomicUsize::new(0));
        let value = |text: &str| Counted(times.clone(), text.into());
        let (sender, receiver) = watch::channel(value("one"));
        let source = watched(receiver);
        let mut all = rooms(source.clone(), 100, 256);
        for text in ["one", "two", "three"] {
            sender.send_replace(value(text));
            times.store(0, Ordering::Relaxed);
            assert_eq!(shown(&mut all), vec![text; 100]);
            assert_eq!(shown(&mut all), vec![text; 100]);
            assert_eq!(times.load(Ordering::Relaxed), 1);
        }
        // A badge that has been cloned may have another limit.
        assert_eq!(shown(&mut rooms(source, 1, 3)), ["th…"]);
        assert_eq!(shown(&mut all[..1]), ["three"]);
    }

    #[test]
    fn a_value_that_panics_is_not_taken_for_the_one_before() {
        let value = |text: &str| Counted(Arc::default(), text.into());
        let (sender, receiver) = watch::channel(value("good"));
        let mut rooms = rooms(watched(receiver), 2, 256);
        assert_eq!(shown(&mut rooms), ["good"; 2]);
        sender.send_replace(value("panic"));
        for room in &mut rooms {
            for _ in 0..2 {
                assert!(matches!(room.take(), Err(PaintError::Panicked)));
            }
        }
        sender.send_replace(value("good again"));
        assert_eq!(shown(&mut rooms), ["good again"; 2]);
    }

    #[tokio::test]
    async fn every_room_sees_a_change_that_another_has_taken() {
        let (sender, receiver) = watch::channel(1);
        let mut rooms = rooms(watched(receiver), 2, 256);
        shown(&mut rooms);
        sender.send_replace(2);
        assert_eq!(shown(&mut rooms[..1]), ["2"]);
        rooms[1].changed().await;
        assert_eq!(shown(&mut rooms[1..]), ["2"]);
        let mut unchanged = Box::pin(rooms[1].changed());
        let is_pending =
            |cx: &mut Context<'_>| Poll::Ready(unchanged.as_mut().poll(cx).is_pending());
        assert!(std::future::poll_fn(is_pending).await);
    }

    /// Whether something is told within so long.
    async fn is_told(room: &mut RoomValues, within: Duration) -> bool {
        tokio::time::timeout(within, room.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_source_is_told_once_and_after_its_last_value() {
        let (sender, receiver) = watch::channel(1);
        let mut room = rooms(watched(receiver), 1, 256).remove(0);
        assert!(!room.take().unwrap().is_stale);
        sender.send_replace(2);
        drop(sender);
        assert!(is_told(&mut room, RETRY).await);
        assert!(is_told(&mut room, RETRY).await, "the end, whether or not its turn has come");
        assert!(!is_told(&mut room, 10 * RETRY).await);
        let taken = room.take().unwrap();
        assert_eq!((taken.values[0].to_string(), taken.is_stale), ("2".into(), true));
        assert!(!is_told(&mut room, 10 * RETRY).await);
    }

    #[tokio::test(start_paused = true)]
    async fn values_of_any_age_are_fresh_unless_that_is_limited() {
        let (sender, receiver) = watch::channel(1);
        let source = watched(receiver);
        let mut old = rooms(source.clone(), 1, 256).remove(0);
        let age = Some(Duration::from_secs(5));
        let mut limited = RoomValues::new([source].into(), Params::of([]), 256, age);
        assert!(!old.take().unwrap().is_stale && !limited.take().unwrap().is_stale);
        assert!(!is_told(&mut old, 10 * RETRY).await);
        assert!(is_told(&mut limited, Duration::ZERO).await);
        assert!(!old.take().unwrap().is_stale && limited.take().unwrap().is_stale);
        // It is told once.
        assert!(!is_told(&mut limited, 10 * RETRY).await);
        sender.send_replace(1);
        assert!(is_told(&mut limited, Duration::ZERO).await);
        assert!(!limited.take().unwrap().is_stale);
        // Another room has taken it first: it has been sent when that saw it.
        tokio::time::advance(Duration::from_secs(4)).await;
        let sources = limited.sources.clone();
        let mut late = RoomValues::new(sources, Params::of([]), 256, age);
        assert!(!late.take().unwrap().is_stale);
        assert!(!is_told(&mut late, Duration::from_millis(990)).await);
        assert!(is_told(&mut late, Duration::from_millis(20)).await);
        assert!(late.take().unwrap().is_stale);
    }

    #[test]
    fn values_of_a_room_are_made_when_they_are_asked_for() {
        let made = Arc::new(AtomicUsize::new(0));
        let source = per_room({
            let made = made.clone();
            move |_| {
                // The first time, there is nothing to be had.
                assert!(made.fetch_add(1, Ordering::Relaxed) > 0);
                watch::channel(7).1
            }
        });
        let mut room = rooms(source, 1, 256);
        assert!(matches!(room[0].take(), Err(PaintError::Panicked)));
        assert_eq!(shown(&mut room), ["7"]);
        assert_eq!(shown(&mut room), ["7"]);
        assert_eq!(made.load(Ordering::Relaxed), 2);
    }
}
