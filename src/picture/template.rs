//! SVG text with slots: parsed once, filled for every picture.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::time::Duration;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, context, escape_formatter};

use crate::picture::filters;
use crate::presence::counts::{Counts, Snapshot};
use crate::presence::history;
use crate::request::params::Params;
use crate::request::theme::Theme;

/// The picture among an environment's templates; the others are plain text.
const PICTURE: &str = "badge.svg";

/// A parsed template, with the texts that belong to it.
pub(crate) struct Template {
    environment: Environment<'static>,
}

/// Text in a font, of which a template wants to know how wide it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) family: String,
    /// In thousandths of a CSS pixel.
    pub(crate) size: u32,
    /// Between two letters, in the same unit.
    pub(crate) spacing: i32,
}

impl Template {
    /// Parses SVG text with slots. A string value is cut after `max_chars` characters. `width_of` says
    /// how many CSS pixels wide a line is drawn.
    pub(crate) fn parse(
        source: String,
        max_chars: usize,
        width_of: impl Fn(&Line) -> u32 + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // By default only names such as `.html` are escaped. Also what XML needs escaped.
        environment.set_auto_escape_callback(|name| match name {
            PICTURE => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        environment.set_formatter(move |out, state, value| match value.as_str() {
            Some(text) if !value.is_safe() && !is_clean(text, max_chars) => {
                escape_formatter(out, state, &Value::from(clean(text, max_chars)))
            }
            _ => escape_formatter(out, state, value),
        });
        let text_width = move |text: &Value, size: f32, more: Kwargs| -> Result<u32, Error> {
            let (family, spacing): (Option<String>, Option<f32>) =
                (more.get("family")?, more.get("spacing")?);
            more.assert_all_used()?;
            Ok(width_of(&Line {
                text: clean(&text.to_string(), max_chars),
                family: family.unwrap_or_else(|| "sans-serif".into()),
                size: (size * 1000.0) as u32, // saturates
                spacing: (spacing.unwrap_or_default() * 1000.0) as i32,
            }))
        };
        environment.add_function("text_width", text_width);
        filters::add_to(&mut environment);
        environment.add_template_owned(PICTURE, source)?;
        Ok(Self { environment })
    }

    /// Adds a text with slots of its own, in which nothing is escaped.
    pub(crate) fn add_text(&mut self, name: String, source: String) -> Result<(), Error> {
        self.environment.add_template_owned(name, source)
    }

    /// The slots of the picture and of all texts. `params.room` is one.
    pub(crate) fn slots(&self) -> BTreeSet<String> {
        let functions: HashSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let templates = self.environment.templates();
        let slots = templates.flat_map(|(_, template)| template.undeclared_variables(true));
        let is_slot = |slot: &String| !functions.contains(first(slot));
        slots.filter(is_slot).collect()
    }

    /// The SVG text.
    pub(crate) fn fill(&self, slots: &Value) -> Result<String, Error> {
        self.text(PICTURE, slots)
    }

    /// A text that has been added.
    pub(crate) fn text(&self, name: &str, slots: &Value) -> Result<String, Error> {
        self.environment.get_template(name)?.render(slots)
    }
}

/// What fills the slots in this state of a room. The application's own values come before what is
/// known of the room's past, which may have got their names later.
pub(crate) fn fillings(
    snapshot: &Snapshot,
    params: &Params,
    values: &[Value],
    theme: Theme,
) -> Value {
    let Snapshot { counts, records, recent, since_change, rooms } = snapshot;
    let mut past = context! {
        peak => records.peak,
        peak_today => records.peak_today,
        joins => records.joins,
        since_change => since_change.as_secs(),
        recent,
        rooms,
    };
    for value in values {
        past = match value.kind() {
            ValueKind::Map => context! { ..value.clone(), ..past },
            _ => context! { value, ..past },
        };
    }
    let Counts { streams, visitors } = *counts;
    let params = Value::from_pairs(params.iter());
    context! { streams, visitors, params, theme => theme.name(), ..past }
}

/// The slot that a path such as `params.room` begins with.
pub(crate) fn first(slot: &str) -> &str {
    slot.split('.').next().unwrap_or(slot)
}

/// The slots that neither the room, nor these parameters, nor these values fill.
pub(crate) fn unknown_slots(
    slots: &BTreeSet<String>,
    params: &[&str],
    known: &[String],
) -> Vec<String> {
    let is_unknown = |slot: &&String| match slot.split_once('.') {
        Some(("params", rest)) => !params.contains(&rest),
        _ => !known.iter().any(|known| known == first(slot)),
    };
    slots.iter().filter(is_unknown).cloned().collect()
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(..)")
    }
}

/// Filled for every template; no value of the application may have such a name.
pub(crate) const OWN_SLOTS: [&str; 4] = ["streams", "visitors", "params", "theme"];
/// Filled unless the application has a value of that name.
pub(crate) const PAST_SLOTS: [&str; 6] =
    ["peak", "peak_today", "joins", "since_change", "recent", "rooms"];

/// How often a picture with this slot is to be looked at, although nothing happens.
pub(crate) fn tick(slot: &str) -> Option<Duration> {
    match slot {
        "since_change" => Some(Duration::from_secs(1)),
        "recent" => Some(history::SPAN),
        "peak_today" => Some(Duration::from_secs(60)),
        _ => None,
    }
}

/// Whether what fills the slot is known from before.
pub(crate) fn shows_past(slot: &str) -> bool {
    slot != "rooms" && PAST_SLOTS.contains(&slot)
}

/// The names that a template may use, to be told to someone who used another.
pub(crate) fn known_slots(params: &[&str], values: &[Value]) -> Vec<String> {
    let own = OWN_SLOTS.iter().chain(&PAST_SLOTS).map(|slot| (*slot).to_owned());
    let params = params.iter().map(|name| format!("params.{name}"));
    own.chain(params).chain(values.iter().flat_map(slots_of)).collect()
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

    fn parse(source: &str) -> Template {
        Template::parse(source.into(), 8, |line| line.text.len() as u32).unwrap()
    }

    fn fill(source: &str, values: &[Value]) -> String {
        let counts = Counts { streams: 3, visitors: 2 };
        let snapshot = Snapshot { counts, ..Snapshot::default() };
        let params = Params::sample(&["room"], "<lobby> & \"co\"");
        parse(source).fill(&fillings(&snapshot, &params, values, Theme::Dark)).unwrap()
    }

    #[test]
    fn counts_parameters_and_values_fill_slots() {
        let fields = Value::from_pairs([("load", 7)]);
        assert_eq!(fill("{{ streams }}/{{ visitors }}/{{ load }}", &[fields]), "3/2/7");
        assert_eq!(fill("{{ value }}", &[Value::from(5)]), "5");
        assert_eq!(fill("{{ visitors | compact }}/{{ peak }}/{{ recent | length }}", &[]), "2/0/0");
    }

    #[test]
    fn a_value_comes_before_the_past() {
        let fields = Value::from_pairs([("peak", 7), ("rooms", 3)]);
        assert_eq!(fill("{{ peak }}/{{ rooms }}/{{ joins }}", &[fields]), "7/3/0");
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
    fn a_text_is_not_escaped_and_a_width_is_that_of_what_is_drawn() {
        let mut template = parse("{{ text }}|{{ text_width(text, 11) }}");
        template.add_text("text".into(), "{{ value }}".into()).unwrap();
        let slots = Value::from_pairs([("value", "<&>\0")]);
        let text = template.text("text", &slots).unwrap();
        assert_eq!(text, "<&>");
        let filled = template.fill(&Value::from_pairs([("text", text)])).unwrap();
        assert_eq!(filled, "&lt;&amp;&gt;|3");
    }

    #[test]
    fn a_slot_that_nothing_fills_is_found_without_filling() {
        let source = "{% set x = streams %}{{ x }}{% for i in range(2) %}{{ i }}{% endfor %}\
                      {{ params.room }}{{ params.romo }}{{ laod }}{{ load.max }}{{ visitors }}";
        let values = [Value::from_pairs([("load", 7)])];
        let known = known_slots(&["room"], &values);
        let unknown = unknown_slots(&parse(source).slots(), &["room"], &known);
        assert_eq!(unknown, ["laod", "params.romo"]);
    }
}
