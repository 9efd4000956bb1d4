//! Totals go on after the example `online` was stopped, and after it was killed: processes of their own, real
//! sockets, a real file.
#![cfg(unix)]

#[path = "../browsers/support/example.rs"]
mod example;
#[path = "../browsers/support/process.rs"]
#[allow(dead_code, reason = "what only other tests need")]
mod process;
mod program;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use program::Program;

const ROOMS: usize = 10;
/// Beyond the second that may be lost, for a slow machine to save.
const SAVED: Duration = Duration::from_secs(3);

async fn online() -> std::path::PathBuf {
    example::example(&["online"], "online").await
}

/// Ten come to each room, one after the other.
fn hundred_joins(program: &Program) {
    for join in 0..10 * ROOMS {
        program.join(join % ROOMS);
    }
}

fn all_joins(program: &Program) -> Vec<u64> {
    (0..ROOMS).map(|room| program.joins(room)).collect()
}

#[tokio::test]
async fn totals_go_on_after_a_stop_and_after_a_kill() {
    let (online, folder) = (online().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("totals.redb");
    let program = Program::start(&online, &file).await;
    assert_eq!(all_joins(&program), [0; ROOMS]);
    hundred_joins(&program);
    assert!(program.end(Signal::TERM).await.success(), "it ends by itself");

    let program = Program::start(&online, &file).await;
    assert_eq!(all_joins(&program), [10; ROOMS], "at once");
    hundred_joins(&program);
    assert_eq!(all_joins(&program), [20; ROOMS]);
    std::thread::sleep(SAVED);
    program.end(Signal::KILL).await;

    let program = Program::start(&online, &file).await;
    assert_eq!(all_joins(&program), [20; ROOMS]);
    let second = Program::refused(&online, &file).await;
    assert!(second.contains("in use") && second.contains("totals.redb"), "{second}");
}

/// Whatever it was doing: the file opens, no total falls, and none is higher than the truth. `KILLS=50` tries more.
#[tokio::test]
async fn kills_lose_no_more_than_what_was_new() {
    let kills = std::env::var("KILLS").map_or(12, |kills| kills.parse().expect("a number"));
    let (online, folder) = (online().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("totals.redb");
    let tried: [AtomicU64; ROOMS] = Default::default();
    let mut before = vec![0; ROOMS];
    let mut random = fastrand::Rng::with_seed(7);
    for kill in 0..kills {
        let program = Program::start(&online, &file).await;
        let after = all_joins(&program);
        for room in 0..ROOMS {
            let truth = tried[room].load(SeqCst);
            assert!(
                after[room] >= before[room],
                "kill {kill}: {} after {}",
                after[room],
                before[room]
            );
            assert!(after[room] <= truth, "kill {kill}: {} of {truth}", after[room]);
            // What was lost is lost.
            tried[room].store(after[room], SeqCst);
        }
        before = after;
        churn(&program, &tried, Duration::from_millis(random.u64(5..300)));
        program.end(Signal::KILL).await;
    }
    assert!(before.iter().sum::<u64>() >= kills, "much was kept: {before:?}");
    is_no_file_but(folder.path(), "totals.redb");
}

/// Three that come and go in all rooms.
fn churn(program: &Program, tried: &[AtomicU64; ROOMS], time: Duration) {
    let (until, is_over) = (Instant::now() + time, AtomicBool::new(false));
    std::thread::scope(|scope| {
        for first in 0..3 {
            let is_over = &is_over;
            scope.spawn(move || {
                for join in (first..).step_by(3) {
                    if is_over.load(SeqCst) {
                        return;
                    }
                    tried[join % ROOMS].fetch_add(1, SeqCst);
                    program.join(join % ROOMS);
                }
            });
        }
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        is_over.store(true, SeqCst);
    });
}

fn is_no_file_but(folder: &Path, name: &str) {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(files.collect::<Vec<_>>(), [name]);
}
