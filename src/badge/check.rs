//! Finds, when the layer is built, everything that could be wrong with a badge.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Value;

use crate::badge::builder::Badge;
use crate::badge::recipe::Recipe;
use crate::error::BuildError;
use crate::observe::meter::Meter;
use crate::picture::faces::Missing;
use crate::picture::format::Format;
use crate::picture::look::Look;
use crate::picture::paint::Picture;
use crate::picture::raster::{CheckError, Flaw, Raster, Size};
use crate::picture::template::{self, Line, Template};
use crate::picture::words::LOOK_SLOTS;
use crate::presence::counts::{Counts, Snapshot};
use crate::request::params::{self, Params};
use crate::request::style::{Style, Theme};
use crate::request::visitor;
use crate::stream::multipart::Multipart;

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
    let measures = match &badge.look {
        Some(look) => look.has_any_width(),
        None => badge.svg.contains("text_width("),
    };
    let template = parse(&badge, raster)
        .map_err(|error| BuildError::Template { path: path.into(), source: Box::new(error) })?;
    let current: Vec<Value> = badge.values.clone().iter_mut().map(|v| v.take()).collect();
    let names = params::names(path);
    let slots = template.slots();
    let past = check_slots(path, &badge, &slots, &names, &current)?;
    let picture = Picture {
        path: path.into(),
        template,
        look: badge.look,
        tick: past.iter().filter_map(|slot| template::tick(slot)).min(),
        shows_room: slots.iter().any(|slot| template::first(slot) == "params"),
        values: badge.values,
        format: badge.format,
        style: Style::new(Theme::Light, badge.scale),
        raster: raster.clone(),
        meter: Arc::new(Meter::new(path)),
    };
    let params = Params::sample(&names, "room");
    check_number(path, &picture, &params)?;
    check_colors(path, &picture, &params)?;
    check_family(path, &picture)?;
    let (size, has_any_width) = check_drawing(path, &picture, &params)?;
    Ok(Recipe {
        path: path.to_owned(),
        host,
        total: None,
        totals: Vec::new(),
        remembers: !past.is_empty(),
        size,
        has_any_width: has_any_width || measures,
        picture: Arc::new(picture),
        multipart: multipart.clone(),
        settings: badge.settings,
    })
}

fn check_settings(path: &str, badge: &Badge) -> Result<(), BuildError> {
    let (settings, hour) = (&badge.settings, Duration::from_secs(3600));
    let setting = if !(0.1..=8.0).contains(&badge.scale) {
        ("scale", "takes 0.1 to 8")
    } else if !(0.001..=1000.0).contains(&settings.max_rate) {
        ("max_rate", "takes 0.001 to 1000 pictures per second")
    } else if !(Duration::from_millis(10)..=hour).contains(&settings.heartbeat) {
        ("heartbeat", "takes 10 ms to an hour")
    } else if settings.leave_grace.is_some_and(|grace| grace > hour) {
        ("leave_grace", "takes at most an hour")
    } else if settings.sets_cookie.as_ref().is_some_and(|name| !visitor::is_cookie_name(name)) {
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
    slots: &BTreeSet<String>,
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
    let is_past = |slot: &&String| template::shows_past(slot) && !taken.contains(*slot);
    let past = slots.iter().filter(is_past).cloned().collect();
    known.extend(of_look.iter().map(|slot| (*slot).to_owned()));
    match template::unknown_slots(slots, params, &known).into_iter().next() {
        None => Ok(past),
        Some(slot) => Err(BuildError::UnknownSlot { path: path.into(), slot, known }),
    }
}

/// Draws the badge for nobody, for one and for some, as a room can be, for light and dark pages; what
/// is the same text is drawn once. Returns its size for nobody on a light page, and whether it has
/// others.
fn check_drawing(
    path: &str,
    picture: &Picture,
    params: &Params,
) -> Result<(Size, bool), BuildError> {
    let mut sizes = Vec::new();
    let mut last = None;
    for count in [23, 1, 0] {
        for theme in [Theme::Dark, Theme::Light] {
            let snapshot = snapshot_of(count);
            let drawing = picture.try_out(&snapshot, params, picture.style.with_theme(theme));
            let drawing = drawing.map_err(|error| refused(path, CheckError::Paint(error)))?;
            if last.as_ref() != Some(&drawing.svg) {
                sizes.push(picture.raster.check(&drawing).map_err(|error| refused(path, error))?);
                last = Some(drawing.svg);
            }
        }
    }
    let size = sizes.pop().expect("a first picture is drawn");
    Ok((size, sizes.iter().any(|other| *other != size)))
}

/// A look's number that is bare for few must be so for many, too: not "1.2k" or "1,234".
fn check_number(path: &str, picture: &Picture, params: &Params) -> Result<(), BuildError> {
    let is_number = |count| {
        let words = picture.words(&snapshot_of(count), params)?;
        Ok(words.number.trim().parse::<f64>().is_ok())
    };
    match (is_number(23), is_number(1_234_567)) {
        (Ok(true), Ok(false)) => Err(BuildError::Setting {
            path: path.into(),
            setting: "look number",
            reason: "takes a bare number, so that colours and displays can go by it; \
                     format it in the look's message",
        }),
        (Err(source), _) | (_, Err(source)) => Err(BuildError::Paint { path: path.into(), source }),
        _ => Ok(()),
    }
}

/// A look's colour can be none only for what somebody asks for.
fn check_colors(path: &str, picture: &Picture, params: &Params) -> Result<(), BuildError> {
    for count in [23, 1, 0, 1_234_567] {
        let wrong = picture.wrong_color(&snapshot_of(count), params);
        let wrong = wrong.map_err(|error| refused(path, CheckError::Paint(error)))?;
        if let Some((setting, color)) = wrong {
            return Err(BuildError::Color { path: path.into(), setting, color });
        }
    }
    Ok(())
}

/// A browser may have a font that is not loaded; a picture of ours can't.
fn check_family(path: &str, picture: &Picture) -> Result<(), BuildError> {
    let families = picture.look.as_ref().and_then(Look::families);
    match families.filter(|_| picture.format != Format::Svg) {
        Some(families) if !picture.raster.has_any_family(families) => {
            Err(BuildError::FontFamily { path: path.into(), families: families.into() })
        }
        _ => Ok(()),
    }
}

fn snapshot_of(count: usize) -> Snapshot {
    let counts = Counts { streams: count, visitors: count };
    Snapshot { counts, recent: vec![count; 60], ..Snapshot::default() }
}

fn refused(path: &str, error: CheckError) -> BuildError {
    let path = path.to_owned();
    match error {
        CheckError::Paint(source) => BuildError::Paint { path, source },
        CheckError::Flaw(Flaw::Family { families }) => BuildError::FontFamily { path, families },
        CheckError::Flaw(Flaw::NoFont) => BuildError::NoFont { path },
        CheckError::Flaw(Flaw::Glyph(Missing { character, cluster })) => {
            BuildError::Glyph { path, character, cluster }
        }
        CheckError::Flaw(Flaw::Image { href }) => BuildError::Image { path, href },
        CheckError::Flaw(Flaw::UnknownImage { name, known }) => {
            BuildError::UnknownImage { path, name, known }
        }
    }
}
