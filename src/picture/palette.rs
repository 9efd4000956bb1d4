//! Pictures of few colours: each pixel becomes a number, and each number a colour.

use std::cmp::Reverse;

use resvg::tiny_skia::PremultipliedColorU8;

/// What a byte can tell apart.
const MOST: usize = 256;
/// More than twice as many, so that places are found at once.
const PLACES: usize = 1024;
/// A palette is not compressed: with fewer pixels for each colour it costs more than it saves ("flat" and
/// "plastic" at scale 1).
const LEAST_PIXELS_EACH: usize = 10;

/// What is in a palette, and which of its colours each pixel has.
pub(crate) struct Indexed {
    /// Not multiplied by their alpha. Those that let something through come first.
    pub(crate) colors: Vec<[u8; 4]>,
    pub(crate) pixels: Vec<u8>,
}

impl Indexed {
    /// `None` if there are too many colours, or too few pixels.
    pub(crate) fn of(pixels: &[PremultipliedColorU8]) -> Option<Self> {
        let mut numbers = Numbers::new();
        let numbered = pixels.iter().map(|pixel| numbers.of(*pixel));
        let mut pixels = numbered.collect::<Option<Vec<u8>>>()?;
        if pixels.len() < LEAST_PIXELS_EACH * numbers.seen.len() {
            return None;
        }
        // First those with alpha, which is stored up to the last of them; then those that are often used.
        let mut order: Vec<usize> = (0..numbers.seen.len()).collect();
        order.sort_by_key(|number| {
            let (color, uses) = numbers.seen[*number];
            (color.alpha() == u8::MAX, Reverse(uses))
        });
        let mut renumbered = [0; MOST];
        (0..=u8::MAX).zip(&order).for_each(|(new, old)| renumbered[*old] = new);
        pixels.iter_mut().for_each(|pixel| *pixel = renumbered[usize::from(*pixel)]);
        let color = |number: &usize| {
            let color = numbers.seen[*number].0.demultiply();
            [color.red(), color.green(), color.blue(), color.alpha()]
        };
        let colors = order.iter().map(color).collect();
        Some(Self { colors, pixels })
    }
}

/// Colours in the order in which they came, and how often.
struct Numbers {
    seen: Vec<(PremultipliedColorU8, u32)>,
    /// Numbers of colours, by hash.
    places: [Option<u8>; PLACES],
    last: u8,
}

impl Numbers {
    fn new() -> Self {
        Self { seen: Vec::new(), places: [None; PLACES], last: 0 }
    }

    /// The number of this colour; `None` if it is one too many.
    fn of(&mut self, color: PremultipliedColorU8) -> Option<u8> {
        // Most pixels are as the one before.
        if let Some((last, uses)) = self.seen.get_mut(usize::from(self.last))
            && *last == color
        {
            *uses += 1;
            return Some(self.last);
        }
        let bytes = [color.red(), color.green(), color.blue(), color.alpha()];
        let hash = u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1);
        let mut place = (hash >> 22) as usize;
        let number = loop {
            let Some(number) = self.places[place] else {
                let number = u8::try_from(self.seen.len()).ok()?;
                self.seen.push((color, 0));
                self.places[place] = Some(number);
                break number;
            };
            if self.seen[usize::from(number)].0 == color {
                break number;
            }
            place = (place + 1) % PLACES;
        };
        self.seen[usize::from(number)].1 += 1;
        self.last = number;
        Some(number)
    }
}
