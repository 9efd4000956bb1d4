//! What somebody is called, as it may be shown: short, and without anything that is not to be seen.

use std::fmt;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

/// The most characters of a name, the `…` of a longer one included.
pub(crate) const MAX_NAME: usize = 32;
/// Of a longer text, the rest is not looked at.
const MOST_READ: usize = 1024;
/// The most characters that are seen as one letter or emoji: a kiss of two with their colours of skin has
/// ten. More would be drawn above each other.
const MOST_IN_ONE: usize = 10;
const JOINER: char = '\u{200D}';

/// What somebody is called. Never printed: its `Debug` form is redacted.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Name(Arc<str>);

impl Name {
    /// Of what an application says; a name of nothing is none.
    pub(crate) fn of(said: &str) -> Option<Self> {
        let name = clean(said);
        (!name.is_empty()).then(|| Self(name.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// For whoever keeps it from here on.
    pub(crate) fn into_inner(self) -> Arc<str> {
        self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

/// What an emoji begins with or is made of.
pub(crate) fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2194}'..='\u{21AA}' | '\u{231A}'..='\u{23FF}' | '\u{24C2}' | '\u{25AA}'..='\u{27BF}'
        | '\u{2934}' | '\u{2935}' | '\u{2B05}'..='\u{2B55}' | '\u{3030}' | '\u{303D}' | '\u{3297}'
        | '\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Whatever is taken out makes other neighbours, so it goes on until nothing is.
fn clean(said: &str) -> String {
    let mut name: String = said.chars().take(MOST_READ).collect();
    loop {
        let cleaner = cut(&without_bare_marks(&visible(&name)));
        if cleaner == name {
            return name;
        }
        name = cleaner;
    }
}

/// Without what is not to be seen, and with single blanks between words.
fn visible(name: &str) -> String {
    let mut visible = String::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let last = visible.chars().next_back();
        let follows_emoji = last.is_some_and(|last| is_emoji(last) || is_variation(last));
        let is_kept = match c {
            // They make one emoji of several, and choose how it looks. Elsewhere nothing is seen of them.
            JOINER => follows_emoji && chars.peek().is_some_and(|next| is_emoji(*next)),
            c if is_variation(c) => last.is_some_and(is_emoji),
            c if is_blank(c) => last.is_some_and(|last| last != ' '),
            c => !is_hidden(c),
        };
        if is_kept {
            visible.push(if is_blank(c) { ' ' } else { c });
        }
    }
    visible.truncate(visible.trim_end().len());
    visible
}

/// A mark without a letter would be drawn on what stands before the name.
fn without_bare_marks(name: &str) -> String {
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if format!("a{rest}").graphemes(true).next() == Some("a") {
            break;
        }
        rest = rest[first.len_utf8()..].trim_start();
    }
    rest.to_owned()
}

/// At most so many characters, cut between two letters if that can be.
fn cut(name: &str) -> String {
    let letters = name.graphemes(true).map(|letter| at_most(letter, MOST_IN_ONE));
    let narrow: String = letters.collect();
    if narrow.chars().count() <= MAX_NAME {
        return narrow;
    }
    let mut left = MAX_NAME - 1;
    let fit = narrow.graphemes(true).take_while(|letter| {
        let length = letter.chars().count();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    let fit: String = fit.collect();
    format!("{}…", fit.trim_end())
}

/// So many characters of one letter or emoji, without what then joins nothing.
fn at_most(letter: &str, chars: usize) -> &str {
    match letter.char_indices().nth(chars) {
        Some((end, _)) => letter[..end].trim_end_matches(JOINER),
        None => letter,
    }
}

/// Text or emoji, of those that look as both.
fn is_variation(c: char) -> bool {
    matches!(c, '\u{FE0E}' | '\u{FE0F}')
}

/// Looks like a space. Separators of lines and paragraphs are white space, too.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{115F}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{FFA0}')
}

/// Not to be seen, or able to turn what stands around it: control characters, signs of direction, joiners,
/// tags, selectors, fillers, and what XML can't hold.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}'
            | '\u{13430}'..='\u{1345F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D159}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(said: &str) -> Option<String> {
        Name::of(said).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn names_stay_what_they_are() {
        for name in [
            "Anna",
            "Anna Berg",
            "žluťoučký Ω",
            "Nguyễn Thị Ánh",
            "Nguye\u{302}\u{303}n",
            "О'Брайен <b>&amp;\"]]>{{ x }}",
            "王小明",
            "क्षत्रिय",
            "עברית",
            "محمد",
            "🦊",
            "👩🏽\u{200D}💻 Ada",
            "❤\u{FE0F}",
            "👨🏽\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👨🏽",
            "🇦🇶",
            "3",
        ] {
            assert_eq!(shown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_not_to_be_seen_is_taken_out() {
        for (said, name) in [
            ("  Anna \t\n Berg\u{A0}", "Anna Berg"),
            ("An\u{0}na\u{7F}\u{9B}", "Anna"),
            ("\u{202E}annA\u{202C}", "annA"),
            ("\u{2066}A\u{2069}\u{200E}B\u{200F}\u{61C}", "AB"),
            ("A\u{200B}n\u{200C}n\u{200D}a\u{2060}\u{FEFF}\u{AD}", "Anna"),
            ("Anna\u{2028}Ben\u{2029}Carl\u{85}", "Anna Ben Carl"),
            ("A\u{FE0F}\u{E0100}\u{FE00}", "A"),
            ("🦊\u{200D}", "🦊"),
            ("👩\u{200D}\u{200B}💻", "👩💻"),
            ("🏴\u{E0067}\u{E0062}\u{E007F}", "🏴"),
            ("\u{301}\u{302}Anna", "Anna"),
            (" \u{301} Anna", "Anna"),
            ("A\u{2800}\u{3164}B", "A B"),
            ("\u{FFFE}A\u{FFFF}", "A"),
        ] {
            assert_eq!(shown(said).as_deref(), Some(name), "{said:?}");
        }
    }

    #[test]
    fn a_name_of_nothing_is_none() {
        for said in
            ["", " ", "\u{200B}\u{2060}", "\u{3164}", "\u{2800}\n", "\u{301}", "\u{FE0F}\u{200D}"]
        {
            assert_eq!(shown(said), None, "{said:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_two_letters() {
        let name = shown(&"x".repeat(32)).unwrap();
        assert_eq!(name, "x".repeat(32));
        assert_eq!(shown(&"x".repeat(33)).unwrap(), "x".repeat(31) + "…");
        assert_eq!(shown(&"👩🏽\u{200D}💻".repeat(9)).unwrap(), "👩🏽\u{200D}💻".repeat(7) + "…");
        let blank_before_the_cut = "x".repeat(30) + " yy";
        assert_eq!(shown(&blank_before_the_cut).unwrap(), "x".repeat(30) + "…");
        // Marks above marks.
        let tall = shown(&("Z".to_owned() + &"\u{30D}".repeat(900) + "algo")).unwrap();
        assert_eq!(tall, "Z".to_owned() + &"\u{30D}".repeat(9) + "algo");
    }

    #[test]
    fn a_name_is_not_printed() {
        assert_eq!(format!("{:?}", Name::of("Anna")), "Some(Name(..))");
    }

    /// Some of what may be in no name.
    const NEVER: &str = "\0\n\t\u{85}\u{AD}\u{61C}\u{200B}\u{200C}\u{200E}\u{200F}\u{2028}\u{2029}\
        \u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{2800}\u{3164}\
        \u{FEFF}\u{FFFE}\u{E0067}\u{E0100}";

    /// Mostly characters that mean trouble.
    fn text() -> impl Strategy<Value = String> {
        let troubles: Vec<char> = "\0\t\n \u{85}\u{AD}\u{301}\u{30D}\u{34F}\u{61C}\u{E31}\u{94D}\u{915}\u{1100}\u{1161}\
            \u{200B}\u{200C}\u{200D}\u{200E}\u{202E}\u{2028}\u{2066}\u{2069}\u{2800}\u{3164}\u{FE0E}\u{FE0F}\u{FEFF}\
            \u{FFFE}\u{E0067}\u{E0100}❤👩🏽💻🇦🇶🏴#*1\u{20E3}aBß…אم<&"
            .chars()
            .collect();
        let char = prop_oneof![4 => prop::sample::select(troubles), 1 => any::<char>()];
        prop::collection::vec(char, 0..80).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn whatever_is_said_a_name_is_short_and_visible(said in text()) {
            let name = clean(&said);
            prop_assert_eq!(clean(&name), name.clone(), "clean is clean");
            prop_assert!(name.chars().count() <= MAX_NAME);
            prop_assert!(!name.chars().any(|c| c.is_control() || is_hidden(c) && c != JOINER && !is_variation(c)));
            prop_assert!(!name.chars().any(|c| is_blank(c) && c != ' '));
            prop_assert!(!name.contains(|c| NEVER.contains(c)));
            prop_assert!(!name.contains("  ") && name.trim() == name);
            for (at, _) in name.match_indices(JOINER) {
                let before = name[..at].chars().next_back();
                let after = name[at..].chars().nth(1);
                prop_assert!(before.is_some_and(|c| is_emoji(c) || is_variation(c)));
                prop_assert!(after.is_some_and(is_emoji));
            }
            prop_assert!(name.graphemes(true).all(|letter| letter.chars().count() <= MOST_IN_ONE));
        }
    }
}
