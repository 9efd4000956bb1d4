use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use super::*;

type Numbers = Stage<u32, &'static str>;

/// Polls once: a number is a picture, -1 a heartbeat, -2 the end.
fn poll(stage: &Numbers, ticket: &Ticket) -> Option<i64> {
    match stage.poll(ticket, &mut Context::from_waker(Waker::noop())).0 {
        Poll::Ready(Cue::Show(number)) => Some(i64::from(*number)),
        Poll::Ready(Cue::Beat) => Some(-1),
        Poll::Ready(Cue::End(_)) => Some(-2),
        Poll::Pending => None,
    }
}

fn missing(stage: &Numbers) -> Vec<&'static str> {
    let mut missing = Vec::new();
    stage.sweep(|viewer, _| missing.push(*viewer));
    missing
}

#[test]
fn a_slow_viewer_gets_the_newest_and_one_heartbeat() {
    let stage = Numbers::new();
    let ticket = stage.enter("slow", true, Instant::now());
    assert_eq!(poll(&stage, &ticket), None);
    (1..=3).for_each(|number| stage.end_round(Some(Arc::new(number))));
    assert_eq!(poll(&stage, &ticket), Some(3));
    assert_eq!(poll(&stage, &ticket), None);
    (0..3).for_each(|_| stage.beat());
    assert_eq!(poll(&stage, &ticket), Some(-1));
    assert_eq!(poll(&stage, &ticket), None);
}

#[test]
fn a_picture_counts_as_a_heartbeat() {
    let stage = Numbers::new();
    let ticket = stage.enter("viewer", true, Instant::now());
    stage.end_round(Some(Arc::new(1)));
    assert_eq!(poll(&stage, &ticket), Some(1));
    stage.beat();
    stage.end_round(Some(Arc::new(2)));
    assert_eq!(poll(&stage, &ticket), Some(2));
    assert_eq!(poll(&stage, &ticket), None);
}

#[test]
fn nothing_comes_before_the_first_picture() {
    let stage = Numbers::new();
    let ticket = stage.enter("early", true, Instant::now());
    stage.beat();
    assert_eq!(poll(&stage, &ticket), None);
    stage.end_round(Some(Arc::new(1)));
    assert_eq!(poll(&stage, &ticket), Some(1));
}

#[test]
fn a_newcomer_waits_for_the_round_that_it_starts() {
    let stage = Numbers::new();
    stage.end_round(Some(Arc::new(1)));
    let now = Instant::now();
    stage.set_idle_from(Some(now));
    let ticket = stage.enter("newcomer", true, now);
    assert_eq!(poll(&stage, &ticket), None);
    stage.end_round(Some(Arc::new(2)));
    assert_eq!(poll(&stage, &ticket), Some(2));
}

#[test]
fn a_newcomer_gets_the_old_picture_when_the_round_shows_none() {
    let stage = Numbers::new();
    stage.end_round(Some(Arc::new(1)));
    stage.set_idle_from(Some(Instant::now()));
    let ticket = stage.enter("newcomer", true, Instant::now());
    stage.end_round(None);
    assert_eq!(poll(&stage, &ticket), Some(1));
}

#[test]
fn a_newcomer_that_is_not_counted_waits_for_no_round() {
    let stage = Numbers::new();
    stage.end_round(Some(Arc::new(1)));
    stage.set_idle_from(Some(Instant::now()));
    let ticket = stage.enter("looking on", false, Instant::now());
    assert_eq!(poll(&stage, &ticket), Some(1));
}

#[test]
fn a_newcomer_does_not_wait_while_the_painter_rests() {
    let stage = Numbers::new();
    stage.end_round(Some(Arc::new(1)));
    stage.set_idle_from(Some(Instant::now() + std::time::Duration::from_secs(60)));
    let ticket = stage.enter("newcomer", true, Instant::now());
    assert_eq!(poll(&stage, &ticket), Some(1));
}

#[test]
fn the_newest_picture_comes_before_the_end() {
    let stage = Numbers::new();
    let ticket = stage.enter("viewer", true, Instant::now());
    stage.end_round(Some(Arc::new(1)));
    stage.close(LeaveReason::Shutdown);
    assert_eq!(poll(&stage, &ticket), Some(1));
    assert_eq!(poll(&stage, &ticket), Some(-2));
}

#[test]
fn places_are_few_after_a_crowd_and_tickets_stay_right() {
    let stage = Stage::<u32, usize>::new();
    let now = Instant::now();
    let mut tickets: Vec<_> = (0..10_000).map(|n| (n, stage.enter(n, false, now))).collect();
    // Out of order: others move into the places that are left.
    while tickets.len() > 3 {
        let (_, ticket) = tickets.swap_remove(tickets.len() * 7 / 11);
        stage.leave(ticket);
    }
    for (viewer, ticket) in &tickets {
        assert_eq!(stage.lock().places.get_mut(ticket).viewer, *viewer);
    }
}

#[test]
fn who_has_been_here_for_long_is_shown_the_newest_and_ends() {
    let stage = Numbers::new();
    let now = Instant::now();
    let old = stage.enter("old", false, now);
    let new = stage.enter("new", false, now + std::time::Duration::from_secs(1));
    stage.end_round(Some(Arc::new(1)));
    assert_eq!((poll(&stage, &old), poll(&stage, &new)), (Some(1), Some(1)));
    stage.end_round(Some(Arc::new(2)));
    stage.retire(now + std::time::Duration::from_secs(1));
    assert_eq!((poll(&stage, &old), poll(&stage, &new)), (Some(2), Some(2)));
    assert_eq!((poll(&stage, &old), poll(&stage, &new)), (Some(-2), None));
}

/// A waker is foreign code, and on another thread its viewer polls at once.
#[test]
fn who_is_woken_finds_the_stage_open() {
    struct Looks(Arc<Numbers>, AtomicUsize);
    impl std::task::Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(
                if self.0.inner.try_lock().is_ok() { 1 } else { 100 },
                Ordering::Relaxed,
            );
        }
    }
    let stage = Arc::new(Numbers::new());
    let looks = Arc::new(Looks(stage.clone(), AtomicUsize::new(0)));
    let waker = Waker::from(looks.clone());
    let ticket = stage.enter("viewer", false, Instant::now());
    let paint = |stage: &Numbers| stage.end_round(Some(Arc::new(1)));
    let end = |stage: &Numbers| stage.close(LeaveReason::Shutdown);
    for change in [paint, Numbers::beat, end] {
        while stage.poll(&ticket, &mut Context::from_waker(&waker)).0.is_ready() {}
        change(&stage);
    }
    assert_eq!(looks.1.load(Ordering::Relaxed), 3);
}

#[test]
fn who_does_not_come_when_woken_is_missing_until_it_does() {
    let stage = Numbers::new();
    let (stuck, waiting) =
        (stage.enter("stuck", true, Instant::now()), stage.enter("waiting", true, Instant::now()));
    stage.end_round(Some(Arc::new(1)));
    for ticket in [&stuck, &waiting] {
        poll(&stage, ticket);
        poll(&stage, ticket);
    }
    stage.beat();
    poll(&stage, &waiting);
    poll(&stage, &waiting);
    let found: Vec<_> = (0..4).map(|_| missing(&stage)).collect();
    assert_eq!(found, [vec![], vec![], vec!["stuck"], vec![]]);

    let (cue, was_missing) = stage.poll(&stuck, &mut Context::from_waker(Waker::noop()));
    assert!(was_missing.is_some() && matches!(cue, Poll::Ready(Cue::Beat)));
    assert!(stage.leave(stuck).1.is_some() && stage.leave(waiting).1.is_some());
}
