//! Every order in which somebody can enter a room while its task finds it empty, or shuts it down.

use std::future::poll_fn;
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::thread;

use super::*;
use crate::badge::builder::Badge;
use crate::badge::check::check;
use crate::observe::observer::Unobserved;
use crate::picture::fonts::Fonts;
use crate::picture::images::Images;
use crate::picture::raster::Raster;
use crate::request::params::Params;
use crate::room::promise::Promise;
use crate::stream::framing::Medium;
use crate::stream::stage::Cue;

fn recipe() -> Arc<Recipe> {
    let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>"#;
    Arc::new(check("/x.png", Badge::svg(svg), 0, &raster).unwrap())
}

fn invitation(recipe: &Arc<Recipe>, watcher: Watcher) -> Invitation {
    Invitation {
        host: recipe.clone(),
        recipe: recipe.clone(),
        variant: Variant { badge: 0, style: recipe.picture.style.clone(), medium: Medium::Picture },
        watcher,
    }
}

/// A room that is open, and its task.
fn open(recipe: &Arc<Recipe>) -> (Arc<Registry>, RoomId, Running) {
    let reporter = Arc::new(Reporter::new(Box::new(Unobserved)));
    let registry = Arc::new(Registry::new(1, reporter, None, None, CancellationToken::new()));
    let id = RoomId { badge: 0, params: Params::of([]) };
    let room = Arc::new(Room::new("/x.png".into(), id.clone(), recipe.clone(), None));
    registry.entries().insert(id.clone(), Entry { promised: 0, room: Some(room.clone()) });
    room.opens_or_ends(1);
    let running = Running { registry: registry.clone(), room };
    (registry, id, running)
}

/// With a stack for what is not optimized.
fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().stack_size(0x8000).spawn(work).expect("a model's thread")
}

/// In a runtime that never runs what is spawned, but ends it when all is over.
fn model(test: impl Fn(&Arc<Recipe>) -> Arc<Registry> + Send + Sync + 'static) {
    let recipe = recipe();
    loom::model(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let inside = runtime.enter();
        let registry = test(&recipe);
        drop(inside);
        drop(runtime);
        assert!(registry.entries().is_empty(), "nothing is left behind");
    });
}

#[test]
fn a_newcomer_is_never_in_a_room_that_is_freed() {
    for (watcher, streams) in [(Watcher::Counted(None), 1), (Watcher::Uncounted, 0)] {
        model(move |recipe| {
            let (registry, id, running) = open(recipe);
            let promise = Promise::of(&registry, &id).unwrap();
            let invitation = invitation(recipe, watcher.clone());
            let newcomer = spawn(move || promise.redeem(invitation));
            running.room.survey();
            // Otherwise it goes on.
            let running = if running.ends() { None } else { Some(running) };
            let mut kept = newcomer.join().unwrap();
            let room = registry.room(&id).expect("the newcomer's room is open");
            assert!(!room.is_empty(), "the newcomer is in another room");
            assert_eq!(room.counts().counts.streams, streams);
            let cue = kept.seat.poll(&mut Context::from_waker(Waker::noop()));
            assert!(cue.is_pending(), "the newcomer's stream has ended");
            drop((kept, running));
            registry
        });
    }
}

/// As [`Painter`] ends a room.
fn shut_down(running: &Running) {
    let room = &running.room;
    loop {
        let (survey, ..) = room.survey();
        if survey.is_empty && running.ends() {
            return;
        }
        survey.open().for_each(|screen| screen.close(LeaveReason::Shutdown));
        if !survey.is_empty {
            block_on(room.bell().heard());
        }
    }
}

#[test]
fn whoever_enters_while_a_room_is_shut_down_is_sent_away_or_has_a_new_room() {
    model(|recipe| {
        let (registry, id, running) = open(recipe);
        let first = Promise::of(&registry, &id).unwrap();
        let second = Promise::of(&registry, &id).unwrap();
        let kept = first.redeem(invitation(recipe, Watcher::Counted(None)));
        let viewers = spawn({
            let (registry, id, old) = (registry.clone(), id.clone(), running.room.clone());
            let invitation = invitation(recipe, Watcher::Counted(None));
            move || {
                drop(kept);
                let mut kept = second.redeem(invitation);
                // Somebody is in it, so it stays until the seat is given back.
                let room = registry.room(&id).expect("the newcomer's room is open");
                let cue = if Arc::ptr_eq(&room, &old) {
                    block_on(poll_fn(|cx| kept.seat.poll(cx)))
                } else {
                    let cue = kept.seat.poll(&mut Context::from_waker(Waker::noop()));
                    assert!(cue.is_pending(), "a new room has been shut down");
                    Cue::End(LeaveReason::Shutdown)
                };
                assert!(matches!(cue, Cue::End(_)));
                drop(kept);
            }
        });
        shut_down(&running);
        drop(running);
        viewers.join().unwrap();
        registry
    });
}
