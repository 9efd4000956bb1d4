//! A view of a page whose picture comes back by itself: what its URLs say.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::request::random::random;

/// In seconds: before that, a page that has just been made still asks for its first picture.
const YOUTH: u32 = 10;
/// Of the time and of the number, in hexadecimal digits.
const DIGITS: (usize, usize) = (8, 16);
const ASK: &str = ".ask";
const AGAIN: &str = ".again";

/// One view of an embed that reconnects, and what it wants now. On the wire: when it was drawn, a number that
/// nobody can guess, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// In seconds since 1970.
    drawn: u32,
    pub(crate) id: u64,
    pub(crate) turn: Turn,
}

/// What a view wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its first picture.
    First,
    /// To know whether its stream has been lost.
    Ask,
    /// Another stream.
    Again,
}

impl View {
    /// Of a page that is being made now.
    pub(crate) fn draw() -> Self {
        Self { drawn: now(), id: random(), turn: Turn::First }
    }

    pub(crate) fn with_turn(self, turn: Turn) -> Self {
        Self { turn, ..self }
    }

    /// Nothing else than what `Display` writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (digits, turn) = match text.split_at_checked(DIGITS.0 + DIGITS.1)? {
            (digits, "") => (digits, Turn::First),
            (digits, ASK) => (digits, Turn::Ask),
            (digits, AGAIN) => (digits, Turn::Again),
            _ => return None,
        };
        // A sign is no digit, but would be a number's.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let (drawn, id) = digits.split_at(DIGITS.0);
        let drawn = u32::from_str_radix(drawn, 16).ok()?;
        Some(Self { drawn, id: u64::from_str_radix(id, 16).ok()?, turn })
    }

    /// Whether its page is just being loaded. The clock of another server may be ahead.
    pub(crate) fn is_young(&self) -> bool {
        now().abs_diff(self.drawn) < YOUTH
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = match self.turn {
            Turn::First => "",
            Turn::Ask => ASK,
            Turn::Again => AGAIN,
        };
        write!(f, "{:08x}{:016x}{turn}", self.drawn, self.id)
    }
}

/// Until 2106.
fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for turn in [Turn::First, Turn::Ask, Turn::Again] {
            let view = View::draw().with_turn(turn);
            assert_eq!(View::parse(&view.to_string()), Some(view));
            assert!(view.is_young());
        }
        let old = View::parse("0000000a00000000000000ff.ask").unwrap();
        assert_eq!((old.drawn, old.id, old.turn), (10, 255, Turn::Ask));
        assert!(!old.is_young());
    }

    #[test]
    fn nothing_else_is_a_view() {
        for text in [
            "",
            "1",
            "00000000000000ff",
            "0000000a00000000000000ff.",
            "0000000a00000000000000ff.ASK",
            "0000000a00000000000000ff.ask.again",
            "+000000a00000000000000ff",
            "0000000a+0000000000000ff",
            "0000000a00000000000000fg",
            "0000000a00000000000000f\u{e9}",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(View::parse(text), None, "{text}");
        }
    }
}
