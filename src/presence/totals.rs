//! What outlives a room, and may outlive the process.

use std::fmt;

use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::presence::distinct::Distinct;
use crate::presence::records::Records;

/// What is kept of a room by a [`Store`](crate::Store): its records, and who came today.
///
/// With `serde` it is a map of `records` and `people`: some bytes, up to 9 KB, that only this crate reads. They
/// lead to nobody without the [secret of their day](crate::Store::day_secret).
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Totals {
    /// Peaks, joins, days.
    pub records: Records,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub(crate) people: Distinct,
}

impl Totals {
    /// Of these records, and of people that [`people`](Self::people) has given.
    ///
    /// ```
    /// use tower_livebadge::Totals;
    ///
    /// let totals = Totals::default();
    /// let again = Totals::of(totals.records.clone(), &totals.people());
    /// assert_eq!(again, totals);
    /// ```
    ///
    /// Bytes that are none of these are nobody.
    pub fn of(records: Records, people: &[u8]) -> Self {
        let count = records.visitors_today;
        let people = Distinct::read(people).unwrap_or_else(|| Distinct::of(count));
        Self { records, people }
    }

    /// Who came today, for a store that keeps it apart from the rest: up to 9 KB.
    pub fn people(&self) -> Vec<u8> {
        self.people.write()
    }

    /// With what else has been in the same room: while this was not known yet, or on another node.
    ///
    /// Joins are added up, of peaks the higher one stays, and who came to both came once.
    pub fn add(&mut self, mut other: Self) {
        let day = self.records.day.max(other.records.day);
        self.turn_to(day, 0);
        other.turn_to(day, 0);
        self.people.add(&other.people);
        self.records.add(&other.records);
        self.records.visitors_today = self.people.count();
    }

    /// As it is on another day, on which so many were there when it began.
    pub(crate) fn turn_to(&mut self, day: u64, visitors: usize) {
        let before = self.records.day;
        self.records.turn_to(day, visitors);
        if self.records.day != before {
            self.people = Distinct::default();
        }
    }

    /// Nobody has ever been there.
    pub(crate) fn is_nothing(&self) -> bool {
        self.records.joins == 0 && self.records.peak == 0
    }

    /// A visitor has come.
    pub(crate) fn join(&mut self, token: Option<u64>) {
        self.records.join();
        self.people.see(token);
        self.records.visitors_today = self.people.count();
    }
}

fn write<S: Serializer>(people: &Distinct, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(&people.write())
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Distinct, D::Error> {
    deserializer.deserialize_byte_buf(Bytes)
}

/// Formats that know bytes give them as such, others as a sequence of numbers.
struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes that Totals has written")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Distinct, E> {
        Distinct::read(bytes).ok_or_else(|| E::invalid_value(Unexpected::Bytes(bytes), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Distinct, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(day: u64, tokens: std::ops::Range<u64>) -> Totals {
        let mut totals = Totals::default();
        totals.turn_to(day, 0);
        tokens.for_each(|token| totals.join(Some(token)));
        totals
    }

    #[test]
    fn what_was_before_is_added_to_what_is_since() {
        let mut since = of(100, 0..3);
        since.records.peak = 2;
        let mut before = of(100, 2..6);
        before.records.peak = 4;
        since.add(before);
        let Records { peak, joins, today, visitors_today, .. } = since.records;
        assert_eq!((peak, joins, today, visitors_today), (4, 7, 7, 6));
    }

    #[test]
    fn who_came_yesterday_did_not_come_today() {
        let mut since = of(101, 0..3);
        since.add(of(100, 0..9));
        let Records { joins, today, visitors_today, days, .. } = since.records.clone();
        assert_eq!((joins, today, visitors_today), (12, 3, 3));
        assert_eq!([days[28], days[29]], [9, 3]);
        // Whichever is the older one.
        let mut before = of(100, 0..9);
        before.add(of(101, 0..3));
        assert_eq!(before, since);
    }

    #[test]
    fn it_is_written_and_read() {
        for totals in [Totals::default(), of(7, 0..5), of(7, 0..5_000)] {
            let text = serde_json::to_string(&totals).unwrap();
            assert_eq!(serde_json::from_str::<Totals>(&text).unwrap(), totals);
        }
    }
}
