//! Kinds of characters, as far as fonts and layout care.

use unicode_script::{Script, UnicodeScript};

/// One character, one glyph, whatever stands beside it.
pub(crate) fn is_simple(c: char) -> bool {
    matches!(c,
        '\u{20}'..='\u{2FF}' | '\u{370}'..='\u{482}' | '\u{48A}'..='\u{58F}'
        | '\u{1E00}'..='\u{1FFF}' | '\u{2010}'..='\u{2027}' | '\u{202F}'..='\u{205E}'
        | '\u{2070}'..='\u{20CF}' | '\u{2100}'..='\u{2BFF}' | '\u{3000}'..='\u{3029}'
        | '\u{3030}'..='\u{3098}' | '\u{309B}'..='\u{312F}' | '\u{3190}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FF01}'..='\u{FF9D}')
}

/// Nothing is to be seen of it: joiners, variation selectors, tags, signs of direction.
pub(crate) fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

pub(crate) fn is_blank_char(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_ignorable(c)
}

pub(crate) fn is_blank(cluster: &str) -> bool {
    cluster.chars().all(is_blank_char)
}

/// What asks for a picture rather than a letter.
pub(crate) fn is_emoji_sign(c: char) -> bool {
    matches!(c, '\u{FE0F}' | '\u{200D}' | '\u{20E3}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Scripts whose letters are joined are not spaced (the list is resvg's).
pub(crate) fn is_spaced(c: char) -> bool {
    !matches!(
        c.script(),
        Script::Arabic
            | Script::Syriac
            | Script::Nko
            | Script::Manichaean
            | Script::Psalter_Pahlavi
            | Script::Mandaic
            | Script::Mongolian
            | Script::Phags_Pa
            | Script::Devanagari
            | Script::Bengali
            | Script::Gurmukhi
            | Script::Modi
            | Script::Sharada
            | Script::Syloti_Nagri
            | Script::Tirhuta
            | Script::Ogham
    )
}
