//! From the state of a room to its picture: the template's slots are filled, the text is drawn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use minijinja::value::Value;

use crate::error::PaintError;
use crate::observe::meter::Meter;
use crate::picture::format::Format;
use crate::picture::look::{Look, Words};
use crate::picture::mistake::Mistake;
use crate::picture::raster::{Drawing, Drawn, Raster, Size};
use crate::picture::slots::fillings;
use crate::picture::template::Template;
use crate::picture::values::{RoomValues, Source};
use crate::presence::counts::Snapshot;
use crate::request::params::Params;
use crate::request::query::Query;
use crate::request::style::Style;

/// Larger pictures than a screen shows cost everybody.
const MAX_SCALE: f32 = 4.0;

/// What a badge looks like.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) template: Template,
    pub(crate) look: Option<Look>,
    /// How often it is to be looked at, although nothing happens: it shows how time passes.
    pub(crate) tick: Option<Duration>,
    /// It shows the room's name: no other room looks the same.
    pub(crate) shows_room: bool,
    pub(crate) values: Arc<[Source]>,
    pub(crate) max_value_chars: usize,
    pub(crate) format: Format,
    pub(crate) style: Style,
    pub(crate) raster: Arc<Raster>,
    pub(crate) meter: Arc<Meter>,
}

/// A picture that is there, or is to be drawn.
pub(crate) enum Painting {
    Cached(Bytes),
    ToDraw { raster: Arc<Raster>, drawing: Drawing, meter: Arc<Meter> },
}

impl Picture {
    /// The application's values for a room with these parameters.
    pub(crate) fn values_of(&self, params: &Params) -> RoomValues {
        RoomValues::new(self.values.clone(), params.clone(), self.max_value_chars)
    }

    /// What fills the template's slots.
    pub(crate) fn slots(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        style: &Style,
    ) -> Result<Value, PaintError> {
        let slots = fillings(snapshot, params, values, style);
        match &self.look {
            Some(look) => look.slots(&self.template, &slots).map_err(unfilled),
            None => Ok(slots),
        }
    }

    /// The drawing of a room in this state.
    pub(crate) fn fill(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        style: &Style,
    ) -> Result<Drawing, PaintError> {
        let slots = self.slots(snapshot, params, values, style)?;
        let svg = self.template.fill(&slots).map_err(unfilled)?;
        Ok(Drawing { svg: svg.into(), style: style.clone(), format: self.format.clone() })
    }

    /// The same with the values as they are now, for whoever does not wait for them to change.
    pub(crate) fn fill_once(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        style: &Style,
    ) -> Result<Drawing, PaintError> {
        self.fill(snapshot, params, &self.values_of(params).take()?, style)
    }

    /// The same as words, if it has any.
    pub(crate) fn words(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        style: &Style,
    ) -> Result<Words, PaintError> {
        let Some(look) = &self.look else { return Ok(Words::of_counts(&snapshot.counts)) };
        let values = self.values_of(params).take()?;
        let slots = fillings(snapshot, params, &values, style);
        look.words(&self.template, &slots).map_err(unfilled)
    }

    /// What a drawing becomes. Nothing is drawn before the future is polled.
    pub(crate) fn paint(&self, drawing: Drawing) -> Painting {
        match self.raster.cached(&drawing) {
            Some(picture) => {
                self.meter.cache_hit();
                Painting::Cached(picture)
            }
            None => {
                let (raster, meter) = (self.raster.clone(), self.meter.clone());
                Painting::ToDraw { raster, drawing, meter }
            }
        }
    }

    /// Nobody looks at this any more.
    pub(crate) fn forget(&self, svg: Arc<str>, style: &Style) {
        if self.shows_room {
            self.raster.forget(&Drawing { svg, style: style.clone(), format: self.format.clone() });
        }
    }

    /// Nothing, in the right size: shown while there is no picture to show.
    pub(crate) fn blank(&self, size: Size, style: &Style, format: Format) -> Painting {
        self.paint(Drawing { svg: size.blank(), style: style.clone(), format })
    }

    /// The style that a request's query asks for.
    pub(crate) fn style_asked_by(&self, query: &Query<'_>, size: Size) -> Style {
        self.style.asked_by(query, size.max_scale().min(MAX_SCALE))
    }
}

fn unfilled(mistake: Mistake) -> PaintError {
    PaintError::Fill(Box::new(mistake))
}

impl Painting {
    pub(crate) async fn finish(self) -> Result<Bytes, PaintError> {
        match self {
            Self::Cached(picture) => Ok(picture),
            Self::ToDraw { raster, drawing, meter } => {
                let Drawn { picture, took } = raster.draw(drawing).await?;
                match took {
                    Some(took) => meter.rendered(took),
                    None => meter.cache_hit(),
                }
                Ok(picture)
            }
        }
    }
}
