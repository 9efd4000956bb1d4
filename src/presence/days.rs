//! A number for each of the last 30 days.

use std::array;
use std::fmt;
use std::ops::Index;

use serde::{Deserialize, Serialize};

/// So many days are known, today included.
pub(crate) const DAYS: usize = 30;

/// A number for each of the last 30 days, the oldest first; the last one is today's.
///
/// ```
/// use tower_livebadge::Days;
///
/// let mut numbers = [0; 30];
/// numbers[28..].copy_from_slice(&[3, 4]);
/// let days = Days::from(numbers);
/// assert_eq!((days[0], days[29]), (0, 4));
/// assert_eq!(days.iter().sum::<u64>(), 7);
/// assert_eq!(<[u64; 30]>::from(days), numbers);
/// ```
///
/// With `serde` it is a sequence of 30 numbers.
#[derive(Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "[u64; DAYS]", into = "[u64; DAYS]")]
pub struct Days(
    /// From the first that is not zero on: of rooms there are many, and most of them are young.
    Box<[u64]>,
);

impl Days {
    /// All 30, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
        self.into_iter()
    }

    /// What was seen from that day, seen from another one.
    pub(crate) fn turn_to(&mut self, day: u64, from: u64) {
        let gone = day.abs_diff(from).min(DAYS as u64) as usize;
        let mut all = <[u64; DAYS]>::from(&*self);
        if day > from {
            all.rotate_left(gone);
            all[DAYS - gone..].fill(0);
        } else {
            all.rotate_right(gone);
            all[..gone].fill(0);
        }
        *self = all.into();
    }

    pub(crate) fn today(&self) -> u64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// Today's number is this one, which is not zero.
    pub(crate) fn set_today(&mut self, today: u64) {
        match self.0.last_mut() {
            Some(last) => *last = today,
            None => self.0 = Box::new([today]),
        }
    }

    /// With others of the same days.
    pub(crate) fn add(&mut self, others: &Self) {
        let mut all = <[u64; DAYS]>::from(&*self);
        for (day, more) in all.iter_mut().zip(others.iter()) {
            *day = day.saturating_add(more);
        }
        *self = all.into();
    }
}

impl fmt::Debug for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl IntoIterator for &Days {
    type Item = u64;
    type IntoIter = array::IntoIter<u64, DAYS>;

    fn into_iter(self) -> Self::IntoIter {
        <[u64; DAYS]>::from(self).into_iter()
    }
}

/// # Panics
///
/// Where there is no such day: from 30 on.
impl Index<usize> for Days {
    type Output = u64;

    fn index(&self, nth: usize) -> &u64 {
        assert!(nth < DAYS, "there are {DAYS} days, and so no [{nth}]");
        (nth + self.0.len()).checked_sub(DAYS).map_or(&0, |at| &self.0[at])
    }
}

impl From<[u64; DAYS]> for Days {
    fn from(all: [u64; DAYS]) -> Self {
        let first = all.iter().position(|number| *number > 0).unwrap_or(DAYS);
        Self(all[first..].into())
    }
}

impl From<&Days> for [u64; DAYS] {
    fn from(days: &Days) -> Self {
        let mut all = [0; DAYS];
        all[DAYS - days.0.len()..].copy_from_slice(&days.0);
        all
    }
}

impl From<Days> for [u64; DAYS] {
    fn from(days: Days) -> Self {
        Self::from(&days)
    }
}
