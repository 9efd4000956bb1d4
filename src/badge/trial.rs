//! What a template is tried with when its badge is checked, and where in it a trial fails.

use std::collections::BTreeSet;
use std::time::Duration;

use minijinja::value::Value;
use minijinja::{OutputSpan, OutputSpanKind};

use crate::badge::lint::{Flaw, FlawKind, lint};
use crate::badge::scan;
use crate::error::{BuildErrorKind, Checked, PaintError, TemplatePlace};
use crate::picture::mistake::{Mistake, place};
use crate::picture::paint::Picture;
use crate::picture::raster::MAX_SVG_BYTES;
use crate::picture::slots::{self, Moment};
use crate::picture::values::Taken;
use crate::presence::counts::{Counts, Snapshot};
use crate::presence::days::DAYS;
use crate::presence::people::{MAX_PEOPLE, People, Someone};
use crate::presence::records::Records;
use crate::request::name::{MAX_NAME, Name};
use crate::request::params::Params;
use crate::request::theme::Theme;

const LOOP_ADVICE: &str =
    "bound its loops, as in range([visitors, 100] | min), since a number may be any";
const EXAMPLE_ADVICE: &str =
    "if a parameter has to look otherwise, say with Badge::example what it looks like";

/// So many of everything, on a page of this theme.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) count: usize,
    pub(crate) theme: Theme,
    /// Every second visitor has a name, the first one to begin with.
    pub(crate) is_named: bool,
    /// Now, unless it says otherwise.
    pub(crate) now: Option<u64>,
    pub(crate) is_stale: bool,
}

/// Tries a picture with one room's parameters and values.
pub(crate) struct Trials<'a> {
    picture: &'a Picture,
    params: &'a Params,
    values: &'a [Value],
    /// What is written in the picture's template.
    source: &'a str,
    /// Where in it something was written into a picture.
    written: BTreeSet<(usize, usize)>,
}

impl Trial {
    /// Some of them by name, on a light page, now.
    pub(crate) fn of(count: usize) -> Self {
        Self { count, theme: Theme::Light, is_named: true, now: None, is_stale: false }
    }

    pub(crate) fn snapshot(self) -> Snapshot {
        let count = self.count;
        let records = Records {
            peak: count,
            peak_today: count,
            day: 0,
            joins: count as u64,
            today: count as u64,
            visitors_today: count as u64,
            days: [count as u64; DAYS].into(),
        };
        let since_change = Duration::from_secs(count as u64);
        let counts = Counts { streams: count, visitors: count };
        let (recent, people) = (vec![count; 60], self.people(since_change));
        let (here, rooms, is_alone) = (counts.clone(), count, self.is_stale);
        Snapshot { counts, here, is_alone, records, since_change, recent, rooms, people }
    }

    /// Short names and the longest ones.
    fn people(self, since: Duration) -> People {
        let count = if self.is_named { self.count.div_ceil(2) } else { 0 };
        let names = ["Anna Berg".to_owned(), "W".repeat(MAX_NAME)];
        let names = names.iter().filter_map(|name| Name::of(name)).cycle();
        let first = names.take(count.min(MAX_PEOPLE)).map(|name| Someone { name, since });
        People { first: first.collect(), count }
    }

    fn said(self, params: &Params) -> String {
        let params: String =
            params.iter().map(|(name, value)| format!(", params.{name} = {value:?}")).collect();
        let visitors = if self.count == 1 { "visitor" } else { "visitors" };
        let all = if self.is_named { "" } else { ", guests all" };
        let now = self.now.map(|now| format!(", now = {now}")).unwrap_or_default();
        let stale = if self.is_stale { ", stale values" } else { "" };
        let page = self.theme.name();
        format!("{} {visitors}{all}, a {page} page{params}{now}{stale}", self.count)
    }
}

impl<'a> Trials<'a> {
    pub(crate) fn new(
        picture: &'a Picture,
        source: &'a str,
        params: &'a Params,
        values: &'a [Value],
    ) -> Self {
        Self { picture, params, values, source, written: BTreeSet::new() }
    }

    /// What a page says can be said of any room.
    pub(crate) fn say(&self, taken: &Taken, counts: impl Iterator<Item = usize>) -> Checked<()> {
        for trial in counts.map(Trial::of) {
            let (snapshot, style) = (trial.snapshot(), &self.picture.style);
            let text = self.picture.page_text(&snapshot, self.params, taken, style);
            text.map_err(|error| self.refused(error, trial))?;
        }
        Ok(())
    }

    /// Fills the template and finds what is wrong with that, apart from drawing it.
    pub(crate) fn fill(&mut self, trial: Trial) -> Checked<String> {
        let slots = self.slots(trial).map_err(|error| self.refused(error, trial))?;
        let filled = self.picture.template.fill_with_spans(&slots);
        let (svg, spans) = filled.map_err(|mistake| self.unfilled(&mistake, trial))?;
        let written = spans.iter().map(OutputSpan::source_range);
        self.written.extend(written.map(|written| (written.start, written.end)));
        // What is refused in any case is refused when it is drawn.
        if svg.len() <= MAX_SVG_BYTES && !svg.contains("<!DOCTYPE") {
            lint(&svg).map_err(|flaw| {
                self.flawed(flaw, self.source, &svg, &spans, trial.said(self.params))
            })?;
        } else if trial.count > 23 && svg.len() > MAX_SVG_BYTES {
            let reason = format!("it becomes {} bytes long, more than {MAX_SVG_BYTES}", svg.len());
            let at = place("the template", None, None);
            let (tried, advice) = (trial.said(self.params), Some(LOOP_ADVICE));
            return Err(BuildErrorKind::Fill { at, reason, tried, advice }.into());
        }
        Ok(svg)
    }

    /// Takes the branches that no trial has taken, and finds those that can't be SVG.
    pub(crate) fn take_other_branches(&self, trial: Trial) -> Checked<()> {
        const MOST: usize = 100;
        let tags = scan::tags(self.source);
        let is_new = |branch: &&scan::Branch| {
            let taken = |(start, end): &(usize, usize)| {
                branch.body.contains(start) || (*start..*end).contains(&branch.body.start)
            };
            !self.written.iter().any(taken)
        };
        for branch in scan::branches(&tags).iter().filter(is_new).take(MOST) {
            let forced = branch.forced(self.source, &tags);
            // What can't be filled like that may be so on purpose.
            let Ok(slots) = self.slots(trial) else { continue };
            let Ok((svg, spans)) = self.picture.template.fill_other(&forced, &slots) else {
                continue;
            };
            let Err(flaw) = lint(&svg) else { continue };
            if svg.len() > MAX_SVG_BYTES || matches!(flaw.kind, FlawKind::Now { .. }) {
                continue;
            }
            let tried = format!("`{}` taken", &self.source[branch.said.clone()]);
            return Err(self.flawed(flaw, &forced, &svg, &spans, tried).into());
        }
        Ok(())
    }

    /// Where this is written first.
    pub(crate) fn find(&self, written: &str) -> TemplatePlace {
        let sources = self.picture.template.sources();
        let found = sources.iter().find_map(|(text, source)| {
            let at = source.find(written)?;
            Some(place(text, Some(scan::line(source, at)), None))
        });
        found.unwrap_or_else(|| place("the template", None, None))
    }

    fn slots(&self, trial: Trial) -> Result<Value, PaintError> {
        let style = self.picture.style.with_theme(trial.theme);
        let now = trial.now.unwrap_or_else(|| self.picture.now());
        let moment = Moment { now, is_stale: trial.is_stale };
        self.picture.slots(&trial.snapshot(), self.params, self.values, moment, &style, |_| {})
    }

    pub(crate) fn refused(&self, error: PaintError, trial: Trial) -> BuildErrorKind {
        if let PaintError::Fill(source) = &error
            && let Some(mistake) = source.downcast_ref::<Mistake>()
        {
            return self.unfilled(mistake, trial);
        }
        BuildErrorKind::Paint { source: error }
    }

    fn unfilled(&self, mistake: &Mistake, trial: Trial) -> BuildErrorKind {
        let uses_params =
            self.picture.template.slots().iter().any(|slot| slots::first(slot) == "params");
        let advice = if mistake.is_too_much() {
            Some(LOOP_ADVICE)
        } else {
            uses_params.then_some(EXAMPLE_ADVICE)
        };
        let (at, reason) = (mistake.place.clone(), mistake.reason.clone());
        BuildErrorKind::Fill { at, reason, tried: trial.said(self.params), advice }
    }

    fn flawed(
        &self,
        flaw: Flaw,
        source: &str,
        svg: &str,
        spans: &[OutputSpan],
        tried: String,
    ) -> BuildErrorKind {
        let at = match flaw.at {
            Some(at) => origin(source, svg, spans, at),
            None => place("the template", None, None),
        };
        match flaw.kind {
            FlawKind::NotSvg { reason } => BuildErrorKind::Svg { at, reason, tried },
            FlawKind::Never { what, reason } | FlawKind::Now { what, reason } => {
                BuildErrorKind::Undrawn { at, what, reason, tried }
            }
        }
    }
}

/// Where in the template this byte of the filled text comes from.
fn origin(source: &str, svg: &str, spans: &[OutputSpan], at: usize) -> TemplatePlace {
    let span = spans.iter().rev().find(|span| span.output_range().start <= at);
    let Some(span) = span else { return place("the template", None, None) };
    let written = source.get(span.source_range());
    if span.kind() == OutputSpanKind::Expression {
        return place("the template", Some(span.line()), written);
    }
    let before = svg.get(span.output_range().start..at).unwrap_or_default();
    place("the template", Some(span.line() + before.matches('\n').count()), None)
}
