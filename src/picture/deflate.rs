//! Deflate (RFC 1951) for small pictures that are sent often: nearly the shortest that there is.
//!
//! A picture is written as literals and copies of what came before. A usual encoder takes the longest copy
//! wherever it stands. Here every position has its cheapest way from the beginning, by what symbols cost; and
//! what is used then says what they cost in the next round.

use crate::picture::huffman::{Bits, Code};

const SHORTEST: usize = 3;
const LONGEST: usize = 258;
const WINDOW: usize = 32 * 1024;
/// A copy that is so long is taken whole. All of its lengths would take more time, and save nothing.
const NICE: usize = 40;
/// So many copies are looked at for each position.
const DEPTH: usize = 64;
const ROUNDS: usize = 3;
const HASH_BITS: u32 = 12;
const NONE: u32 = u32::MAX;
/// The symbol of the end: literals are below, lengths above.
const END: usize = 256;
/// The first length of each symbol, and how many more bits say which it is: section 3.2.5.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// In which order lengths of codes for lengths of codes are written: section 3.2.7.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// So many bytes from so far back; a length of 1 is a literal.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    length: u16,
    distance: u16,
}

/// As a zlib stream (RFC 1950). Rows of the picture have this many bytes: most are like the one above.
pub(crate) fn zlib(data: &[u8], row: usize) -> Vec<u8> {
    let copies = Copies::within(data, row);
    let mut costs = Costs::guessed(data);
    let (mut steps, mut uses) = (Vec::new(), Uses::default());
    for _ in 0..ROUNDS {
        steps = cheapest(data, &copies, &costs);
        uses = Uses::of(data, &steps);
        costs = Costs::by(&uses);
    }
    let mut out = Bits::after(vec![0x78, 0xDA]);
    put_block(&mut out, data, &steps, &uses);
    let mut zlib = out.finish();
    zlib.extend(adler32(data).to_be_bytes());
    zlib
}

/// What can be copied to each position: from short and near to long and far.
struct Copies {
    all: Vec<Step>,
    /// Where those of each position end.
    ends: Vec<u32>,
}

impl Copies {
    fn within(data: &[u8], row: usize) -> Self {
        let mut copies = Self { all: Vec::new(), ends: Vec::with_capacity(data.len()) };
        // Where the same three bytes stood last, and where they did before that.
        let mut newest = vec![NONE; 1 << HASH_BITS];
        let mut before = vec![NONE; data.len()];
        let (mut long_until, mut long_distance) = (0, 0);
        for at in 0..data.len() {
            let place = data[at..].first_chunk().map(|next| hash(*next));
            if at < long_until {
                // Reached by nobody, or on the way out of a longer copy.
                let length = (long_until - at) as u16;
                if usize::from(length) >= SHORTEST {
                    copies.all.push(Step { length, distance: long_distance });
                }
            } else if let Some(place) = place {
                let longest = copies.search(data, at, newest[place], &before, row);
                if usize::from(longest.length) >= NICE {
                    long_until = at + usize::from(longest.length);
                    long_distance = longest.distance;
                }
            }
            copies.ends.push(copies.all.len() as u32);
            if let Some(place) = place
                && !is_inside_a_run(data, at)
            {
                before[at] = newest[place];
                newest[place] = at as u32;
            }
        }
        copies
    }

    /// Returns the longest one.
    fn search(
        &mut self,
        data: &[u8],
        at: usize,
        mut chained: u32,
        before: &[u32],
        row: usize,
    ) -> Step {
        let most = (data.len() - at).min(LONGEST);
        let mut best = Step { length: SHORTEST as u16 - 1, distance: 0 };
        // Runs, and rows above. What leans is moved by one.
        let mut rows = [1, row.saturating_sub(1).max(1), row, row + 1, 2 * row, 3 * row];
        rows.sort_unstable();
        let mut rows = rows.into_iter().peekable();
        for _ in 0..DEPTH {
            let from_chain = if chained == NONE { usize::MAX } else { at - chained as usize };
            let back = rows.peek().map_or(from_chain, |row| from_chain.min(*row));
            let longest = usize::from(best.length);
            if longest >= most || back > at.min(WINDOW) {
                break;
            }
            if from_chain == back {
                chained = before[at - back];
            }
            while rows.next_if_eq(&back).is_some() {}
            if data[at - back + longest] == data[at + longest] {
                let length = alike(&data[at - back..], &data[at..at + most]);
                if length > longest {
                    best = Step { length: length as u16, distance: back as u16 };
                    self.all.push(best);
                }
            }
        }
        best
    }

    fn at(&self, at: usize) -> &[Step] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.all[start as usize..self.ends[at] as usize]
    }
}

fn hash([a, b, c]: [u8; SHORTEST]) -> usize {
    (u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

/// There are so many places within runs that nothing else would be found; their ends are enough.
fn is_inside_a_run(data: &[u8], at: usize) -> bool {
    let around = at.checked_sub(1).and_then(|before| data.get(before..at + 4));
    around.is_some_and(|around| around.iter().all(|byte| *byte == data[at]))
}

/// How many bytes are the same at the beginning.
fn alike(old: &[u8], new: &[u8]) -> usize {
    let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let mut length = 0;
    for (old, new) in old.chunks_exact(8).zip(new.chunks_exact(8)) {
        let other = word(old) ^ word(new);
        if other != 0 {
            return length + other.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let left = old[length..].iter().zip(&new[length..]);
    length + left.take_while(|(old, new)| old == new).count()
}

/// How often each symbol is used.
struct Uses {
    symbols: [u32; END + 1 + LENGTHS.len()],
    distances: [u32; 30],
}

impl Default for Uses {
    fn default() -> Self {
        Self { symbols: [0; _], distances: [0; _] }
    }
}

impl Uses {
    fn of(data: &[u8], steps: &[Step]) -> Self {
        let mut uses = Self::default();
        let mut at = 0;
        for step in steps {
            if step.length == 1 {
                uses.symbols[usize::from(data[at])] += 1;
            } else {
                uses.symbols[END + 1 + length_symbol(step.length)] += 1;
                uses.distances[distance_symbol(step.distance)] += 1;
            }
            at += usize::from(step.length);
        }
        uses.symbols[END] = 1;
        uses
    }
}

/// In bits.
struct Costs {
    literals: [f32; 256],
    lengths: [f32; LONGEST + 1],
    distances: [f32; 30],
}

impl Costs {
    /// Of bytes that are many, most will be copied.
    fn guessed(data: &[u8]) -> Self {
        let mut uses = Uses::default();
        data.iter().for_each(|byte| uses.symbols[usize::from(*byte)] += 1);
        uses.symbols.iter_mut().for_each(|used| *used = used.isqrt());
        let literals: u32 = uses.symbols.iter().sum();
        uses.symbols[END + 1..].fill(literals.div_ceil(64));
        uses.distances.fill(1);
        Self::by(&uses)
    }

    fn by(uses: &Uses) -> Self {
        let (symbols, distances) = (bits(&uses.symbols), bits(&uses.distances));
        let mut costs =
            Self { literals: [0.0; _], lengths: [f32::INFINITY; _], distances: [0.0; _] };
        costs.literals.copy_from_slice(&symbols[..END]);
        for (length, cost) in costs.lengths.iter_mut().enumerate().skip(SHORTEST) {
            let symbol = length_symbol(length as u16);
            *cost = symbols[END + 1 + symbol] + f32::from(LENGTHS[symbol].1);
        }
        for (symbol, cost) in costs.distances.iter_mut().enumerate() {
            *cost = distances[symbol] + f32::from(distance_bits(symbol));
        }
        costs
    }
}

fn bits(uses: &[u32]) -> Vec<f32> {
    let all = (uses.iter().sum::<u32>().max(1) as f32).log2();
    let bits = |used: &u32| if *used == 0 { all + 1.0 } else { all - (*used as f32).log2() };
    uses.iter().map(bits).collect()
}

fn length_symbol(length: u16) -> usize {
    LENGTHS.partition_point(|(first, _)| *first <= length) - 1
}

fn distance_symbol(distance: u16) -> usize {
    let less = usize::from(distance) - 1;
    if less < 4 {
        return less;
    }
    let bits = less.ilog2();
    2 * bits as usize + (less >> (bits - 1) & 1)
}

fn distance_bits(symbol: usize) -> u8 {
    (symbol as u8 / 2).saturating_sub(1)
}

fn first_distance(symbol: usize) -> usize {
    if symbol < 4 { symbol + 1 } else { ((2 + symbol % 2) << distance_bits(symbol)) + 1 }
}

/// The cheapest way from the beginning to the end.
fn cheapest(data: &[u8], copies: &Copies, costs: &Costs) -> Vec<Step> {
    // What each position costs, and the last step there.
    let mut ways = vec![(f32::INFINITY, Step::default()); data.len() + 1];
    ways[0].0 = 0.0;
    for at in 0..data.len() {
        let here = ways[at].0;
        if here == f32::INFINITY {
            continue;
        }
        let mut go = |step: Step, cost: f32| {
            let there = &mut ways[at + usize::from(step.length)];
            if here + cost < there.0 {
                *there = (here + cost, step);
            }
        };
        let copies = copies.at(at);
        if copies.last().is_none_or(|longest| usize::from(longest.length) < NICE) {
            let literal = Step { length: 1, distance: 0 };
            go(literal, costs.literals[usize::from(data[at])]);
        }
        let mut from = SHORTEST as u16;
        for copy in copies {
            let far = costs.distances[distance_symbol(copy.distance)];
            let is_nice = usize::from(copy.length) >= NICE;
            for length in if is_nice { copy.length } else { from }..=copy.length {
                go(Step { length, ..*copy }, costs.lengths[usize::from(length)] + far);
            }
            from = copy.length + 1;
        }
    }
    let mut steps = Vec::new();
    let mut at = data.len();
    while at > 0 {
        steps.push(ways[at].1);
        at -= usize::from(ways[at].1.length);
    }
    steps.reverse();
    steps
}

/// All of it as one block, which is the last.
fn put_block(out: &mut Bits, data: &[u8], steps: &[Step], uses: &Uses) {
    let mut distances = uses.distances;
    // Less than two codes are a special case, and not in every decoder.
    distances[..2].iter_mut().for_each(|used| *used = (*used).max(1));
    let (symbols, distances) = (Code::of(&uses.symbols, 15), Code::of(&distances, 15));
    put_codes(out, &symbols, &distances);
    let mut at = 0;
    for step in steps {
        if step.length == 1 {
            symbols.put(out, data[at].into());
        } else {
            let symbol = length_symbol(step.length);
            let (first, bits) = LENGTHS[symbol];
            symbols.put(out, END + 1 + symbol);
            out.put(usize::from(step.length - first), bits);
            let symbol = distance_symbol(step.distance);
            distances.put(out, symbol);
            let more = usize::from(step.distance) - first_distance(symbol);
            out.put(more, distance_bits(symbol));
        }
        at += usize::from(step.length);
    }
    symbols.put(out, END);
}

/// The block's head, and the codes as lengths of theirs, which are themselves in a code.
fn put_codes(out: &mut Bits, symbols: &Code, distances: &Code) {
    let (symbols, distances) = (symbols.used_lengths(), distances.used_lengths());
    let runs = runs(&[symbols, distances].concat());
    let mut uses = [0; ORDER.len()];
    runs.iter().for_each(|(symbol, ..)| uses[*symbol] += 1);
    let code = Code::of(&uses, 7);
    let sent = ORDER.iter().rposition(|symbol| code.lengths()[*symbol] > 0).map_or(4, |at| at + 1);
    let sent = sent.max(4);
    out.put(0b101, 3); // the last block, with codes of its own
    out.put(symbols.len() - END - 1, 5);
    out.put(distances.len() - 1, 5);
    out.put(sent - 4, 4);
    ORDER[..sent].iter().for_each(|symbol| out.put(code.lengths()[*symbol].into(), 3));
    for (symbol, more, bits) in runs {
        code.put(out, symbol);
        out.put(more, bits);
    }
}

/// Symbols with what follows them, and in how many bits: section 3.2.7.
fn runs(lengths: &[u8]) -> Vec<(usize, usize, u8)> {
    let mut runs = Vec::new();
    for run in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (run[0], run.len());
        if length > 0 {
            runs.push((length.into(), 0, 0));
            left -= 1;
        }
        while left > 0 {
            let (symbol, taken, least, bits) = match (length, left) {
                (0, 11..) => (18, left.min(138), 11, 7),
                (0, 3..) => (17, left, 3, 3),
                (1.., 3..) => (16, left.min(6), 3, 2),
                _ => (length.into(), 1, 1, 0),
            };
            runs.push((symbol, taken - least, bits));
            left -= taken;
        }
    }
    runs
}

/// RFC 1950, section 8.2.
fn adler32(data: &[u8]) -> u32 {
    const PRIME: u32 = 65_521;
    /// So many bytes can be added before it is too much for 32 bits.
    const AT_ONCE: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for chunk in data.chunks(AT_ONCE) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= PRIME;
        b %= PRIME;
    }
    b << 16 | a
}
