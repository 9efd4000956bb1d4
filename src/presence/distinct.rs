//! How many different people came on one day: exactly as long as they are few, then by a sketch.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use datasketches::hll::{HllSketch, HllType, HllUnion};

/// Up to so many of those who came on a day are known one by one: 2 KB.
pub(crate) const EXACT: usize = 256;
/// The sketch's size: 2^14 registers of half a byte, 8 KB. Its standard error is 0.65 % (0.81 % once two
/// sketches have become one).
const LG_K: u8 = 14;

/// How many different people came on one day.
///
/// Of each there is a token: a hash under a key of that day. Without the key, which is destroyed when the
/// day is over, nothing leads from a token to anybody.
#[derive(Clone, Default)]
pub(crate) struct Distinct<const FEW: usize = EXACT> {
    /// Those who can't be told from others.
    keyless: u64,
    known: Known,
}

#[derive(Clone)]
enum Known {
    /// In order.
    Few(Vec<u64>),
    Many(Box<HllSketch>),
}

impl Default for Known {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<const FEW: usize> Distinct<FEW> {
    /// So many of whom nothing else is known.
    pub(crate) fn of(count: u64) -> Self {
        Self { keyless: count, known: Known::default() }
    }

    /// These, each of whom is there once, and so many of whom nothing else is known.
    pub(crate) fn of_all(keyless: u64, mut tokens: Vec<u64>) -> Self {
        tokens.sort_unstable();
        let known = if tokens.len() > FEW {
            Known::Many(Box::new(sketch(&tokens)))
        } else {
            Known::Few(tokens)
        };
        Self { keyless, known }
    }

    pub(crate) fn count(&self) -> u64 {
        let known = match &self.known {
            Known::Few(tokens) => tokens.len() as u64,
            Known::Many(sketch) => sketch.estimate().round() as u64,
        };
        known.saturating_add(self.keyless)
    }

    /// Those who can't be told from others.
    pub(crate) fn keyless(&self) -> u64 {
        self.keyless
    }

    /// Those who can, in order, as long as they are few.
    pub(crate) fn few(&self) -> Option<&[u64]> {
        match &self.known {
            Known::Few(tokens) => Some(tokens),
            Known::Many(_) => None,
        }
    }

    /// Somebody has come.
    pub(crate) fn see(&mut self, token: Option<u64>) {
        let Some(token) = token else {
            self.keyless = self.keyless.saturating_add(1);
            return;
        };
        match &mut self.known {
            Known::Few(tokens) => {
                let Err(position) = tokens.binary_search(&token) else { return };
                tokens.insert(position, token);
                if tokens.len() > FEW {
                    self.known = Known::Many(Box::new(sketch(tokens)));
                }
            }
            Known::Many(sketch) => sketch.update(token),
        }
    }

    /// With those who came elsewhere, or before, on the same day.
    pub(crate) fn add(&mut self, other: &Self) {
        self.keyless = self.keyless.saturating_add(other.keyless);
        let (sketch, few) = match (&self.known, &other.known) {
            (_, Known::Few(others)) => {
                others.iter().for_each(|token| self.see(Some(*token)));
                return;
            }
            // Where only one of them is a sketch its estimate stays the better one.
            (Known::Few(tokens), Known::Many(theirs)) => (theirs.clone(), tokens.clone()),
            (Known::Many(own), Known::Many(theirs)) => {
                let mut all = HllUnion::new(LG_K).expect("a size that there is");
                [theirs, own].into_iter().for_each(|sketch| all.update(sketch));
                (Box::new(all.to_sketch(HllType::Hll4)), Vec::new())
            }
        };
        self.known = Known::Many(sketch);
        few.into_iter().for_each(|token| self.see(Some(token)));
    }

    /// To be kept, and read again by [`read`](Self::read).
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = self.keyless.to_le_bytes().to_vec();
        match &self.known {
            Known::Few(tokens) => {
                bytes.push(LISTED);
                tokens.iter().for_each(|token| bytes.extend(token.to_le_bytes()));
            }
            Known::Many(sketch) => {
                bytes.push(SKETCHED);
                bytes.extend(sketch.serialize());
            }
        }
        bytes
    }

    /// `None` if nothing has written this.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (keyless, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let known = match *kind {
            LISTED => {
                let (tokens, rest) = rest.as_chunks();
                let mut tokens: Vec<u64> =
                    tokens.iter().map(|token| u64::from_le_bytes(*token)).collect();
                if !rest.is_empty() || tokens.len() > FEW {
                    return None;
                }
                tokens.sort_unstable();
                tokens.dedup();
                Known::Few(tokens)
            }
            SKETCHED => Known::Many(Box::new(read_sketch(rest)?)),
            _ => return None,
        };
        Some(Self { keyless: u64::from_le_bytes(*keyless), known })
    }
}

fn sketch(tokens: &[u64]) -> HllSketch {
    let mut sketch = HllSketch::new(LG_K, HllType::Hll4).expect("a size that there is");
    tokens.iter().for_each(|token| sketch.update(*token));
    sketch
}

/// Bytes that others have written may be a sketch that breaks only when it is used.
fn read_sketch(bytes: &[u8]) -> Option<HllSketch> {
    let sketch =
        HllSketch::deserialize(bytes).ok().filter(|sketch| sketch.lg_config_k() == LG_K)?;
    let used = catch_unwind(AssertUnwindSafe(|| {
        let mut all = HllUnion::new(LG_K).expect("a size that there is");
        all.update(&sketch);
        all.to_sketch(HllType::Hll4).estimate()
    }));
    used.ok().filter(|estimate| estimate.is_finite()).map(|_| sketch)
}

const LISTED: u8 = 0;
const SKETCHED: u8 = 1;

/// No token: what is logged may last longer than its day.
impl<const FEW: usize> fmt::Debug for Distinct<FEW> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Distinct({})", self.count())
    }
}

/// They are the same people as far as can be told: of many, that they are as many.
impl<const FEW: usize> PartialEq for Distinct<FEW> {
    fn eq(&self, other: &Self) -> bool {
        let are_known = match (&self.known, &other.known) {
            (Known::Few(tokens), Known::Few(others)) => tokens == others,
            (Known::Many(sketch), Known::Many(other)) => sketch.estimate() == other.estimate(),
            _ => false,
        };
        are_known && self.keyless == other.keyless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers as a hash gives them.
    fn tokens(range: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
        range.map(|n| {
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(31)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        })
    }

    fn of(range: std::ops::Range<u64>) -> Distinct {
        let mut people = Distinct::default();
        tokens(range).for_each(|token| people.see(Some(token)));
        people
    }

    fn is_near(count: u64, truth: u64, percent: f64) {
        let off = count.abs_diff(truth) as f64 / truth as f64 * 100.0;
        assert!(off <= percent, "{count} for {truth}: off by {off} %");
    }

    #[test]
    fn who_comes_twice_is_one_and_few_are_exact() {
        let mut people = of(0..256);
        assert_eq!(people.count(), 256);
        tokens(0..256).for_each(|token| people.see(Some(token)));
        assert_eq!(people.count(), 256);
        (0..3).for_each(|_| people.see(None));
        assert_eq!(people.count(), 259);
    }

    #[test]
    fn many_are_told_within_two_percent() {
        let mut people = <Distinct>::default();
        let mut seen = 0;
        for until in [257, 500, 1_000, 5_000, 20_000, 100_000, 1_000_000] {
            tokens(seen..until).for_each(|token| people.see(Some(token)));
            seen = until;
            is_near(people.count(), until, 2.0);
        }
        let before = people.count();
        tokens(0..100_000).for_each(|token| people.see(Some(token)));
        assert_eq!(people.count(), before, "they had come before");
        assert!(people.write().len() < 9_000, "{}", people.write().len());
    }

    #[test]
    fn who_came_elsewhere_is_counted_once() {
        for (one, other, both) in [
            (0..100, 50..150, 150),
            (0..200, 100..400, 400),
            (0..5_000, 4_900..5_000, 5_000),
            (4_900..5_000, 0..5_000, 5_000),
            (0..60_000, 30_000..90_000, 90_000),
        ] {
            let mut people = of(one);
            people.see(None);
            let mut others = of(other);
            others.see(None);
            people.add(&others);
            is_near(people.count(), both + 2, 2.5);
        }
    }

    #[test]
    fn what_is_written_is_read_and_goes_on() {
        for size in [0, 7, 256, 257, 40_000] {
            let mut people = of(0..size);
            people.see(None);
            let mut read = <Distinct>::read(&people.write()).unwrap();
            assert_eq!(read, people);
            let more = |people: &mut Distinct| {
                tokens(0..size + 100).for_each(|token| people.see(Some(token)));
                people.count()
            };
            assert_eq!(more(&mut read), more(&mut people), "{size}");
        }
    }

    #[test]
    fn what_nothing_has_written_is_not_read() {
        let sound = of(0..9).write();
        assert!(<Distinct>::read(&sound).is_some());
        let sketch = of(0..9_000).write();
        let rough = HllSketch::new(4, HllType::Hll4).unwrap().serialize();
        let rough = [&sketch[..9], &rough].concat();
        assert!(<Distinct>::read(&sketch).is_some() && <Distinct>::read(&rough).is_none());
        for bytes in
            [&[][..], &sound[..8], &sound[..sound.len() - 1], &sketch[..60], &[9; 9], &[1; 40]]
        {
            assert!(<Distinct>::read(bytes).is_none(), "{bytes:?}");
        }
    }
}
