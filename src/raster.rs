//! From SVG text to an encoded picture: the only file that names resvg and the PNG encoder.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, FontResolver, ImageHrefResolver};
use tokio::sync::Semaphore;

use crate::error::PaintError;
use crate::fonts::{self, Fonts};

/// More than a card of any size needs; a text of 64 KiB takes resvg some milliseconds to lay out.
const MAX_SVG_BYTES: usize = 64 * 1024;
/// 2,000 × 2,000. Without a limit, a picture of 100,000 × 100,000 aborts the process.
const MAX_PIXELS: u64 = 4_000_000;
/// A nesting that overflows 2 MiB of stack (654 `<svg>`, 577 `<tspan>`) fits, within 64 KiB of text.
const STACK: usize = 8 * 1024 * 1024;
const CACHE_BYTES: u64 = 8 * 1024 * 1024;
const CACHED_PICTURES: usize = 4096;

/// Draws SVG text, with a memory of what it has drawn.
#[derive(Debug)]
pub(crate) struct Raster {
    fonts: Fonts,
    cache: Cache<Drawing, Bytes, Bytewise>,
    /// As many drawings at a time as there are processors: more would only slow each other down.
    turns: Semaphore,
}

/// What the cache knows a picture by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Drawing {
    svg: Arc<str>,
    scale_bits: u32,
}

impl Raster {
    pub(crate) fn new(fonts: Fonts) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            fonts,
            cache: Cache::with_weighter(CACHED_PICTURES, CACHE_BYTES, Bytewise),
            turns: Semaphore::new(processors),
        }
    }

    /// The PNG of this text, if it has been drawn lately.
    pub(crate) fn cached(&self, svg: &Arc<str>, scale: f32) -> Option<Bytes> {
        self.cache.get(&Drawing { svg: svg.clone(), scale_bits: scale.to_bits() })
    }

    /// Draws on another thread, when it is its turn.
    pub(crate) async fn draw(
        self: Arc<Self>,
        svg: Arc<str>,
        scale: f32,
    ) -> Result<Bytes, PaintError> {
        let _turn = self.turns.acquire().await.map_err(|_| PaintError::Interrupted)?;
        // Drawn by somebody else while this one waited?
        if let Some(png) = self.cached(&svg, scale) {
            return Ok(png);
        }
        let raster = self.clone();
        let drawing = tokio::task::spawn_blocking(move || raster.draw_and_keep(&svg, scale));
        drawing.await.map_err(|_| PaintError::Interrupted)?
    }

    /// Draws while the caller waits, and finds what is wrong with the text.
    pub(crate) fn check(&self, svg: &Arc<str>, scale: f32) -> Result<Bytes, CheckError> {
        let flaws = Mutex::new(Vec::new());
        let options = self.options(|flaw| {
            let mut flaws = flaws.lock().unwrap_or_else(PoisonError::into_inner);
            if !flaws.contains(&flaw) {
                flaws.push(flaw);
            }
        });
        let png = on_a_roomy_stack(|| draw(svg, scale, &options));
        drop(options);
        let flaws = flaws.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (png, flaws.into_iter().next()) {
            (Err(error), _) => Err(CheckError::Paint(error)),
            (Ok(_), Some(flaw)) => Err(CheckError::Flaw(flaw)),
            (Ok(png), None) => Ok(png),
        }
    }

    fn draw_and_keep(&self, svg: &Arc<str>, scale: f32) -> Result<Bytes, PaintError> {
        let options = self.options(|_| {});
        let png = on_a_roomy_stack(|| draw(svg, scale, &options))?;
        let drawing = Drawing { svg: svg.clone(), scale_bits: scale.to_bits() };
        self.cache.insert(drawing, png.clone());
        Ok(png)
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

/// Runs `draw` on a thread of its own: its stack is large whatever the runtime's threads have, and a
/// panic in a drawing library ends there. A thread costs little beside a drawing.
fn on_a_roomy_stack<T: Send>(
    draw: impl FnOnce() -> Result<T, PaintError> + Send,
) -> Result<T, PaintError> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("livebadge-draw".into()).stack_size(STACK);
        let thread = builder.spawn_scoped(scope, draw).map_err(PaintError::Thread)?;
        thread.join().unwrap_or(Err(PaintError::Panicked))
    })
}

fn draw(svg: &str, scale: f32, options: &usvg::Options<'_>) -> Result<Bytes, PaintError> {
    if svg.len() > MAX_SVG_BYTES {
        return Err(PaintError::TooLong { bytes: svg.len(), limit: MAX_SVG_BYTES });
    }
    // An entity that is used often enough takes all memory: resvg expands what the text defines.
    if svg.contains("<!DOCTYPE") {
        return Err(PaintError::Doctype);
    }
    let tree =
        usvg::Tree::from_str(svg, options).map_err(|error| PaintError::Svg(Box::new(error)))?;
    let side = |length: f32| (length * scale).ceil().max(1.0) as u32; // saturates
    let (width, height) = (side(tree.size().width()), side(tree.size().height()));
    let too_large = || PaintError::TooLarge { width, height, limit: MAX_PIXELS };
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large());
    }
    let mut pixmap = Pixmap::new(width, height).ok_or_else(too_large)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    encode(pixmap).map_err(|error| PaintError::Encode(Box::new(error)))
}

/// A picture of the same size with nothing on it.
pub(crate) fn blank_like(png: &[u8]) -> Bytes {
    let side = |at: usize| {
        png.get(at..at + 4).and_then(|side| side.try_into().ok()).map_or(1, u32::from_be_bytes)
    };
    // Where IHDR has them: PNG specification, section 11.2.1.
    let blank = Pixmap::new(side(16), side(20)).map(encode);
    blank.and_then(Result::ok).unwrap_or_else(|| Bytes::copy_from_slice(png))
}

/// Everybody who looks gets these bytes, and they are made once: few matter more than fast.
fn encode(pixmap: Pixmap) -> Result<Bytes, png::EncodingError> {
    let (width, height) = (pixmap.width(), pixmap.height());
    let mut pixels = pixmap.take_demultiplied();
    // A tenth less without an alpha channel that says nothing.
    let opaque = pixels.chunks_exact(4).all(|pixel| pixel[3] == u8::MAX);
    if opaque {
        pixels = pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect();
    }
    let mut png = Vec::new();
    let mut encoder = Encoder::new(io::Cursor::new(&mut png), width, height);
    encoder.set_color(if opaque { ColorType::Rgb } else { ColorType::Rgba });
    encoder.set_depth(BitDepth::Eight);
    // For flat shapes and small text, filters cost bytes: 1,359 instead of 1,667 for "online | 12".
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(png.into())
}

/// Weighs a cached picture with its text.
#[derive(Debug, Clone)]
struct Bytewise;

impl Weighter<Drawing, Bytes> for Bytewise {
    fn weight(&self, drawing: &Drawing, png: &Bytes) -> u64 {
        (drawing.svg.len() + png.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_drawing_thread() {
        let drawn: Result<(), _> = on_a_roomy_stack(|| panic!("a drawing library's bug"));
        assert!(matches!(drawn, Err(PaintError::Panicked)));
    }

    #[test]
    fn a_blank_has_the_size_of_what_it_stands_for() {
        let pixmap = Pixmap::new(30, 20).unwrap();
        let blank = blank_like(&encode(pixmap).unwrap());
        let reader = png::Decoder::new(io::Cursor::new(blank)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (30, 20));
    }
}
