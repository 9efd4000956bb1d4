//! What is asked of a Redis: read, add, replace, forget.

use std::time::{SystemTime, UNIX_EPOCH};

use redis::{Connection, ErrorKind, RedisResult, pipe};

use crate::presence::totals::Totals;
use crate::store::contract::{Batch, RoomKey};
use crate::store::redis::keys::{Done, Keys, Read, list, name, records, room};

/// So many rooms are added to at once: the more, the likelier another node meddles.
const PART: usize = 100;
/// So often another node may meddle before the batch has to come again.
const TRIES: usize = 50;
/// So many rooms are looked for, or forgotten, at a time.
const PAGE: usize = 500;

/// What is kept of these rooms, with its version.
pub(crate) fn read(
    connection: &mut Connection,
    keys: &Keys,
    names: &[String],
) -> RedisResult<Vec<(u64, Option<Totals>)>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut asks = pipe();
    names.iter().for_each(|name| keys.ask_room(&mut asks, name));
    let read: Vec<Read> = asks.query(connection)?;
    with_people(connection, keys, names, read)
}

/// The versions alone.
pub(crate) fn versions(
    connection: &mut Connection,
    keys: &Keys,
    names: &[String],
) -> RedisResult<Vec<u64>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut asks = pipe();
    names.iter().for_each(|name| keys.ask_version(&mut asks, name));
    let versions: Vec<Option<u64>> = asks.query(connection)?;
    Ok(versions.into_iter().map(Option::unwrap_or_default).collect())
}

/// Adds all of this, part by part; what was added when it was tried before is not added again.
pub(crate) fn add(
    connection: &mut Connection,
    keys: &Keys,
    batch: Batch,
    more: &[(RoomKey, Totals)],
) -> RedisResult<()> {
    for (part, more) in more.chunks(PART).enumerate() {
        let done = Done { batch: batch.number, parts: part + 1 };
        let mut tries = 0..TRIES;
        while !try_to_add(connection, keys, batch.node, done, more)? {
            if tries.next().is_none() {
                let why = "other nodes change the same rooms all the time";
                return Err((ErrorKind::Client, why).into());
            }
        }
    }
    Ok(())
}

/// Replaces what is kept of these rooms, or forgets them: all, or none.
pub(crate) fn save(
    connection: &mut Connection,
    keys: &Keys,
    changes: &[(RoomKey, Option<Totals>)],
) -> RedisResult<()> {
    let names: Vec<_> = changes.iter().map(|(room, _)| name(room)).collect();
    let before = read(connection, keys, &names)?;
    let mut writes = pipe();
    writes.atomic();
    let now = now();
    for ((name, (_, totals)), (_, before)) in names.iter().zip(changes).zip(before) {
        match totals {
            Some(totals) => keys.write(&mut writes, name, totals, now),
            None => {
                let day = before.map(|before| before.records.day);
                keys.forget(&mut writes, name, day);
            }
        }
    }
    writes.query(connection)
}

/// Forgets the rooms beyond so many that were not changed for the longest time. Returns how many those were.
pub(crate) fn trim(connection: &mut Connection, keys: &Keys, max: usize) -> RedisResult<usize> {
    let rooms: usize = redis::cmd("ZCARD").arg(keys.rooms()).query(connection)?;
    let excess = rooms.saturating_sub(max).min(PAGE);
    if excess > 0 {
        let oldest = redis::cmd("ZRANGE").arg(keys.rooms()).arg(0).arg(excess - 1).clone();
        let oldest: Vec<String> = oldest.query(connection)?;
        let mut writes = pipe();
        writes.atomic();
        oldest.iter().for_each(|name| keys.forget(&mut writes, name, None));
        let () = writes.query(connection)?;
    }
    Ok(excess)
}

/// Some of the rooms there are, and where to go on; 0 at the beginning, and at the end.
pub(crate) fn page(
    connection: &mut Connection,
    keys: &Keys,
    cursor: u64,
) -> RedisResult<(u64, Vec<(String, RoomKey)>)> {
    let scan = redis::cmd("ZSCAN").arg(keys.rooms()).arg(cursor).arg("COUNT").arg(PAGE).clone();
    let (next, found): (u64, Vec<(String, f64)>) = scan.query(connection)?;
    let rooms = found.into_iter().filter_map(|(name, _)| Some((name.clone(), room(&name)?)));
    Ok((next, rooms.collect()))
}

/// Returns whether it is done; otherwise another node has changed one of these rooms meanwhile.
fn try_to_add(
    connection: &mut Connection,
    keys: &Keys,
    node: u64,
    done: Done,
    more: &[(RoomKey, Totals)],
) -> RedisResult<bool> {
    let names: Vec<_> = more.iter().map(|(room, _)| name(room)).collect();
    let rooms: Vec<_> = names.iter().map(|name| keys.room(name)).collect();
    let mut asks = pipe();
    // From here on nothing is written if one of these is written by somebody else: also by this node itself, whose
    // answer was lost.
    asks.cmd("WATCH").arg(keys.node(node)).arg(&rooms).ignore();
    asks.cmd("GET").arg(keys.node(node));
    names.iter().for_each(|name| keys.ask_room(&mut asks, name));
    let mut read: Vec<redis::Value> = asks.query(connection)?;
    let last: Option<String> = redis::from_redis_value(read.remove(0))?;
    if Done::read(last.as_deref()).is_some_and(|last| last >= done) {
        let () = redis::cmd("UNWATCH").query(connection)?;
        return Ok(true);
    }
    let before = with_people(connection, keys, &names, list(read)?)?;
    let mut writes = pipe();
    writes.atomic();
    let now = now();
    for ((name, (_, more)), (_, before)) in names.iter().zip(more).zip(before) {
        let mut totals = before.unwrap_or_default();
        totals.add(more.clone());
        keys.write(&mut writes, name, &totals, now);
    }
    keys.write_node(&mut writes, node, done);
    let written: Option<()> = writes.query(connection)?;
    Ok(written.is_some())
}

/// With who came on the day that each of them is of.
fn with_people(
    connection: &mut Connection,
    keys: &Keys,
    names: &[String],
    read: Vec<Read>,
) -> RedisResult<Vec<(u64, Option<Totals>)>> {
    let read = names.iter().zip(read).map(|(name, (version, text))| {
        (version.unwrap_or_default(), records(name, text.as_deref()))
    });
    let read: Vec<_> = read.collect();
    let mut asks = pipe();
    for (name, (_, records)) in names.iter().zip(&read) {
        if let Some(records) = records {
            keys.ask_people(&mut asks, name, records.day);
        }
    }
    let people: Vec<Option<Vec<u8>>> =
        if asks.is_empty() { Vec::new() } else { asks.query(connection)? };
    let mut people = people.into_iter();
    let read = read.into_iter().map(|(version, records)| {
        let of = |records| Totals::of(records, &people.next().flatten().unwrap_or_default());
        (version, records.map(of))
    });
    Ok(read.collect())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
