//! Texts as paths: what resvg makes of a text before it draws it, made here in a tenth of the time, as
//! resvg reads all that a font says of its letters anew for every text.
//!
//! Only where it is the same to the pixel: a line in one font, of letters that stand for themselves, with
//! nothing about it that is out of the way. All others are left to resvg.

use std::fmt::Write;

use memchr::memmem;
use minijinja::HtmlEscape;
use resvg::tiny_skia::{Path, PathBuilder, PathSegment, Point, Transform};
use resvg::usvg::roxmltree::{Document, Node};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider, OutlineGlyphCollection};
use svgtypes::parse_font_families;

use crate::picture::faces::{Faces, Glyph};

/// What changes how a text is laid out, or makes of a path something else than of a text. Where one of
/// these is to be read, whatever it means there, nothing is certain.
const ODD: [&str; 21] = [
    "transform-",
    "style",
    "font-weight",
    "font-variant",
    "font-variation",
    "font-stretch",
    "font-optical",
    "kerning",
    " font=",
    "-spacing",
    "writing-mode",
    "text-rendering",
    "text-decoration",
    "baseline",
    "xml:space",
    "marker",
    "filter",
    "mask",
    "objectBoundingBox",
    "<use",
    "<switch",
];
/// What a text says that its path does not.
const OF_TEXTS: [&str; 10] = [
    "d",
    "x",
    "y",
    "textLength",
    "lengthAdjust",
    "font-family",
    "font-size",
    "text-anchor",
    "fill-rule",
    "shape-rendering",
];
const SVG: &str = "http://www.w3.org/2000/svg";
/// What is narrower than this is not condensed at all.
const LEAST_SCALE: f32 = 0.001;
/// Farther out is nothing that is seen.
const FAR: f32 = 1e5;

/// The SVG with paths in place of texts; `None` if there is no text that could be one.
pub(crate) fn outlined(svg: &str, faces: &Faces) -> Option<String> {
    if !svg.contains("<text")
        || ODD.iter().any(|odd| memmem::find(svg.as_bytes(), odd.as_bytes()).is_some())
    {
        return None;
    }
    let document = Document::parse(svg).ok()?;
    let (mut outlined, mut at) = (String::with_capacity(svg.len() * 8), 0);
    for text in document.descendants().filter(|node| node.tag_name().name() == "text") {
        let Some(path) = Line::of(text, faces).and_then(|line| line.path(faces)) else { continue };
        let range = text.range();
        if !svg[range.start..].starts_with("<text") {
            continue; // it has a prefix
        }
        outlined += &svg[at..range.start];
        at = range.end;
        // As letters are filled and smoothed, whatever the shapes around them are.
        outlined += r#"<path fill-rule="nonzero" shape-rendering="geometricPrecision""#;
        for said in text.attributes().filter(|said| !OF_TEXTS.contains(&said.name())) {
            write!(outlined, r#" {}="{}""#, said.name(), HtmlEscape(said.value())).ok()?;
        }
        outlined += r#" d=""#;
        write_path(&path, &mut outlined);
        outlined += r#""/>"#;
    }
    (at > 0).then(|| outlined + &svg[at..])
}

/// A text that is no more than a line.
struct Line {
    text: String,
    face: usize,
    size: f32,
    x: f32,
    y: f32,
    /// How much of it is left of its place.
    before: f32,
    length: Option<f32>,
    is_spacing: bool,
}

impl Line {
    fn of(text: Node<'_, '_>, faces: &Faces) -> Option<Self> {
        let mut children = text.children();
        let (letters, None) = (children.next()?, children.next()) else { return None };
        let letters = collapsed(letters.text().filter(|_| letters.is_text())?);
        let around = || text.ancestors().filter(Node::is_element);
        let is_svg = |node: Node<'_, '_>| node.tag_name().namespace() == Some(SVG);
        let is_group = |node: Node<'_, '_>| matches!(node.tag_name().name(), "svg" | "g");
        if !around().all(is_svg) || !around().skip(1).all(is_group) {
            return None;
        }
        // A gradient goes by the box around it, which is another one for a path.
        let has_gradient = |node: Node<'_, '_>| {
            ["fill", "stroke"].iter().any(|name| node.attribute(*name).is_some_and(is_reference))
        };
        let is_odd = ["dx", "dy", "rotate"].iter().any(|name| text.has_attribute(*name))
            || text.attributes().any(|said| said.namespace().is_some());
        if letters.is_empty() || is_odd || around().any(has_gradient) {
            return None;
        }
        let said = |name| around().find_map(|node| node.attribute(name));
        let own = |name| text.attribute(name).map(number);
        let families = said("font-family").map(parse_font_families).transpose().ok()?;
        let sizes = around().filter_map(|node| node.attribute("font-size"));
        let sizes: Option<Vec<f32>> =
            sizes.map(|size| number(size.strip_suffix("px").unwrap_or(size))).collect();
        Some(Self {
            face: faces.plain_face(&letters, &families.unwrap_or_default())?,
            text: letters,
            size: sizes?.first().copied().unwrap_or(12.0),
            x: own("x").unwrap_or(Some(0.0))?,
            y: own("y").unwrap_or(Some(0.0))?,
            before: match said("text-anchor") {
                None | Some("start") => 0.0,
                Some("middle") => 0.5,
                Some("end") => 1.0,
                Some(_) => return None,
            },
            length: match own("textLength") {
                Some(length) => Some(length?),
                None => None,
            },
            is_spacing: match text.attribute("lengthAdjust") {
                None | Some("spacing") => true,
                Some("spacingAndGlyphs") => false,
                Some(_) => return None,
            },
        })
    }

    /// All of its letters, each where resvg has it: with the same steps, as other ones are rounded otherwise.
    /// `None` if letters are joined.
    fn path(&self, faces: &Faces) -> Option<Path> {
        let glyphs = faces.glyphs(&self.text, self.face, self.size);
        let is_apart = |pair: &[Glyph]| pair[0].at < pair[1].at;
        let is_drawn = |glyph: &Glyph| glyph.id.to_u32() != 0 && glyph.advance >= 0.0;
        if !glyphs.windows(2).all(is_apart) || !glyphs.iter().all(is_drawn) || self.size <= 0.0 {
            return None;
        }
        let scale = self.size / faces.units_per_em(self.face);
        let width: f32 = glyphs.iter().fold(0.0, |width, glyph| width + glyph.advance * scale);
        let (mut spacing, mut condensed) = (0.0, Transform::identity());
        match self.length.filter(|length| *length >= 0.0) {
            Some(length) if self.is_spacing && glyphs.len() > 1 => {
                spacing = (length - width) / (glyphs.len() - 1) as f32;
            }
            Some(length) if !self.is_spacing && length / width >= LEAST_SCALE => {
                condensed = condensed.pre_scale(length / width, 1.0);
            }
            _ => {}
        }
        let advances = || glyphs.iter().map(|glyph| glyph.advance * scale + spacing);
        let (mut left, mut right, mut end) = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
        for advance in advances() {
            let last = end + advance - spacing;
            left = left.min(end).min(last);
            right = right.max(end).max(last);
            end += advance;
        }
        let place = Transform::from_translate(self.x, self.y);
        let mut x = 0.0 - left - (right - left) * self.before;
        let mut path = PathBuilder::new();
        let draw = |font: &FontRef<'_>| {
            let outlines = font.outline_glyphs();
            glyphs.iter().map(|glyph| outline(&outlines, glyph.id)).collect::<Vec<_>>()
        };
        let outlines = faces.read(self.face, draw);
        for ((glyph, advance), outline) in glyphs.iter().zip(advances()).zip(outlines) {
            let to_place = place
                .pre_concat(condensed.pre_translate(x, 0.0))
                .pre_concat(Transform::from_scale(scale, scale))
                .pre_concat(Transform::from_translate(glyph.dx, -glyph.dy))
                .pre_concat(Transform::from_scale(1.0, -1.0));
            if let Some(outline) = outline.and_then(|outline| outline.transform(to_place)) {
                path.push_path(&outline);
            }
            x += advance;
        }
        let path = path.finish()?;
        let bounds = path.bounds();
        (bounds.left().min(bounds.top()) > -FAR && bounds.right().max(bounds.bottom()) < FAR)
            .then_some(path)
    }
}

/// The shape of a glyph, in the font's units; of a space there is none.
fn outline(outlines: &OutlineGlyphCollection<'_>, glyph: GlyphId) -> Option<Path> {
    let mut pen = Pen(PathBuilder::new());
    let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
    outlines.get(glyph)?.draw(settings, &mut pen).ok()?;
    pen.0.finish()
}

struct Pen(PathBuilder);

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.0.quad_to(cx, cy, x, y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.0.cubic_to(cx0, cy0, cx1, cy1, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}

/// As XML has it: line ends and tabs are spaces, several of them are one, none at the ends.
fn collapsed(text: &str) -> String {
    let words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Nothing but a number.
fn number(text: &str) -> Option<f32> {
    let is_plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-'));
    let is_plain = is_plain && text.ends_with(|last: char| last.is_ascii_digit());
    text.parse::<f64>().ok().filter(|_| is_plain).map(|number| number as f32)
}

fn is_reference(color: &str) -> bool {
    color.contains("url")
}

fn write_path(path: &Path, out: &mut String) {
    let mut write = |command, points: &[Point]| {
        out.push(command);
        for point in points {
            write_number(point.x, out);
            write_number(point.y, out);
        }
    };
    for segment in path.segments() {
        match segment {
            PathSegment::MoveTo(to) => write('M', &[to]),
            PathSegment::LineTo(to) => write('L', &[to]),
            PathSegment::QuadTo(by, to) => write('Q', &[by, to]),
            PathSegment::CubicTo(by, then, to) => write('C', &[by, then, to]),
            PathSegment::Close => write('z', &[]),
        }
    }
}

/// With as many digits after the point as it takes to be read as the same number. The standard library looks
/// for the fewest, which takes longer than all the rest.
fn write_number(number: f32, out: &mut String) {
    let (places, scale) = if number.abs() < 1.0 { (11, 1e11) } else { (7, 1e7) };
    let mut rest = (f64::from(number.abs()) * scale + 0.5) as u64;
    let (mut digits, mut at) = ([b'.'; 24], 24);
    for place in 1.. {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if place == places {
            at -= 1; // the point
        } else if place > places && rest == 0 {
            break;
        }
    }
    out.push(if number < 0.0 { '-' } else { ' ' });
    out.push_str(str::from_utf8(&digits[at..]).unwrap_or_default());
}

#[cfg(all(test, feature = "embedded-font"))]
mod tests;
