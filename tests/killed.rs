//! A process that is killed while it saves: what it was told to be saved is there, whole batches only, and the
//! file opens again. This binary is its own child, so it has no other tests.

#![cfg(feature = "store")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tower_livebadge::{FileStore, FileStoreError, Records, RoomKey, Store, Totals};

/// Tells the child that it is one, and where the file is.
const FILE: &str = "LIVEBADGE_KILLED_FILE";
const KILLS: usize = 50;

#[test]
fn what_was_saved_is_there_after_a_kill() {
    if let Some(file) = std::env::var_os(FILE) {
        save_until_killed(Path::new(&file));
    }
    // In memory, where there is such a folder: more saves in the same time.
    let folder =
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let path = folder.path().join("totals");
    let (mut kept, mut halves, mut early) = (0, 0, 0);
    for n in 0..KILLS {
        if n % 5 == 0 {
            // While it is made.
            let new = folder.path().join(n.to_string());
            kill_one(&new, Duration::from_micros(fastrand::u64(0..10_000)), false);
            batch_in(&FileStore::open(&new).expect("it opens"));
            continue;
        }
        let (tried, saved) =
            kill_one(&path, Duration::from_micros(fastrand::u64(0..60_000)), n % 5 > 1);
        early += usize::from(tried.is_none());
        let (saved, tried) = (saved.unwrap_or(kept), tried.unwrap_or(kept));
        kept = batch_in(&FileStore::open(&path).expect("it opens"));
        assert!(
            (saved..=tried).contains(&kept),
            "{kept} is kept, {saved} was saved, {tried} tried"
        );
        halves += usize::from(saved < tried);
    }
    println!("{kept} batches; {halves} kills while one was saved, {early} before the first");
    assert!(kept > 0 && halves > 0);
}

/// Kills a child so long after it has begun, or has opened the file, and returns the last batch that it tried, and
/// that it saved.
fn kill_one(path: &Path, after: Duration, waits: bool) -> (Option<u64>, Option<u64>) {
    let this = std::env::current_exe().expect("this binary");
    let mut command = Command::new(this);
    command
        .args(["--exact", "what_was_saved_is_there_after_a_kill", "--nocapture"])
        .env(FILE, path);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a child");
    let mut lines =
        BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("opens")));
    if waits {
        assert!(lines.any(|line| line == "opened"));
        let again = FileStore::open(path).map(drop);
        assert!(matches!(again, Err(FileStoreError::InUse { .. })), "{again:?}");
    }
    std::thread::sleep(after);
    child.kill().expect("it was running");
    let status = child.wait().expect("it has ended");
    assert_eq!(status.code(), None, "it ended by itself");
    let mut last = BTreeMap::new();
    // The last line may be half of one.
    for line in lines {
        if let Some((what, batch)) = line.strip_suffix('.').and_then(|line| line.split_once(' ')) {
            last.insert(what.to_owned(), batch.parse().expect("a number"));
        }
    }
    (last.get("try").copied(), last.get("saved").copied())
}

/// What the child does.
fn save_until_killed(path: &Path) -> ! {
    let say = |line: &str| {
        let mut out = std::io::stdout().lock();
        out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("somebody listens");
    };
    say("opens\n");
    let store = FileStore::open(path).expect("it opens");
    say("opened\n");
    for batch in batch_in(&store) + 1.. {
        let totals = |joins| {
            let mut records = Records::default();
            (records.joins, records.day) = (joins, batch / 4);
            let people = [&joins.to_le_bytes()[..], &[0], &[7; 800]].concat();
            Some(Totals::of(records, &people))
        };
        // Two that are always there, one that comes, one that goes, and many of another size each time.
        let mut changes = vec![(room(0), totals(batch)), (room(1), totals(batch))];
        changes.push((room(batch + 100), totals(batch)));
        changes.push((room((batch + 50).max(100)), None));
        changes.extend((2..2 + batch % 50).map(|name| (room(name), totals(batch))));
        say(&format!("try {batch}.\n"));
        store.day_secret(batch / 4, [batch as u8; 16]).expect("a secret");
        store.save(&changes).expect("it is saved");
        say(&format!("saved {batch}.\n"));
    }
    unreachable!("it is killed")
}

fn room(name: u64) -> RoomKey {
    RoomKey::new("/{room}/online.png", format!("/{name}/online.png"))
}

/// Up to which batch everything is there.
fn batch_in(store: &FileStore) -> u64 {
    let mut all = BTreeMap::new();
    let mut each = |room, totals: Totals| assert_eq!(all.insert(room, totals.records.joins), None);
    store.for_each(&mut each).expect("all of them");
    let of = |name| all.get(&room(name)).copied();
    let batch = of(0).unwrap_or(0);
    assert_eq!(of(1).unwrap_or(0), batch);
    for name in 2..2 + batch % 50 {
        assert_eq!(of(name), Some(batch));
    }
    let newest: Vec<u64> = (1..=batch).filter(|batch| of(batch + 100).is_some()).collect();
    assert_eq!(newest, (1..=batch).skip(batch.saturating_sub(50) as usize).collect::<Vec<_>>());
    assert!(all.values().all(|joins| *joins <= batch));
    batch
}
