//! Colours by their names, and the ink that can be read on them.

use std::str::FromStr;

/// An opaque colour of CSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// What shields.io calls its colours: softer ones than CSS has by the same names.
const SHIELDS: [(&str, Color); 17] = [
    ("brightgreen", Color::new(0x44, 0xcc, 0x11)),
    ("success", Color::new(0x44, 0xcc, 0x11)),
    ("green", Color::new(0x97, 0xca, 0x00)),
    ("yellowgreen", Color::new(0xa4, 0xa6, 0x1d)),
    ("yellow", Color::new(0xdf, 0xb3, 0x17)),
    ("orange", Color::new(0xfe, 0x7d, 0x37)),
    ("important", Color::new(0xfe, 0x7d, 0x37)),
    ("red", Color::new(0xe0, 0x5d, 0x44)),
    ("critical", Color::new(0xe0, 0x5d, 0x44)),
    ("blue", Color::new(0x00, 0x7e, 0xc6)),
    ("informational", Color::new(0x00, 0x7e, 0xc6)),
    ("grey", Color::LABEL),
    ("gray", Color::LABEL),
    ("lightgrey", Color::UNKNOWN),
    ("lightgray", Color::UNKNOWN),
    ("inactive", Color::UNKNOWN),
    ("blueviolet", Color::new(0x8a, 0x2b, 0xe2)),
];

impl Color {
    pub(crate) const LABEL: Self = Self::new(0x55, 0x55, 0x55);
    pub(crate) const UNKNOWN: Self = Self::new(0x9f, 0x9f, 0x9f);

    const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let named = SHIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let parse = || {
            let color = svgtypes::Color::from_str(text).ok().filter(|color| color.alpha == 255)?;
            Some(Self::new(color.red, color.green, color.blue))
        };
        named.map(|(_, color)| *color).or_else(parse)
    }

    pub(crate) fn css(self) -> String {
        let Self { red, green, blue } = self;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// What text on it is drawn in, and its shadow: dark on bright colours. The brightness is that
    /// of W3C's "Techniques For Accessibility Evaluation", and the limit that of shields.io.
    pub(crate) fn ink(self) -> (&'static str, &'static str) {
        let Self { red, green, blue } = self;
        let brightness = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
        if brightness <= 255_000 * 69 / 100 { ("#fff", "#010101") } else { ("#333", "#ccc") }
    }
}

/// Whether this is the data of an SVG path that draws something.
pub(crate) fn is_path(data: &str) -> bool {
    use svgtypes::PathSegment::{ClosePath, MoveTo};
    let Ok(segments) = svgtypes::PathParser::from(data).collect::<Result<Vec<_>, _>>() else {
        return false;
    };
    segments.iter().any(|segment| !matches!(segment, MoveTo { .. } | ClosePath { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_known_by_name_and_number() {
        for (text, css) in [
            ("brightgreen", "#44cc11"),
            ("Red", "#e05d44"),
            ("#4c1", "#44cc11"),
            (" #00ff7f ", "#00ff7f"),
            ("rgb(1, 2, 3)", "#010203"),
            ("steelblue", "#4682b4"),
        ] {
            assert_eq!(Color::parse(text).map(Color::css).as_deref(), Some(css), "{text}");
        }
        for text in
            ["", "transparent", "rgba(1, 2, 3, 0.5)", "blurple", "#12", "url(#a)", "\"/><script>"]
        {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ink_is_dark_on_bright_colours() {
        let ink = |text| Color::parse(text).unwrap().ink().0;
        assert_eq!((ink("#555"), ink("brightgreen"), ink("#fff")), ("#fff", "#fff", "#333"));
        assert_eq!((ink("black"), ink("#ffe066")), ("#fff", "#333"));
    }
}
