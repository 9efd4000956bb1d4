//! From the state of a room to its picture: the template's slots are filled, the text is drawn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use minijinja::value::Value;

use crate::error::PaintError;
use crate::observe::meter::Meter;
use crate::picture::format::Format;
use crate::picture::look::Look;
use crate::picture::raster::{Drawing, Drawn, Raster, Size};
use crate::picture::template::{Template, fillings};
use crate::picture::threads::Lane;
use crate::picture::values::Values;
use crate::picture::words::Words;
use crate::presence::counts::Snapshot;
use crate::request::params::Params;
use crate::request::style::Style;

/// Larger pictures than a screen shows cost everybody.
const MAX_SCALE: f32 = 4.0;

/// What a badge looks like.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Where the badge is.
    pub(crate) path: Arc<str>,
    pub(crate) template: Template,
    pub(crate) look: Option<Look>,
    /// How often it is to be looked at, although nothing happens: it shows how time passes.
    pub(crate) tick: Option<Duration>,
    /// It shows the room's name: no other room looks the same.
    pub(crate) shows_room: bool,
    pub(crate) values: Vec<Box<dyn Values>>,
    pub(crate) format: Format,
    pub(crate) style: Style,
    pub(crate) raster: Arc<Raster>,
    pub(crate) meter: Arc<Meter>,
}

/// A picture that is there, or is to be drawn.
pub(crate) enum Painting {
    Cached(Bytes),
    ToDraw { raster: Arc<Raster>, drawing: Drawing, meter: Arc<Meter>, lane: Lane, path: Arc<str> },
}

/// What a picture is to show, and how.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) snapshot: Snapshot,
    pub(crate) params: Params,
    pub(crate) style: Style,
    pub(crate) format: Format,
}

/// A picture, and what it was drawn from.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "for whoever has no drawing yet")]
pub(crate) struct Painted {
    pub(crate) svg: Arc<str>,
    pub(crate) picture: Bytes,
    /// Nothing had to be drawn for it.
    pub(crate) cached: bool,
}

impl Picture {
    /// The values as they are now. Their own code runs here: a panic in it is an error.
    pub(crate) fn take(values: &mut [Box<dyn Values>]) -> Result<Vec<Value>, PaintError> {
        let take = || values.iter_mut().map(|values| values.take()).collect();
        catch_unwind(AssertUnwindSafe(take)).map_err(|_| PaintError::Panicked)
    }

    /// The drawing of a room in this state.
    pub(crate) fn fill(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        style: Style,
    ) -> Result<Drawing, PaintError> {
        let complain = |color: &str| self.raster.complain_of_color(&self.path, color);
        self.fill_with(snapshot, params, values, style, complain)
    }

    /// The same for a trial: nobody is told of colours that are none.
    pub(crate) fn try_out(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        style: Style,
    ) -> Result<Drawing, PaintError> {
        self.fill_with(snapshot, params, &Self::take(&mut self.values.clone())?, style, |_| {})
    }

    fn fill_with(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        style: Style,
        complain: impl Fn(&str),
    ) -> Result<Drawing, PaintError> {
        let slots = fillings(snapshot, params, values, style.theme);
        let slots = match &self.look {
            Some(look) => look.slots(&self.template, &slots, complain),
            None => Ok(slots),
        };
        let svg = slots.and_then(|slots| self.template.fill(&slots));
        let svg = svg.map_err(|error| PaintError::Fill(Box::new(error)))?;
        Ok(Drawing { svg: svg.into(), style, format: self.format })
    }

    /// The same with the values as they are now, for whoever does not wait for them to change.
    pub(crate) fn fill_once(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        style: Style,
    ) -> Result<Drawing, PaintError> {
        self.fill(snapshot, params, &Self::take(&mut self.values.clone())?, style)
    }

    /// The same as words, if it has any.
    pub(crate) fn words(&self, snapshot: &Snapshot, params: &Params) -> Result<Words, PaintError> {
        let Some(look) = &self.look else { return Ok(Words::of_counts(snapshot.counts)) };
        let values = Self::take(&mut self.values.clone())?;
        let slots = fillings(snapshot, params, &values, self.style.theme);
        let words = look.words(&self.template, &slots);
        words.map_err(|error| PaintError::Fill(Box::new(error)))
    }

    /// A look's colour that would be none, with its setting.
    pub(crate) fn wrong_color(
        &self,
        snapshot: &Snapshot,
        params: &Params,
    ) -> Result<Option<(&'static str, String)>, PaintError> {
        let Some(look) = &self.look else { return Ok(None) };
        let values = Self::take(&mut self.values.clone())?;
        let slots = fillings(snapshot, params, &values, self.style.theme);
        let wrong = look.wrong_color(&self.template, &slots);
        wrong.map_err(|error| PaintError::Fill(Box::new(error)))
    }

    /// The picture of a moment: filled, looked up and drawn on a drawing thread, so that no template
    /// holds up whoever waits. `values` are taken there, too. `None` if it is drawn from the same text
    /// as the one that is shown.
    #[allow(dead_code, reason = "for whoever has no drawing yet")]
    pub(crate) async fn paint_moment(
        self: Arc<Self>,
        moment: Moment,
        values: impl FnOnce() -> Result<Vec<Value>, PaintError> + Send + 'static,
        shown: Option<Arc<str>>,
        lane: Lane,
    ) -> Result<Option<Painted>, PaintError> {
        let picture = self.clone();
        let paint = move || {
            let Moment { snapshot, params, style, format } = moment;
            let drawing = picture.fill(&snapshot, &params, &values()?, style)?;
            if shown.is_some_and(|shown| shown == drawing.svg) {
                return Ok(None);
            }
            let (svg, drawing) = (drawing.svg.clone(), Drawing { format, ..drawing });
            let drawn = picture.raster.draw_now(drawing, &picture.path)?;
            tell(&picture.meter, drawn.took);
            Ok(Some(Painted { svg, picture: drawn.picture, cached: drawn.took.is_none() }))
        };
        self.raster.on_thread(lane, paint).await
    }

    /// What a drawing becomes. Nothing is drawn before the future is polled.
    pub(crate) fn paint(&self, drawing: Drawing, lane: Lane) -> Painting {
        match self.raster.cached(&drawing) {
            Some(picture) => {
                self.meter.cache_hit();
                Painting::Cached(picture)
            }
            None => {
                let (raster, meter, path) =
                    (self.raster.clone(), self.meter.clone(), self.path.clone());
                Painting::ToDraw { raster, drawing, meter, lane, path }
            }
        }
    }

    /// Nobody looks at this any more.
    pub(crate) fn forget(&self, svg: Arc<str>, style: Style) {
        if self.shows_room {
            self.raster.forget(&Drawing { svg, style, format: self.format });
        }
    }

    /// Nothing, in the right size if there can be such a picture: shown while there is no picture to
    /// show. It is drawn once, and takes no time to speak of.
    pub(crate) fn blank(&self, size: Size, style: Style, format: Format) -> Painting {
        let (width, height) = size.in_pixels(style.scale());
        let fits = format.max_side().is_none_or(|limit| width.max(height) <= limit);
        let size = if fits { size } else { Size { width: 1.0, height: 1.0 } };
        self.paint(Drawing { svg: size.blank(), style, format }, Lane::Live)
    }

    /// The style that a request's query asks for.
    pub(crate) fn style_asked_by(&self, query: &str, size: Size) -> Style {
        self.style.asked_by(query, size.max_scale().min(MAX_SCALE))
    }
}

impl Painting {
    pub(crate) fn is_cached(&self) -> bool {
        matches!(self, Self::Cached(_))
    }

    pub(crate) async fn finish(self) -> Result<Bytes, PaintError> {
        match self {
            Self::Cached(picture) => Ok(picture),
            Self::ToDraw { raster, drawing, meter, lane, path } => {
                let Drawn { picture, took } = raster.draw(drawing, lane, path).await?;
                tell(&meter, took);
                Ok(picture)
            }
        }
    }
}

/// Tells how long a drawing took, if one was made.
fn tell(meter: &Meter, took: Option<Duration>) {
    match took {
        Some(took) => meter.rendered(took),
        None => meter.cache_hit(),
    }
}
