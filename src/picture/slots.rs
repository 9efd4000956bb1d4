//! The slots of a template: which there are, and what fills them.

use std::collections::BTreeSet;
use std::time::Duration;

use minijinja::context;
use minijinja::value::{Value, ValueKind};

use crate::picture::people::{self, PEOPLE};
use crate::presence::counts::{Counts, Snapshot};
use crate::presence::days::DAYS;
use crate::presence::history;
use crate::request::params::Params;
use crate::request::style::Style;

/// What the badge itself fills; no value of the application may have such a name.
pub(crate) const BUILT_IN: [&str; 20] = [
    "streams",
    "visitors",
    "params",
    "theme",
    "query",
    "peak",
    "peak_today",
    "joins",
    "today",
    "visitors_today",
    "days",
    "since_change",
    "recent",
    "rooms",
    PEOPLE,
    "guests",
    "more",
    "now",
    "stale",
    "alone",
];

/// Those of them that are about a room's past.
const PAST: [&str; 8] =
    ["peak", "peak_today", "joins", "today", "visitors_today", "days", "since_change", "recent"];

/// What a picture shows beside a room's numbers and values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moment {
    /// In seconds since 1970, UTC.
    pub(crate) now: u64,
    /// The values' source is gone, or has sent nothing for too long.
    pub(crate) is_stale: bool,
}

/// Whether what fills the slot is other in each room, although as many are in it.
pub(crate) fn is_of_room(slot: &str) -> bool {
    PAST.contains(&slot)
        || matches!(slot, "params" | "rooms" | "alone" | PEOPLE | "guests" | "more")
}

/// What fills the slots in this state of a room, of whose people so many are shown by name. No value that
/// has got the name of a built-in slot since the badge was checked comes before that.
pub(crate) fn fillings(
    snapshot: &Snapshot,
    params: &Params,
    values: &[Value],
    moment: Moment,
    style: &Style,
    max_people: usize,
) -> Value {
    let Snapshot { counts, records, recent, since_change, rooms, people, is_alone, .. } = snapshot;
    let Counts { streams, visitors } = *counts;
    let mut slots = context! {
        streams,
        visitors,
        params => Value::from_pairs(params.iter()),
        theme => style.theme.name(),
        query => Value::from_pairs(style.query()),
        peak => records.peak,
        peak_today => records.peak_today,
        joins => records.joins,
        today => records.today,
        visitors_today => records.visitors_today,
        days => <[u64; DAYS]>::from(&records.days),
        since_change => since_change.as_secs(),
        recent,
        rooms,
        people => people::list(people, max_people),
        guests => visitors.saturating_sub(people.count),
        more => people.count.saturating_sub(max_people),
        now => moment.now,
        stale => moment.is_stale,
        alone => is_alone,
    };
    for value in values {
        slots = match value.kind() {
            ValueKind::Map => context! { ..slots, ..value.clone() },
            _ => context! { ..slots, ..context! { value } },
        };
    }
    slots
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
        Some(("query", _)) => !known.contains(slot),
        _ => !known.iter().any(|known| known == first(slot)),
    };
    slots.iter().filter(is_unknown).cloned().collect()
}

/// How often a picture with this slot is to be looked at, although nothing happens.
pub(crate) fn tick(slot: &str) -> Option<Duration> {
    match slot {
        "since_change" | "people.since" => Some(Duration::from_secs(1)),
        "recent" => Some(history::SPAN),
        "peak_today" | "today" | "visitors_today" | "days" => Some(Duration::from_secs(60)),
        _ => None,
    }
}

/// Whether what fills the slot is known from before.
pub(crate) fn shows_past(slot: &str) -> bool {
    PAST.contains(&slot)
}

/// The names that a template may use, to be told to someone who used another.
pub(crate) fn known_slots(params: &[&str], values: &[Value]) -> Vec<String> {
    let own = BUILT_IN.iter().map(|slot| (*slot).to_owned());
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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::picture::template::Template;
    use crate::presence::history::History;
    use crate::presence::people::{People, Someone};
    use crate::request::name::Name;
    use crate::request::theme::Theme;

    #[test]
    fn a_slot_that_nothing_fills_is_found_without_filling() {
        let source = "{% set x = streams %}{{ x }}{% for i in range(2) %}{{ i }}{% endfor %}\
                      {{ params.room }}{{ params.romo }}{{ laod }}{{ load.max }}{{ visitors }}";
        let template = Template::parse(source.into(), 8, |_| 0).unwrap();
        let values = [Value::from_pairs([("load", 7)])];
        let known = known_slots(&["room"], &values);
        let unknown = unknown_slots(&template.slots(), &["room"], &known);
        assert_eq!(unknown, ["laod", "params.romo"]);
    }

    /// A number that stands still until somebody comes would be wrong meanwhile.
    #[test]
    fn what_changes_by_itself_is_looked_at_in_time() {
        let (began, style) = (Instant::now(), Style::new(Theme::Light, 1.0));
        let slots_at = |seconds: u64, day: u64| {
            let mut history = History::new(began, 1);
            [3, 2].into_iter().for_each(|visitors| history.see(visitors, began, 1));
            history.join(None);
            let now = began + Duration::from_secs(seconds);
            history.see(2, now, day);
            let counts = Counts { streams: 2, visitors: 2 };
            let snapshot = history.snapshot(counts, 1, now);
            fillings(&snapshot, &Params::of([]), &[], Moment::default(), &style, 9)
        };
        // Somebody is here for a while, over midnight.
        let (then, later) = (slots_at(0, 1), slots_at(600, 2));
        for slot in BUILT_IN {
            let changes = then.get_attr(slot).unwrap() != later.get_attr(slot).unwrap();
            assert_eq!(tick(slot).is_some(), changes, "{slot}");
        }
        // No tick is longer than what it shows.
        let shown = |seconds| slots_at(seconds, 1).get_attr("since_change").unwrap().to_string();
        assert_ne!(shown(0), shown(tick("since_change").unwrap().as_secs()));
        assert_eq!(tick("recent"), Some(history::SPAN));
        for slot in ["peak_today", "today", "visitors_today", "days"] {
            assert!(tick(slot).unwrap() <= Duration::from_secs(60));
        }
    }

    #[test]
    fn whoever_has_no_name_is_a_guest_and_who_is_too_many_is_more() {
        let counts = Counts { streams: 9, visitors: 7 };
        let someone = || Someone { name: Name::of("Anna").unwrap(), since: Duration::ZERO };
        let people = People { first: vec![someone(), someone(), someone()], count: 3 };
        let snapshot = Snapshot { counts, people, ..Snapshot::default() };
        for (max, text) in [(1, "1/2/4"), (2, "2/1/4"), (3, "3/0/4"), (9, "3/0/4")] {
            let style = Style::new(Theme::Light, 1.0);
            let slots = fillings(&snapshot, &Params::of([]), &[], Moment::default(), &style, max);
            let source = "{{ people | length }}/{{ more }}/{{ guests }}";
            let template = Template::parse(source.into(), 8, |_| 0).unwrap();
            assert_eq!(template.fill(&slots).unwrap(), text);
        }
    }

    #[test]
    fn no_value_comes_before_a_built_in_slot() {
        let values = [Value::from_pairs(BUILT_IN.map(|slot| (slot, "mine"))), Value::from(7)];
        let params = Params::of([("room", "lobby")]);
        let (snapshot, style) = (Snapshot::default(), Style::new(Theme::Light, 1.0));
        let slots = fillings(&snapshot, &params, &values, Moment::default(), &style, 9);
        for slot in BUILT_IN {
            let value = slots.get_attr(slot).unwrap();
            assert!(!value.is_undefined() && value.as_str() != Some("mine"), "{slot}: {value}");
        }
        assert_eq!(slots.get_attr("value").unwrap(), Value::from(7));
    }
}
