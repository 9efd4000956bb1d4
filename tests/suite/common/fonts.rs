//! Fonts for what DejaVu Sans has not: Debian's, which `tests/install` installs.

use std::fs;
use std::io::{Write, stderr};

/// Letters that combine: Devanagari.
pub(crate) const DEVANAGARI: &str = "lohit-devanagari/Lohit-Devanagari.ttf";
/// Chinese, Japanese and Korean.
pub(crate) const CJK: &str = "droid/DroidSansFallbackFull.ttf";
/// Emoji as bitmaps, in colour.
pub(crate) const COLOR_EMOJI: &str = "noto/NotoColorEmoji.ttf";
/// Emoji as outlines, in one colour. This one is always there.
pub(crate) const EMOJI: &str = "";

/// A font. In CI a missing one is a failure; elsewhere it is said aloud.
pub(crate) fn font(name: &str) -> Option<Vec<u8>> {
    if name == EMOJI {
        return Some(epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec());
    }
    let font = fs::read(format!("/usr/share/fonts/truetype/{name}")).ok();
    assert!(
        font.is_some() || std::env::var_os("CI").is_none(),
        "{name} is missing: run tests/install"
    );
    if font.is_none() {
        let _ = writeln!(stderr(), "LEFT OUT: the font {name} is missing (run tests/install)");
    }
    font
}

/// All of these, or none.
pub(crate) fn fonts(names: &[&str]) -> Option<Vec<Vec<u8>>> {
    names.iter().map(|name| font(name)).collect()
}
