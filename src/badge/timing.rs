//! Whether what a badge shows of the time and how often it is redrawn go together.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::badge::builder::Badge;
use crate::badge::recipe::Recipe;
use crate::badge::scan;
use crate::error::{BuildError, BuildErrorKind, Checked};
#[cfg(feature = "time")]
use crate::picture::mistake::place;
use crate::picture::slots;
use crate::picture::template::Template;
use crate::picture::ticks::Ticks;
#[cfg(feature = "time")]
use crate::picture::times;
use crate::presence::clock::since_1970;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const NEEDED: &str = "is needed by a template that shows now, or the filters until and since: it says \
                      how often the picture is redrawn, such as Duration::from_secs(1)";
const RANGE: &str = "takes a second to a day";
const IDLE: &str = "redraws what shows the time, and nothing in the template does; use the slot now, or \
                    leave it out";
const NO_END: &str = "ends what every begins; say how often it is redrawn with Badge::every";
const NO_VALUES: &str =
    "is for a badge with values; give it some with Badge::values, or leave it out";
const AGE: &str = "takes a second or more";

/// When the badge is drawn anew as time passes. Since when somebody is there is a time, too.
pub(crate) fn ticks(
    badge: &Badge,
    template: &Template,
    slots: &BTreeSet<String>,
    shows_since: bool,
) -> Checked<Option<Ticks>> {
    let (settings, look) = (&badge.settings, badge.look.as_ref());
    let every = settings.every.or(look.and_then(|look| look.every));
    let until = settings.until.or(look.and_then(|look| look.until));
    let shows_now = slots.contains("now") || uses_now(template);
    let shows_past = slots.iter().any(|slot| slots::tick(slot).is_some());
    let shows_time = shows_now || shows_since || shows_past;
    let flaw = match every {
        None if shows_now => Some(("every", NEEDED)),
        None if until.is_some() => Some(("until", NO_END)),
        Some(every) if !(SECOND..=DAY).contains(&every) => Some(("every", RANGE)),
        Some(_) if !shows_time => Some(("every", IDLE)),
        _ => None,
    };
    match flaw {
        Some((setting, reason)) => Err(BuildErrorKind::Setting { setting, reason }.into()),
        None => Ok(every.map(|every| Ticks::new(every, until.map(since_1970)))),
    }
}

/// What is wrong about the age of values.
pub(crate) fn flaw_of_age(badge: &Badge) -> Option<(&'static str, &'static str)> {
    let age = badge.settings.stale_after?;
    if badge.values.is_empty() {
        Some(("stale_after", NO_VALUES))
    } else {
        (age < SECOND).then_some(("stale_after", AGE))
    }
}

/// A badge can't be drawn more often than the pace allows of the one whose rooms it shows.
pub(crate) fn check_pace(recipe: &Recipe, host: &Recipe) -> Result<(), BuildError> {
    let ticks = recipe.picture.ticks.as_ref();
    if ticks.is_none_or(|ticks| ticks.every >= host.settings.interval()) {
        return Ok(());
    }
    let (setting, beside) = ("every", "max_rate");
    let reason = "pictures may not come that often; make it longer, or raise the rate";
    Err(BuildError::of(&recipe.path, BuildErrorKind::Contradiction { setting, beside, reason }))
}

/// These filters look at the clock by themselves.
fn uses_now(template: &Template) -> bool {
    let sources = template.sources();
    sources.iter().any(|(_, source)| {
        let uses = scan::uses(&scan::tags(source));
        uses.iter().any(|used| used.what == "filter" && matches!(used.name, "until" | "since"))
    })
}

/// Zones and formats that are written in the template, also where no trial comes.
#[cfg(feature = "time")]
pub(crate) fn check_zones(template: &Template) -> Checked<()> {
    for (text, source) in template.sources() {
        for (at, written) in scan::texts_for(&scan::tags(&source), "date") {
            let (format, zone) = (written[0], written.get(1).copied().unwrap_or("UTC"));
            if let Some(reason) = times::flaw(format, zone) {
                let at = place(text, Some(scan::line(&source, at)), None);
                let tried = "any time".to_owned();
                return Err(BuildErrorKind::Fill { at, reason, tried, advice: None }.into());
            }
        }
    }
    Ok(())
}

#[cfg(not(feature = "time"))]
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::badge::check::check;
    use crate::picture::fonts::Fonts;
    use crate::picture::images::Images;
    use crate::picture::raster::Raster;

    #[test]
    fn a_filter_that_needs_a_feature_says_which() {
        let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
        for filter in ["date('%H')", "until", "since"] {
            let svg = format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{{{{ now | {filter} }}}}</svg>"#
            );
            let badge = Badge::svg(svg).every(SECOND);
            let error = check("/x.png", badge, 0, &raster).unwrap_err().to_string();
            assert!(error.contains("without the feature \"time\""), "{error}");
        }
    }
}
