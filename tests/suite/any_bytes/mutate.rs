//! Bytes that are nearly those of a corpus.

use fastrand::Rng;

/// What breaks things, or means something somewhere.
const WORDS: &str = "<|>|&|\"|'|{{|}}|{%|%}|{#|#}|]]>|<![CDATA[|<!--|-->|<?|&#0;|&#x10FFFF;|%00|%2F|%C0%AF|\
    \\|;|,|=|\"\\\"|for=|[::1]|[|:|0|-1|1e308|NaN|99999999999999999999|\u{0}|\u{7f}|\u{85}|\u{202e}|\u{fffe}|\
    \u{10ffff}|e\u{301}|\n|\r\n| |format=svg|format=json|stream|still|scale=4|theme=dark|view=|label=|image/|\
    */*|q=0|empty|no-cors|Firefox/1|<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">|</svg>|\
    <g>|<text>|<use href=\"#a\"/>|<filter id=\"a\">|{% for i in range(9) %}|{% endfor %}|{% if visitors > 3 %}|\
    {% endif %}|{% macro m(x) %}{{ m(x) }}{% endmacro %}|{{ visitors }}|{{ params.room }}|{{ query.label }}|\
    null|[[[[|{\"a\":|@|sid=";
const MOST_BYTES: usize = 8192;

pub(crate) struct Mutator {
    random: Rng,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    /// Makes the same of the same seed and corpus.
    pub(crate) fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        Self { random: Rng::with_seed(seed), corpus }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut bytes = self.one();
        for _ in 0..self.random.usize(1..8) {
            self.change(&mut bytes);
        }
        bytes.truncate(MOST_BYTES);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (start, end) = self.span(bytes.len());
        match self.random.u8(0..7) {
            0 => drop(bytes.drain(start..end)),
            1 => {
                let word = self.word();
                bytes.splice(start..start, word.bytes());
            }
            2 => {
                let word = self.word();
                bytes.splice(start..end, word.bytes());
            }
            3 => {
                let times = self.random.usize(1..64);
                let again =
                    bytes[start..end].repeat(times.min(1 + MOST_BYTES / bytes.len().max(1)));
                bytes.splice(end..end, again);
            }
            4 => {
                let other = self.one();
                let (from, to) = self.span(other.len());
                bytes.splice(start..end, other[from..to].iter().copied());
            }
            5 => bytes.insert(start, self.random.u8(..)),
            _ => {
                if let Some(byte) = bytes.get_mut(start) {
                    *byte ^= 1 << self.random.u8(0..8);
                }
            }
        }
    }

    fn word(&mut self) -> &'static str {
        let words: Vec<_> = WORDS.split('|').collect();
        self.random.choice(words).unwrap_or_default()
    }

    fn one(&mut self) -> Vec<u8> {
        self.random.choice(&self.corpus).cloned().unwrap_or_default()
    }

    fn span(&mut self, length: usize) -> (usize, usize) {
        let start = self.random.usize(0..=length);
        // Most often a short one.
        let most = if self.random.bool() { 8 } else { length };
        (start, (start + self.random.usize(0..=most)).min(length))
    }
}
