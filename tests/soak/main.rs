//! A crowd that comes and goes at random, for as long as one likes, at the `online` example as a process
//! of its own: in quiet moments the server's counts must be those of the test's own book, to the last
//! viewer, and when everybody has left nothing may be left of them.
//!
//! Ten seconds, or sixty with `CI` set; `SOAK_SECONDS=600` for longer. `SOAK_SEED=…` repeats a schedule:
//! who does what in which turn is drawn from the seed alone, how many turns there are is up to the
//! machine. For long runs: `SOAK_SECONDS=600 cargo test --release --all-features --test soak`.
#![cfg(target_os = "linux")]

mod book;
mod churn;
#[path = "../browsers/support/example.rs"]
mod example;
mod line;
#[path = "../browsers/support/process.rs"]
#[allow(dead_code, reason = "what only other tests need")]
mod process;
mod server;
mod strangers;
mod tally;
mod viewer;

use std::io::Write;
use std::time::{Duration, Instant};

use churn::Churn;
use server::Server;

/// Between two quiet points.
const BUSY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_count_is_right_whatever_a_crowd_does() {
    let usual = if std::env::var_os("CI").is_some() { 60 } else { 10 };
    let seconds = Duration::from_secs(option("SOAK_SECONDS").unwrap_or(usual));
    let seed = option("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    say(&format!("{} s of coming and going; to repeat it: SOAK_SEED={seed}", seconds.as_secs()));

    let server = Server::start().await;
    let mut churn = Churn::new(server.address, seed);
    // What an allocator and caches keep of the largest crowd is there before. glibc's takes its time: of 49 MB
    // that a process had after 630,000 joins, 1.3 MB were in use, and `malloc_trim` gave all but 15 MB back.
    come_and_go(&mut churn, seconds.min(Duration::from_secs(150))).await;
    let (before, first) = (server.resources_at_rest().await, churn.tally());
    say(&format!("before, {before}: {first}"));

    let began = Instant::now();
    come_and_go(&mut churn, seconds).await;
    let took = began.elapsed().as_secs_f64();
    let after = server.resources_like(&before).await;
    say(&format!("{took:.0} s: {}", churn.tally().since(&first)));
    say(&format!("the server before: {before}, after: {after}"));
    assert!(after.descriptors <= before.descriptors, "file descriptors are left, seed {seed}");
    // A shorter one has not had all that the allocator keeps.
    let is_long = seconds >= Duration::from_secs(60);
    assert!(!is_long || after.bytes <= before.bytes / 10 * 11, "memory is left, seed {seed}");
}

/// From a full house to nobody.
async fn come_and_go(churn: &mut Churn, time: Duration) {
    let began = Instant::now();
    let mut told = began;
    churn.gather().await;
    while began.elapsed() < time {
        churn.go_on(BUSY.min(time.saturating_sub(began.elapsed()))).await;
        churn.quiet_point().await;
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            say(&format!("after {:.0} s: {}", began.elapsed().as_secs_f64(), churn.tally()));
        }
    }
    churn.gather().await;
    churn.everybody_leaves().await;
}

fn option(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a whole number, not {text:?}")))
}

/// Past the test harness, which would show it only if the test fails.
fn say(line: &str) {
    writeln!(std::io::stderr(), "soak: {line}").ok();
}
