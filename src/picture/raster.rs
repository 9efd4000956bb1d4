//! From SVG text to an encoded picture, with a memory of what has been drawn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use minijinja::HtmlEscape;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, FontResolver, ImageHrefResolver};
use tokio::sync::oneshot;

use crate::error::PaintError;
use crate::picture::encode::encode;
use crate::picture::fonts::{self, Fonts};
use crate::picture::format::Format;
use crate::picture::template::Line;
use crate::picture::threads::{self, Threads};
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
    cache: Cache<Drawing, Bytes, Bytewise>,
    widths: Cache<Line, u32>,
    threads: Threads,
}

/// What is to be drawn, and what the cache knows it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Drawing {
    pub(crate) svg: Arc<str>,
    pub(crate) style: Style,
    pub(crate) format: Format,
}

impl Raster {
    pub(crate) fn new(fonts: Fonts) -> Self {
        Self {
            fonts,
            cache: Cache::with_weighter(CACHED_PICTURES, CACHE_BYTES, Bytewise),
            widths: Cache::new(CACHED_WIDTHS),
            threads: Threads::new(),
        }
    }

    /// The picture, if it has been drawn lately.
    pub(crate) fn cached(&self, drawing: &Drawing) -> Option<Bytes> {
        self.cache.get(drawing)
    }

    /// Draws on another thread, when it is its turn.
    pub(crate) async fn draw(self: Arc<Self>, drawing: Drawing) -> Result<Drawn, PaintError> {
        let (sender, drawn) = oneshot::channel();
        let raster = self.clone();
        let job = move || {
            // Whoever asked for it may have gone.
            if !sender.is_closed() {
                let _ = sender.send(raster.draw_now(drawing));
            }
        };
        self.threads.run(job).map_err(PaintError::Thread)?;
        drawn.await.unwrap_or(Err(PaintError::Panicked))
    }

    fn draw_now(&self, drawing: Drawing) -> Result<Drawn, PaintError> {
        // Drawn for somebody else while this one waited?
        if let Some(picture) = self.cached(&drawing) {
            return Ok(Drawn { picture, took: None });
        }
        let started = Instant::now();
        let draw = || draw(&drawing, &self.options(|_| {}));
        // A drawing library's bug ends here.
        let drawn = catch_unwind(AssertUnwindSafe(draw)).unwrap_or(Err(PaintError::Panicked));
        let (picture, _) = drawn?;
        self.cache.insert(drawing, picture.clone());
        Ok(Drawn { picture, took: Some(started.elapsed()) })
    }

    /// Forgets a picture that nobody will want again.
    pub(crate) fn forget(&self, drawing: &Drawing) {
        self.cache.remove(drawing);
    }

    /// Draws while the caller waits, and finds what is wrong. Returns the size in CSS pixels.
    pub(crate) fn check(&self, drawing: &Drawing) -> Result<Size, CheckError> {
        let flaws = Mutex::new(Vec::new());
        let options = self.options(|flaw| {
            let mut flaws = flaws.lock().unwrap_or_else(PoisonError::into_inner);
            if !flaws.contains(&flaw) {
                flaws.push(flaw);
            }
        });
        let drawn = on_a_roomy_stack(|| draw(drawing, &options));
        drop(options);
        let flaws = flaws.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (drawn, flaws.into_iter().next()) {
            (Err(error), _) => Err(CheckError::Paint(error)),
            (Ok(_), Some(flaw)) => Err(CheckError::Flaw(flaw)),
            (Ok((_, size)), None) => Ok(size),
        }
    }

    /// How wide a line is drawn, in CSS pixels, rounded up; 0 if it can't be drawn.
    pub(crate) fn width_of(&self, line: &Line) -> u32 {
        if let Some(width) = self.widths.get(line) {
            return width;
        }
        let measure = || measure(line, &self.options(|_| {}));
        let width = catch_unwind(AssertUnwindSafe(measure)).ok().flatten().unwrap_or_default();
        self.widths.insert(line.clone(), width);
        width
    }

    /// A template gets fonts, and nothing from outside its own text.
    fn options<'a>(
        &'a self,
        report: impl Fn(Flaw) + Clone + Send + Sync + 'a,
    ) -> usvg::Options<'a> {
        let (on_data, on_href, on_family) = (report.clone(), report.clone(), report.clone());
        usvg::Options {
            font_family: self.fonts.default_family().to_owned(),
            fontdb: self.fonts.database(),
            font_resolver: FontResolver {
                select_font: fonts::select(move |families| on_family(Flaw::Family { families })),
                select_fallback: fonts::select_fallback(move |c| {
                    report(Flaw::Glyph { character: c })
                }),
            },
            image_href_resolver: ImageHrefResolver {
                resolve_data: Box::new(move |mime, _, _| {
                    on_data(Flaw::Image { href: format!("data:{mime}") });
                    None
                }),
                resolve_string: Box::new(move |href, _| {
                    on_href(Flaw::Image { href: href.to_owned() });
                    None
                }),
            },
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
    Family { families: String },
    Glyph { character: char },
    Image { href: String },
}

#[derive(Debug)]
pub(crate) enum CheckError {
    Paint(PaintError),
    Flaw(Flaw),
}

/// Waits for what `draw` does on a thread with enough stack.
fn on_a_roomy_stack<T: Send>(
    draw: impl FnOnce() -> Result<T, PaintError> + Send,
) -> Result<T, PaintError> {
    thread::scope(|scope| {
        let thread = threads::roomy().spawn_scoped(scope, draw).map_err(PaintError::Thread)?;
        thread.join().unwrap_or(Err(PaintError::Panicked))
    })
}

fn draw(drawing: &Drawing, options: &usvg::Options<'_>) -> Result<(Bytes, Size), PaintError> {
    let Drawing { svg, style, format } = drawing;
    if svg.len() > MAX_SVG_BYTES {
        return Err(PaintError::TooLong { bytes: svg.len(), limit: MAX_SVG_BYTES });
    }
    // An entity that is used often enough takes all memory: resvg expands what the text defines.
    if svg.contains("<!DOCTYPE") {
        return Err(PaintError::Doctype);
    }
    let tree = usvg::Tree::from_str(svg, options).map_err(|e| PaintError::Svg(Box::new(e)))?;
    let size = Size { width: tree.size().width(), height: tree.size().height() };
    let (width, height) = size.in_pixels(style.scale());
    let too_large = || PaintError::TooLarge { width, height, limit: MAX_PIXELS };
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large());
    }
    if *format == Format::Svg {
        // The browser draws it; here it has been found to be what it says.
        return Ok((Bytes::copy_from_slice(svg.as_bytes()), size));
    }
    let mut pixmap = Pixmap::new(width, height).ok_or_else(too_large)?;
    let scale = Transform::from_scale(style.scale(), style.scale());
    resvg::render(&tree, scale, &mut pixmap.as_mut());
    let picture = encode(pixmap, format).map_err(PaintError::Encode)?;
    Ok((picture, size))
}

fn measure(line: &Line, options: &usvg::Options<'_>) -> Option<u32> {
    let Line { text, family, size, spacing } = line;
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><text font-family="{}" font-size="{}" letter-spacing="{}">{}</text></svg>"#,
        HtmlEscape(family),
        *size as f32 / 1000.0,
        *spacing as f32 / 1000.0,
        HtmlEscape(text)
    );
    let tree = usvg::Tree::from_str(&svg, options).ok()?;
    let text = tree.root().children().first()?;
    Some(text.bounding_box().width().ceil() as u32)
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

    use super::*;
    use crate::request::theme::Theme;

    #[test]
    fn a_panic_ends_at_the_drawing_thread() {
        let drawn: Result<(), _> = on_a_roomy_stack(|| panic!("a drawing library's bug"));
        assert!(matches!(drawn, Err(PaintError::Panicked)));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_drawn() {
        let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap()));
        let drawing = |noise: &str| {
            let svg = format!(
                r##"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">
                  <filter id="noise"><feTurbulence baseFrequency="{noise}"/></filter>
                  <rect width="400" height="300" filter="url(#noise)"/></svg>"##
            );
            let style = Style::new(Theme::Light, 1.0);
            Drawing { svg: svg.into(), style, format: Format::Png }
        };
        // All threads are busy with these.
        let before: Vec<_> = (1..40).map(|n| drawing(&format!(".{n}"))).collect();
        let mut draws: Vec<_> =
            before.iter().map(|drawing| Box::pin(raster.clone().draw(drawing.clone()))).collect();
        let mut gone = Box::pin(raster.clone().draw(drawing(".999")));
        let begun = poll_fn(|cx| {
            draws.iter_mut().for_each(|draw| _ = draw.as_mut().poll(cx));
            Poll::Ready(gone.as_mut().poll(cx))
        });
        assert!(begun.await.is_pending());
        drop(gone);
        // This one comes after it.
        raster.clone().draw(drawing(".9999")).await.unwrap();
        assert!(raster.cached(&drawing(".9999")).is_some());
        assert!(raster.cached(&drawing(".999")).is_none());
    }
}
