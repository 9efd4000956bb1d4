//! What has been in a room, as plain data: peaks, joins, days.

use serde::{Deserialize, Serialize};

use crate::presence::calendar::is_another;
use crate::presence::days::Days;

/// What has been in a room so far.
///
/// To be stored as it is (with `serde`), and brought back by
/// [`RoomHandle::set_records`](crate::RoomHandle::set_records), or kept by a [`Store`](crate::Store). Fields
/// that were not yet there when it was stored are zero.
///
/// A day begins at midnight in the layer's time zone: UTC, unless the application says another. A clock that
/// is set back over midnight by no more than a day does not begin yesterday again: what comes is counted
/// today. One that is set back further does.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Records {
    /// The most visitors at once.
    pub peak: usize,
    /// The most visitors at once on that day.
    pub peak_today: usize,
    /// Which day: so many since 1970.
    pub day: u64,
    /// How often a visitor has come. Another tab of somebody who is there is not another visitor,
    /// nor is a reload within the leave grace.
    pub joins: u64,
    /// How often a visitor has come on that day.
    pub today: u64,
    /// How many different visitors have come on that day: exactly up to 256, beyond that within some 1.3 %
    /// (two thirds of all times within 0.65 %). Who can't be told from others is another one each time.
    pub visitors_today: u64,
    /// How often a visitor has come on each of the last 30 days; the last one is that day.
    pub days: Days,
}

impl Records {
    /// As they are on another day, on which so many were there when it began.
    pub(crate) fn turn_to(&mut self, day: u64, visitors: usize) {
        if !is_another(self.day, day) {
            return;
        }
        self.days.turn_to(day, self.day);
        self.day = day;
        self.today = self.days.today();
        self.peak_today = visitors;
        self.visitors_today = 0;
    }

    /// A visitor has come.
    pub(crate) fn join(&mut self) {
        self.joins = self.joins.saturating_add(1);
        self.today = self.today.saturating_add(1);
        self.days.set_today(self.today);
    }

    /// So many are there at once. Returns whether that is a peak.
    pub(crate) fn rise_to(&mut self, visitors: usize) -> bool {
        let is_news = visitors > self.peak || visitors > self.peak_today;
        self.peak = self.peak.max(visitors);
        self.peak_today = self.peak_today.max(visitors);
        is_news
    }

    /// With what else has been there, of the same day.
    pub(crate) fn add(&mut self, other: &Self) {
        self.peak = self.peak.max(other.peak);
        self.peak_today = self.peak_today.max(other.peak_today);
        self.joins = self.joins.saturating_add(other.joins);
        self.days.add(&other.days);
        self.today = self.today.saturating_add(other.today);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::days::DAYS;

    fn of(day: u64, last: [u64; 3]) -> Records {
        let mut days = [0; DAYS];
        days[DAYS - 3..].copy_from_slice(&last);
        let days = days.into();
        let today = last[2];
        Records { peak_today: 9, visitors_today: 5, day, today, days, ..Records::default() }
    }

    fn last(records: &Records) -> [u64; 3] {
        std::array::from_fn(|nth| records.days[DAYS - 3 + nth])
    }

    #[test]
    fn days_go_by_and_todays_numbers_begin_anew() {
        let mut records = of(100, [1, 2, 3]);
        records.turn_to(101, 4);
        assert_eq!((last(&records), records.today), ([2, 3, 0], 0));
        assert_eq!((records.peak_today, records.visitors_today, records.day), (4, 0, 101));
        records.join();
        assert_eq!((last(&records), records.today, records.joins), ([2, 3, 1], 1, 1));
        records.turn_to(103, 0);
        assert_eq!(last(&records), [1, 0, 0]);
        records.turn_to(133, 0);
        assert_eq!(records.days, Days::default());
        records.turn_to(u64::MAX, 0);
        records.turn_to(0, 0);
        assert_eq!(records.days, Days::default());
    }

    #[test]
    fn a_clock_that_is_set_back_goes_back_only_by_more_than_a_day() {
        let mut records = of(100, [1, 2, 3]);
        records.turn_to(99, 4);
        assert_eq!(records, of(100, [1, 2, 3]));
        records.turn_to(98, 4);
        assert_eq!((last(&records), records.today, records.day), ([0, 0, 1], 1, 98));
        records.join();
        assert_eq!(last(&records), [0, 0, 2]);
    }

    #[test]
    fn what_was_stored_before_there_were_days_is_read() {
        let old = r#"{"peak":7,"peak_today":2,"day":20000,"joins":99}"#;
        let records: Records = serde_json::from_str(old).unwrap();
        assert_eq!((records.peak, records.joins, records.days), (7, 99, Days::default()));
        let text = serde_json::to_string(&of(3, [1, 2, 3])).unwrap();
        assert_eq!(serde_json::from_str::<Records>(&text).unwrap(), of(3, [1, 2, 3]));
    }
}
