//! What of a value may get into a picture: no character that XML can't hold, and not too much.

use std::collections::BTreeMap;

use minijinja::value::{Value, ValueKind};

/// The most items of all lists and maps of one value together.
const MAX_ITEMS: usize = 10_000;
/// The most characters of all its strings together.
const MAX_CHARS: usize = 1_000_000;
/// The deepest nesting of its lists and maps.
const MAX_DEPTH: usize = 16;

/// The text without what XML can't hold, cut after so many characters.
///
/// What XML can't hold would lose the picture, and layout time grows with the square of a text's
/// length (resvg 0.49: 3,000 characters take 52 ms, 100,000 take 10 s).
pub(crate) fn clean(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars().filter(|c| is_xml(*c));
    let mut clean: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// Whether `clean` would return the same text.
pub(crate) fn is_clean(text: &str, max_chars: usize) -> bool {
    // As many bytes as characters allowed: no need to count.
    (text.len() <= max_chars || text.chars().count() <= max_chars) && text.chars().all(is_xml)
}

/// The text without what XML can't hold.
pub(crate) fn strip(text: String) -> String {
    if text.chars().all(is_xml) { text } else { text.chars().filter(|c| is_xml(*c)).collect() }
}

/// The same value with every string in it clean, however deep it is. What is too much of a list or
/// map is left out.
pub(crate) fn clean_value(value: &Value, max_chars: usize) -> Value {
    Cleaning { max_chars, items: MAX_ITEMS, chars: MAX_CHARS }.clean(value, 0)
}

/// What of a value may still come.
struct Cleaning {
    max_chars: usize,
    items: usize,
    chars: usize,
}

impl Cleaning {
    fn clean(&mut self, value: &Value, depth: usize) -> Value {
        match value.kind() {
            ValueKind::String => self.text(value.as_str().unwrap_or_default()),
            ValueKind::Bytes => self.text(&value.to_string()),
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if depth == MAX_DEPTH => {
                Value::from(())
            }
            ValueKind::Seq | ValueKind::Iterable => match value.try_iter() {
                Ok(items) => self.list(items, depth + 1),
                Err(_) => value.clone(),
            },
            ValueKind::Map => match value.try_iter() {
                Ok(keys) => self.map(value, keys, depth + 1),
                Err(_) => value.clone(),
            },
            _ => value.clone(),
        }
    }

    fn list(&mut self, items: impl Iterator<Item = Value>, depth: usize) -> Value {
        let mut clean = Vec::new();
        for item in items {
            if self.is_full() {
                break;
            }
            clean.push(self.clean(&item, depth));
        }
        Value::from(clean)
    }

    fn map(&mut self, map: &Value, keys: impl Iterator<Item = Value>, depth: usize) -> Value {
        let mut clean = BTreeMap::new();
        for key in keys {
            if self.is_full() {
                break;
            }
            if let Ok(value) = map.get_item(&key) {
                clean.insert(self.clean(&key, depth), self.clean(&value, depth));
            }
        }
        Value::from_pairs(clean)
    }

    /// Counts one item more.
    fn is_full(&mut self) -> bool {
        let is_full = self.items == 0 || self.chars == 0;
        self.items = self.items.saturating_sub(1);
        is_full
    }

    fn text(&mut self, text: &str) -> Value {
        let clean = clean(text, self.max_chars.min(self.chars));
        self.chars -= clean.chars().count();
        Value::from(clean)
    }
}

/// XML 1.0, production 2.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;
    use serde_json::json;

    use super::*;

    fn cleaned(value: serde_json::Value) -> String {
        clean_value(&Value::from(Serde(value)), 4).to_string()
    }

    #[test]
    fn strings_are_clean_however_deep_they_are() {
        assert_eq!(cleaned(json!("a\0b")), "ab");
        assert_eq!(cleaned(json!([["12345", "a\u{fffe}"], 7])), "[['123…', 'a'], 7]");
        assert_eq!(cleaned(json!({"x\u{b}": {"y": "\u{1}"}})), "{'x': {'y': ''}}");
        assert_eq!(cleaned(json!([null, true, -1.5])), "[None, True, -1.5]");
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        let many = Value::from(vec![Value::from(vec![1; 6_000]), Value::from(vec![1; 6_000])]);
        let lists: Vec<_> = clean_value(&many, 4).try_iter().unwrap().collect();
        assert_eq!((lists[0].len(), lists[1].len()), (Some(6_000), Some(3_998)));

        let long = Value::from(vec!["x".repeat(400_000); 4]);
        let clean = clean_value(&long, usize::MAX);
        let lengths = clean.try_iter().unwrap().map(|text| text.as_str().unwrap().len());
        assert!(lengths.sum::<usize>() <= 1_000_010);

        let nested = (0..100).fold(Value::from(1), |inside, _| Value::from(vec![inside]));
        assert_eq!(clean_value(&nested, 4).to_string(), "[".repeat(16) + "None" + &"]".repeat(16));
    }

    #[test]
    fn a_text_keeps_what_xml_can_hold() {
        assert_eq!(strip("a\0b\u{b}c\u{fffe}d\u{ffff}\té\u{10ffff}".into()), "abcd\té\u{10ffff}");
    }
}
