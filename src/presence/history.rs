//! What a crowd's numbers have been: peaks, joins, the last minutes. Pure, and fed with instants.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::presence::counts::{Counts, Snapshot};
use crate::presence::ledger::{Asked, Due, Ledger};
use crate::presence::people::People;
use crate::presence::records::Records;
use crate::presence::totals::Totals;

/// What one of the recent numbers stands for.
pub(crate) const SPAN: Duration = Duration::from_secs(10);
/// How many spans are recent: ten minutes.
const RECENT: u64 = 60;

/// The numbers of one crowd over time.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) totals: Totals,
    /// Where other nodes add to the same totals.
    ledger: Option<Box<Ledger>>,
    visitors: usize,
    began: Instant,
    changed: Instant,
    /// One for each span in which the number changed, and the last one before the recent ones.
    marks: VecDeque<Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    span: u64,
    highest: usize,
    last: usize,
}

impl History {
    pub(crate) fn new(now: Instant, day: u64) -> Self {
        let mut totals = Totals::default();
        totals.turn_to(day, 0);
        let (ledger, marks) = (None, VecDeque::new());
        Self { totals, ledger, visitors: 0, began: now, changed: now, marks }
    }

    /// From now on there are this many visitors.
    pub(crate) fn see(&mut self, visitors: usize, now: Instant, day: u64) {
        self.totals.turn_to(day, self.visitors);
        if let Some(ledger) = &mut self.ledger {
            ledger.more().turn_to(day, self.visitors);
        }
        if self.visitors == visitors {
            return;
        }
        self.keep_peaks(visitors);
        let span = self.span(now);
        match self.marks.back_mut() {
            Some(mark) if mark.span == span => {
                mark.highest = mark.highest.max(visitors);
                mark.last = visitors;
            }
            _ => {
                let highest = self.visitors.max(visitors);
                self.marks.reserve_exact(1); // in most rooms it changes seldom
                self.marks.push_back(Mark { span, highest, last: visitors });
            }
        }
        while self.marks.get(1).is_some_and(|mark| mark.span + RECENT <= span) {
            self.marks.pop_front();
        }
        self.visitors = visitors;
        self.changed = now;
    }

    /// A visitor has come, who can be told from others by this token.
    pub(crate) fn join(&mut self, token: Option<u64>) {
        self.totals.join(token);
        if let Some(ledger) = &mut self.ledger {
            ledger.more().join(token);
        }
    }

    /// How long the number of visitors has been what it is.
    pub(crate) fn since_change(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.changed)
    }

    /// The highest number of visitors in each of the recent spans, the oldest first.
    pub(crate) fn recent(&self, now: Instant) -> Vec<usize> {
        let last = self.span(now);
        let mut marks = self.marks.iter().copied().peekable();
        let mut visitors = 0;
        let mut recent = Vec::with_capacity(RECENT as usize);
        // The first spans may be from before there was a history.
        recent.resize((RECENT - 1).saturating_sub(last) as usize, 0);
        for span in (last + 1).saturating_sub(RECENT)..=last {
            let mut highest = None;
            while let Some(mark) = marks.next_if(|mark| mark.span <= span) {
                highest = (mark.span == span).then_some(mark.highest);
                visitors = mark.last;
            }
            recent.push(highest.unwrap_or(visitors));
        }
        recent
    }

    /// The same, of a room that nobody is in.
    pub(crate) fn deserted(mut self, day: u64) -> Snapshot {
        self.see(0, Instant::now(), day);
        self.snapshot(Counts::default(), 0, Instant::now())
    }

    /// What a picture can show of it, where these are here.
    pub(crate) fn snapshot(&self, counts: Counts, rooms: usize, now: Instant) -> Snapshot {
        Snapshot {
            here: counts.clone(),
            is_alone: false,
            counts,
            records: self.totals.records.clone(),
            since_change: self.since_change(now),
            recent: self.recent(now),
            rooms,
            people: People::default(),
        }
    }

    /// Goes on from these records. What they say of another day than today is not today's.
    pub(crate) fn resume(&mut self, records: Records) {
        let mut totals = Totals::of(records, &[]);
        totals.turn_to(self.totals.records.day, self.visitors);
        self.totals = totals;
        self.keep_peaks(self.visitors);
        self.has_last_word();
    }

    /// What had been there before has become known.
    pub(crate) fn add(&mut self, before: Totals) {
        self.totals.add(before);
        self.keep_peaks(self.visitors);
    }

    /// Everything before now is forgotten.
    pub(crate) fn reset(&mut self) {
        let (visitors, ledger) = (self.visitors, self.ledger.take());
        *self = Self::new(Instant::now(), self.totals.records.day);
        self.see(visitors, self.began, self.totals.records.day);
        self.ledger = ledger;
        self.has_last_word();
    }

    /// From now on other nodes add to the same totals.
    pub(crate) fn share(&mut self) {
        let day = self.totals.records.day;
        let ledger = self.ledger.get_or_insert_default();
        ledger.more().turn_to(day, 0);
    }

    /// What the store that is shared is to be given now, once; `None` if there is nothing.
    pub(crate) fn take(&mut self) -> Option<Due> {
        self.ledger.as_mut()?.take()
    }

    /// To be told before that store is asked; `None` if it is not shared.
    pub(crate) fn ask(&self) -> Option<Asked> {
        Some(self.ledger.as_ref()?.ask())
    }

    /// All nodes together have added this until they were asked, without what has come here since.
    ///
    /// Returns whether that could be used: not if it may lack what was given meanwhile.
    pub(crate) fn settle(&mut self, asked: Asked, kept: Totals, version: Option<u64>) -> bool {
        let Some(ledger) = &mut self.ledger else { return false };
        let Some(mut totals) = ledger.settle(asked, kept, version) else { return false };
        totals.turn_to(self.totals.records.day, self.visitors);
        self.totals = totals;
        self.keep_peaks(self.visitors);
        true
    }

    /// Of a room that nobody is in: what has been read of it. Where other nodes add to it, that is all there is.
    pub(crate) fn learn(&mut self, kept: Totals, is_shared: bool) {
        if is_shared {
            self.share();
            if let Some(asked) = self.ask() {
                self.settle(asked, kept, None);
            }
        } else {
            self.add(kept);
        }
    }

    /// When it was said last what all nodes had added.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.ledger.as_ref()?.heard()
    }

    fn has_last_word(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.replace(self.totals.clone());
        }
    }

    /// There were at least as many as there are.
    fn keep_peaks(&mut self, visitors: usize) {
        let is_news = self.totals.records.rise_to(visitors);
        // What is no peak for all nodes is not one for them to know.
        if let Some(ledger) = self.ledger.as_mut().filter(|_| is_news) {
            ledger.more().records.rise_to(visitors);
        }
    }

    fn span(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SPAN.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn peaks_are_kept_and_todays_begins_anew_with_who_is_there() {
        let now = Instant::now();
        let mut history = History::new(now, 1);
        [3, 7, 2].into_iter().for_each(|visitors| history.see(visitors, now, 1));
        assert_eq!((history.totals.records.peak, history.totals.records.peak_today), (7, 7));
        history.see(2, now, 2);
        assert_eq!((history.totals.records.peak, history.totals.records.peak_today), (7, 2));
        history.see(4, now, 2);
        assert_eq!((history.totals.records.peak, history.totals.records.peak_today), (7, 4));
        history.reset();
        assert_eq!((history.totals.records.peak, history.totals.records.peak_today), (4, 4));
    }

    #[test]
    fn records_of_another_day_and_of_fewer_are_not_taken_over_as_they_are() {
        let mut history = History::new(Instant::now(), 7);
        history.see(3, Instant::now(), 7);
        let kept = |day| Records { peak: 2, peak_today: 9, day, joins: 5, ..Records::default() };
        let kept_today = || Records { peak: 3, ..kept(7) };
        history.resume(kept(6));
        assert_eq!(history.totals.records, Records { peak_today: 3, ..kept_today() });
        history.resume(kept(7));
        assert_eq!(history.totals.records, kept_today());
    }

    #[test]
    fn a_clock_that_is_set_back_over_midnight_keeps_todays_peak() {
        let now = Instant::now();
        let mut history = History::new(now, 8);
        [9, 2].into_iter().for_each(|visitors| history.see(visitors, now, 8));
        history.see(2, now, 7);
        assert_eq!((history.totals.records.peak_today, history.totals.records.day), (9, 8));
        history.see(2, now, 8);
        assert_eq!((history.totals.records.peak_today, history.totals.records.day), (9, 8));
        // It had been wrong by more than that.
        history.see(2, now, 5);
        assert_eq!((history.totals.records.peak_today, history.totals.records.day), (2, 5));
    }

    #[test]
    fn what_is_remembered_of_a_room_is_told_as_of_today() {
        let mut history = History::new(Instant::now(), 1);
        history.see(3, Instant::now(), 1);
        let Snapshot { counts, records, recent, .. } = history.deserted(9);
        assert_eq!((counts, records.peak, records.day), (Counts::default(), 3, 9));
        assert_eq!(records.peak_today, 3, "as many as there were when the day began");
        assert_eq!(recent.last(), Some(&3));
    }

    #[test]
    fn what_becomes_known_later_is_no_less_than_who_is_there() {
        let mut history = History::new(Instant::now(), 7);
        history.see(3, Instant::now(), 7);
        (0..3).for_each(|token| history.join(Some(token)));
        let mut before = Totals::default();
        before.turn_to(7, 2);
        before.join(Some(1));
        history.add(before);
        let Records { peak, peak_today, joins, visitors_today, .. } = history.totals.records;
        assert_eq!((peak, peak_today, joins, visitors_today), (3, 3, 4, 3));
    }

    #[test]
    fn no_more_is_kept_than_is_recent() {
        let began = Instant::now();
        let mut history = History::new(began, 1);
        for span in 0..200 {
            history.see(span as usize + 1, began + span * SPAN, 1);
        }
        assert_eq!(history.marks.len(), 61, "one of each span, and the last one before them");
    }

    #[test]
    fn only_another_number_is_a_change() {
        let now = Instant::now();
        let mut history = History::new(now, 1);
        history.see(1, now + SPAN, 1);
        history.see(1, now + 2 * SPAN, 1);
        assert_eq!(history.since_change(now + 3 * SPAN), 2 * SPAN);
    }

    proptest! {
        #[test]
        fn the_recent_numbers_are_each_spans_highest(
            steps in prop::collection::vec((0..30u64, 0..9usize), 0..200)
        ) {
            let began = Instant::now();
            let mut history = History::new(began, 0);
            // What there was in each second, a change counting for what was before and after it.
            let (mut seconds, mut visitors): (Vec<usize>, usize) = (Vec::new(), 0);
            for (wait, next) in steps {
                seconds.extend((0..wait).map(|_| visitors));
                let now = began + Duration::from_secs(seconds.len() as u64);
                history.see(next, now, 0);
                if next != visitors {
                    seconds.push(visitors.max(next));
                    visitors = next;
                }
            }
            let now = began + Duration::from_secs(seconds.len() as u64);
            seconds.push(visitors);
            let spans = seconds.chunks(10).map(|span| *span.iter().max().unwrap());
            let spans: Vec<usize> = spans.collect();
            let missing = 60usize.saturating_sub(spans.len());
            let kept = &spans[spans.len().saturating_sub(60)..];
            let expected = [vec![0; missing], kept.to_vec()].concat();
            prop_assert_eq!(history.recent(now), expected);
            prop_assert!(history.marks.len() <= 62);
        }
    }
}
