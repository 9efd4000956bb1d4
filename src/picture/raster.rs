//! From SVG text to an encoded picture, with a memory of what has been drawn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use tokio::sync::oneshot;
use tracing::dispatcher;

use crate::error::PaintError;
use crate::picture::complaints::{Complaints, Kind};
use crate::picture::encode::encode;
use crate::picture::faces::Missing;
use crate::picture::fonts::{self, Fonts};
use crate::picture::format::Format;
use crate::picture::images::{self, Images};
use crate::picture::kinds::Kinds;
use crate::picture::lines;
use crate::picture::template::Line;
use crate::picture::threads::{Lane, NotRun, Threads, on_a_roomy_stack};
use crate::picture::together::Together;
use crate::request::style::Style;

/// More than a card of any size needs. The time to lay text out grows with the square of its length:
/// this bounds what a template can cost, [`Badge::max_value_chars`](crate::Badge) what a value can.
pub(crate) const MAX_SVG_BYTES: usize = 64 * 1024;
/// 2,000 × 2,000. Without a limit, a picture of 100,000 × 100,000 aborts the process.
const MAX_PIXELS: u64 = 4_000_000;
const CACHE_BYTES: u64 = 2 * 1024 * 1024;
const CACHED_PICTURES: usize = 1024;
const CACHED_WIDTHS: usize = 1024;

/// Draws SVG text, with a memory of what it has drawn.
#[derive(Debug)]
pub(crate) struct Raster {
    fonts: Fonts,
    images: Images,
    cache: Cache<Drawing, Bytes, Bytewise>,
    widths: Cache<Line, u32>,
    kinds: Kinds,
    complaints: Complaints,
    threads: Threads,
    /// Those that are being drawn.
    stills: Together<Drawing, (Bytes, Option<Duration>)>,
}

/// What is to be drawn, and what the cache knows it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Drawing {
    pub(crate) svg: Arc<str>,
    pub(crate) style: Style,
    pub(crate) format: Format,
    /// Somebody's name is in it: neither the cache nor the log may have it.
    pub(crate) has_names: bool,
}

impl Raster {
    pub(crate) fn new(fonts: Fonts, images: Images) -> Self {
        Self {
            fonts,
            images,
            cache: Cache::with_weighter(CACHED_PICTURES, CACHE_BYTES, Bytewise),
            widths: Cache::new(CACHED_WIDTHS),
            kinds: Kinds::new(),
            threads: Threads::new(),
            stills: Together::new(),
            complaints: Complaints::default(),
        }
    }

    /// The picture for the badge at this path, if it has been drawn lately.
    pub(crate) fn cached(&self, drawing: &Drawing, path: &Arc<str>) -> Option<Bytes> {
        self.cache.get(drawing).filter(|picture| self.kinds.fits(path, picture))
    }

    /// Does this on a drawing thread, when it is its turn. A panic in it is an error.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        lane: Lane,
        came: Instant,
        work: impl FnOnce() -> Result<T, PaintError> + Send + 'static,
    ) -> Result<T, PaintError> {
        let (sender, done) = oneshot::channel();
        // What is logged goes where the caller's own goes.
        let log = dispatcher::get_default(Clone::clone);
        let job = move || {
            // Whoever asked for it may have gone.
            if !sender.is_closed() {
                // A drawing library's bug ends here.
                let work = AssertUnwindSafe(|| dispatcher::with_default(&log, work));
                let done = catch_unwind(work).unwrap_or(Err(PaintError::Panicked));
                let _ = sender.send(done);
            }
        };
        self.threads.run(lane, came, job).map_err(|not_run| match not_run {
            NotRun::Busy => PaintError::Busy,
            NotRun::NoThread(error) => PaintError::Thread(error),
        })?;
        // A panic is sent; a job that is dropped had waited for too long.
        done.await.unwrap_or(Err(PaintError::Busy))
    }

    /// Draws on another thread for the badge at this path, when it is its turn.
    pub(crate) async fn draw(
        self: Arc<Self>,
        drawing: Drawing,
        lane: Lane,
        path: Arc<str>,
    ) -> Result<Drawn, PaintError> {
        let (raster, came) = (self.clone(), Instant::now());
        if lane != Lane::Still {
            return self.on_thread(lane, came, move || raster.draw_now(drawing, &path)).await;
        }
        // Not so a live one, which must not wait where a still does.
        let still = drawing.clone();
        let draw = async || {
            let draw = move || raster.draw_now(drawing, &path);
            self.on_thread(lane, came, draw).await.map(|drawn| (drawn.picture, drawn.took))
        };
        let ((picture, took), is_drawn_here) = self.stills.make(&still, draw).await?;
        Ok(Drawn { picture, took: took.filter(|_| is_drawn_here) })
    }

    /// Draws while the caller waits, unless it is there.
    pub(crate) fn draw_now(&self, drawing: Drawing, path: &Arc<str>) -> Result<Drawn, PaintError> {
        // Drawn for somebody else while this one waited?
        if let Some(picture) = self.cached(&drawing, path) {
            return Ok(Drawn { picture, took: None });
        }
        let started = Instant::now();
        let complain = |flaw| {
            let Flaw::Glyph(Missing { cluster, .. }) = flaw else { return };
            let cluster = if drawing.has_names { "not told".into() } else { cluster };
            if self.complaints.are_due(path, Kind::Glyph) {
                tracing::warn!(badge = %path, ?cluster, "no font that is loaded has these letters");
            }
        };
        let (picture, _) = self.paint(&drawing, Some(path), complain)?;
        self.kinds.learn(path, &picture);
        if !drawing.has_names {
            self.cache.insert(drawing, picture.clone());
        }
        Ok(Drawn { picture, took: Some(started.elapsed()) })
    }

    /// Forgets a picture that nobody will want again.
    pub(crate) fn forget(&self, drawing: &Drawing) {
        self.cache.remove(drawing);
    }

    /// Tells of a colour that is none, now and then.
    pub(crate) fn complain_of_color(&self, path: &Arc<str>, color: &str) {
        if self.complaints.are_due(path, Kind::Color) {
            tracing::warn!(badge = %path, color, "a look's colour is none, so it is grey");
        }
    }

    /// Draws while the caller waits, and finds what is wrong. Returns the size in CSS pixels.
    pub(crate) fn check(&self, drawing: &Drawing) -> Result<Size, CheckError> {
        let flaws = Mutex::new(Vec::new());
        let report = |flaw| flaws.lock().unwrap_or_else(PoisonError::into_inner).push(flaw);
        let drawn = on_a_roomy_stack(|| self.paint(drawing, None, report));
        let flaws = flaws.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (drawn, flaws.into_iter().next()) {
            (Err(error), _) => Err(CheckError::Paint(error)),
            (Ok(_), Some(flaw)) => Err(CheckError::Flaw(flaw)),
            (Ok((_, size)), None) => Ok(size),
        }
    }

    /// Whether there is a font of one of these families.
    pub(crate) fn has_any_family(&self, families: &str) -> bool {
        self.fonts.has_any_family(families)
    }

    /// How wide a line is drawn, in CSS pixels, rounded up. What may be somebody's name is not kept.
    pub(crate) fn width_of(&self, line: &Line, is_kept: bool) -> u32 {
        if let Some(width) = self.widths.get(line) {
            return width;
        }
        // A shaping library's bug ends here.
        let measure = AssertUnwindSafe(|| self.fonts.width_of(line));
        let width = catch_unwind(measure).unwrap_or_default().ceil() as u32;
        if is_kept {
            self.widths.insert(line.clone(), width);
        }
        width
    }

    /// How many pictures and texts it has in memory.
    #[cfg(all(test, feature = "embedded-font"))]
    pub(crate) fn kept(&self) -> usize {
        self.cache.len() + self.widths.len()
    }

    fn paint(
        &self,
        drawing: &Drawing,
        path: Option<&Arc<str>>,
        report: impl Fn(Flaw) + Clone + Send + Sync,
    ) -> Result<(Bytes, Size), PaintError> {
        let Drawing { svg, style, format, .. } = drawing;
        if svg.len() > MAX_SVG_BYTES {
            return Err(PaintError::TooLong { bytes: svg.len(), limit: MAX_SVG_BYTES });
        }
        // An entity that is used often enough takes all memory: resvg expands what the text defines.
        if svg.contains("<!DOCTYPE") {
            return Err(PaintError::Doctype);
        }
        if self.fonts.is_empty() && svg.contains("<text") {
            report(Flaw::NoFont);
        }
        let cut = lines::cut(svg, &self.fonts.faces);
        cut.missing.into_iter().for_each(|missing| report(Flaw::Glyph(missing)));
        let ready = cut.svg.as_deref().unwrap_or(svg);
        let tree = usvg::Tree::from_str(ready, &self.options(report));
        let tree = tree.map_err(|error| PaintError::Svg(Box::new(error)))?;
        let size = Size { width: tree.size().width(), height: tree.size().height() };
        let (width, height) = size.in_pixels(style.scale());
        let too_large = || PaintError::TooLarge { width, height, limit: MAX_PIXELS };
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(too_large());
        }
        if let Some(limit) = format.max_side().filter(|limit| width.max(height) > *limit) {
            return Err(PaintError::TooWide { width, height, limit });
        }
        if *format == Format::Svg {
            // The browser draws it; here it has been found to be what it says.
            return Ok((self.images.inline(svg), size));
        }
        let mut pixmap = Pixmap::new(width, height).ok_or_else(too_large)?;
        let scale = Transform::from_scale(style.scale(), style.scale());
        resvg::render(&tree, scale, &mut pixmap.as_mut());
        let may_be_indexed = path.is_none_or(|path| self.kinds.may_be_indexed(path, width, height));
        let picture = encode(pixmap, format, may_be_indexed).map_err(PaintError::Encode)?;
        Ok((picture, size))
    }

    /// A template gets fonts and named images, and nothing from outside its own text.
    fn options<'a>(
        &'a self,
        report: impl Fn(Flaw) + Clone + Send + Sync + 'a,
    ) -> usvg::Options<'a> {
        let on_family = report.clone();
        usvg::Options {
            font_family: self.fonts.default_family().to_owned(),
            fontdb: self.fonts.database(),
            font_resolver: fonts::resolver(&self.fonts.faces, move |families| {
                on_family(Flaw::Family { families });
            }),
            image_href_resolver: images::resolver(&self.images, move |href| {
                report(match images::name_in(&href) {
                    Some(name) if cfg!(feature = "images") => {
                        Flaw::UnknownImage { name: name.to_owned(), known: self.images.names() }
                    }
                    _ => Flaw::Image { href },
                });
            }),
            ..usvg::Options::default()
        }
    }
}

/// An encoded picture.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) picture: Bytes,
    /// `None` if it had been drawn before.
    pub(crate) took: Option<Duration>,
}

/// A picture's size in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Size {
    pub(crate) fn in_pixels(self, scale: f32) -> (u32, u32) {
        let side = |length: f32| (length * scale).ceil().max(1.0) as u32; // saturates
        (side(self.width), side(self.height))
    }

    /// The largest scale at which a picture of this size is drawn.
    pub(crate) fn max_scale(self) -> f32 {
        (MAX_PIXELS as f32 / (self.width * self.height)).sqrt()
    }

    /// SVG of this size with nothing on it.
    pub(crate) fn blank(self) -> Arc<str> {
        let Self { width, height } = self;
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"/>"#)
            .into()
    }
}

/// What resvg would pass over in silence, leaving a hole in the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    NoFont,
    Family { families: String },
    Glyph(Missing),
    Image { href: String },
    UnknownImage { name: String, known: Vec<String> },
}

#[derive(Debug)]
pub(crate) enum CheckError {
    Paint(PaintError),
    Flaw(Flaw),
}

/// Weighs a cached picture with its text.
#[derive(Debug, Clone)]
struct Bytewise;

impl Weighter<Drawing, Bytes> for Bytewise {
    fn weight(&self, drawing: &Drawing, picture: &Bytes) -> u64 {
        (drawing.svg.len() + picture.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use resvg::usvg::fontdb::Database;

    use super::*;
    use crate::request::theme::Theme;

    #[test]
    fn a_panic_ends_at_the_drawing_thread() {
        let drawn: Result<(), _> = on_a_roomy_stack(|| panic!("a drawing library's bug"));
        assert!(matches!(drawn, Err(PaintError::Panicked)));
    }

    fn drawing(inside: &str) -> Drawing {
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">{inside}</svg>"#
        );
        let style = Style::new(Theme::Light, 1.0);
        Drawing { svg: svg.into(), style, format: Format::Png, has_names: false }
    }

    #[test]
    fn text_without_any_font_is_found() {
        let raster = Raster::new(Fonts::of(Database::new()), Images::default());
        let checked = raster.check(&drawing("<text y='9'>hi</text>"));
        assert!(matches!(checked, Err(CheckError::Flaw(Flaw::NoFont))), "{checked:?}");
        raster.check(&drawing("<rect width='9' height='9'/>")).unwrap();
    }

    #[test]
    fn what_was_drawn_while_somebody_waited_is_not_drawn_again() {
        let raster = Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default());
        let draw =
            || raster.draw_now(drawing("<rect width='9' height='9'/>"), &"/x".into()).unwrap();
        let (first, second) = (draw(), draw());
        assert!(first.took.is_some() && second.took.is_none());
        assert_eq!(first.picture, second.picture);
    }

    #[tokio::test]
    async fn a_still_is_refused_where_too_many_wait_and_what_is_live_is_not() {
        let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
        let noise = |number: usize| {
            drawing(&format!(
                r##"<filter id="noise"><feTurbulence baseFrequency=".1{number}"/></filter>
                  <rect width="40" height="30" filter="url(#noise)"/>"##
            ))
        };
        let draw = |number, lane| Box::pin(raster.clone().draw(noise(number), lane, "/x".into()));
        let mut stills: Vec<_> = (0..200).map(|number| draw(number, Lane::Still)).collect();
        // They begin at the same time.
        let begun = poll_fn(|cx| {
            Poll::Ready(stills.iter_mut().map(|still| still.as_mut().poll(cx)).collect::<Vec<_>>())
        });
        let refused = begun
            .await
            .into_iter()
            .filter(|still| matches!(still, Poll::Ready(Err(PaintError::Busy))));
        assert!((50..=136).contains(&refused.count()));
        draw(999, Lane::Live).await.unwrap();
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_drawn() {
        let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
        let drawing = |noise: &str| {
            let svg = format!(
                r##"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">
                  <filter id="noise"><feTurbulence baseFrequency="{noise}"/></filter>
                  <rect width="400" height="300" filter="url(#noise)"/></svg>"##
            );
            Drawing { svg: svg.into(), ..drawing("") }
        };
        let draw = |drawing| raster.clone().draw(drawing, Lane::Live, "/x.png".into());
        // All threads are busy with these.
        let before: Vec<_> = (1..40).map(|n| drawing(&format!(".{n}"))).collect();
        let mut draws: Vec<_> =
            before.iter().map(|drawing| Box::pin(draw(drawing.clone()))).collect();
        let mut gone = Box::pin(draw(drawing(".999")));
        let begun = poll_fn(|cx| {
            draws.iter_mut().for_each(|draw| _ = draw.as_mut().poll(cx));
            Poll::Ready(gone.as_mut().poll(cx))
        });
        assert!(begun.await.is_pending());
        drop(gone);
        // This one comes after it.
        draw(drawing(".9999")).await.unwrap();
        assert!(raster.cached(&drawing(".9999"), &"/x.png".into()).is_some());
        assert!(raster.cached(&drawing(".999"), &"/x.png".into()).is_none());
    }
}
