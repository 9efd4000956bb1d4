//! What templates can do with numbers: `{{ visitors | compact }}`.

use minijinja::value::Value;
use minijinja::{Environment, Error};
use unicode_bidi::{BidiClass, bidi_class};

#[cfg(feature = "time")]
use crate::picture::times;

/// A number has no more digits than this.
const MAX_DIGITS: usize = 64;

/// These, and minijinja's own: to be told to someone who used another one.
pub(crate) const KNOWN_FILTERS: &str = "compact date duration group hms listed pad plural since until abs attr batch bool \
    capitalize chain count d default dictsort e escape first float format groupby indent int items \
    join last length lines list lower map max min pprint reject rejectattr replace reverse round \
    safe select selectattr slice sort split string sum title trim unique upper zip";

pub(crate) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("compact", compact);
    environment.add_filter("duration", duration);
    environment.add_filter("group", group);
    environment.add_filter("hms", hms);
    environment.add_filter("listed", listed);
    environment.add_filter("pad", pad);
    #[cfg(feature = "plurals")]
    environment.add_filter("plural", plural);
    #[cfg(feature = "time")]
    times::add_to(environment);
}

/// The feature that brings this filter, of those that need one.
pub(crate) fn feature_of(filter: &str) -> Option<&'static str> {
    match filter {
        "date" | "until" | "since" => Some("time"),
        "plural" => Some("plurals"),
        _ => None,
    }
}

/// `950`, `1.2k`, `12k`, `3.4M`.
fn compact(number: f64) -> String {
    const PREFIXES: [&str; 5] = ["", "k", "M", "G", "T"];
    let (mut scaled, mut prefix) = (number.abs(), 0);
    // What would be rounded to 1000 is one of the next prefix.
    while (prefix == 0 && scaled >= 1000.0 || scaled >= 999.5) && prefix + 1 < PREFIXES.len() {
        scaled /= 1000.0;
        prefix += 1;
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let tenths = (scaled * 10.0).round() / 10.0;
    let is_short = tenths < 10.0 && tenths.fract() != 0.0;
    let digits = usize::from(prefix > 0 && is_short);
    format!("{sign}{scaled:.digits$}{}", PREFIXES[prefix])
}

/// The largest unit that there is one of: `45 s`, `3 min`, `2 h`, `5 d`.
fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    let unit = UNITS.into_iter().find(|unit| seconds >= unit.0).unwrap_or((1.0, "s"));
    format!("{:.0} {}", (seconds / unit.0).max(0.0).floor(), unit.1)
}

/// As a clock shows it: `00:45`, `02:03:04`, `1 d 02:03:04`.
fn hms(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64; // saturates
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes:02}:{seconds:02}"),
        (0, _) => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        _ => format!("{days} d {hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// `1,234,567`, or with another separator: `group(" ")`. A whole number keeps all of its digits, of which a
/// float has 16.
fn group(number: &Value, separator: Option<String>) -> Result<String, Error> {
    let separator = separator.as_deref().unwrap_or(",");
    let text = if number.is_integer() {
        number.to_string()
    } else {
        f64::try_from(number.clone())?.to_string()
    };
    let (sign, text) = text.split_at(text.find(|c| c != '-').unwrap_or_default());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::from(if text == "0" { "" } else { sign });
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push_str(separator);
        }
        grouped.push(digit);
    }
    Ok(grouped + fraction)
}

/// `a, b and c`: what stands before the last one, and what between the others. Of people, it is the names.
fn listed(items: &Value, last: Option<String>, other: Option<String>) -> Result<String, Error> {
    let (last, other) = (last.as_deref().unwrap_or(" and "), other.as_deref().unwrap_or(", "));
    let said = |item: Value| match item.get_attr("name") {
        Ok(name) if !name.is_undefined() => isolated(name.to_string()),
        _ => isolated(item.to_string()),
    };
    let items: Vec<String> = items.try_iter()?.map(said).collect();
    Ok(match items.split_last() {
        Some((end, rest)) if !rest.is_empty() => rest.join(other) + last + end,
        _ => items.concat(),
    })
}

/// What is written from right to left does not turn its neighbours.
fn isolated(text: String) -> String {
    let turns = |c: char| matches!(bidi_class(c), BidiClass::R | BidiClass::AL);
    if text.contains(turns) { format!("\u{2068}{text}\u{2069}") } else { text }
}

/// At least so many digits: `007`.
fn pad(number: i64, digits: usize) -> String {
    let digits = digits.min(MAX_DIGITS);
    format!("{number:0digits$}")
}

/// The form for this number in a language: `visitors | plural("en", one="visitor", other="visitors")`.
/// The categories (`zero`, `one`, `two`, `few`, `many`, `other`) are those of Unicode's CLDR. All that
/// a whole number can have in that language must be there, whatever the number is, so that a missing
/// one is found when the badge is built.
#[cfg(feature = "plurals")]
fn plural(number: i64, language: &str, forms: minijinja::value::Kwargs) -> Result<Value, Error> {
    use icu_plurals::{PluralCategory, PluralOperands, PluralRuleType, PluralRules};
    use minijinja::ErrorKind;

    let invalid = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    let locale = icu_locale_core::Locale::try_from_str(language)
        .map_err(|_| invalid(format!("{language:?} is no language tag such as \"en\"")))?;
    let rules = PluralRules::try_new(locale.into(), PluralRuleType::Cardinal.into());
    let rules = rules.map_err(|error| invalid(error.to_string()))?;
    let category = |number: i64| rules.category_for(PluralOperands::from(number));
    let wanted = category(number);
    let other: Value = forms.get("other")?;
    let mut form = None;
    for (name, known) in [
        ("zero", PluralCategory::Zero),
        ("one", PluralCategory::One),
        ("two", PluralCategory::Two),
        ("few", PluralCategory::Few),
        ("many", PluralCategory::Many),
    ] {
        let given: Option<Value> = forms.get(name)?;
        if given.is_none()
            && rules.categories().any(|category| category == known)
            && let Some(sample) = sample_numbers().find(|sample| category(*sample) == known)
        {
            let what = format!("{language:?} needs the form {name}, as for {sample}: {name}=\"…\"");
            return Err(invalid(what));
        }
        form = form.or(given.filter(|_| known == wanted));
    }
    forms.assert_all_used()?;
    Ok(form.unwrap_or(other))
}

/// Among these are numbers of every category that whole numbers have in some language.
#[cfg(feature = "plurals")]
fn sample_numbers() -> impl Iterator<Item = i64> {
    (0..=200).chain([1_000, 100_000, 1_000_000])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_numbers_keep_two_digits_or_three() {
        for (number, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (999.0, "999"),
            (1000.0, "1k"),
            (1234.0, "1.2k"),
            (9949.0, "9.9k"),
            (9950.0, "10k"),
            (12_345.0, "12k"),
            (999_499.0, "999k"),
            (999_500.0, "1M"),
            (3_400_000.0, "3.4M"),
            (5e15, "5000T"),
            (-1234.0, "-1.2k"),
        ] {
            assert_eq!(compact(number), text, "{number}");
        }
    }

    #[test]
    fn a_duration_is_told_in_its_largest_unit() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min"),
            (3599.0, "59 min"),
            (3600.0, "1 h"),
            (86_399.0, "23 h"),
            (5.0 * 86_400.0, "5 d"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn hours_minutes_and_seconds_are_told_as_a_clock_does() {
        for (seconds, text) in [
            (-5.0, "00:00"),
            (45.9, "00:45"),
            (3599.0, "59:59"),
            (3600.0, "01:00:00"),
            (86_399.0, "23:59:59"),
            (93_784.0, "1 d 02:03:04"),
            (f64::NAN, "00:00"),
        ] {
            assert_eq!(hms(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn digits_are_grouped_and_padded() {
        let group = |number: Value, separator: Option<&str>| {
            super::group(&number, separator.map(str::to_owned)).unwrap()
        };
        assert_eq!(group(999.into(), None), "999");
        assert_eq!(group(1_234_567.0.into(), None), "1,234,567");
        assert_eq!(group((-1234.5).into(), Some(" ")), "-1 234.5");
        assert_eq!(group((-123).into(), None), "-123");
        assert_eq!(group((-0.0).into(), None), "0");
        assert_eq!(group(u64::MAX.into(), None), "18,446,744,073,709,551,615");
        assert_eq!(group(f64::NAN.into(), None), "NaN");
        assert!(super::group(&Value::from("12"), None).is_err());
        assert_eq!(pad(7, 3), "007");
        assert_eq!(pad(1234, 3), "1234");
        assert_eq!(pad(1, usize::MAX).len(), MAX_DIGITS);
    }

    #[test]
    fn a_list_reads_like_a_sentence() {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let anna = minijinja::context! { name => "Anna", since => 3 };
        let say = |list: &str| {
            let slots = minijinja::context! { anna => &anna };
            environment.render_str(&format!("{{{{ {list} }}}}"), slots).unwrap()
        };
        for (list, said) in [
            ("[] | listed", ""),
            ("['a'] | listed", "a"),
            ("['a', 2] | listed", "a and 2"),
            ("['a', 'b', anna] | listed(' und ')", "a, b und Anna"),
            ("[anna] | chain(['b'], [], ['c']) | listed('和', '、')", "Anna、b和c"),
            ("['א', 1] | listed", "\u{2068}א\u{2069} and 1"),
        ] {
            assert_eq!(say(list), said, "{list}");
        }
        assert!(environment.render_str("{{ 3 | listed }}", ()).is_err());
    }

    #[cfg(feature = "plurals")]
    #[test]
    fn plural_forms_follow_the_language() {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let say = |template: &str, n: i64| {
            let said = environment.render_str(template, minijinja::context! { n });
            said.map_err(|error| error.to_string())
        };
        let polish =
            r#"{{ n | plural("pl", one="osoba", few="osoby", many="osób", other="osoby") }}"#;
        for (n, form) in [(1, "osoba"), (3, "osoby"), (5, "osób"), (22, "osoby"), (112, "osób")] {
            assert_eq!(say(polish, n).unwrap(), form, "{n}");
        }
        let english = r#"{{ n | plural("en", one="visitor", other="visitors") }}"#;
        assert_eq!(say(english, 1).unwrap(), "visitor");
        assert_eq!(say(english, 0).unwrap(), "visitors");
        assert_eq!(say(r#"{{ n | plural("ja", other="人") }}"#, 1).unwrap(), "人");
        // In Czech only fractions have "many", in Japanese nothing has "one".
        let czech = r#"{{ n | plural("cs", one="a", few="b", other="c") }}"#;
        assert_eq!((say(czech, 4).unwrap(), say(czech, 5).unwrap()), ("b".into(), "c".into()));
        assert_eq!(say(r#"{{ n | plural("ja", one="a", other="人") }}"#, 1).unwrap(), "人");
        let french =
            r#"{{ n | plural("fr", one="visiteur", many="de visiteurs", other="visiteurs") }}"#;
        assert_eq!(say(french, 1_000_000).unwrap(), "de visiteurs");
        let missing =
            say(r#"{{ n | plural("pl", one="a", many="b", other="c") }}"#, 1).unwrap_err();
        assert!(missing.contains("few, as for 2"), "{missing}");
        for wrong in [
            r#"{{ n | plural("en", one="a") }}"#,
            r#"{{ n | plural("en", other="a") }}"#,
            r#"{{ n | plural("pl", one="a", few="b", other="c") }}"#,
            r#"{{ n | plural("ar", zero="a", one="b", few="c", many="d", other="e") }}"#,
            r#"{{ n | plural("fr", one="a", other="b") }}"#,
            r#"{{ n | plural("en", other="a", some="b") }}"#,
            r#"{{ n | plural("!", other="a") }}"#,
        ] {
            assert!(say(wrong, 1).is_err(), "{wrong}");
        }
    }
}
