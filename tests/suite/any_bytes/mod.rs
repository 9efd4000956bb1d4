//! Whatever bytes come as a head, a query, a room's name, a template, a value, or as things that happen
//! to a stream: nothing panics, hangs, or is wrong.
//!
//! Each test tries what is in `tests/fuzz/corpus`, and then changes that at random for as long as
//! `FUZZ_SECONDS` says. What a failure says to set `FUZZ_SEED` to repeats it. The fuzzer in `tests/fuzz`
//! runs the same targets, and sees which bytes lead to new code.

mod mutate;
mod targets;

use std::env;
use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::{ALL, Target};

/// What takes longer takes for ever.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn any_head_is_judged() {
    try_target("head");
}

#[test]
fn any_query_is_answered() {
    try_target("query");
}

#[test]
fn any_text_names_a_room_or_none() {
    try_target("rooms");
}

#[test]
fn any_template_is_drawn_or_refused() {
    try_target("template");
}

#[test]
fn any_value_is_text() {
    try_target("value");
}

#[test]
fn any_doings_leave_the_stream_right() {
    try_target("wire");
}

#[test]
fn every_target_begins_with_something() {
    // A published package has no corpus.
    if Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").exists() {
        for (name, _) in ALL {
            assert!(!corpus(name).is_empty(), "tests/fuzz/corpus/{name}");
        }
    }
}

/// What is tried, and where it comes from.
struct Attempt {
    bytes: Vec<u8>,
    from: String,
}

/// Runs a target with everything that it is to be tried with, and tells of what it failed with.
fn try_target(name: &'static str) {
    let (_, target) = ALL.iter().find(|(known, _)| *known == name).expect("a target");
    let (sender, attempts) = channel();
    let thread = thread::Builder::new().name(format!("any-{name}"));
    let thread = thread.spawn(move || try_all(name, *target, &sender)).expect("a thread");
    let mut last: Option<Attempt> = None;
    let told = |last: Option<Attempt>| {
        let Attempt { bytes, from } = last.expect("something was tried");
        eprintln!("{name}, {from}, with \"{}\"", bytes.escape_ascii());
    };
    loop {
        match attempts.recv_timeout(PATIENCE) {
            Ok(attempt) => last = Some(attempt),
            Err(RecvTimeoutError::Timeout) => {
                told(last);
                panic!("a target took longer than {PATIENCE:?}");
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if let Err(panic) = thread.join() {
        told(last);
        resume_unwind(panic);
    }
}

fn try_all(name: &str, target: Target, attempts: &Sender<Attempt>) {
    let run = |bytes: Vec<u8>, from: String| {
        // Should the process itself end, this is left. No test fails because it can't be written.
        let _ = fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), &bytes);
        // Whoever listened may have lost patience.
        let _ = attempts.send(Attempt { bytes: bytes.clone(), from });
        target(&bytes);
    };
    let corpus = corpus(name);
    for (file, bytes) in &corpus {
        run(bytes.clone(), format!("tests/fuzz/corpus/{name}/{file}"));
    }
    let seconds = env::var("FUZZ_SECONDS").map_or(Ok(1.0), |text| text.parse());
    let seconds = seconds.expect("FUZZ_SECONDS is a number");
    let seed = env::var("FUZZ_SEED").map_or(Ok(fastrand::u64(..)), |text| text.parse());
    let seed: u64 = seed.expect("FUZZ_SEED is a number");
    let mut mutator = Mutator::new(seed, corpus.into_iter().map(|(_, bytes)| bytes).collect());
    let (begun, mut tried) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs_f64(seconds) {
        tried += 1;
        run(mutator.next(), format!("FUZZ_SEED={seed}, the {tried}th"));
    }
    println!("{name}: {tried} changed at random, FUZZ_SEED={seed}");
}

/// The files that a target begins with, in the order of their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = files
        .map(|file| {
            let path = file.expect("a readable folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, fs::read(path).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}
