//! From the state of a room to its picture: the template's slots are filled, the text is drawn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use minijinja::value::Value;

use crate::error::PaintError;
use crate::observe::meter::Meter;
use crate::picture::clean::clean;
use crate::picture::format::Format;
use crate::picture::look::Look;
use crate::picture::mistake::Mistake;
use crate::picture::raster::{Drawing, Drawn, Raster, Size};
use crate::picture::slots::fillings;
use crate::picture::template::{PAGE_TEXT, Template};
use crate::picture::threads::Lane;
use crate::picture::values::{RoomValues, Source};
use crate::picture::words::Words;
use crate::presence::counts::Snapshot;
use crate::request::params::Params;
use crate::request::query::Query;
use crate::request::style::Style;

/// Larger pictures than a screen shows cost everybody.
const MAX_SCALE: f32 = 4.0;

/// A longer text of a page is cut.
const MAX_PAGE_CHARS: usize = 1_000;

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
    ToDraw { raster: Arc<Raster>, drawing: Drawing, meter: Arc<Meter>, lane: Lane, path: Arc<str> },
}

impl Picture {
    /// The application's values for a room with these parameters.
    pub(crate) fn values_of(&self, params: &Params) -> RoomValues {
        RoomValues::new(self.values.clone(), params.clone(), self.max_value_chars)
    }

    /// What fills the template's slots; `complain` is told of a look's colour that is none.
    pub(crate) fn slots(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        style: &Style,
        complain: impl Fn(&str),
    ) -> Result<Value, PaintError> {
        let slots = fillings(snapshot, params, values, style);
        match &self.look {
            Some(look) => look.slots(&self.template, &slots, complain).map_err(unfilled),
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
        let complain = |color: &str| self.raster.complain_of_color(&self.path, color);
        let slots = self.slots(snapshot, params, values, style, complain)?;
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

    /// What a page of it says: plain text.
    pub(crate) fn page_text(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        style: &Style,
    ) -> Result<String, PaintError> {
        let slots = fillings(snapshot, params, values, style);
        let text = match &self.look {
            _ if self.template.has_text(PAGE_TEXT) => self.template.text(PAGE_TEXT, &slots),
            Some(look) => look.words(&self.template, &slots).map(|words| words.said()),
            None => Ok(Words::of_counts(&snapshot.counts).said()),
        };
        Ok(clean(&text.map_err(unfilled)?, MAX_PAGE_CHARS))
    }

    /// A look's colour that would be none, with its setting.
    pub(crate) fn wrong_color(
        &self,
        snapshot: &Snapshot,
        params: &Params,
    ) -> Result<Option<(&'static str, String)>, PaintError> {
        let Some(look) = &self.look else { return Ok(None) };
        let values = self.values_of(params).take()?;
        let slots = fillings(snapshot, params, &values, &self.style);
        look.wrong_color(&self.template, &slots).map_err(unfilled)
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
    pub(crate) fn forget(&self, svg: Arc<str>, style: &Style) {
        if self.shows_room {
            self.raster.forget(&Drawing { svg, style: style.clone(), format: self.format.clone() });
        }
    }

    /// Nothing, in the right size if there can be such a picture: shown while there is no picture to
    /// show. It is drawn once, and takes no time to speak of.
    pub(crate) fn blank(&self, size: Size, style: &Style, format: Format) -> Painting {
        let (width, height) = size.in_pixels(style.scale());
        let fits = format.max_side().is_none_or(|limit| width.max(height) <= limit);
        let size = if fits { size } else { Size { width: 1.0, height: 1.0 } };
        // Nothing that somebody asks for is on it.
        let style = style.with_slots_of(&self.style);
        let drawing = Drawing { svg: size.blank(), style, format };
        self.paint(drawing, Lane::Live)
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

#[cfg(all(test, feature = "jpeg"))]
mod tests {
    use super::*;
    use crate::picture::fonts::Fonts;
    use crate::picture::images::Images;
    use crate::request::theme::Theme;

    fn picture() -> Arc<Picture> {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">
            <text y="14">{{ visitors }} {{ value }}</text></svg>"#;
        Arc::new(Picture {
            path: "/x.png".into(),
            template: Template::parse(svg.into(), 64, |_| 0).expect("a template"),
            look: None,
            tick: None,
            shows_room: false,
            values: Arc::default(),
            max_value_chars: 64,
            format: Format::Png,
            style: Style::new(Theme::Light, 1.0),
            raster: Arc::new(Raster::new(
                Fonts::new(Vec::new()).expect("no font is wrong"),
                Images::default(),
            )),
            meter: Arc::new(Meter::new("/x.png")),
        })
    }

    #[tokio::test]
    async fn a_blank_is_a_picture_in_every_format_that_can_not_hold_its_size() {
        let size = Size { width: 70_000.0, height: 2.0 };
        let (style, jpeg) = (Style::new(Theme::Light, 1.0), Format::jpeg(85));
        let blank = picture().blank(size, &style, jpeg).finish().await.unwrap();
        assert!(blank.starts_with(&[0xFF, 0xD8, 0xFF]));
        let blank = picture().blank(size, &style, Format::Png).finish().await.unwrap();
        assert!(blank.starts_with(b"\x89PNG"));
    }
}
