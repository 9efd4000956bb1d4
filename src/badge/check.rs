//! Finds, when the layer is built, everything that could be wrong with a badge.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::HeaderValue;
use minijinja::value::Value;

use crate::badge::builder::Badge;
use crate::badge::headers;
use crate::badge::nearest::nearest;
use crate::badge::recipe::{Failures, Recipe};
use crate::badge::scan;
use crate::badge::timing;
use crate::badge::trial::{Trial, Trials};
use crate::badge::verbs;
use crate::error::{BuildError, BuildErrorKind, Checked};
use crate::observe::meter::Meter;
use crate::picture::alike::Alike;
use crate::picture::faces::Missing;
use crate::picture::filters::{self, KNOWN_FILTERS};
use crate::picture::format::Format;
use crate::picture::look::Look;
use crate::picture::mistake::{Mistake, place};
use crate::picture::paint::Picture;
use crate::picture::people::PEOPLE;
use crate::picture::raster::{CheckError, Drawing, Flaw, Raster, Size};
use crate::picture::slots;
use crate::picture::template::{Line, PAGE_TEXT, Template};
use crate::picture::ticks::Ticks;
use crate::picture::values::RoomValues;
use crate::picture::words::LOOK_SLOTS;
use crate::request::params::{self, Params};
use crate::request::style::Style;
use crate::request::theme::Theme;
use crate::stream::frames::Frames;
use crate::stream::multipart::Multipart;

/// What a parameter is tried with that has no example.
const EXAMPLE: &str = "room";
/// Nobody, one and some, as a room can be. The last one's size is the badge's.
const DRAWN: [usize; 3] = [23, 1, 0];
/// Counts that are tried without drawing them.
const FILLED: [usize; 3] = [2, 1_500, 1_234_567];
/// So many of the numbers that a template names are drawn.
const MOST_NAMED: usize = 12;

/// Turns the badge at this path into what serving it needs. `host` is the badge whose rooms it
/// shows.
pub(crate) fn check(
    path: &str,
    badge: Badge,
    host: usize,
    raster: &Arc<Raster>,
) -> Result<Recipe, BuildError> {
    recipe(path, badge, host, raster).map_err(|kind| BuildError::of(path, kind))
}

fn recipe(path: &str, badge: Badge, host: usize, raster: &Arc<Raster>) -> Checked<Recipe> {
    verbs::check(&badge)?;
    let measures = match &badge.look {
        Some(look) => look.has_any_width(),
        None => badge.svg.contains("text_width("),
    };
    let params = examples(path, &badge)?;
    let template = parse(&badge, raster).map_err(|mistake| BuildErrorKind::Template {
        at: mistake.place,
        reason: mistake.reason,
    })?;
    check_names(&template)?;
    let sources: Arc<[_]> = badge.values.clone().into();
    let (most, age) = (badge.max_value_chars, badge.settings.stale_after);
    let mut current = RoomValues::new(sources.clone(), params.clone(), most, age);
    let taken = current.take().map_err(|source| BuildErrorKind::Paint { source })?;
    let current = &taken.values;
    let slots = template.slots();
    check_slots(&badge, &template, &slots, &params::names(path), current)?;
    let shows_names = shows_names(&slots);
    let shows_people = shows_names || slots.contains("more") || badge.settings.names_in_data;
    if badge.settings.max_people.is_some() && !shows_people {
        let reason =
            "has no effect where nobody is shown by name; use the slot people, or remove it";
        return Err(BuildErrorKind::Setting { setting: "max_people", reason }.into());
    }
    let since = "people.since".to_owned();
    let since = Some(&since).filter(|_| shows_names && says(&template, "since"));
    let ticks = timing::ticks(&badge, &template, &slots, since.is_some())?;
    #[cfg(feature = "time")]
    timing::check_zones(&template)?;
    let past: Vec<&String> = slots.iter().filter(|slot| slots::shows_past(slot)).collect();
    let alike = Alike::of(&slots, ticks.is_some(), !sources.is_empty());
    let picture = Picture {
        path: path.into(),
        template,
        look: badge.look,
        tick: past.iter().copied().chain(since).filter_map(|slot| slots::tick(slot)).min(),
        ticks,
        clock: badge.settings.calendar.clock.clone(),
        shows_room: slots.iter().any(|slot| slots::first(slot) == "params"),
        shows_names,
        max_people: badge.settings.max_people(),
        values: sources,
        max_value_chars: badge.max_value_chars,
        stale_after: badge.settings.stale_after,
        format: badge.format,
        style: Style::new(Theme::Light, badge.scale).with_slots(badge.query_slots),
        raster: raster.clone(),
        meter: Arc::new(Meter::new(path)),
        alike,
    };
    let mut trials = Trials::new(&picture, &badge.svg, &params, current);
    check_number(&picture, &params, &trials)?;
    check_colors(&picture, &params, &trials)?;
    check_family(&picture)?;
    let counts = DRAWN.iter().chain(&FILLED).copied().chain(named_numbers(&picture));
    trials.say(&taken, counts)?;
    let (size, has_any_width) = check_pictures(&picture, &mut trials)?;
    Ok(Recipe {
        path: path.into(),
        host,
        total: None,
        totals: Vec::new(),
        remembers: !past.is_empty(),
        size,
        has_any_width: has_any_width || measures,
        is_themed: slots.contains("theme"),
        picture: Arc::new(picture),
        multipart: Arc::new(Multipart::new(HeaderValue::from_static("cross-origin"))),
        frames: Frames::default(),
        headers: headers::parse(&badge.headers).unwrap_or_default(),
        settings: badge.settings,
        counts: true,
        is_gated: false,
        failures: Failures::default(),
    })
}

/// What the path's parameters are tried with.
fn examples(path: &str, badge: &Badge) -> Checked<Params> {
    let names = params::names(path);
    for (param, value) in &badge.examples {
        if !names.contains(&&**param) {
            let unknown = BuildErrorKind::UnknownParam {
                param: param.clone(),
                nearest: nearest(param, names.iter().copied()),
                known: names.iter().map(|name| (*name).to_owned()).collect(),
            };
            return Err(unknown.into());
        }
        if !params::is_value(value) {
            let reason = "takes what a path can hold: 1 to 64 characters, none of them a control \
                          character";
            return Err(BuildErrorKind::Setting { setting: "example", reason }.into());
        }
    }
    let example = |name: &&str| {
        let of_name = badge.examples.iter().rev().find(|(param, _)| param == name);
        of_name.map_or(EXAMPLE, |(_, value)| value)
    };
    Ok(Params::of(names.iter().map(|name| (*name, example(name)))))
}

fn parse(badge: &Badge, raster: &Arc<Raster>) -> Result<Template, Mistake> {
    // Which slots it has is known when it has been read.
    let is_kept = !shows_names(&read(badge, |_| 0)?.slots());
    let raster = raster.clone();
    read(badge, move |line| raster.width_of(line, is_kept))
}

fn read(
    badge: &Badge,
    width_of: impl Fn(&Line) -> u32 + Send + Sync + 'static,
) -> Result<Template, Mistake> {
    let mut template = Template::parse(badge.svg.clone(), badge.max_value_chars, width_of)?;
    if let Some(look) = &badge.look {
        look.add_texts(&mut template)?;
    }
    if let Some(text) = &badge.page_text {
        template.add_text(PAGE_TEXT.into(), text.clone())?;
    }
    Ok(template)
}

fn shows_names(slots: &BTreeSet<String>) -> bool {
    slots.iter().any(|slot| slots::first(slot) == PEOPLE)
}

/// Whether a word is in one of its texts' tags.
fn says(template: &Template, word: &str) -> bool {
    template.sources().iter().any(|(_, source)| scan::says(&scan::tags(source), word))
}

/// Filters and tests are looked up when they are used, which may be in no trial.
fn check_names(template: &Template) -> Checked<()> {
    for (text, source) in template.sources() {
        for used in scan::uses(&scan::tags(&source)) {
            let (is_known, names) = match used.what {
                "filter" => (template.has_filter(used.name), KNOWN_FILTERS),
                _ => (template.has_test(used.name), KNOWN_TESTS),
            };
            if !is_known {
                let feature = filters::feature_of(used.name).filter(|_| used.what == "filter");
                let nearest = nearest(used.name, names.split(' ')).filter(|_| feature.is_none());
                let unknown = BuildErrorKind::UnknownName {
                    at: place(text, Some(scan::line(&source, used.at)), None),
                    what: used.what,
                    name: used.name.to_owned(),
                    nearest,
                    feature,
                };
                return Err(unknown.into());
            }
        }
    }
    Ok(())
}

/// Every slot is filled by one thing, and every filled by something.
fn check_slots(
    badge: &Badge,
    template: &Template,
    slots: &BTreeSet<String>,
    params: &[&str],
    values: &[Value],
) -> Checked<()> {
    let of_look = if badge.look.is_some() { &LOOK_SLOTS[..] } else { &[] };
    let mut taken = Vec::new();
    for slot in values.iter().flat_map(slots::slots_of) {
        let is_built_in = slots::BUILT_IN.iter().chain(of_look).any(|built_in| *built_in == slot);
        if is_built_in || taken.contains(&slot) {
            return Err(BuildErrorKind::SlotTaken { slot, is_built_in }.into());
        }
        taken.push(slot);
    }
    let mut known = slots::known_slots(params, values);
    known.extend(of_look.iter().map(|slot| (*slot).to_owned()));
    known.extend(badge.query_slots.iter().map(|(name, _)| format!("query.{name}")));
    match slots::unknown_slots(slots, params, &known).into_iter().next() {
        None => Ok(()),
        Some(slot) => Err(unknown_slot(template, slot, known).into()),
    }
}

fn unknown_slot(template: &Template, slot: String, known: Vec<String>) -> BuildErrorKind {
    let sources = template.sources();
    let found = sources.iter().find_map(|(text, source)| {
        let (at, is_called) = scan::find_slot(&scan::tags(source), &slot)?;
        Some((place(text, Some(scan::line(source, at)), None), is_called))
    });
    let (at, is_called) = found.unwrap_or((place("the template", None, None), false));
    if is_called {
        let nearest = nearest(&slot, ["text_width", "range", "dict", "namespace"]);
        let (what, feature) = ("function", None);
        return BuildErrorKind::UnknownName { at, what, name: slot, nearest, feature };
    }
    let nearest = nearest(&slot, known.iter().map(|name| &**name));
    BuildErrorKind::UnknownSlot { at, slot, known, nearest }
}

/// Fills the template for all kinds of rooms, for light and dark pages, and draws some of them; what
/// is the same text is drawn once. Returns the badge's size, and whether it has others.
fn check_pictures(picture: &Picture, trials: &mut Trials<'_>) -> Checked<(Size, bool)> {
    let named = named_numbers(picture);
    let around = |number: &usize| [*number, number.saturating_sub(1), number.saturating_add(1)];
    let named = named.iter().filter(|number| **number > 1).take(MOST_NAMED).flat_map(around);
    let variants = [(Theme::Dark, true), (Theme::Light, false), (Theme::Light, true)];
    let variants = variants.into_iter().filter(|(_, is_named)| *is_named || picture.shows_names);
    let mut sizes: Vec<Size> = Vec::new();
    let mut last = None;
    // What is wrong with few is told first; and the badge's size is the last one that is drawn.
    let filled: Vec<usize> = named.collect();
    let counts = DRAWN.iter().chain(&FILLED).chain(&filled).map(|count| Trial::of(*count));
    for trial in counts.chain(other_moments(picture)).chain([Trial::of(0)]) {
        for (theme, is_named) in variants.clone() {
            let trial = Trial { theme, is_named, ..trial };
            let svg = trials.fill(trial)?;
            // A look has the same shapes for any number; who knows what a template has.
            let is_drawn = picture.look.is_some() || !FILLED.contains(&trial.count);
            if !is_drawn || last.as_ref() == Some(&svg) {
                continue;
            }
            let style = picture.style.with_theme(theme);
            let format = picture.format.clone();
            let drawing = Drawing { svg: svg.as_str().into(), style, format, has_names: false };
            let size =
                picture.raster.check(&drawing).map_err(|error| refused(error, trials, trial))?;
            sizes.push(size);
            last = Some(svg);
        }
    }
    trials.take_other_branches(Trial::of(23))?;
    let size = sizes.pop().expect("a first picture is drawn");
    Ok((size, sizes.iter().any(|other| *other != size)))
}

/// Just before its time is over, when it is, and with a source that is gone.
fn other_moments(picture: &Picture) -> Vec<Trial> {
    let some = Trial::of(DRAWN[0]);
    let end = picture.ticks.as_ref().and_then(Ticks::end);
    let ends = end.into_iter().flat_map(|end| [end.saturating_sub(1), end]);
    let ends = ends.map(|now| Trial { now: Some(now), ..some });
    let stale = (!picture.values.is_empty()).then_some(Trial { is_stale: true, ..some });
    ends.chain(stale).collect()
}

/// The numbers from which on the picture may be another one, as far as they are written.
fn named_numbers(picture: &Picture) -> Vec<usize> {
    let of_look = picture.look.iter().flat_map(Look::thresholds);
    let mut named: Vec<usize> = of_look.map(|number| number as usize).collect(); // saturates
    for (text, source) in picture.template.sources() {
        // What a look's own template compares are measures.
        if picture.look.is_none() || text != "the template" {
            named.extend(scan::numbers(&scan::tags(&source)));
        }
    }
    named.sort_unstable();
    named.dedup();
    named
}

/// A look's number that is bare for few must be so for many, too: not "1.2k" or "1,234".
fn check_number(picture: &Picture, params: &Params, trials: &Trials<'_>) -> Checked<()> {
    let is_number = |count| {
        let trial = Trial::of(count);
        let words = picture.words(&trial.snapshot(), params, &picture.style, false);
        let words = words.map_err(|error| trials.refused(error, trial))?;
        Ok::<_, Box<BuildErrorKind>>(words.number.trim().parse::<f64>().is_ok())
    };
    if is_number(23)? && !is_number(1_234_567)? {
        let reason = "takes a bare number, so that colours and displays can go by it; format it in \
                      the look's message";
        return Err(BuildErrorKind::Setting { setting: "look number", reason }.into());
    }
    Ok(())
}

/// A look's colour can be none only for what somebody asks for.
fn check_colors(picture: &Picture, params: &Params, trials: &Trials<'_>) -> Checked<()> {
    for count in [23, 1, 0, 1_234_567] {
        let trial = Trial::of(count);
        let wrong = picture.wrong_color(&trial.snapshot(), params);
        let wrong = wrong.map_err(|error| trials.refused(error, trial))?;
        if let Some((setting, color)) = wrong {
            return Err(BuildErrorKind::Color { setting, color }.into());
        }
    }
    Ok(())
}

/// A browser may have a font that is not loaded; a picture of ours can't.
fn check_family(picture: &Picture) -> Checked<()> {
    let families = picture.look.as_ref().and_then(Look::families);
    match families.filter(|_| picture.format != Format::Svg) {
        Some(families) if !picture.raster.has_any_family(families) => {
            let at = place("the look's font_family", None, None);
            Err(BuildErrorKind::FontFamily { at, families: families.into() }.into())
        }
        _ => Ok(()),
    }
}

fn refused(error: CheckError, trials: &Trials<'_>, trial: Trial) -> BuildErrorKind {
    match error {
        CheckError::Paint(error) => trials.refused(error, trial),
        CheckError::Flaw(Flaw::Family { families }) => {
            let first = families.split(',').next().unwrap_or_default();
            let at = trials.find(first.trim_matches(['"', '\'', ' ']));
            BuildErrorKind::FontFamily { at, families }
        }
        CheckError::Flaw(Flaw::NoFont) => BuildErrorKind::NoFont,
        CheckError::Flaw(Flaw::Glyph(Missing { character, cluster })) => {
            let at = trials.find(&character.to_string());
            BuildErrorKind::Glyph { at, character, cluster }
        }
        CheckError::Flaw(Flaw::Image { href }) => {
            BuildErrorKind::Image { at: trials.find(&href), href }
        }
        CheckError::Flaw(Flaw::UnknownImage { name, known }) => BuildErrorKind::UnknownImage {
            at: trials.find(&format!("image:{name}")),
            nearest: nearest(&name, known.iter().map(|k| &**k)),
            name,
            known,
        },
    }
}

/// To be told to someone who used another one.
const KNOWN_TESTS: &str = "boolean defined divisibleby endingwith eq even false filter float ge gt in \
    integer iterable le lower lt mapping ne none number odd safe sameas sequence startingwith string \
    test true undefined upper";
