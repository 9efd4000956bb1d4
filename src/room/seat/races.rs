//! Every order in which a viewer can come back and go while the painter uncounts it and closes its screen.

use std::task::Waker;
use std::time::Duration;

use loom::thread;

use super::*;
use crate::badge::builder::Badge;
use crate::badge::check::check;
use crate::picture::fonts::Fonts;
use crate::picture::images::Images;
use crate::picture::raster::Raster;
use crate::presence::counts::Counts;
use crate::presence::crowd::Coming;
use crate::presence::people::Who;
use crate::request::key::VisitorKey;
use crate::request::params::Params;
use crate::request::pseudonym::Blind;
use crate::stream::framing::Medium;

/// Sweeps that a viewer may miss, but for the last.
const NEARLY_MISSING: usize = 2;

fn recipe() -> Arc<Recipe> {
    let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>"#;
    Arc::new(check("/x.png", Badge::svg(svg).leave_grace(Duration::ZERO), 0, &raster).unwrap())
}

/// Everybody who was said to come or to return was said to leave, once each.
fn is_even(room: &Room) {
    let news = room.crowd.look().news;
    let leaves = news.iter().filter(|news| matches!(news.what, Coming::Leave(_))).count();
    let told = |what: Coming| news.iter().filter(|news| news.what == what).count();
    assert_eq!(told(Coming::Join), 1, "{news:?}");
    assert_eq!(leaves, 1 + told(Coming::Return), "{news:?}");
    assert_eq!(room.crowd.counts(), Counts::default());
    assert_eq!(room.crowd.snapshot().records.peak, 1, "it was never here twice");
}

/// It misses its last sweep, and its screen is closed, while it does this.
fn is_counted_right(watcher: Watcher, recipe: Arc<Recipe>, leaves: fn(Seat)) {
    loom::model(move || {
        let id = RoomId { badge: 0, params: Params::of([]) };
        let room = Arc::new(Room::new("/x.png".into(), id, recipe.clone(), None));
        let variant =
            Variant { badge: 0, style: recipe.picture.style.clone(), medium: Medium::Picture };
        let seat = Seat::take(room.clone(), variant, recipe.clone(), watcher.clone());
        let screen = seat.screen.clone();
        (0..NEARLY_MISSING).for_each(|_| room.sweep(&screen));
        let viewer = thread::spawn(move || leaves(seat));
        room.sweep(&screen);
        screen.close(LeaveReason::Shutdown);
        viewer.join().unwrap();
        assert!(screen.stage.is_empty() && screen.counted() == 0);
        is_even(&room);
    });
}

#[test]
fn who_is_uncounted_while_it_comes_back_and_goes_is_counted_right() {
    let recipe = recipe();
    let alice = Blind::new().person(&VisitorKey::new("alice"));
    for watcher in [
        Watcher::Counted(None),
        Watcher::Counted(Some(Arc::new(Who { person: alice, token: 0, name: None }))),
    ] {
        is_counted_right(watcher.clone(), recipe.clone(), drop);
        is_counted_right(watcher, recipe.clone(), |mut seat| {
            // What it is told does not matter: it has come.
            let _ = seat.poll(&mut Context::from_waker(Waker::noop()));
        });
    }
}
