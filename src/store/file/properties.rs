//! Whatever is in the file, and whatever happens to it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::tests::{all, changes, folder, room, totals};
use super::*;

type Kept = BTreeMap<RoomKey, Totals>;

/// A store that was saved to three times, as bytes, and what was kept each time.
static SOUND: LazyLock<(Vec<u8>, Vec<Kept>)> = LazyLock::new(|| {
    let folder = folder();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap();
    store.day_secret(20_000, [7; 16]).unwrap();
    let mut states = vec![all(&store)];
    for batch in [
        (1..40).map(|name| (name, name)).collect::<Vec<_>>(),
        (20..50).map(|name| (name, name + 1)).collect(),
        vec![(3, 0), (4, 5), (5, 300)],
    ] {
        store.save(&changes(batch)).unwrap();
        states.push(all(&store));
    }
    drop(store);
    (fs::read(&path).unwrap(), states)
});

/// Opens these bytes: either that is an error, or it is what was once kept, and the store goes on.
fn opens_or_says_why(bytes: &[u8], may_be_empty: bool) -> Result<(), TestCaseError> {
    let folder = folder();
    let path = folder.path().join("totals");
    fs::write(&path, bytes).unwrap();
    let store = match FileStore::open(&path) {
        Ok(store) => store,
        Err(error) => {
            use FileStoreError::{Damaged, Newer, NotAStore};
            prop_assert!(
                matches!(error, Damaged { .. } | Newer { .. } | NotAStore { .. }),
                "{error:?}"
            );
            return Ok(());
        }
    };
    let kept = all(&store);
    prop_assert!(SOUND.1.contains(&kept));
    prop_assert!(may_be_empty || !kept.is_empty());
    store.day_secret(20_000, [8; 16]).unwrap();
    store.save(&changes([(99, 99)])).unwrap();
    prop_assert_eq!(store.load(&room(99)).unwrap(), Some(totals(99)));
    drop(store);
    prop_assert_eq!(all(&FileStore::open(&path).unwrap()).len(), kept.len() + 1);
    Ok(())
}

fn flip(bytes: &mut [u8], at: prop::sample::Index, bit: u8) {
    bytes[at.index(bytes.len())] ^= 1 << bit;
}

/// Places where there is something, and others.
fn places() -> impl Strategy<Value = prop::sample::Index> {
    any::<prop::sample::Index>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_are_no_store(bytes in prop::collection::vec(any::<u8>(), 1..10_000)) {
        let folder = folder();
        let path = folder.path().join("totals");
        fs::write(&path, &bytes).unwrap();
        let error = FileStore::open(&path).map(drop).unwrap_err();
        prop_assert!(matches!(error, FileStoreError::NotAStore { .. }), "{error}");
        prop_assert!(fs::read(&path).unwrap() == bytes);
    }

    #[test]
    fn any_bytes_behind_a_header(
        bytes in prop::collection::vec(any::<u8>(), 0..20_000),
        kept in 4096..5000_usize,
    ) {
        opens_or_says_why(&[&SOUND.0[..kept], &bytes].concat(), false)?;
    }

    #[test]
    fn a_store_that_is_cut_off(at in places()) {
        let bytes = &SOUND.0[..at.index(SOUND.0.len())];
        // Of so little nobody can tell that it was ever made to its end.
        opens_or_says_why(bytes, bytes.len() <= 24)?;
    }

    #[test]
    fn bits_that_flip(flips in prop::collection::vec((places(), 0..8_u8), 1..20)) {
        let mut bytes = SOUND.0.clone();
        flips.into_iter().for_each(|(at, bit)| flip(&mut bytes, at, bit));
        opens_or_says_why(&bytes, false)?;
    }

    #[test]
    fn bits_that_flip_at_the_beginning(flips in prop::collection::vec((0..4500_usize, 0..8_u8), 1..4)) {
        let mut bytes = SOUND.0.clone();
        flips.into_iter().for_each(|(at, bit)| bytes[at] ^= 1 << bit);
        opens_or_says_why(&bytes, false)?;
    }

    #[test]
    fn bits_that_flip_while_it_is_open(flips in prop::collection::vec((places(), 0..8_u8), 1..100)) {
        let folder = folder();
        let path = folder.path().join("totals");
        let mut bytes = SOUND.0.clone();
        fs::write(&path, &bytes).unwrap();
        let store = FileStore::open_with(&path, 0).unwrap();
        flips.into_iter().for_each(|(at, bit)| flip(&mut bytes, at, bit));
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(&bytes).unwrap();
        // An error, or what was once kept.
        for name in [1, 30, 49, 60] {
            if let Ok(kept) = store.load(&room(name)) {
                prop_assert!(SOUND.1.iter().any(|state| state.get(&room(name)) == kept.as_ref()));
            }
        }
        let mut kept = Kept::new();
        if store.for_each(&mut |room, totals| drop(kept.insert(room, totals))).is_ok() {
            prop_assert!(SOUND.1.contains(&kept));
        }
        // Whatever these say, they say something.
        let _ = store.save(&changes([(4, 4), (5, 0), (77, 77)]));
        let _ = store.day_secret(20_001, [8; 16]);
        let _ = store.save(&changes((0..60).map(|name| (name, name))));
        let _ = store.for_each(&mut |_, _| {});
    }
}
