//! SVG text with slots: parsed once, filled for every picture.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, HtmlEscape, OutputSpan, State, UndefinedBehavior,
    escape_formatter,
};

use crate::picture::clean::{clean, is_clean, strip};
use crate::picture::filters;
use crate::picture::mistake::Mistake;

/// The picture among an environment's templates; the others are plain text.
const PICTURE: &str = "badge.svg";
/// What a page says in words, if the badge has a text of its own for that.
pub(crate) const PAGE_TEXT: &str = "page_text";
/// How much a template may do for one picture: so many steps, and as much again for every 64 bytes
/// that it makes. The largest of the ready looks takes 5,000; this many take some 20 ms.
pub(crate) const FUEL: u64 = 500_000;
/// To lay out a line of text takes as long as so many steps.
const FUEL_OF_WIDTH: u64 = 500;

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
    ) -> Result<Self, Mistake> {
        let mut environment = Environment::new();
        environment.set_debug(false);
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // By default only names such as `.html` are escaped. Also what XML needs escaped.
        environment.set_auto_escape_callback(|name| match name {
            PICTURE => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        environment.set_formatter(move |out, state, value| match capped(value, max_chars) {
            Some(text) => {
                state.consume_fuel(text.len() as u64 / 64)?;
                escape_formatter(out, state, &Value::from(text))
            }
            None => escape_formatter(out, state, value),
        });
        let text_width = move |state: &State<'_, '_>, text: &Value, size: f32, more: Kwargs| {
            state.consume_fuel(FUEL_OF_WIDTH)?;
            let (family, spacing): (Option<String>, Option<f32>) =
                (more.get("family")?, more.get("spacing")?);
            more.assert_all_used()?;
            Ok::<_, Error>(width_of(&Line {
                text: clean(&text.to_string(), max_chars),
                family: family.unwrap_or_else(|| "sans-serif".into()),
                size: (size * 1000.0) as u32, // saturates
                spacing: (spacing.unwrap_or_default() * 1000.0) as i32,
            }))
        };
        environment.add_function("text_width", text_width);
        // What is said to be markup is not cut any more when it is put in.
        for name in ["escape", "e"] {
            environment.add_filter(name, move |value: &Value| {
                markup(value, |text| HtmlEscape(&clean(text, max_chars)).to_string())
            });
        }
        environment
            .add_filter("safe", move |value: &Value| markup(value, |text| clean(text, max_chars)));
        filters::add_to(&mut environment);
        let mut template = Self { environment };
        template.add_text(PICTURE.to_owned(), source)?;
        Ok(template)
    }

    /// Adds a text with slots of its own, in which nothing is escaped.
    pub(crate) fn add_text(&mut self, name: String, source: String) -> Result<(), Mistake> {
        let added = self.environment.add_template_owned(name.clone(), source.clone());
        added.map_err(|error| Mistake::new(&error, text_name(&name), &source))
    }

    /// Whether this text has been added.
    pub(crate) fn has_text(&self, name: &str) -> bool {
        self.environment.get_template(name).is_ok()
    }

    /// The slots of the picture and of all texts. `params.room` is one.
    pub(crate) fn slots(&self) -> BTreeSet<String> {
        let functions: HashSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let templates = self.environment.templates();
        let slots = templates.flat_map(|(_, template)| template.undeclared_variables(true));
        let is_slot = |slot: &String| !functions.contains(first_of(slot));
        slots.filter(is_slot).collect()
    }

    /// What is written in the picture and in all texts: what each is called, and the text itself.
    pub(crate) fn sources(&self) -> Vec<(&'static str, String)> {
        let templates = self.environment.templates();
        templates.map(|(name, text)| (text_name(name), text.source().to_owned())).collect()
    }

    /// Whether there is such a filter, or such a test.
    pub(crate) fn has_filter(&self, name: &str) -> bool {
        let applied = self.environment.empty_state().apply_filter(name, &[]);
        applied.map_or_else(|error| error.kind() != ErrorKind::UnknownFilter, |_| true)
    }

    pub(crate) fn has_test(&self, name: &str) -> bool {
        let tested = self.environment.empty_state().perform_test(name, &[]);
        tested.map_or_else(|error| error.kind() != ErrorKind::UnknownTest, |_| true)
    }

    /// The SVG text.
    pub(crate) fn fill(&self, slots: &Value) -> Result<String, Mistake> {
        self.text(PICTURE, slots)
    }

    /// The same, and which part of it comes from where in the template.
    pub(crate) fn fill_with_spans(
        &self,
        slots: &Value,
    ) -> Result<(String, Vec<OutputSpan>), Mistake> {
        let picture = self.environment.get_template(PICTURE);
        let filled = picture.and_then(|picture| picture.render_with_spans(slots));
        let (text, spans) = filled.map_err(|error| self.mistake(&error))?;
        Ok((strip(text), spans))
    }

    /// The same of another template, as if that were the picture's.
    pub(crate) fn fill_other(
        &self,
        source: &str,
        slots: &Value,
    ) -> Result<(String, Vec<OutputSpan>), Error> {
        let filled = self.environment.template_from_named_str(PICTURE, source)?;
        let (text, spans) = filled.render_with_spans(slots)?;
        Ok((strip(text), spans))
    }

    /// A text that has been added.
    pub(crate) fn text(&self, name: &str, slots: &Value) -> Result<String, Mistake> {
        let text = self.environment.get_template(name).and_then(|text| text.render(slots));
        text.map(strip).map_err(|error| self.mistake(&error))
    }

    fn mistake(&self, error: &Error) -> Mistake {
        let name = error.name().unwrap_or(PICTURE);
        let text = self.environment.get_template(name);
        Mistake::new(error, text_name(name), text.as_ref().map_or("", |text| text.source()))
    }
}

/// What this value is to be cut to; `None` if nothing is to be cut.
fn capped(value: &Value, max_chars: usize) -> Option<String> {
    let text = match value.kind() {
        _ if value.is_safe() => return None,
        ValueKind::String => {
            let text = value.as_str()?;
            return (!is_clean(text, max_chars)).then(|| clean(text, max_chars));
        }
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Bytes => {
            value.to_string()
        }
        _ => return None,
    };
    Some(clean(&text, max_chars))
}

/// What a value is as markup; what is markup already stays as it is.
fn markup(value: &Value, text: impl FnOnce(&str) -> String) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let markup = || Value::from_safe_string(text(&value.to_string()));
    Ok(if value.is_safe() { value.clone() } else { markup() })
}

/// What one of an environment's templates is called.
fn text_name(name: &str) -> &'static str {
    match name.split(' ').next() {
        Some("label") => "the look's label",
        Some("number") => "the look's number",
        Some("message") => "the look's message",
        Some("color") => "the look's color",
        Some("label_color") => "the look's label_color",
        Some(PAGE_TEXT) => "page_text",
        _ => "the template",
    }
}

fn first_of(slot: &str) -> &str {
    slot.split('.').next().unwrap_or(slot)
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::slots::{Moment, fillings};
    use crate::presence::counts::{Counts, Snapshot};
    use crate::request::params::Params;
    use crate::request::style::Style;
    use crate::request::theme::Theme;

    fn parse(source: &str) -> Template {
        Template::parse(source.into(), 8, |line| line.text.len() as u32).unwrap()
    }

    fn fill(source: &str, values: &[Value]) -> String {
        let counts = Counts { streams: 3, visitors: 2 };
        let snapshot = Snapshot { counts, ..Snapshot::default() };
        let params = Params::of([("room", "<lobby> & \"co\"")]);
        let style = Style::new(Theme::Dark, 1.0);
        parse(source)
            .fill(&fillings(&snapshot, &params, values, Moment::default(), &style, 9))
            .unwrap()
    }

    #[test]
    fn counts_parameters_and_values_fill_slots() {
        let fields = Value::from_pairs([("load", 7)]);
        assert_eq!(fill("{{ streams }}/{{ visitors }}/{{ load }}", &[fields]), "3/2/7");
        assert_eq!(fill("{{ value }}", &[Value::from(5)]), "5");
        assert_eq!(fill("{{ visitors | compact }}/{{ peak }}/{{ recent | length }}", &[]), "2/0/0");
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
    fn no_filter_and_no_operator_gets_around_that() {
        let long = [Value::from("<23\x00456789")];
        let list = [Value::from(vec!["12\u{fffe}34"; 9])];
        for (source, values, text) in [
            ("{{ value | escape }}", &long, "&lt;234567…"),
            ("{{ value | upper | e }}", &long, "&lt;234567…"),
            ("{{ value | safe }}", &long, "<234567…"),
            ("{{ value ~ value }}", &long, "&lt;234567…"),
            ("{{ value | upper }}", &long, "&lt;234567…"),
            ("{{ value | replace('3', '5') }}", &long, "&lt;254567…"),
            ("{{ value }}", &list, "[&#x27;1234"),
            ("{{ value | join }}", &list, "1234123…"),
            ("{{ value | join('\0') | safe }}", &list, "1234123…"),
            ("{{ {'key': value} }}", &list, "{&#x27;key&#x27;"),
            ("{% filter trim %} {{ value }}a\0b{% endfilter %}", &long, "&lt;234567…ab"),
        ] {
            let filled = fill(source, values);
            assert!(filled.starts_with(text), "{source}: {filled}");
            assert!(!filled.contains(['\0', '\u{fffe}']), "{source}: {filled}");
            assert!(filled.chars().count() < 30, "{source}: {filled}");
        }
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
    fn a_template_that_does_too_much_is_stopped() {
        let slots = Value::from_pairs([("n", 100_000)]);
        for source in [
            "{% for i in range(n) %}{% for j in range(n) %}.{% endfor %}{% endfor %}",
            "{% for i in range(n) %}{{ text_width(i, 11) }}{% endfor %}",
            "{% for i in range(n) %}{{ range(n) | list }}{% endfor %}",
        ] {
            let error = parse(source).fill(&slots).unwrap_err();
            assert!(error.is_too_much(), "{source}: {error}");
        }
        let modest = "{% for i in range(10000) %}.{% endfor %}";
        assert_eq!(parse(modest).fill(&slots).unwrap().len(), 10_000);
    }

    #[test]
    fn a_mistake_says_what_is_written_where() {
        let template = parse("line one\n{% if n %}\n  {{ n | int }}{% endif %}");
        let error = template.fill(&Value::from_pairs([("n", "room")])).unwrap_err().to_string();
        assert!(error.starts_with("the template, line 3, `{{ n | int }}`"), "{error}");
        assert!(!error.contains("badge.svg"), "{error}");
        let error = Template::parse("one\n\n{{ two ".into(), 8, |_| 0).unwrap_err().to_string();
        assert!(error.starts_with("the template, line 3"), "{error}");
    }

    #[test]
    fn filters_and_tests_are_known() {
        let template = parse("");
        for name in ["compact", "upper", "length", "escape", "default"] {
            assert!(template.has_filter(name), "{name}");
        }
        for name in ["defined", "even", "divisibleby"] {
            assert!(template.has_test(name), "{name}");
        }
        assert!(!template.has_filter("nonsense") && !template.has_test("nonsense"));
    }
}
