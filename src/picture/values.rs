//! The application's own values, whatever their type: what a template reads, and when they change.

use std::fmt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use minijinja::value::{Serde, Value};
use serde::Serialize;
use tokio::sync::watch;

use crate::error::PaintError;
use crate::picture::clean::clean_value;
use crate::request::params::Params;

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

/// Values of some type, as one room reads them.
pub(crate) trait Values: Send + Sync {
    /// The value now, and not before it: `changed` then waits for a later one. Its strings have no
    /// more characters than these.
    fn take(&mut self, max_chars: usize) -> Value;

    /// Waits until there is a value that `take` has not returned.
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Another one that has seen what this one has.
    fn clone_box(&self) -> Box<dyn Values>;
}

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

fn boxed<T>(receiver: watch::Receiver<T>) -> Box<dyn Values>
where
    T: Serialize + Send + Sync + 'static,
{
    let newest = Newest { receiver: receiver.clone(), taken: None };
    Box::new(Watched { receiver, newest: Arc::new(Mutex::new(newest)) })
}

/// The values of one room, made from their sources when they are first asked for.
#[derive(Debug)]
pub(crate) struct RoomValues {
    sources: Arc<[Source]>,
    params: Params,
    max_chars: usize,
    opened: Option<Vec<Box<dyn Values>>>,
}

impl RoomValues {
    pub(crate) fn new(sources: Arc<[Source]>, params: Params, max_chars: usize) -> Self {
        Self { sources, params, max_chars, opened: None }
    }

    /// The values as they are now. Their own code runs here: a panic in it is an error, and the next
    /// call tries again.
    pub(crate) fn take(&mut self) -> Result<Vec<Value>, PaintError> {
        let take = || {
            let open = || self.sources.iter().map(|source| source.open(&self.params)).collect();
            let opened = self.opened.get_or_insert_with(open);
            opened.iter_mut().map(|values| values.take(self.max_chars)).collect()
        };
        catch_unwind(AssertUnwindSafe(take)).map_err(|_| PaintError::Panicked)
    }

    /// Waits until one has changed; for ever, if none is made yet.
    pub(crate) async fn changed(&mut self) {
        let mut changes: Vec<_> =
            self.opened.iter_mut().flatten().map(|values| values.changed()).collect();
        let any = |cx: &mut Context<'_>| {
            let is_ready = changes.iter_mut().any(|change| change.as_mut().poll(cx).is_ready());
            if is_ready { Poll::Ready(()) } else { Poll::Pending }
        };
        std::future::poll_fn(any).await;
    }
}

impl Source {
    fn open(&self, params: &Params) -> Box<dyn Values> {
        match self {
            Self::Shared(values) => values.clone_box(),
            Self::PerRoom(of_room) => of_room(params),
        }
    }
}

/// A `watch` value as one room reads it.
struct Watched<T> {
    /// Knows what this room has seen.
    receiver: watch::Receiver<T>,
    newest: Arc<Mutex<Newest<T>>>,
}

/// The newest value as a template reads it, for all rooms: it is serialised once.
struct Newest<T> {
    receiver: watch::Receiver<T>,
    /// With the limit that it has been cut to.
    taken: Option<(usize, Value)>,
}

impl<T: Serialize + Send + Sync + 'static> Values for Watched<T> {
    fn take(&mut self, max_chars: usize) -> Value {
        // First of all: one that comes from here on is seen now, or told by `changed`.
        self.receiver.mark_unchanged();
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Newest { receiver, taken } = &mut *newest;
        // Taken out, so that it is not there any more should the value's own code panic.
        let before = taken.take();
        let now = receiver.borrow_and_update();
        let value = match before {
            Some((limit, value)) if limit == max_chars && !now.has_changed() => value,
            _ => clean_value(&Value::from(Serde(&*now)), max_chars),
        };
        *taken = Some((max_chars, value.clone()));
        value
    }

    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if self.receiver.changed().await.is_err() {
                // The sender is gone: the last value stays.
                pending::<()>().await;
            }
        })
    }

    fn clone_box(&self) -> Box<dyn Values> {
        Box::new(Self { receiver: self.receiver.clone(), newest: self.newest.clone() })
    }
}

impl Clone for Box<dyn Values> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

impl fmt::Debug for dyn Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values(..)")
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
        let room = |_| RoomValues::new(sources.clone(), Params::of([]), max_chars);
        (0..number).map(room).collect()
    }

    fn shown(rooms: &mut [RoomValues]) -> Vec<String> {
        rooms.iter_mut().map(|room| room.take().unwrap()[0].to_string()).collect()
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
