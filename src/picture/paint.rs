//! From the state of a room to its picture: the template's slots are filled, the text is drawn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use minijinja::value::Value;

use crate::error::PaintError;
use crate::observe::meter::Meter;
use crate::picture::alike::Alike;
use crate::picture::clean::clean;
use crate::picture::format::Format;
use crate::picture::look::Look;
use crate::picture::mistake::Mistake;
use crate::picture::raster::{Drawing, Drawn, Raster, Size};
use crate::picture::slots::{Moment, fillings};
use crate::picture::template::{PAGE_TEXT, Template};
use crate::picture::threads::Lane;
use crate::picture::ticks::Ticks;
use crate::picture::values::{RoomValues, Source, Taken};
use crate::picture::words::Words;
use crate::presence::clock::Clock;
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
    /// The same in step with the wall clock.
    pub(crate) ticks: Option<Ticks>,
    pub(crate) clock: Clock,
    /// It shows the room's name: no other room looks the same.
    pub(crate) shows_room: bool,
    /// It shows who is there by name, so that no text and no picture of it is kept.
    pub(crate) shows_names: bool,
    pub(crate) max_people: usize,
    pub(crate) values: Arc<[Source]>,
    pub(crate) max_value_chars: usize,
    /// Values that are older than this are stale.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) format: Format,
    pub(crate) style: Style,
    pub(crate) raster: Arc<Raster>,
    pub(crate) meter: Arc<Meter>,
    /// Where all rooms look alike.
    pub(crate) alike: Option<Alike>,
}

/// A picture that is there, or is to be drawn.
pub(crate) enum Painting {
    Cached(Bytes),
    ToDraw { raster: Arc<Raster>, drawing: Drawing, meter: Arc<Meter>, lane: Lane, path: Arc<str> },
}

impl Picture {
    /// The application's values for a room with these parameters.
    pub(crate) fn values_of(&self, params: &Params) -> RoomValues {
        let sources = self.values.clone();
        RoomValues::new(sources, params.clone(), self.max_value_chars, self.stale_after)
    }

    /// The time that it shows now, in seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        let now = self.clock.now();
        self.ticks.as_ref().map_or(now, |ticks| ticks.shown(now)).as_secs()
    }

    fn moment(&self, taken: &Taken) -> Moment {
        Moment { now: self.now(), is_stale: taken.is_stale }
    }

    fn fillings(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        moment: Moment,
        style: &Style,
    ) -> Value {
        fillings(snapshot, params, values, moment, style, self.max_people)
    }

    /// What fills the template's slots; `complain` is told of a look's colour that is none.
    pub(crate) fn slots(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        values: &[Value],
        moment: Moment,
        style: &Style,
        complain: impl Fn(&str),
    ) -> Result<Value, PaintError> {
        let slots = self.fillings(snapshot, params, values, moment, style);
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
        taken: &Taken,
        style: &Style,
    ) -> Result<Drawing, PaintError> {
        let complain = |color: &str| {
            let color = if self.shows_names { "not told" } else { color };
            self.raster.complain_of_color(&self.path, color);
        };
        let (values, moment) = (&taken.values, self.moment(taken));
        let fill = || {
            let slots = self.slots(snapshot, params, values, moment, style, complain)?;
            let svg = self.template.fill(&slots).map_err(unfilled)?;
            Ok(svg.into())
        };
        let svg = match &self.alike {
            Some(alike) => alike.svg(&snapshot.counts, values, moment, style, fill)?,
            None => fill()?,
        };
        let (style, format) = (style.clone(), self.format.clone());
        let has_names = self.shows_names && snapshot.people.count > 0;
        Ok(Drawing { svg, style, format, has_names })
    }

    /// What the log may say of it: not what is in a picture with names.
    pub(crate) fn said_of(&self, error: &PaintError) -> String {
        if self.shows_names { error.to_string() } else { format!("{error:?}") }
    }

    /// The same with the values as they are now, for whoever does not wait for them to change. Who
    /// watches them may know that they are stale.
    pub(crate) fn fill_once(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        style: &Style,
        is_stale: bool,
    ) -> Result<Drawing, PaintError> {
        let taken = self.values_of(params).take()?;
        let taken = Taken { is_stale: is_stale || taken.is_stale, ..taken };
        self.fill(snapshot, params, &taken, style)
    }

    /// Whether the values that these parameters have are stale, as far as one look can tell.
    pub(crate) fn is_stale(&self, params: &Params) -> bool {
        let has_values = !self.values.is_empty();
        has_values && self.values_of(params).take().is_ok_and(|taken| taken.is_stale)
    }

    /// The same as words, if it has any.
    pub(crate) fn words(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        style: &Style,
        is_stale: bool,
    ) -> Result<Words, PaintError> {
        let Some(look) = &self.look else { return Ok(Words::of_counts(&snapshot.counts)) };
        let taken = self.values_of(params).take()?;
        let is_stale = is_stale || taken.is_stale;
        let moment = Moment { is_stale, ..self.moment(&taken) };
        let slots = self.fillings(snapshot, params, &taken.values, moment, style);
        look.words(&self.template, &slots).map_err(unfilled)
    }

    /// What a page of it says: plain text.
    pub(crate) fn page_text(
        &self,
        snapshot: &Snapshot,
        params: &Params,
        taken: &Taken,
        style: &Style,
    ) -> Result<String, PaintError> {
        let slots = self.fillings(snapshot, params, &taken.values, self.moment(taken), style);
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
        let taken = self.values_of(params).take()?;
        let moment = self.moment(&taken);
        let slots = self.fillings(snapshot, params, &taken.values, moment, &self.style);
        look.wrong_color(&self.template, &slots).map_err(unfilled)
    }

    /// What a drawing becomes. Nothing is drawn before the future is polled.
    pub(crate) fn paint(&self, drawing: Drawing, lane: Lane) -> Painting {
        match self.raster.cached(&drawing, &self.path) {
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
            let (style, format) = (style.clone(), self.format.clone());
            self.raster.forget(&Drawing { svg, style, format, has_names: false });
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
        let drawing = Drawing { svg: size.blank(), style, format, has_names: false };
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
            ticks: None,
            clock: Clock::default(),
            shows_room: false,
            shows_names: false,
            max_people: 0,
            values: Arc::default(),
            max_value_chars: 64,
            stale_after: None,
            format: Format::Png,
            style: Style::new(Theme::Light, 1.0),
            raster: Arc::new(Raster::new(
                Fonts::new(Vec::new()).expect("no font is wrong"),
                Images::default(),
            )),
            meter: Arc::new(Meter::new("/x.png")),
            alike: None,
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
