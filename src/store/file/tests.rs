use super::*;

fn totals(joins: u64) -> Totals {
    let mut totals = Totals::default();
    totals.turn_to(20_000, 0);
    (0..joins).for_each(|token| totals.join(Some(token)));
    totals
}

fn room(name: impl std::fmt::Display) -> RoomKey {
    RoomKey::new("/{room}/x.png", format!("/{name}/x.png"))
}

#[test]
fn what_is_saved_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("totals");
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), None);
    store.save(&[(room(1), Some(totals(3))), (room(2), Some(totals(4)))]).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(3)));
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), Some(totals(3)));
    store.save(&[(room(1), None)]).unwrap();
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert_eq!(store.load(&room(1)).unwrap(), None);
    assert_eq!(store.load(&room(2)).unwrap(), Some(totals(4)));
}
