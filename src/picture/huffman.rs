//! Prefix codes by how often their symbols are used (RFC 1951, section 3.2.2), and bits.

/// A code for each symbol that is used.
pub(crate) struct Code {
    lengths: Vec<u8>,
    codes: Vec<u16>,
}

/// Bits in a row, the lowest of each byte first.
pub(crate) struct Bits {
    out: Vec<u8>,
    pending: u64,
    count: u8,
}

impl Code {
    /// The best one whose codes have at most this many bits, or nearly so; at most 15.
    pub(crate) fn of(uses: &[u32], limit: u8) -> Self {
        let mut uses = uses.to_vec();
        let lengths = loop {
            let lengths = depths(&uses);
            if lengths.iter().all(|length| *length <= limit) {
                break lengths;
            }
            // The more they are alike, the less deep it is.
            uses.iter_mut().for_each(|used| *used = used.div_ceil(2));
        };
        let mut next = [0_u16; 16];
        for bits in 1..next.len() {
            let shorter = lengths.iter().filter(|length| usize::from(**length) == bits - 1);
            let count = if bits == 1 { 0 } else { shorter.count() as u16 };
            next[bits] = (next[bits - 1] + count) << 1;
        }
        let code = |length: &u8| {
            let next = &mut next[usize::from(*length)];
            let code = next.reverse_bits().checked_shr(16 - u32::from(*length)).unwrap_or(0);
            *next = next.wrapping_add(1);
            code
        };
        let codes = lengths.iter().map(code).collect();
        Self { lengths, codes }
    }

    pub(crate) fn lengths(&self) -> &[u8] {
        &self.lengths
    }

    /// Without those of the symbols at the end that are not used.
    pub(crate) fn used_lengths(&self) -> &[u8] {
        let last = self.lengths.iter().rposition(|length| *length > 0);
        &self.lengths[..last.map_or(0, |last| last + 1)]
    }

    pub(crate) fn put(&self, out: &mut Bits, symbol: usize) {
        out.put(self.codes[symbol].into(), self.lengths[symbol]);
    }
}

/// How deep each symbol is in Huffman's tree.
fn depths(uses: &[u32]) -> Vec<u8> {
    let mut leaves: Vec<usize> = (0..uses.len()).filter(|symbol| uses[*symbol] > 0).collect();
    leaves.sort_by_key(|symbol| uses[*symbol]);
    let mut depths = vec![0; uses.len()];
    if let [only] = leaves[..] {
        depths[only] = 1;
        return depths;
    }
    // Leaves first, then what joins two, which is made from light to heavy as well.
    let mut weights: Vec<u32> = leaves.iter().map(|symbol| uses[*symbol]).collect();
    let mut parents = vec![0; (2 * leaves.len()).saturating_sub(1)];
    let (mut leaf, mut joint) = (0, leaves.len());
    for node in leaves.len()..parents.len() {
        let mut weight = 0;
        for _ in 0..2 {
            let is_leaf = leaf < leaves.len()
                && weights.get(joint).is_none_or(|joint| weights[leaf] <= *joint);
            let lightest = if is_leaf { &mut leaf } else { &mut joint };
            weight += weights[*lightest];
            parents[*lightest] = node;
            *lightest += 1;
        }
        weights.push(weight);
    }
    let mut below = vec![0_u8; parents.len()];
    for node in (0..parents.len().saturating_sub(1)).rev() {
        below[node] = below[parents[node]].saturating_add(1);
    }
    leaves.iter().zip(below).for_each(|(symbol, depth)| depths[*symbol] = depth);
    depths
}

impl Bits {
    /// What follows these bytes.
    pub(crate) fn after(out: Vec<u8>) -> Self {
        Self { out, pending: 0, count: 0 }
    }

    /// At most 16 of them.
    pub(crate) fn put(&mut self, bits: usize, count: u8) {
        self.pending |= (bits as u64) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push(self.pending as u8);
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_longer_than_it_may_be() {
        let mut fibonacci = [1_u32; 30];
        (2..30).for_each(|nth| fibonacci[nth] = fibonacci[nth - 1] + fibonacci[nth - 2]);
        for limit in [7, 15] {
            let code = Code::of(&fibonacci, limit);
            assert!(code.lengths().iter().all(|length| (1..=limit).contains(length)));
            let taken: u32 = code.lengths().iter().map(|length| 1 << (15 - length)).sum();
            assert_eq!(taken, 1 << 15, "a code without gaps");
        }
    }
}
