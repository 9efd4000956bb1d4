//! Somebody's name as a picture shows it: its initials, and a colour of its own.

use std::hash::Hasher;

use minijinja::context;
use minijinja::value::Value;
use siphasher::sip::SipHasher24;
use unicode_segmentation::UnicodeSegmentation;

use crate::presence::people::{People, Someone};
use crate::request::name::is_emoji;

/// The slot that holds names.
pub(crate) const PEOPLE: &str = "people";

/// White can be read on each of these: the contrast is 4.5 to 1 or more. Their order is a promise: a name
/// keeps its colour in every release.
const COLORS: [&str; 12] = [
    "#c62828", "#ad1457", "#8e24aa", "#5e35b1", "#3949ab", "#1565c0", "#00696b", "#2e7d32",
    "#4e6e1e", "#a84300", "#6d4c41", "#455a64",
];

/// The first of them, at most so many.
pub(crate) fn list(people: &People, max: usize) -> Value {
    let someone = |Someone { name, since }: &Someone| {
        let name = name.as_str();
        let (initials, color) = (initials(name), color(name));
        context! { name, initials, color, since => since.as_secs() }
    };
    people.first.iter().take(max).map(someone).collect()
}

/// The first letters of the first and the last word, as capitals; an emoji is a letter.
fn initials(name: &str) -> String {
    let mut words = name.split(' ').filter_map(initial);
    let first = words.next().unwrap_or_default();
    let last = words.next_back().unwrap_or_default();
    first + &last
}

/// Of a word without any letter it is whatever it begins with.
fn initial(word: &str) -> Option<String> {
    let is_letter = |seen: &&str| seen.chars().any(|c| c.is_alphanumeric() || is_emoji(c));
    let seen = word.graphemes(true).find(is_letter).or_else(|| word.graphemes(true).next())?;
    let capital = seen.to_uppercase();
    // Not so those whose capital is two letters: ß.
    let is_one = capital.graphemes(true).count() == 1;
    Some(if is_one { capital } else { seen.to_owned() })
}

/// Always the same for a name: by a hash that is the same in every process and in every release of Rust.
fn color(name: &str) -> &'static str {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    hasher.write(name.as_bytes());
    COLORS[(hasher.finish() % COLORS.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::request::name::Name;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, expected) in [
            ("Anna", "A"),
            ("anna berg", "AB"),
            ("Anna Maria von Berg", "AB"),
            ("élodie d'Été", "ÉD"),
            ("e\u{301}lodie", "E\u{301}"),
            ("(Ben) 2nd", "B2"),
            ("… !", "…!"),
            ("ßen", "ß"),
            ("ǆ", "Ǆ"),
            ("王小明", "王"),
            ("עברית שם", "עש"),
            ("क्षत्रिय", "क्ष"),
            ("🦊", "🦊"),
            ("👩🏽\u{200D}💻", "👩🏽\u{200D}💻"),
            ("🦊 anna", "🦊A"),
            ("🇦🇶🇦🇶", "🇦🇶"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn white_can_be_read_on_every_colour() {
        /// Of W3C's "Web Content Accessibility Guidelines 2.2".
        fn luminance(css: &str) -> f64 {
            let channel = |at: usize| {
                let value = u8::from_str_radix(&css[at..at + 2], 16).unwrap();
                let value = f64::from(value) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        }
        for color in COLORS {
            let contrast = 1.05 / (luminance(color) + 0.05);
            assert!(contrast >= 4.5, "{color}: {contrast}");
        }
    }

    /// Whoever changes this changes everybody's colour.
    #[test]
    fn a_name_has_its_colour_for_ever() {
        let colors = ["Anna", "Ben", "王小明", "Carl", "Dora"].map(color);
        assert_eq!(colors, ["#5e35b1", "#3949ab", "#3949ab", "#8e24aa", "#ad1457"]);
        let used: std::collections::HashSet<_> =
            (0..200).map(|number| color(&number.to_string())).collect();
        assert_eq!(used.len(), COLORS.len());
    }

    #[test]
    fn a_list_has_so_many_of_the_first() {
        let someone =
            |name| Someone { name: Name::of(name).unwrap(), since: Duration::from_secs(9) };
        let people = People { first: ["Anna Berg", "Ben"].map(someone).into(), count: 7 };
        let said = |max| list(&people, max).to_string();
        assert_eq!((said(0), said(2) == said(9)), ("[]".into(), true));
        let anna = list(&people, 1).get_item_by_index(0).unwrap();
        let [name, initials, since] =
            ["name", "initials", "since"].map(|field| anna.get_attr(field).unwrap().to_string());
        assert_eq!((&*name, &*initials, &*since), ("Anna Berg", "AB", "9"));
    }
}
