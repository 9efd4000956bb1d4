//! The text of pictures that are the same in all rooms: filled once for all of them.
//!
//! Ten thousand rooms whose clocks tick at the same second have one text among them.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::sync::Arc;

use minijinja::value::Value;
use quick_cache::sync::Cache;

use crate::error::PaintError;
use crate::picture::slots::{self, Moment};
use crate::presence::counts::Counts;
use crate::request::style::Style;

/// So many texts are kept of a badge. A tick needs one for each style and number of viewers.
const KEPT: usize = 64;
/// The same where the application's values are in them.
const KEPT_WITH_VALUES: usize = 256;

/// Larger values are not compared, and their text is not kept: it is filled each time.
const MAX_VALUES_BYTES: usize = 4 * 1024;

/// The texts of a badge that shows nothing of a room but its counts, its values and the time. So none has a
/// visitor's name in it.
pub(crate) struct Alike {
    filled: Cache<Shown, Arc<str>>,
    shows_now: bool,
}

/// All that a text is filled with.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Shown {
    counts: Counts,
    now: u64,
    is_stale: bool,
    style: Style,
    /// As `Debug` has them: to minijinja, 1 and 1.0 are equal, but they are written in two ways.
    values: Box<str>,
}

impl Alike {
    /// Of a template with these slots, if rooms can look alike at all.
    pub(crate) fn of(slots: &BTreeSet<String>, shows_now: bool, has_values: bool) -> Option<Self> {
        let is_of_room = |slot: &String| slots::is_of_room(slots::first(slot));
        let kept = if has_values { KEPT_WITH_VALUES } else { KEPT };
        (!slots.iter().any(is_of_room)).then(|| Self { filled: Cache::new(kept), shows_now })
    }

    /// The text, which is filled unless another room has done it.
    pub(crate) fn svg(
        &self,
        counts: &Counts,
        values: &[Value],
        moment: Moment,
        style: &Style,
        fill: impl FnOnce() -> Result<Arc<str>, PaintError>,
    ) -> Result<Arc<str>, PaintError> {
        let Moment { now, is_stale } = moment;
        let (counts, style) = (counts.clone(), style.clone());
        let now = if self.shows_now { now } else { 0 };
        let mut said = Short::default();
        if !values.is_empty() && write!(said, "{values:?}").is_err() {
            return fill();
        }
        let values = said.0.into();
        self.filled.get_or_insert_with(&Shown { counts, now, is_stale, style, values }, fill)
    }
}

/// Text that is written as long as it is short.
#[derive(Default)]
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_VALUES_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl fmt::Debug for Alike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alike(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::request::theme::Theme;

    #[test]
    fn a_text_is_filled_once_for_each_count_time_and_style() {
        let slots = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let alike = Alike::of(&slots(&["now", "visitors"]), true, false).unwrap();
        let (light, dark) = (Style::new(Theme::Light, 1.0), Style::new(Theme::Dark, 1.0));
        let filled = Cell::new(0);
        let see = |alike: &Alike, visitors, now, style: &Style| {
            let counts = Counts { streams: 1, visitors };
            let fill = || {
                filled.set(filled.get() + 1);
                Ok("svg".into())
            };
            alike.svg(&counts, &[], Moment { now, is_stale: false }, style, fill).unwrap();
            filled.get()
        };
        for _ in 0..3 {
            assert_eq!(see(&alike, 1, 7, &light), 1);
        }
        assert_eq!(see(&alike, 1, 8, &light), 2);
        assert_eq!(see(&alike, 1, 8, &dark), 3);
        assert_eq!(see(&alike, 2, 8, &light), 4);
        let timeless = Alike::of(&slots(&["visitors"]), false, false).unwrap();
        assert_eq!(see(&timeless, 1, 8, &light), 5);
        assert_eq!(see(&timeless, 1, 9, &light), 5);
        // What is other in each room is filled for each.
        for slot in [
            "params.room",
            "peak",
            "joins",
            "since_change",
            "recent",
            "rooms",
            "people",
            "people.since",
            "guests",
            "more",
        ] {
            assert!(Alike::of(&slots(&["now", slot]), true, false).is_none(), "{slot}");
        }
    }
    #[test]
    fn a_text_is_filled_once_for_the_same_values() {
        let alike = Alike::of(&BTreeSet::from(["value".to_owned()]), false, true).unwrap();
        let style = Style::new(Theme::Light, 1.0);
        let see = |value: Value, is_stale| {
            let (moment, text) = (Moment { now: 0, is_stale }, value.to_string());
            let fill = || Ok(format!("{text} {is_stale}").into());
            alike.svg(&Counts::default(), &[value], moment, &style, fill).unwrap()
        };
        let first = see(1.into(), false);
        assert!(Arc::ptr_eq(&first, &see(1.into(), false)));
        // All of these are equal to one another, or nearly so.
        for (value, text) in [
            (Value::from(1.0), "1.0 false"),
            (Value::from(true), "True false"),
            (Value::from("1"), "1 false"),
            (Value::from(()), "None false"),
            (Value::UNDEFINED, " false"),
            (Value::from(f64::NAN), "NaN false"),
            (Value::from(vec![1]), "[1] false"),
        ] {
            let filled = see(value, false);
            assert!(!Arc::ptr_eq(&first, &filled));
            assert_eq!(filled.to_lowercase(), text.to_lowercase());
        }
        assert_eq!(&*see(1.into(), true), "1 true");
        let long = || Value::from("x".repeat(MAX_VALUES_BYTES));
        assert!(!Arc::ptr_eq(&see(long(), false), &see(long(), false)), "too long to be kept");
    }
}
