//! From SVG text to an encoded picture, with a memory of what has been drawn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
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
use crate::picture::layers::{Layers, Stack};
use crate::picture::lines::{self, Cut};
use crate::picture::outlines::outlined;
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
    layers: Layers,
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
            layers: Layers::new(),
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
        let stack = if drawing.has_names { Stack::whole } else { Stack::of };
        let stack = stack(&drawing.svg);
        let (picture, _) = match self.paint(&drawing, &stack, Some(path), complain) {
            // What only looks as if it were in layers was checked as a whole.
            Err(_) if stack.len() > 1 => {
                self.paint(&drawing, &Stack::whole(&drawing.svg), Some(path), complain)?
            }
            drawn => drawn?,
        };
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
        let whole = Stack::whole(&drawing.svg);
        let drawn = on_a_roomy_stack(|| self.paint(drawing, &whole, None, report));
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
        stack: &Stack<'_>,
        path: Option<&Arc<str>>,
        report: impl Fn(Flaw) + Clone + Send + Sync,
    ) -> Result<(Bytes, Size), PaintError> {
        let Drawing { svg, format, .. } = drawing;
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
        if *format == Format::Svg {
            // The browser draws it; here it is only found to be what it says.
            let (size, _) = self.sizes(&self.parse(svg, report)?, drawing)?;
            return Ok((self.images.inline(svg), size));
        }
        let (pixmap, size) = self.pixels(drawing, stack, report)?;
        let (width, height) = (pixmap.width(), pixmap.height());
        let may_be_indexed = path.is_none_or(|path| self.kinds.may_be_indexed(path, width, height));
        let picture = encode(pixmap, format, may_be_indexed).map_err(PaintError::Encode)?;
        Ok((picture, size))
    }

    /// Draws those layers that are new.
    fn pixels(
        &self,
        drawing: &Drawing,
        stack: &Stack<'_>,
        report: impl Fn(Flaw) + Clone + Send + Sync,
    ) -> Result<(Pixmap, Size), PaintError> {
        let scale = drawing.style.scale();
        let is_flawed = AtomicBool::new(false);
        let report = |flaw| {
            is_flawed.store(true, Ordering::Relaxed);
            report(flaw);
        };
        let known = self.layers.known(stack, scale);
        let below = known.as_ref().map_or(0, |(_, below)| *below);
        let mut drawn = known.map(|(pixmap, _)| pixmap);
        let mut size = Size { width: 0.0, height: 0.0 };
        for number in below..stack.len() {
            let tree = self.parse(&stack.layer(number), report)?;
            let (in_css, (width, height)) = self.sizes(&tree, drawing)?;
            let too_large = PaintError::TooLarge { width, height, limit: MAX_PIXELS };
            let mut pixmap = drawn.or_else(|| Pixmap::new(width, height)).ok_or(too_large)?;
            let transform = Transform::from_scale(scale, scale);
            resvg::render(&tree, transform, &mut pixmap.as_mut());
            // What has a flaw is told each time.
            if !is_flawed.load(Ordering::Relaxed) {
                self.layers.keep(stack, number, scale, &pixmap);
            }
            (drawn, size) = (Some(pixmap), in_css);
        }
        let nothing = PaintError::TooLarge { width: 0, height: 0, limit: MAX_PIXELS };
        Ok((drawn.ok_or(nothing)?, size))
    }

    /// In CSS pixels and in pixels, if there may be so many.
    fn sizes(
        &self,
        tree: &usvg::Tree,
        drawing: &Drawing,
    ) -> Result<(Size, (u32, u32)), PaintError> {
        let Drawing { style, format, .. } = drawing;
        let size = Size { width: tree.size().width(), height: tree.size().height() };
        let (width, height) = size.in_pixels(style.scale());
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(PaintError::TooLarge { width, height, limit: MAX_PIXELS });
        }
        match format.max_side().filter(|limit| width.max(height) > *limit) {
            Some(limit) => Err(PaintError::TooWide { width, height, limit }),
            None => Ok((size, (width, height))),
        }
    }

    /// What is to be drawn, with every text in fonts that have it.
    fn parse(
        &self,
        svg: &str,
        report: impl Fn(Flaw) + Clone + Send + Sync,
    ) -> Result<usvg::Tree, PaintError> {
        let Cut { svg: cut, missing } = lines::cut(svg, &self.fonts.faces);
        missing.into_iter().for_each(|missing| report(Flaw::Glyph(missing)));
        let ready = cut.or_else(|| outlined(svg, &self.fonts.faces));
        let tree = usvg::Tree::from_str(ready.as_deref().unwrap_or(svg), &self.options(report));
        tree.map_err(|error| PaintError::Svg(Box::new(error)))
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
mod tests;
