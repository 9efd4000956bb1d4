//! What a crowd's totals are made of where other nodes add to the same: what those know by now, and what has come
//! here since.

use tokio::time::Instant;

use crate::presence::totals::Totals;

/// What a store that is shared has not been given yet, and what it was last heard to have.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ledger {
    due: Due,
    /// Of what was read last.
    version: Option<u64>,
    heard: Option<Instant>,
    /// Grows with everything after which the answer to an older question says too little, or something else.
    turn: u64,
}

/// What a store that is shared is to be given.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Due {
    /// In the place of what all nodes have added until now.
    pub(crate) instead: Option<Totals>,
    pub(crate) more: Totals,
}

/// When a store was asked: its answer is good only if nothing was taken from the ledger meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) version: Option<u64>,
    turn: u64,
}

impl Ledger {
    /// What has come since.
    pub(crate) fn more(&mut self) -> &mut Totals {
        &mut self.due.more
    }

    /// The application has the last word.
    pub(crate) fn replace(&mut self, totals: Totals) {
        let mut more = Totals::default();
        more.turn_to(totals.records.day, 0);
        self.due = Due { instead: Some(totals), more };
        self.turn += 1;
    }

    /// What the store is to be given now, once; `None` if there is nothing.
    pub(crate) fn take(&mut self) -> Option<Due> {
        if self.due.is_nothing() {
            return None;
        }
        let mut rest = Due::default();
        rest.more.turn_to(self.due.more.records.day, 0);
        self.turn += 1;
        Some(std::mem::replace(&mut self.due, rest))
    }

    pub(crate) fn ask(&self) -> Asked {
        Asked { version: self.version, turn: self.turn }
    }

    /// When the store has said last what there is.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// What there is in all, if this is what the store had when it was asked.
    pub(crate) fn settle(
        &mut self,
        asked: Asked,
        kept: Totals,
        version: Option<u64>,
    ) -> Option<Totals> {
        if asked.turn != self.turn || self.due.instead.is_some() {
            return None;
        }
        (self.version, self.heard) = (version, Some(Instant::now()));
        let mut totals = kept;
        totals.add(self.due.more.clone());
        // Another node's clock may be ahead: what comes is counted on the newest day.
        self.due.more.turn_to(totals.records.day, 0);
        Some(totals)
    }
}

impl Due {
    pub(crate) fn instead(totals: Totals) -> Self {
        Self { instead: Some(totals), more: Totals::default() }
    }

    fn is_nothing(&self) -> bool {
        let records = &self.more.records;
        let is_empty = records.joins == 0 && records.peak == 0 && records.peak_today == 0;
        self.instead.is_none() && is_empty
    }

    /// This one first, and then a newer one.
    pub(crate) fn then(mut self, newer: Self) -> Self {
        if newer.instead.is_some() {
            return newer;
        }
        self.more.add(newer.more);
        self
    }

    /// What there is, where there was this before.
    pub(crate) fn on(self, before: Option<Totals>) -> Totals {
        let mut totals = self.instead.or(before).unwrap_or_default();
        totals.add(self.more);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joins(tokens: std::ops::Range<u64>) -> Totals {
        let mut totals = Totals::default();
        totals.turn_to(100, 0);
        tokens.for_each(|token| totals.join(Some(token)));
        totals
    }

    #[test]
    fn what_is_given_and_what_comes_meanwhile_are_counted_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.take(), None);
        *ledger.more() = joins(0..2);
        let early = ledger.ask();
        let given = ledger.take().unwrap();
        assert_eq!((given.more.records.joins, ledger.take()), (2, None));
        ledger.more().join(Some(7));
        // Read before it was given, or maybe not.
        assert_eq!(ledger.settle(early, joins(0..9), Some(1)), None);
        let asked = ledger.ask();
        let totals = ledger.settle(asked, joins(0..5), Some(2)).unwrap();
        assert_eq!((totals.records.joins, totals.records.visitors_today), (6, 6));
        assert_eq!(ledger.ask().version, Some(2));
        // A store that has lost everything.
        let totals = ledger.settle(asked, Totals::default(), Some(0)).unwrap();
        assert_eq!((totals.records.joins, totals.records.today), (1, 1));
        assert_eq!(ledger.take().unwrap().more.records.joins, 1);
    }

    #[test]
    fn what_the_application_says_is_not_overwritten_by_what_was_read_before() {
        let mut ledger = Ledger::default();
        let asked = ledger.ask();
        ledger.more().join(None);
        ledger.replace(joins(0..40));
        assert_eq!(ledger.settle(asked, joins(0..3), None), None);
        assert_eq!(ledger.settle(ledger.ask(), joins(0..3), None), None, "it is not given yet");
        ledger.more().join(Some(99));
        let due = ledger.take().unwrap();
        assert_eq!(due.on(Some(joins(0..7))).records.joins, 41);
        assert!(ledger.settle(ledger.ask(), joins(0..41), None).is_some());
    }

    #[test]
    fn one_after_the_other() {
        let (set, more) = (Due::instead(joins(0..5)), Due { instead: None, more: joins(5..7) });
        assert_eq!(set.clone().then(more.clone()).on(Some(joins(0..9))).records.joins, 7);
        assert_eq!(more.clone().then(set).on(Some(joins(0..9))).records.joins, 5);
        assert_eq!(more.clone().then(more).on(Some(joins(0..9))).records.joins, 13);
    }
}
