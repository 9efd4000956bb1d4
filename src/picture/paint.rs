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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fonts::Fonts;
    use crate::picture::images::Images;
    use crate::presence::counts::Counts;
    use crate::request::style::Theme;

    fn picture() -> Arc<Picture> {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">
            <text y="14">{{ visitors }} {{ value }}</text></svg>"#;
        Arc::new(Picture {
            path: "/x.png".into(),
            template: Template::parse(svg.into(), 64, |_| 0).unwrap(),
            look: None,
            tick: None,
            shows_room: false,
            values: Vec::new(),
            format: Format::Png,
            style: Style::new(Theme::Light, 1.0),
            raster: Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default())),
            meter: Arc::new(Meter::new("/x.png")),
        })
    }

    fn moment(visitors: usize) -> Moment {
        let counts = Counts { streams: visitors, visitors };
        Moment {
            snapshot: Snapshot { counts, ..Snapshot::default() },
            params: Params::sample(&[], ""),
            style: Style::new(Theme::Light, 1.0),
            format: Format::Png,
        }
    }

    #[tokio::test]
    async fn a_moment_is_filled_and_drawn_where_pictures_are() {
        let picture = picture();
        let values = || {
            assert_eq!(std::thread::current().name(), Some("livebadge-draw"));
            Ok(vec![Value::from(7)])
        };
        let paint = |visitors, shown| {
            picture.clone().paint_moment(moment(visitors), values, shown, Lane::Live)
        };
        let first = paint(1, None).await.unwrap().unwrap();
        assert!(
            first.svg.contains("1 7") && first.picture.starts_with(b"\x89PNG") && !first.cached
        );
        // The same text again is neither drawn, nor anything to show to who has it.
        let again = paint(1, None).await.unwrap().unwrap();
        assert!(again.cached && again.picture == first.picture);
        assert!(paint(1, Some(first.svg.clone())).await.unwrap().is_none());
        let other = paint(2, Some(first.svg)).await.unwrap().unwrap();
        assert!(other.svg.contains("2 7") && !other.cached);
    }

    #[tokio::test]
    async fn what_goes_wrong_in_a_moment_is_an_error() {
        let picture = picture();
        let none = picture.clone().paint_moment(moment(1), || Ok(vec![]), None, Lane::Still);
        assert!(matches!(none.await, Err(PaintError::Fill(_))));
        let panics = picture.paint_moment(moment(1), || panic!("a value's"), None, Lane::Still);
        assert!(matches!(panics.await, Err(PaintError::Panicked)));
    }

    #[cfg(feature = "jpeg")]
    #[tokio::test]
    async fn a_blank_is_a_picture_in_every_format_that_can_not_hold_its_size() {
        let size = Size { width: 70_000.0, height: 2.0 };
        let (style, jpeg) = (Style::new(Theme::Light, 1.0), Format::Jpeg { quality: 85 });
        let blank = picture().blank(size, style, jpeg).finish().await.unwrap();
        assert!(blank.starts_with(&[0xFF, 0xD8, 0xFF]));
        let blank = picture().blank(size, style, Format::Png).finish().await.unwrap();
        assert!(blank.starts_with(b"\x89PNG"));
    }
}
