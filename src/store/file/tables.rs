//! What is in redb, and what is done with it.

use redb::{
    Database, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition,
    WriteTransaction,
};

use crate::presence::records::Records;
use crate::presence::totals::Totals;
use crate::store::contract::RoomKey;

/// A room's badge, and its path.
type Key = (&'static str, &'static str);

/// When it was changed last, as a place in the order, and its records as JSON.
const ROOMS: TableDefinition<'_, Key, (u64, &[u8])> = TableDefinition::new("rooms");
/// Who came to it today.
const PEOPLE: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("people");
/// Rooms in the order in which they were changed last.
const ORDER: TableDefinition<'_, u64, Key> = TableDefinition::new("order");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// How many batches there have been.
const BATCHES: &str = "batches";

/// More than were added go at once only up to so many, when the cap has been lowered.
const MAX_FORGOTTEN: u64 = 10_000;

/// So that whoever reads finds them.
pub(crate) fn make(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(ROOMS)?;
    transaction.open_table(PEOPLE)?;
    transaction.open_table(ORDER)?;
    transaction.open_table(NUMBERS)?.insert(BATCHES, 0)?;
    transaction.commit()?;
    Ok(())
}

pub(crate) fn batches(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(transaction.open_table(NUMBERS)?.get(BATCHES)?.map_or(0, |number| number.value()))
}

/// Begins a batch, and says which it is.
pub(crate) fn begin(transaction: &WriteTransaction) -> Result<u64, redb::Error> {
    let mut numbers = transaction.open_table(NUMBERS)?;
    let batch = numbers.get(BATCHES)?.map_or(0, |number| number.value()).wrapping_add(1);
    numbers.insert(BATCHES, batch)?;
    Ok(batch)
}

pub(crate) fn load(
    transaction: &ReadTransaction,
    room: &RoomKey,
) -> Result<Option<Totals>, redb::Error> {
    let key = (&*room.badge, &*room.path);
    let rooms = transaction.open_table(ROOMS)?;
    let Some(kept) = rooms.get(key)? else { return Ok(None) };
    let records = parse(kept.value().1)?;
    let people = transaction.open_table(PEOPLE)?;
    let people = people.get(key)?;
    Ok(Some(Totals::of(records, people.as_ref().map_or(&[], |people| people.value()))))
}

/// As long as this says so.
pub(crate) fn for_each(
    transaction: &ReadTransaction,
    each: &mut dyn FnMut(RoomKey, Totals) -> bool,
) -> Result<(), redb::Error> {
    let (rooms, people) = (transaction.open_table(ROOMS)?, transaction.open_table(PEOPLE)?);
    for room in rooms.iter()? {
        let (key, kept) = room?;
        let (badge, path) = key.value();
        let people = people.get((badge, path))?;
        let people = people.as_ref().map_or(&[][..], |people| people.value());
        if !each(RoomKey::new(badge, path), Totals::of(parse(kept.value().1)?, people)) {
            break;
        }
    }
    Ok(())
}

/// Keeps changes, and forgets rooms if there are too many: says how many. Of people of days before this one
/// nothing is kept.
pub(crate) fn save(
    transaction: &WriteTransaction,
    changes: &[(RoomKey, Option<Totals>)],
    day: Option<u64>,
    max_rooms: usize,
) -> Result<u64, redb::Error> {
    let mut rooms = transaction.open_table(ROOMS)?;
    let mut people = transaction.open_table(PEOPLE)?;
    let mut order = transaction.open_table(ORDER)?;
    let mut next = order.last()?.map_or(0, |(place, _)| place.value().saturating_add(1));
    let nobody = Totals::default().people();
    for (room, totals) in changes {
        let key = (&*room.badge, &*room.path);
        let before = match totals {
            Some(totals) => {
                let text =
                    serde_json::to_vec(&totals.records).map_err(|error| corrupted(&error))?;
                rooms.insert(key, (next, &*text))?.map(|before| before.value().0)
            }
            None => rooms.remove(key)?.map(|before| before.value().0),
        };
        if let Some(before) = before {
            order.remove(before)?;
        }
        let today =
            totals.as_ref().filter(|totals| day.is_none_or(|day| totals.records.day >= day));
        match today.map(Totals::people).filter(|people| *people != nobody) {
            Some(bytes) => drop(people.insert(key, &*bytes)?),
            None => drop(people.remove(key)?),
        }
        if totals.is_some() {
            order.insert(next, key)?;
            next = next.saturating_add(1);
        }
    }
    let too_many = order.len()?.saturating_sub(max_rooms as u64);
    let too_many = too_many.min(MAX_FORGOTTEN + changes.len() as u64);
    for _ in 0..too_many {
        let Some((_, key)) = order.pop_first()? else { break };
        rooms.remove(key.value())?;
        people.remove(key.value())?;
    }
    Ok(too_many)
}

pub(crate) fn forget_people(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.delete_table(PEOPLE)?;
    transaction.open_table(PEOPLE)?;
    Ok(())
}

/// Of how many rooms there are people.
#[cfg(test)]
pub(crate) fn people(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(transaction.open_table(PEOPLE)?.len()?)
}

fn parse(text: &[u8]) -> Result<Records, redb::Error> {
    serde_json::from_slice(text).map_err(|error| corrupted(&error))
}

fn corrupted(error: &serde_json::Error) -> redb::Error {
    redb::Error::Corrupted(error.to_string())
}
