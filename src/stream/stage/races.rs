//! Every order in which a painter and a viewer can meet at the stage.

use loom::future::block_on;
use loom::thread;
use std::future::poll_fn;

use super::*;

async fn next(stage: &Stage<u32, ()>, ticket: &Ticket) -> Cue<u32> {
    poll_fn(|cx| stage.poll(ticket, cx).0).await
}

#[test]
fn the_last_picture_and_the_end_reach_whoever_waits() {
    loom::model(|| {
        let stage = loom::sync::Arc::new(Stage::<u32, ()>::new());
        let painter = thread::spawn({
            let stage = stage.clone();
            move || {
                stage.end_round(Some(Arc::new(1)));
                stage.end_round(Some(Arc::new(2)));
                stage.close(LeaveReason::Shutdown);
            }
        });
        let ticket = stage.enter((), true, Instant::now());
        let last = block_on(async {
            let mut last = 0;
            while let Cue::Show(number) = next(&stage, &ticket).await {
                assert!(*number > last, "pictures only get newer");
                last = *number;
            }
            last
        });
        assert_eq!(last, 2);
        stage.leave(ticket);
        painter.join().unwrap();
    });
}

#[test]
fn a_newcomer_is_never_left_waiting_for_a_round() {
    loom::model(|| {
        let stage = loom::sync::Arc::new(Stage::<u32, ()>::new());
        stage.end_round(Some(Arc::new(1)));
        stage.set_idle_from(Some(Instant::now()));
        let joined = loom::sync::Arc::new(loom::sync::Mutex::new(false));
        let viewer = thread::spawn({
            let (stage, joined) = (stage.clone(), joined.clone());
            move || {
                let ticket = stage.enter((), true, Instant::now());
                *joined.lock().unwrap() = true; // starts a round, if none is under way
                block_on(next(&stage, &ticket));
                stage.leave(ticket);
            }
        });
        // As the painter does: first not idle, then look, then paint. It looks until it has
        // seen the newcomer, who is waiting for the last of these rounds at the latest.
        loop {
            stage.set_idle_from(None);
            let seen = *joined.lock().unwrap();
            stage.end_round(None);
            if seen {
                break;
            }
            stage.set_idle_from(Some(Instant::now()));
            thread::yield_now();
        }
        viewer.join().unwrap();
    });
}
