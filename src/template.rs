//! SVG text with slots: parsed once, filled for every picture.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, escape_formatter};

use crate::params::Params;
use crate::presence::Counts;
use crate::style::Theme;

/// The only template in its environment.
const NAME: &str = "badge.svg";

/// A parsed template.
pub(crate) struct Template {
    environment: Environment<'static>,
}

impl Template {
    /// Parses SVG text with slots. A string value is cut after `max_chars` characters.
    pub(crate) fn parse(source: String, max_chars: usize) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // By default only names such as `.html` are escaped. Also what XML needs escaped.
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(move |out, state, value| match value.as_str() {
            Some(text) if !value.is_safe() && !is_clean(text, max_chars) => {
                escape_formatter(out, state, &Value::from(clean(text, max_chars)))
            }
            _ => escape_formatter(out, state, value),
        });
        environment.add_template_owned(NAME, source)?;
        Ok(Self { environment })
    }

    /// The slots that neither the counts, nor these parameters, nor these values fill.
    pub(crate) fn unknown_slots(&self, params: &[&str], values: &[Value]) -> Vec<String> {
        let Ok(template) = self.environment.get_template(NAME) else { return Vec::new() };
        let slots: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        let known = known_slots(params, values);
        let functions: HashSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let is_unknown = |slot: &String| {
            let (first, rest) = slot.split_once('.').unwrap_or((slot, ""));
            match first {
                "params" if !rest.is_empty() => !params.contains(&rest),
                _ => !functions.contains(first) && !known.iter().any(|slot| slot == first),
            }
        };
        slots.into_iter().filter(is_unknown).collect()
    }

    /// The SVG text for this state of a room.
    pub(crate) fn fill(
        &self,
        counts: Counts,
        params: &Params,
        values: &[Value],
        theme: Theme,
    ) -> Result<String, minijinja::Error> {
        let params = Value::from_pairs(params.iter());
        let Counts { streams, visitors } = counts;
        let theme = theme.name();
        let mut context = context! { streams, visitors, params, theme };
        for value in values {
            context = match value.kind() {
                ValueKind::Map => context! { ..context, ..value.clone() },
                _ => context! { value, ..context },
            };
        }
        self.environment.get_template(NAME)?.render(context)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(..)")
    }
}

/// Filled for every template.
pub(crate) const OWN_SLOTS: [&str; 4] = ["streams", "visitors", "params", "theme"];

/// The names that a template may use, to be told to someone who used another.
pub(crate) fn known_slots(params: &[&str], values: &[Value]) -> Vec<String> {
    let mut known: Vec<String> = OWN_SLOTS.map(str::to_owned).into();
    known.extend(params.iter().map(|name| format!("params.{name}")));
    known.extend(values.iter().flat_map(slots_of));
    known
}

/// A map's or struct's fields are slots of their own; any other value is `{{ value }}`.
pub(crate) fn slots_of(value: &Value) -> Vec<String> {
    match (value.kind(), value.try_iter()) {
        (ValueKind::Map, Ok(keys)) => keys.map(|key| key.to_string()).collect(),
        _ => vec!["value".to_owned()],
    }
}

fn is_clean(text: &str, max_chars: usize) -> bool {
    // As many bytes as characters allowed: no need to count.
    (text.len() <= max_chars || text.chars().count() <= max_chars) && text.chars().all(is_xml)
}

/// What XML can't hold would lose the picture, and layout time grows with the square of a text's
/// length (resvg 0.49: 3,000 characters take 52 ms, 100,000 take 10 s).
fn clean(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars().filter(|c| is_xml(*c));
    let mut clean: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// XML 1.0, production 2.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(source: &str, values: &[Value]) -> String {
        let counts = Counts { streams: 3, visitors: 2 };
        let params = Params::sample(&["room"], "<lobby> & \"co\"");
        Template::parse(source.into(), 8)
            .unwrap()
            .fill(counts, &params, values, Theme::Dark)
            .unwrap()
    }

    #[test]
    fn counts_parameters_and_values_fill_slots() {
        let fields = Value::from_pairs([("load", 7)]);
        assert_eq!(fill("{{ streams }}/{{ visitors }}/{{ load }}", &[fields]), "3/2/7");
        assert_eq!(fill("{{ value }}", &[Value::from(5)]), "5");
    }

    #[test]
    fn strings_are_escaped_for_text_and_attributes() {
        let text = fill("{{ value }}", &[Value::from("<a b='\">&")]);
        assert!(!text.contains(['<', '>', '"', '\'']), "{text}");
        assert!(text.starts_with("&lt;a b="), "{text}");
    }

    #[test]
    fn strings_are_cut_at_the_cap_and_lose_what_xml_cannot_hold() {
        assert_eq!(fill("{{ value }}", &[Value::from("12345678")]), "12345678");
        assert_eq!(fill("{{ value }}", &[Value::from("123456789")]), "1234567…");
        assert_eq!(fill("{{ value }}", &[Value::from("a\0b\u{b}c\u{fffe}d")]), "abcd");
        assert_eq!(fill("{{ value }}", &[Value::from("ééééééééé")]), "ééééééé…");
    }

    #[test]
    fn a_slot_that_nothing_fills_is_found_without_filling() {
        let source = "{% set x = streams %}{{ x }}{% for i in range(2) %}{{ i }}{% endfor %}\
                      {{ params.room }}{{ params.romo }}{{ laod }}{{ load.max }}{{ visitors }}";
        let template = Template::parse(source.into(), 8).unwrap();
        let values = [Value::from_pairs([("load", 7)])];
        assert_eq!(template.unknown_slots(&["room"], &values), ["laod", "params.romo"]);
    }
}
