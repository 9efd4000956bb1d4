//! What one variant shows: the picture with what it was painted from last, and what is being painted now; or
//! a line of data or of words.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;

use crate::error::PaintError;
use crate::picture::paint::{Painting, Picture};
use crate::picture::raster::Drawing as ToDraw;
use crate::picture::threads::Lane;
use crate::picture::words::Words;
use crate::presence::counts::Counts;
use crate::request::style::Style;
use crate::room::screen::Screen;
use crate::stream::frame::Frame;

/// What one variant shows.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    /// The last good picture, or nothing in its size.
    shown: Option<Shown>,
    /// Where data or words are shown instead.
    line: Option<Arc<Frame>>,
    is_drawing: bool,
    /// It has not been part of a round, because it was being drawn.
    pub(crate) is_stale: bool,
}

/// Those of a room, by the numbers of their screens: one, as a rule.
#[derive(Debug, Default)]
pub(crate) struct Canvases(Vec<(u64, Canvas)>);

impl Canvases {
    pub(crate) fn of(&self, screen: &Screen) -> Option<&Canvas> {
        self.0.iter().find(|(number, _)| *number == screen.number).map(|(_, canvas)| canvas)
    }

    pub(crate) fn of_mut(&mut self, screen: &Screen) -> Option<&mut Canvas> {
        let mut canvases = self.0.iter_mut();
        canvases.find(|(number, _)| *number == screen.number).map(|(_, canvas)| canvas)
    }

    /// Those of these screens where nothing is being drawn.
    pub(crate) fn idle<'a>(
        &self,
        screens: impl Iterator<Item = &'a Arc<Screen>>,
    ) -> impl Iterator<Item = &'a Arc<Screen>> {
        screens.filter(|screen| !self.of(screen).is_some_and(Canvas::is_drawing))
    }

    /// The same, where there was none.
    pub(crate) fn put_up(&mut self, screen: &Screen) -> &mut Canvas {
        let found = self.0.iter().position(|(number, _)| *number == screen.number);
        let nth = found.unwrap_or_else(|| {
            self.0.reserve_exact(1);
            self.0.push((screen.number, Canvas::default()));
            self.0.len() - 1
        });
        &mut self.0[nth].1
    }

    /// Those of these screens.
    pub(crate) fn only<'a>(&mut self, screens: impl Iterator<Item = &'a Arc<Screen>> + Clone) {
        self.0.retain(|(number, canvas)| {
            let is_up = screens.clone().any(|up| up.number == *number);
            if !is_up {
                canvas.forget();
            }
            is_up
        });
    }

    /// Whether something is shown.
    pub(crate) fn have_begun(&self) -> bool {
        self.0.iter().any(|(_, canvas)| canvas.shown.is_some() || canvas.line.is_some())
    }
}

/// A picture, and what it was drawn from.
#[derive(Debug)]
struct Shown {
    picture: Arc<Picture>,
    svg: Arc<str>,
    style: Style,
    frame: Arc<Frame>,
}

/// What is to be shown, if there is something new to see.
pub(crate) type NewFrame = Option<Arc<Frame>>;

/// A picture that is being drawn.
pub(crate) type Drawing = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// A picture that has been drawn.
pub(crate) struct Finished {
    pub(crate) screen: Arc<Screen>,
    pub(crate) cached: bool,
    pub(crate) started: Instant,
    svg: Arc<str>,
    drawn: Result<Bytes, PaintError>,
    /// What to show where there has been nothing yet, and this has failed.
    blank: Option<Bytes>,
}

/// The first of these that is finished.
pub(crate) fn next(drawings: &mut Vec<Drawing>, cx: &mut Context<'_>) -> Option<Finished> {
    for nth in 0..drawings.len() {
        if let Poll::Ready(finished) = drawings[nth].as_mut().poll(cx) {
            drop(drawings.swap_remove(nth));
            return Some(finished);
        }
    }
    None
}

impl Canvas {
    pub(crate) fn is_drawing(&self) -> bool {
        self.is_drawing
    }

    /// The picture that is shown.
    pub(crate) fn frame(&self) -> Option<Arc<Frame>> {
        self.shown.as_ref().map(|shown| shown.frame.clone())
    }

    /// Whether this is what it shows already.
    pub(crate) fn shows(&self, drawing: &ToDraw) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.svg == drawing.svg)
    }

    /// Nobody looks at it any more.
    fn forget(&self) {
        if let Some(Shown { picture, svg, style, .. }) = &self.shown {
            picture.forget(svg.clone(), style);
        }
    }

    /// Shows a line of data or of words, if it is another one.
    pub(crate) fn write(&mut self, line: &Bytes, frame: fn(&Bytes) -> Frame) -> NewFrame {
        let is_new = self.line.as_ref().is_none_or(|shown| shown.shows_other(line));
        is_new.then(|| self.line.insert(Arc::new(frame(line))).clone())
    }

    /// Says this, if it is something else. Where nothing can be said, the last words stay.
    pub(crate) fn say(&mut self, text: Option<String>, counts: &Counts) -> NewFrame {
        if text.is_none() && self.line.is_some() {
            return None;
        }
        let text = text.unwrap_or_else(|| Words::of_counts(counts).said());
        self.write(&text.into(), Frame::words)
    }

    /// Begins to draw. What has been drawn before is finished at once.
    pub(crate) fn begin(
        &mut self,
        screen: &Arc<Screen>,
        filled: Result<ToDraw, PaintError>,
        lane: Lane,
    ) -> Result<Finished, Drawing> {
        let (started, screen) = (Instant::now(), screen.clone());
        let picture = screen.recipe.picture.clone();
        let svg = filled.as_ref().map_or_else(|_| "".into(), |drawing| drawing.svg.clone());
        let painting = filled.map(|drawing| picture.paint(drawing, lane));
        if let Ok(Painting::Cached(bytes)) = painting {
            let (drawn, blank) = (Ok(bytes), None);
            return Ok(Finished { screen, cached: true, started, svg, drawn, blank });
        }
        self.is_drawing = true;
        let is_first = self.shown.is_none();
        Err(Box::pin(async move {
            let drawn = match painting {
                Ok(painting) => painting.finish().await,
                Err(error) => Err(error),
            };
            let blank = if drawn.is_err() && is_first {
                let (size, style) = (screen.recipe.size, &screen.variant.style);
                let blank = picture.blank(size, style, picture.format.clone()).finish().await;
                Some(blank.unwrap_or_default()) // the runtime is going down
            } else {
                None
            };
            Finished { screen, cached: false, started, svg, drawn, blank }
        }))
    }

    /// Takes what has been drawn, and if that failed, says why.
    pub(crate) fn end(&mut self, finished: Finished) -> Result<NewFrame, (PaintError, NewFrame)> {
        self.is_drawing = false;
        let Finished { screen, svg, drawn, blank, .. } = finished;
        let painted = drawn.and_then(|bytes| self.show(&screen, svg, &bytes));
        painted.map_err(|error| {
            let blank = blank.and_then(|blank| self.show(&screen, "".into(), &blank).ok());
            (error, blank.flatten())
        })
    }

    fn show(
        &mut self,
        screen: &Screen,
        svg: Arc<str>,
        bytes: &Bytes,
    ) -> Result<NewFrame, PaintError> {
        let recipe = &screen.recipe;
        let picture = recipe.picture.clone();
        let looks_new = self.shown.as_ref().is_none_or(|shown| shown.frame.shows_other(bytes));
        let frame = recipe.frames.picture(&recipe.multipart, &picture.format, bytes);
        let frame = frame.ok_or(PaintError::Boundary)?;
        let style = screen.variant.style.clone();
        self.shown = Some(Shown { picture, svg, style, frame: frame.clone() });
        Ok(looks_new.then_some(frame))
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("svg", &self.svg).finish_non_exhaustive()
    }
}
