//! Those who are in a room on other nodes, beside those who are in it here.

use std::collections::HashMap;

use crate::presence::counts::Counts;
use crate::presence::headcount::{Headcount, Roll};

/// Those who are in a room on other nodes, as far as these have said.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    headcount: Headcount,
    /// How many of those who can be told from others are not here as well.
    others: u64,
    /// Those who are here and can be told from others, each with how many visitors have this token.
    here: HashMap<u64, usize>,
}

impl Elsewhere {
    /// How many there are where nobody is here.
    pub(crate) fn alone(headcount: Headcount) -> Counts {
        let mut elsewhere = Self::default();
        elsewhere.hear(headcount);
        elsewhere.add_to(Counts::default())
    }

    /// The other nodes have said something new.
    pub(crate) fn hear(&mut self, headcount: Headcount) {
        self.headcount = headcount;
        self.look();
    }

    /// Compares who is here with who is elsewhere. As long as these are few it is known at any time; of many it is
    /// estimated, and gets old when people come and go here.
    pub(crate) fn look(&mut self) {
        let people = &self.headcount.people;
        let others =
            |few: &[u64]| few.iter().filter(|token| !self.here.contains_key(token)).count();
        self.others = match people.few() {
            Some(few) => others(few) as u64,
            None => {
                let mut all = people.clone();
                self.here.keys().for_each(|token| all.see(Some(*token)));
                let known = all.count() - all.keyless();
                known.saturating_sub(self.here.len() as u64)
            }
        };
    }

    /// Somebody has come here.
    pub(crate) fn comes(&mut self, token: u64) {
        let times = self.here.entry(token).or_default();
        *times += 1;
        if *times == 1 && self.is_known(token) {
            self.others = self.others.saturating_sub(1);
        }
    }

    /// Somebody has gone from here.
    pub(crate) fn goes(&mut self, token: u64) {
        let Some(times) = self.here.get_mut(&token) else { return };
        *times -= 1;
        if *times == 0 {
            self.here.remove(&token);
            if self.is_known(token) {
                self.others += 1;
            }
        }
    }

    /// How many there are everywhere, where these are here.
    pub(crate) fn add_to(&self, here: Counts) -> Counts {
        let Headcount { streams, people } = &self.headcount;
        let visitors = self.others.saturating_add(people.keyless());
        Counts {
            streams: here.streams.saturating_add(as_usize(*streams)),
            visitors: here.visitors.saturating_add(as_usize(visitors)),
        }
    }

    /// What the other nodes are to be told, where these are here.
    pub(crate) fn roll(&self, here: &Counts) -> Roll {
        let tokens: Vec<u64> = self.here.keys().copied().collect();
        let keyless = here.visitors.saturating_sub(tokens.len());
        Roll { streams: here.streams, keyless, tokens }
    }

    /// Whether this one is elsewhere, too, as far as that can be told of one.
    fn is_known(&self, token: u64) -> bool {
        let few = self.headcount.people.few();
        few.is_some_and(|few| few.binary_search(&token).is_ok())
    }
}

fn as_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(streams: usize, keyless: usize, tokens: impl IntoIterator<Item = u64>) -> Headcount {
        Headcount::of(Roll { streams, keyless, tokens: tokens.into_iter().collect() })
    }

    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    #[test]
    fn who_is_here_as_well_is_one() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.hear(said(5, 2, [7, 8, 9]));
        let visitors = |elsewhere: &Elsewhere, visitors| {
            elsewhere.add_to(Counts { streams: 1, visitors }).visitors
        };
        assert_eq!(visitors(&elsewhere, 0), 5);
        elsewhere.comes(8);
        assert_eq!(visitors(&elsewhere, 1), 5, "has come here, too");
        elsewhere.hear(said(4, 2, [7, 9]));
        assert_eq!(visitors(&elsewhere, 1), 5, "has gone from there");
        elsewhere.goes(8);
        assert_eq!(visitors(&elsewhere, 0), 4);
        assert_eq!(elsewhere.add_to(Counts { streams: 1, visitors: 0 }).streams, 5);
    }

    #[test]
    fn a_thousand_are_exact_and_more_are_within_the_error() {
        let mut elsewhere = Elsewhere::default();
        let everybody = || (0..1_000).map(spread);
        elsewhere.hear(said(1_000, 0, everybody()));
        everybody().for_each(|token| elsewhere.comes(token));
        let counts = elsewhere.add_to(Counts { streams: 1_000, visitors: 1_000 });
        assert_eq!(counts, Counts { streams: 2_000, visitors: 1_000 });

        let many = || (0..20_000).map(spread);
        elsewhere.hear(said(20_000, 0, many()));
        many().skip(1_000).for_each(|token| elsewhere.comes(token));
        elsewhere.look();
        let visitors = elsewhere.add_to(Counts { streams: 0, visitors: 20_000 }).visitors;
        assert!((20_000..20_500).contains(&visitors), "{visitors}");
    }

    proptest! {
        /// Of few it is at any time what a new look would find.
        #[test]
        fn it_is_known_at_any_time(steps in prop::collection::vec((0..3u8, 0..6u64), 0..60)) {
            let mut elsewhere = Elsewhere::default();
            let mut here: Vec<u64> = Vec::new();
            for (step, token) in steps {
                match step {
                    0 => {
                        elsewhere.comes(token);
                        here.push(token);
                    }
                    1 => if let Some(at) = here.iter().position(|here| *here == token) {
                        here.swap_remove(at);
                        elsewhere.goes(token);
                    },
                    _ => elsewhere.hear(said(1, 0, [token, token + 1])),
                }
                let others = elsewhere.others;
                elsewhere.look();
                prop_assert_eq!(others, elsewhere.others);
            }
        }
    }
}
