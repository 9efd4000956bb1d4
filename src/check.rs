//! Finds, when the layer is built, everything that could be wrong with a badge.

use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Value;

use crate::badge::Badge;
use crate::crowd::Standing;
use crate::error::BuildError;
use crate::look::{LOOK_SLOTS, Look};
use crate::meter::Meter;
use crate::multipart::Multipart;
use crate::params::{self, Params};
use crate::picture::Picture;
use crate::presence::Counts;
use crate::raster::{CheckError, Flaw, Raster, Size};
use crate::recipe::Recipe;
use crate::style::{Style, Theme};
use crate::template::{self, Line, Template};
use crate::visitor;

/// Turns the badge at this path into what serving it needs. `host` is the badge whose rooms it
/// shows.
pub(crate) fn check(
    path: &str,
    badge: Badge,
    host: usize,
    raster: &Arc<Raster>,
    multipart: &Arc<Multipart>,
) -> Result<Recipe, BuildError> {
    check_settings(path, &badge)?;
    let template = parse(&badge, raster)
        .map_err(|error| BuildError::Template { path: path.into(), source: Box::new(error) })?;
    let current: Vec<Value> = badge.values.clone().iter_mut().map(|v| v.take()).collect();
    let names = params::names(path);
    let picture_slots = template.slots();
    let past = check_slots(path, &badge, &template, &names, &current)?;
    let picture = Picture {
        template,
        look: badge.look,
        shows_time: past.iter().any(|slot| template::PASSING_SLOTS.contains(&&**slot)),
        shows_room: picture_slots.iter().any(|slot| template::first(slot) == "params"),
        values: badge.values,
        format: badge.format,
        style: Style::new(Theme::Light, badge.scale),
        raster: raster.clone(),
        meter: Arc::new(Meter::new(path)),
    };
    Ok(Recipe {
        path: path.to_owned(),
        host,
        total: None,
        remembers: !past.is_empty(),
        size: check_drawing(path, &picture, &Params::sample(&names, "room"))?,
        picture: Arc::new(picture),
        multipart: multipart.clone(),
        rules: badge.rules,
    })
}

fn check_settings(path: &str, badge: &Badge) -> Result<(), BuildError> {
    let (rules, hour) = (&badge.rules, Duration::from_secs(3600));
    let setting = if !(0.1..=8.0).contains(&badge.scale) {
        ("scale", "takes 0.1 to 8")
    } else if !(0.001..=1000.0).contains(&rules.max_rate) {
        ("max_rate", "takes 0.001 to 1000 pictures per second")
    } else if !(Duration::from_millis(10)..=hour).contains(&rules.heartbeat) {
        ("heartbeat", "takes 10 ms to an hour")
    } else if rules.leave_grace.is_some_and(|grace| grace > hour) {
        ("leave_grace", "takes at most an hour")
    } else if rules.sets_cookie.as_ref().is_some_and(|name| !visitor::is_cookie_name(name)) {
        ("visitor_cookie", "takes a cookie's name: letters, digits, and - or _")
    } else if badge.max_value_chars == 0 {
        ("max_value_chars", "takes 1 or more")
    } else if let Some(flaw) = badge.look.as_ref().and_then(Look::flaw) {
        flaw
    } else {
        return Ok(());
    };
    Err(BuildError::Setting { path: path.into(), setting: setting.0, reason: setting.1 })
}

fn parse(badge: &Badge, raster: &Arc<Raster>) -> Result<Template, minijinja::Error> {
    let raster = raster.clone();
    let width_of = move |line: &Line| raster.width_of(line);
    let mut template = Template::parse(badge.svg.clone(), badge.max_value_chars, width_of)?;
    if let Some(look) = &badge.look {
        look.add_texts(&mut template)?;
    }
    Ok(template)
}

/// Returns the slots that show a room's past.
fn check_slots(
    path: &str,
    badge: &Badge,
    template: &Template,
    params: &[&str],
    values: &[Value],
) -> Result<Vec<String>, BuildError> {
    let of_look = if badge.look.is_some() { &LOOK_SLOTS[..] } else { &[] };
    let mut taken: Vec<String> =
        template::OWN_SLOTS.iter().chain(of_look).map(|slot| (*slot).to_owned()).collect();
    for slot in values.iter().flat_map(template::slots_of) {
        if taken.contains(&slot) {
            return Err(BuildError::SlotTaken { path: path.into(), slot });
        }
        taken.push(slot);
    }
    let mut known = template::known_slots(params, values);
    let slots = template.slots();
    let is_past = |slot: &&String| template::shows_past(slot) && !taken.contains(*slot);
    let past = slots.iter().filter(is_past).cloned().collect();
    known.extend(of_look.iter().map(|slot| (*slot).to_owned()));
    match template::unknown_slots(slots, params, &known).into_iter().next() {
        None => Ok(past),
        Some(slot) => Err(BuildError::UnknownSlot { path: path.into(), slot, known }),
    }
}

/// Draws the badge for nobody, for one and for some, as a room can be, for light and dark pages; what
/// is the same text is drawn once. Returns its size for nobody on a light page.
fn check_drawing(path: &str, picture: &Picture, params: &Params) -> Result<Size, BuildError> {
    let mut size = Size { width: 0.0, height: 0.0 };
    let mut last = None;
    for count in [23, 1, 0] {
        let counts = Counts { streams: count, visitors: count };
        for theme in [Theme::Dark, Theme::Light] {
            let standing = Standing { counts, recent: vec![count; 60], ..Standing::default() };
            let drawing = picture.fill_once(&standing, params, picture.style.with_theme(theme));
            let drawing = drawing.map_err(|error| refused(path, CheckError::Paint(error)))?;
            if last.as_ref() != Some(&drawing.svg) {
                size = picture.raster.check(&drawing).map_err(|error| refused(path, error))?;
                last = Some(drawing.svg);
            }
        }
    }
    Ok(size)
}

fn refused(path: &str, error: CheckError) -> BuildError {
    let path = path.to_owned();
    match error {
        CheckError::Paint(source) => BuildError::Paint { path, source },
        CheckError::Flaw(Flaw::Family { families }) => BuildError::FontFamily { path, families },
        CheckError::Flaw(Flaw::Glyph { character }) => BuildError::Glyph { path, character },
        CheckError::Flaw(Flaw::Image { href }) => BuildError::Image { path, href },
    }
}
