//! What a run has seen, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) joins: u64,
    pub(crate) quiet_points: u64,
    /// The most viewers at once.
    pub(crate) peak: usize,
    /// Until all counts of a quiet point were right.
    pub(crate) slowest: Duration,
    left: BTreeMap<&'static str, u64>,
    others: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn left(&mut self, way: &'static str) {
        *self.left.entry(way).or_default() += 1;
    }

    pub(crate) fn saw(&mut self, what: &'static str, number: usize) {
        *self.others.entry(what).or_default() += number as u64;
    }

    /// What has come to it since it was like that one; the extremes stay.
    pub(crate) fn since(&self, first: &Self) -> Self {
        let mut since = self.clone();
        since.joins -= first.joins;
        since.quiet_points -= first.quiet_points;
        let left = since.left.iter_mut().map(|(way, number)| (number, first.left.get(way)));
        let others = since.others.iter_mut().map(|(what, number)| (number, first.others.get(what)));
        left.chain(others).for_each(|(number, before)| *number -= before.unwrap_or(&0));
        since
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &BTreeMap<&str, u64>| {
            let counts = counts.iter().map(|(what, number)| format!("{number} {what}"));
            counts.collect::<Vec<_>>().join(", ")
        };
        let Self { joins, quiet_points, peak, slowest, left, others } = self;
        writeln!(f, "{quiet_points} quiet points, all right, the slowest after {slowest:.1?}")?;
        writeln!(f, "  {joins} joins, at most {peak} at once; they went so: {}", list(left))?;
        write!(f, "  besides: {}", list(others))
    }
}
