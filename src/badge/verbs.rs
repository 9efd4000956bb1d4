//! Whether a badge's settings are in their ranges, and none is in vain beside another.

use std::time::Duration;

use crate::badge::builder::Badge;
use crate::badge::headers;
use crate::badge::timing;
use crate::error::{BuildErrorKind, Checked};
use crate::picture::look::Look;
use crate::presence::people::MAX_PEOPLE;
use crate::request::cookie::VisitorCookie;
use crate::request::query;

/// A setting that is out of its range, or that would have no effect.
pub(crate) fn check(badge: &Badge) -> Checked<()> {
    if let Some((setting, reason)) = out_of_range(badge) {
        return Err(BuildErrorKind::Setting { setting, reason }.into());
    }
    match contradictions(badge).into_iter().find(|rule| rule.0) {
        Some((_, setting, beside, reason)) => {
            Err(BuildErrorKind::Contradiction { setting, beside, reason }.into())
        }
        None => Ok(()),
    }
}

fn out_of_range(badge: &Badge) -> Option<(&'static str, &'static str)> {
    let (settings, hour) = (&badge.settings, Duration::from_secs(3600));
    if !(0.1..=8.0).contains(&badge.scale) {
        Some(("scale", "takes 0.1 to 8"))
    } else if !(0.001..=1000.0).contains(&settings.max_rate()) {
        Some(("max_rate", "takes 0.001 to 1000 pictures per second"))
    } else if !(Duration::from_millis(10)..=hour).contains(&settings.heartbeat()) {
        Some(("heartbeat", "takes 10 ms to an hour"))
    } else if settings.leave_grace.is_some_and(|grace| grace > hour) {
        Some(("leave_grace", "takes at most an hour"))
    } else if settings.max_age.is_some_and(|age| age < Duration::from_secs(1)) {
        Some(("max_age", "takes a second or more"))
    } else if settings.max_people.is_some_and(|max| !(1..=MAX_PEOPLE).contains(&max)) {
        Some(("max_people", "takes 1 to 100"))
    } else if let Some(flaw) = settings.sets_cookie.as_ref().and_then(VisitorCookie::flaw) {
        Some(flaw)
    } else if badge.query_slots.iter().any(|(name, _)| !query::is_free(name)) {
        Some((
            "query_slot",
            "takes a name of letters, digits and _ that has no meaning in a badge's URL yet, as theme, \
             scale and format have",
        ))
    } else if let Err(reason) = headers::parse(&badge.headers) {
        Some(("header", reason))
    } else if let Some(flaw) = timing::flaw_of_age(badge) {
        Some(flaw)
    } else if badge.max_value_chars == 0 {
        Some(("max_value_chars", "takes 1 or more"))
    } else {
        badge.look.as_ref().and_then(Look::flaw)
    }
}

/// Every rule: whether the badge breaks it, the setting that is in vain, the one beside which it is,
/// and what to do.
fn contradictions(badge: &Badge) -> [(bool, &'static str, &'static str, &'static str); 10] {
    const OF_HOST: &str =
        "the rooms are the other badge's, and so is their pace; remove it, or set it there";
    const NAMES_OF_HOST: &str =
        "the rooms are the other badge's, which says who is in them; remove it, or set it there";
    const OF_TOTAL: &str =
        "who watches a total is not counted by that; remove it, or set it on the other badge";
    let settings = &badge.settings;
    let (rooms_of, total_of) = (badge.rooms_of.is_some(), badge.total_of.is_some());
    [
        (
            rooms_of && total_of,
            "rooms_of",
            "total_of",
            "a badge shows either the rooms of another one or their total; remove one of the two",
        ),
        (
            settings.pictures_only && settings.names_in_data,
            "names_in_data",
            "pictures_only",
            "there are no data; remove one of the two",
        ),
        (rooms_of && settings.max_rate.is_some(), "max_rate", "rooms_of", OF_HOST),
        (rooms_of && settings.heartbeat.is_some(), "heartbeat", "rooms_of", OF_HOST),
        (rooms_of && settings.leave_grace.is_some(), "leave_grace", "rooms_of", OF_HOST),
        (rooms_of && settings.name.is_some(), "named", "rooms_of", NAMES_OF_HOST),
        (total_of && settings.name.is_some(), "named", "total_of", OF_TOTAL),
        (total_of && settings.leave_grace.is_some(), "leave_grace", "total_of", OF_TOTAL),
        (total_of && settings.counted_if.is_some(), "count_if", "total_of", OF_TOTAL),
        (
            settings.pictures_only && badge.page_text.is_some(),
            "page_text",
            "pictures_only",
            "a page has words, and the badge answers with pictures alone; remove one of the two",
        ),
    ]
}
