use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::process::Command;

use redb::TableDefinition;
use tempfile::TempDir;

use super::*;
use crate::store::file::disk::faults::Fault;

/// A folder in memory where there is one: these tests sync thousands of times.
pub(super) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(super) fn totals(joins: u64) -> Totals {
    let mut totals = Totals::default();
    totals.turn_to(20_000, 0);
    (0..joins).for_each(|token| totals.join(Some(token.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    totals
}

pub(super) fn room(name: impl std::fmt::Display) -> RoomKey {
    RoomKey::new("/{room}/x.png", format!("/{name}/x.png"))
}

/// Rooms that have become these.
pub(super) fn changes(of: impl IntoIterator<Item = (u64, u64)>) -> Vec<(RoomKey, Option<Totals>)> {
    of.into_iter().map(|(name, joins)| (room(name), (joins > 0).then(|| totals(joins)))).collect()
}

pub(super) fn all(store: &FileStore) -> BTreeMap<RoomKey, Totals> {
    let mut all = BTreeMap::new();
    store.for_each(&mut |room, totals| assert_eq!(all.insert(room, totals), None)).unwrap();
    all
}

fn joins(store: &FileStore) -> Vec<(String, u64)> {
    let short = |room: RoomKey| room.path.trim_matches('/').trim_end_matches("/x.png").to_owned();
    all(store).into_iter().map(|(room, totals)| (short(room), totals.records.joins)).collect()
}

fn error(path: &Path) -> String {
    FileStore::open(path).unwrap_err().to_string()
}

#[test]
fn what_is_saved_is_there_after_a_restart() {
    let folder = folder();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), None);
    let mut many = totals(3);
    many.add(totals(5_000));
    store.save(&[(room(1), Some(totals(3))), (room(2), Some(many.clone()))]).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(3)));
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(3)));
    assert_eq!(store.load(&room(2)).unwrap(), Some(many.clone()));

    // Only what is given is replaced; and a badge of another name has rooms of its own.
    let other = RoomKey::new("/other.png", "/1/x.png");
    store.save(&[(room(1), None), (other.clone(), Some(totals(9)))]).unwrap();
    store.save(&[(room(7), None)]).unwrap();
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), None);
    assert_eq!(all(&store), BTreeMap::from([(other, totals(9)), (room(2), many)]));
}

#[test]
fn of_the_same_room_twice_the_last_one_stays() {
    let folder = folder();
    let store = FileStore::open(folder.path().join("totals")).unwrap();
    store.save(&changes([(1, 3), (2, 1), (1, 5), (2, 0)])).unwrap();
    assert_eq!(joins(&store), [("1".to_owned(), 5)]);
}

#[test]
fn people_are_kept_only_if_there_are_any() {
    let folder = folder();
    let store = FileStore::open(folder.path().join("totals")).unwrap();
    let people = |store: &FileStore| {
        let kept = store.read(tables::people);
        kept.unwrap()
    };
    store.save(&changes([(1, 3)])).unwrap();
    assert_eq!(people(&store), 1);
    let mut tomorrow = totals(3);
    tomorrow.turn_to(20_001, 0);
    store.save(&[(room(1), Some(tomorrow))]).unwrap();
    assert_eq!(people(&store), 0);
    // Of a day whose secret is gone.
    store.day_secret(20_001, [1; 16]).unwrap();
    store.save(&changes([(1, 3)])).unwrap();
    assert_eq!(people(&store), 0);
}

#[test]
fn beyond_the_cap_those_go_that_have_not_changed_for_long() {
    let folder = folder();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap().max_rooms(3);
    store.save(&changes([(1, 1), (2, 1), (3, 1)])).unwrap();
    store.save(&changes([(1, 2)])).unwrap();
    store.save(&changes([(4, 1)])).unwrap();
    let names =
        |store: &FileStore| joins(store).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&store), ["1", "3", "4"]);
    assert_eq!(store.writing().forgotten, 1);
    store.save(&changes([(5, 1), (6, 1), (7, 1), (8, 1)])).unwrap();
    assert_eq!(names(&store), ["6", "7", "8"]);
    store.save(&changes([(7, 0)])).unwrap();
    store.save(&changes([(9, 1)])).unwrap();
    assert_eq!(names(&store), ["6", "8", "9"]);
    drop(store);
    let store = FileStore::open(&path).unwrap().max_rooms(1);
    assert_eq!(names(&store).len(), 3);
    store.save(&changes([(6, 2)])).unwrap();
    assert_eq!(names(&store), ["6"]);
}

#[test]
fn one_file_has_one_store() {
    let folder = folder();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap();
    assert!(matches!(FileStore::open(&path), Err(FileStoreError::InUse { .. })));
    assert!(error(&path).contains("in use"), "{}", error(&path));
    drop(store);
    FileStore::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn the_file_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("totals");
    let _store = FileStore::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_no_store_is_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join("file");
    let redb = folder.path().join("redb");
    let database = Database::create(&redb).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = TableDefinition::<&str, u64>::new("rooms");
    transaction.open_table(table).unwrap().insert("a", 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let mut sqlite = b"SQLite format 3\0".to_vec();
    sqlite.resize(8192, 0);
    for bytes in [
        fs::read(&redb).unwrap(),
        sqlite,
        b"t".to_vec(),
        b"tower-livebadge".to_vec(),
        b"[rooms]\nmax = 3\n".to_vec(),
        vec![0],
        vec![0; 9000],
        b"{}\n".repeat(5000),
    ] {
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(FileStore::open(&path), Err(FileStoreError::NotAStore { .. })));
        assert!(error(&path).contains("give another path"), "{}", error(&path));
        assert!(fs::read(&path).unwrap() == bytes);
    }
    fs::write(&path, []).unwrap();
    FileStore::open(&path).unwrap().save(&changes([(1, 1)])).unwrap();
}

#[test]
fn what_is_no_file_is_no_store() {
    let folder = folder();
    assert!(matches!(FileStore::open(folder.path()), Err(FileStoreError::NotAFile { .. })));
    let missing = folder.path().join("a").join("b");
    assert!(matches!(FileStore::open(&missing), Err(FileStoreError::NoFolder { .. })));
    assert!(error(&missing).contains("no such folder"), "{}", error(&missing));
    fs::write(folder.path().join("a"), "").unwrap();
    assert!(matches!(FileStore::open(&missing), Err(FileStoreError::NoFolder { .. })));
    #[cfg(unix)]
    assert!(matches!(FileStore::open("/dev/null"), Err(FileStoreError::NotAFile { .. })));
}

#[test]
fn a_store_of_a_newer_version_is_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join("totals");
    FileStore::open(&path).unwrap().save(&changes([(1, 1)])).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[16] = 9;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(FileStore::open(&path), Err(FileStoreError::Newer { format: 9, .. })));
    assert!(error(&path).contains("newer version"), "{}", error(&path));
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn a_store_that_was_not_made_to_the_end_is_made_anew() {
    let folder = folder();
    let path = folder.path().join("totals");
    drop(FileStore::open(&path).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(&bytes[24..32], b"ready!!!");
    bytes[24..32].copy_from_slice(b"making..");
    for len in [0, 16, 30, 512, 4096, 4097, 5000, bytes.len() - 1, bytes.len()] {
        fs::write(&path, &bytes[..len]).unwrap();
        let store = FileStore::open(&path).unwrap();
        store.save(&changes([(1, 1)])).unwrap();
        drop(store);
        assert_eq!(joins(&FileStore::open(&path).unwrap()).len(), 1, "{len}");
    }
    fs::write(&path, [0; 4096]).unwrap();
    FileStore::open(&path).unwrap();
}

#[test]
fn a_days_secret_is_kept_for_that_day_and_destroyed_after_it() {
    let folder = folder();
    let path = folder.path().join("totals");
    let secrets: Vec<[u8; 16]> =
        (0..4).map(|n| std::array::from_fn(|_| fastrand::u8(..) ^ n)).collect();
    let is_in_file = |secret: &[u8]| {
        let bytes = fs::read(&path).unwrap();
        bytes.windows(16).any(|window| window == secret)
    };
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.day_secret(20_000, secrets[0]).unwrap(), secrets[0]);
    assert_eq!(store.day_secret(20_000, secrets[1]).unwrap(), secrets[0]);
    store.save(&changes([(1, 3)])).unwrap();
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.day_secret(20_000, secrets[1]).unwrap(), secrets[0]);
    assert!(is_in_file(&secrets[0]) && !is_in_file(&secrets[1]));
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(3)));

    assert_eq!(store.day_secret(20_001, secrets[2]).unwrap(), secrets[2]);
    assert!(!is_in_file(&secrets[0]) && is_in_file(&secrets[2]));
    // It is known how many they were, but no more who.
    let kept = store.load(&room(1)).unwrap().unwrap();
    assert_eq!((&kept.records, kept.people().len()), (&totals(3).records, 9));

    // A clock that was set back, and a place that was not written whole.
    assert_eq!(store.day_secret(19_000, secrets[3]).unwrap(), secrets[3]);
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    bytes[512 + 9] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.day_secret(19_000, secrets[0]).unwrap(), secrets[0]);
}

#[test]
fn people_of_another_day_go_even_if_that_fails_at_first() {
    let folder = folder();
    let path = folder.path().join("totals");
    for after in 0.. {
        let _ = fs::remove_file(&path);
        let store = FileStore::open(&path).unwrap();
        store.day_secret(20_000, [1; 16]).unwrap();
        store.save(&changes([(1, 3)])).unwrap();
        store.disk.faults.set(Fault::Writes(after, usize::MAX));
        let result = store.day_secret(20_001, [2; 16]);
        let is_done = store.disk.faults.get() == Fault::Writes(0, usize::MAX) && result.is_ok()
            || matches!(store.disk.faults.get(), Fault::Writes(left, _) if left > 0);
        store.disk.faults.set(Fault::None);
        drop(store);
        let store = FileStore::open(&path).unwrap();
        let secret = store.day_secret(20_001, [3; 16]).unwrap();
        assert!(secret == [2; 16] || after == 0, "{after}: {secret:?}");
        assert_eq!(store.load(&room(1)).unwrap().unwrap().people().len(), 9, "{after}");
        if is_done {
            assert!(after > 5);
            break;
        }
    }
}

#[test]
fn rooms_are_read_while_others_are_saved() {
    let folder = folder();
    let store = FileStore::open(folder.path().join("totals")).unwrap();
    store.save(&changes([(1, 1), (2, 1)])).unwrap();
    store.disk.faults.set(Fault::Held);
    std::thread::scope(|scope| {
        let save = scope.spawn(|| store.save(&changes([(1, 2)])));
        store.disk.faults.wait();
        // If it waits for the disk it does so for ever.
        assert_eq!(joins(&store), [("1".to_owned(), 1), ("2".to_owned(), 1)]);
        assert_eq!(store.load(&room(1)).unwrap(), Some(totals(1)));
        assert!(!save.is_finished());
        store.disk.faults.set(Fault::None);
        save.join().unwrap().unwrap();
    });
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(2)));
}

#[test]
fn a_save_that_fails_anywhere_has_saved_nothing() {
    let before: Vec<_> = (1..40).map(|name| (name, name)).collect();
    let after: Vec<_> =
        (1..60).map(|name| (name, if name % 7 == 0 { 0 } else { name + 1 })).collect();
    let of = |of: &[(u64, u64)]| {
        let all = changes(of.iter().copied()).into_iter();
        all.filter_map(|(room, totals)| Some((room, totals?))).collect::<BTreeMap<_, _>>()
    };
    let (old, new) = (of(&before), of(&after));
    let folder = folder();
    let path = folder.path().join("totals");
    // For once, as when a disk has a bad moment, and from then on, as when it is full.
    for (times, cache, step) in
        [(1, CACHE, 1), (usize::MAX, CACHE, 1), (1, 1 << 14, 11), (usize::MAX, 1 << 14, 11)]
    {
        let mut failed = 0;
        for point in (0..).step_by(step) {
            let _ = fs::remove_file(&path);
            let store = FileStore::open_with(&path, cache).unwrap();
            store.save(&changes(before.iter().copied())).unwrap();
            store.disk.faults.set(Fault::Writes(point, times));
            let result = store.save(&changes(after.iter().copied()));
            let is_over = store.disk.faults.get() == Fault::Writes(0, times)
                || matches!(store.disk.faults.get(), Fault::Writes(left, _) if left > 0);
            // Whatever this says, it says something.
            let _ = store.load(&room(1));
            store.disk.faults.set(Fault::None);
            let kept = all(&store);
            match &result {
                Ok(()) => assert!(kept == new, "{point}"),
                // If the disk fails at the last moment, and goes on to, nobody can tell.
                Err(_) => assert!(kept == old || times > 1 && kept == new, "{point}"),
            }
            failed += u32::from(result.is_err());
            store.save(&changes([(99, 99)])).unwrap();
            drop(store);
            let store = FileStore::open(&path).unwrap();
            assert!(store.load(&room(99)).unwrap().is_some());
            assert_eq!(all(&store).len(), kept.len() + 1);
            if is_over && result.is_ok() {
                break;
            }
        }
        assert!(failed > 0);
    }
}

#[test]
fn what_can_not_be_read_now_can_be_later() {
    let folder = folder();
    let store = FileStore::open_with(&folder.path().join("totals"), 0).unwrap();
    let kept: Vec<_> = (1..200).map(|name| (name, name)).collect();
    store.save(&changes(kept.iter().copied())).unwrap();
    let mut failed = 0;
    for point in 0..30 {
        store.disk.faults.set(Fault::Reads(point, 1 + point % 3 * 50));
        let results = [store.load(&room(77)), store.load(&room(178))];
        failed += results.iter().filter(|result| result.is_err()).count();
        failed += usize::from(store.for_each(&mut |_, _| {}).is_err());
        let saved = store.save(&changes([(77, 77)]));
        store.disk.faults.set(Fault::None);
        let error = saved.err().map(|error| error.to_string());
        assert!(error.as_ref().is_none_or(|error| error.contains("totals: ")), "{error:?}");
        assert_eq!(all(&store).len(), kept.len());
    }
    assert!(failed > 30, "{failed}");
}

#[test]
fn a_file_that_was_deleted_is_said_to_be() {
    let folder = folder();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap();
    store.save(&changes([(1, 1)])).unwrap();
    if fs::remove_file(&path).is_err() {
        return; // Windows doesn't let it.
    }
    let error = store.save(&changes([(1, 2)])).unwrap_err().to_string();
    assert!(error.contains("restart"), "{error}");
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(1)));
    // Moved is not gone.
    let store = FileStore::open(&path).unwrap();
    fs::rename(&path, folder.path().join("moved")).unwrap();
    store.save(&changes([(1, 3)])).unwrap();
    drop(store);
    assert_eq!(joins(&FileStore::open(folder.path().join("moved")).unwrap())[0].1, 3);
}

#[test]
fn a_file_that_is_cut_off_while_it_is_open_is_an_error() {
    let folder = folder();
    let path = folder.path().join("totals");
    for len in [0, 100, 4096, 5000, 40_000] {
        let _ = fs::remove_file(&path);
        let store = FileStore::open_with(&path, 0).unwrap();
        store.save(&changes((1..100).map(|name| (name, name)))).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(len).unwrap();
        let results: Vec<_> = (0..3)
            .map(|_| {
                let saved = store.save(&changes([(1, 2)])).is_ok();
                saved && store.for_each(&mut |_, _| {}).is_ok()
            })
            .collect();
        assert_eq!(results, [false; 3], "{len}");
        drop(store);
        assert!(len == 0 || FileStore::open(&path).is_err());
    }
}

#[test]
fn a_copy_that_is_put_over_the_file_is_what_is_kept() {
    let folder = folder();
    let path = folder.path().join("totals");
    let store = FileStore::open_with(&path, 0).unwrap();
    store.save(&changes((1..100).map(|name| (name, name)))).unwrap();
    let sound = fs::read(&path).unwrap();
    store.save(&changes((50..100).map(|name| (name, 7)))).unwrap();
    let mut damaged = fs::read(&path).unwrap();
    damaged[5000..].fill(0xff);
    fs::write(&path, &damaged).unwrap();
    for _ in 0..3 {
        let error = store.load(&room(77)).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
        assert!(store.save(&changes([(1, 3)])).is_err());
    }
    fs::write(&path, &sound).unwrap();
    assert_eq!(store.load(&room(77)).unwrap(), Some(totals(77)));
    store.save(&changes([(1, 3)])).unwrap();
    drop(store);
    assert_eq!(all(&FileStore::open(&path).unwrap()).len(), 99);
}

#[test]
fn a_panic_of_who_looks_is_theirs() {
    let folder = folder();
    let store = FileStore::open(folder.path().join("totals")).unwrap();
    store.save(&changes([(1, 1), (2, 2)])).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| store.for_each(&mut |_, _| panic!("mine"))));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"mine"));
    assert_eq!(joins(&store).len(), 2);
}

/// A small file system of its own, for as long as this is there.
#[cfg(target_os = "linux")]
struct Tmpfs(TempDir);

#[cfg(target_os = "linux")]
impl Tmpfs {
    /// `None` if this takes more rights than the tests have.
    fn new(size: &str) -> Option<Self> {
        let folder = folder();
        if !rustix::process::geteuid().is_root() {
            eprintln!("\nWARNING: a full disk WAS LEFT OUT, it takes root\n");
            return None;
        }
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        let output = match mount.output() {
            Ok(output) => output,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "mount (Debian package mount): {error}");
                eprintln!("\nWARNING: a full disk WAS LEFT OUT, there is no mount here: {error}\n");
                return None;
            }
        };
        if !output.status.success() {
            // A container whose root may not.
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            eprintln!("\nWARNING: a full disk WAS LEFT OUT, mount says: {why}\n");
            return None;
        }
        Some(Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_nothing_is_lost_and_saving_goes_on_once_there_is_space() {
    let Some(disk) = Tmpfs::new("512k") else { return };
    let path = disk.0.path().join("totals");
    let ballast = disk.0.path().join("ballast");
    // No room at all.
    let _ = fs::write(&ballast, vec![1; 1 << 20]);
    for _ in 0..2 {
        let error = FileStore::open(&path).unwrap_err();
        assert!(matches!(error, FileStoreError::Io { .. }), "{error}");
    }
    fs::remove_file(&ballast).unwrap();

    let store = FileStore::open(&path).unwrap();
    store.day_secret(20_000, [1; 16]).unwrap();
    let mut kept = 0;
    let failed = loop {
        match store.save(&changes([(kept, kept + 1)])) {
            Ok(()) => kept += 1,
            Err(error) => break error.to_string(),
        }
    };
    assert!(failed.contains("totals: ") && failed.contains("space"), "{failed}");
    assert!(kept > 100, "{kept}");
    for _ in 0..3 {
        assert!(store.save(&changes([(kept, kept + 1)])).is_err());
        assert_eq!(all(&store).len() as u64, kept);
        assert_eq!(store.load(&room(7)).unwrap(), Some(totals(8)));
    }
    // The secret of a day goes even now.
    let _ = store.day_secret(20_001, [9; 16]);
    assert!(!fs::read(&path).unwrap().windows(16).any(|window| window == [1; 16]));
    // Killed and started again.
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert_eq!(all(&store).len() as u64, kept);
    let remount = Command::new("mount").args(["-o", "remount,size=4m"]).arg(disk.0.path()).status();
    assert!(remount.unwrap().success());
    assert_eq!(store.day_secret(20_001, [8; 16]).unwrap(), [9; 16]);
    store.save(&changes((kept..kept + 100).map(|name| (name, name)))).unwrap();
    drop(store);
    assert_eq!(all(&FileStore::open(&path).unwrap()).len() as u64, kept + 100);
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_may_be_written_is_no_store() {
    use std::os::unix::fs::PermissionsExt;
    let says = |path: &Path| {
        assert!(
            matches!(FileStore::open(path), Err(FileStoreError::NotWritable { .. })),
            "{}",
            error(path)
        );
        assert!(error(path).contains("let the user"), "{}", error(path));
    };
    let (tmpfs, plain);
    let folder = if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root, but on a disk that nobody may write.
        let Some(disk) = Tmpfs::new("512k") else { return };
        tmpfs = disk;
        tmpfs.0.path()
    } else {
        plain = super::tests::folder();
        plain.path()
    };
    let path = folder.join("totals");
    FileStore::open(&path).unwrap().save(&changes([(1, 1)])).unwrap();
    if rustix::process::geteuid().is_root() {
        let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(folder).status();
        assert!(remount.unwrap().success());
    } else {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o500)).unwrap();
    }
    says(&path);
    says(&folder.join("another"));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).ok();
}

/// No promise, but where the figures come from:
/// `cargo test --release --all-features --lib store::file::tests::figures -- --ignored --nocapture`.
#[ignore = "takes a while, and is to be read"]
#[test]
fn figures() {
    use std::time::{Duration, Instant};
    const ROOMS: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap();
    for first in (0..ROOMS).step_by(10_000) {
        store.save(&changes((first..first + 10_000).map(|name| (name, 20)))).unwrap();
    }
    let median = |mut work: Box<dyn FnMut(u64) + '_>| {
        let mut times: Vec<Duration> = (0..7)
            .map(|round| {
                let begun = Instant::now();
                work(round);
                begun.elapsed()
            })
            .collect();
        times.sort();
        times[3]
    };
    let save = median(Box::new(|round| {
        let names = (0..1000).map(|n| (n * 7919 + round * 31) % ROOMS);
        store.save(&changes(names.map(|name| (name, 21)))).unwrap();
    }));
    let load = median(Box::new(|round| {
        (0..1000)
            .for_each(|n| drop(store.load(&room((n * 97 + round * 7) % ROOMS)).unwrap().unwrap()));
    }));
    drop(store);
    let size = fs::metadata(&path).unwrap().len() / 1_000_000;
    // Closing does not touch the file: this is also what is found after a kill.
    let open = median(Box::new(|_| drop(FileStore::open(&path).unwrap())));
    println!("{ROOMS} rooms with 20 people each, {size} MB: opened in {open:?};");
    println!("1,000 of them saved in {save:?}, each loaded in {:?}", load / 1000);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
}
