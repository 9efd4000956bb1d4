//! Which views of embeds that reconnect have their stream: who asks again is told by that whether it was lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::request::view::{Turn, View};

/// So long must a view have asked before it comes again: until then, whoever asks for everything that a page
/// has is its browser's loader.
const DELAY: Duration = Duration::from_millis(500);

/// The views that have something open, by their numbers. Nothing is kept of a view that has not.
#[derive(Debug, Default, Clone)]
pub(crate) struct Views(Arc<Mutex<HashMap<u64, Open>>>);

/// What a view has open.
#[derive(Debug, Default)]
struct Open {
    streams: usize,
    /// Since when it asks, with a stream that is not counted.
    asking: Option<Instant>,
}

/// Something that a view has open, as long as it is.
#[derive(Debug)]
pub(crate) struct Sighting {
    views: Views,
    view: View,
}

impl Views {
    /// Lets a view have what it wants, unless it has its stream.
    ///
    /// The first picture is always there to be had: where a page is kept and shown to many, all are one view.
    pub(crate) fn enter(&self, view: View) -> Option<Sighting> {
        let mut all = self.all();
        let open = all.get(&view.id);
        let has_stream = open.is_some_and(|open| open.streams > 0);
        let asking = open.and_then(|open| open.asking);
        let may_enter = match view.turn {
            Turn::First => true,
            Turn::Ask => !has_stream && asking.is_none() && !view.is_young(),
            Turn::Again => !has_stream && asking.is_some_and(|since| since.elapsed() >= DELAY),
        };
        if !may_enter {
            return None;
        }
        let open = all.entry(view.id).or_default();
        match view.turn {
            Turn::Ask => open.asking = Some(Instant::now()),
            Turn::First | Turn::Again => open.streams += 1,
        }
        drop(all);
        Some(Sighting { views: self.clone(), view })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sighting {
    fn drop(&mut self) {
        let mut all = self.views.all();
        let Some(open) = all.get_mut(&self.view.id) else { return };
        match self.view.turn {
            Turn::Ask => open.asking = None,
            Turn::First | Turn::Again => open.streams = open.streams.saturating_sub(1),
        }
        if open.streams == 0 && open.asking.is_none() {
            all.remove(&self.view.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(turn: Turn) -> View {
        View::parse("0000000a00000000000000ff").unwrap().with_turn(turn)
    }

    #[tokio::test(start_paused = true)]
    async fn a_view_has_one_stream_and_asks_before_it_has_another() {
        let views = Views::default();
        let enter = |turn| views.enter(old(turn));
        assert!(enter(Turn::Again).is_none(), "it has not asked");
        let first = enter(Turn::First);
        assert!(first.is_some());
        assert!(enter(Turn::Ask).is_none() && enter(Turn::Again).is_none());
        drop(first);
        let asking = enter(Turn::Ask);
        assert!(asking.is_some());
        assert!(enter(Turn::Ask).is_none(), "once at a time");
        assert!(enter(Turn::Again).is_none(), "too early");
        tokio::time::advance(DELAY).await;
        let again = enter(Turn::Again);
        assert!(again.is_some());
        assert!(enter(Turn::Again).is_none());
        drop(asking);
        assert!(enter(Turn::Ask).is_none());
        drop(again);
        assert!(views.all().is_empty());
    }

    #[test]
    fn a_page_that_is_being_loaded_has_lost_nothing() {
        let views = Views::default();
        assert!(views.enter(View::draw().with_turn(Turn::Ask)).is_none());
        assert!(views.all().is_empty());
    }

    #[test]
    fn a_page_that_is_shown_to_many_is_live_for_all() {
        let views = Views::default();
        let first = [(); 3].map(|()| views.enter(old(Turn::First)).unwrap());
        for one in first {
            assert!(views.enter(old(Turn::Ask)).is_none());
            drop(one);
        }
        assert!(views.all().is_empty());
    }
}
