//! The text elements of an SVG, cut into runs before resvg draws them: each run in one font, and as a
//! text of its own, where resvg's own way through several fonts, or through letters that combine, goes
//! wrong. What resvg draws right is left as it is, and so is what is laid out letter by letter.

use std::fmt::Write;
use std::ops::Range;

use minijinja::HtmlEscape;
use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};
use svgtypes::parse_font_families;

use crate::picture::css::Css;
use crate::picture::faces::{Faces, Lettering, Missing, Run};

/// What a run's font is called, with the number of the face behind it.
const FACE: &str = "livebadge-face-";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What is condensed by less looks as if it were not.
const HARDLY: f32 = 0.001;

/// An SVG that is ready to be drawn, and what is missing in it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Cut {
    /// `None` if it is ready as it is.
    pub(crate) svg: Option<String>,
    pub(crate) missing: Vec<Missing>,
}

/// Cuts the texts of an SVG. What is no SVG is left for resvg to find out.
pub(crate) fn cut(svg: &str, faces: &Faces) -> Cut {
    if faces.is_empty() {
        return Cut::default();
    }
    let has_references = svg.split("&#").skip(1).any(|rest| !is_of_ascii(rest));
    if !has_references && faces.is_plain_in_all(svg) {
        return Cut::default();
    }
    let Ok(document) = Document::parse_with_options(svg, ParsingOptions::default()) else {
        return Cut::default();
    };
    let mut missing: Vec<Missing> = Vec::new();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let css = Css::of(&document);
    for text in document.descendants().filter(|node| node.tag_name().name() == "text") {
        for letters in text.descendants().filter_map(|node| node.text().filter(|_| node.is_text()))
        {
            let news = faces.missing(letters).into_iter().filter(|new| !missing.contains(new));
            missing.extend(news.collect::<Vec<_>>());
        }
        edits.extend(edits_of(text, &css, faces).unwrap_or_default());
    }
    if edits.is_empty() {
        return Cut { svg: None, missing };
    }
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut cut, mut at) = (String::with_capacity(svg.len() * 2), 0);
    for (range, text) in edits {
        cut += &svg[at..range.start];
        cut += &text;
        at = range.end;
    }
    cut += &svg[at..];
    Cut { svg: Some(cut), missing }
}

/// The number of the face that a run's font stands for.
pub(crate) fn face_of(family: &str) -> Option<usize> {
    family.strip_prefix(FACE)?.parse().ok()
}

/// One text node, with the element that it is in.
struct Leaf<'a, 'input> {
    node: Node<'a, 'input>,
    text: String,
    lettering: Lettering,
}

/// What is to be changed in a text; nothing if it is plain, `None` if it is laid out by more than its
/// beginning.
fn edits_of<'a>(
    text: Node<'a, '_>,
    css: &Css<'a>,
    faces: &Faces,
) -> Option<Vec<(Range<usize>, String)>> {
    let mut leaves = Vec::new();
    for node in text.descendants().filter(Node::is_text) {
        let element = node.parent()?;
        let lettering = lettering(element, css)?;
        leaves.push(Leaf { node, text: node.text()?.to_owned(), lettering });
    }
    collapse_spaces(text, &mut leaves);
    leaves.retain(|leaf| !leaf.text.is_empty());
    if leaves.iter().all(|leaf| faces.is_plain_in(&leaf.text, &leaf.lettering)) {
        return Some(Vec::new());
    }
    let anchor = |element| css.property(element, "text-anchor");
    let is_laid_out = |node| is_laid_out(node) || anchor(node) != anchor(text);
    if text.descendants().any(|node| node.is_element() && node != text && is_laid_out(node)) {
        return None;
    }
    let place = Place::of(text, css)?;
    let mut laid = lay_out(&leaves, faces);
    let mut scale = 1.0;
    if let Some(Length { length, is_spacing }) = place.length {
        if is_spacing && length > laid.width {
            space_out(&mut leaves, &mut laid, length, faces);
        } else {
            scale = length / laid.width;
        }
    }
    let mut edits = Vec::new();
    let mut shift = place.dx - laid.width * place.before;
    let mut is_first = true;
    for (leaf, runs) in leaves.iter().zip(&laid.runs) {
        let spacing = leaf.lettering.spacing;
        let mut spans = String::new();
        for Run { range, face, .. } in runs {
            // A place of its own makes a text of it; without an x that is where the last one ends.
            let y = if is_first { None } else { Some(format!(r#" y="{}""#, HtmlEscape(place.y))) };
            write!(
                spans,
                r#"<tspan{} dx="{shift}" xml:space="preserve" style="text-anchor:start;letter-spacing:{spacing};font-family:{FACE}{face}">{}</tspan>"#,
                y.unwrap_or_default(),
                HtmlEscape(&leaf.text[range.clone()])
            )
            .ok()?;
            (is_first, shift) = (false, spacing);
        }
        edits.push((leaf.node.range(), spans));
    }
    if scale.is_finite() && scale > 0.0 && (scale - 1.0_f32).abs() > HARDLY {
        let (x, back, range) = (place.x, -place.x, text.range());
        let group =
            format!(r#"<g transform="translate({x} 0) scale({scale} 1) translate({back} 0)">"#);
        edits.push((range.start..range.start, group));
        edits.push((range.end..range.end, "</g>".into()));
    }
    Some(edits)
}

/// The runs of each leaf, and how wide all of them are.
struct Layout {
    runs: Vec<Vec<Run>>,
    width: f32,
}

fn lay_out(leaves: &[Leaf<'_, '_>], faces: &Faces) -> Layout {
    let runs: Vec<Vec<Run>> =
        leaves.iter().map(|leaf| faces.runs(&leaf.text, &leaf.lettering)).collect();
    let all = leaves
        .iter()
        .zip(&runs)
        .flat_map(|(leaf, runs)| runs.iter().map(|run| (leaf.lettering.spacing, run.width)));
    let width = all.enumerate().map(
        |(number, (spacing, width))| {
            if number == 0 { width } else { spacing + width }
        },
    );
    Layout { width: width.sum(), runs }
}

/// Makes a text longer by the space between its letters. What is joined stays together.
fn space_out(leaves: &mut [Leaf<'_, '_>], laid: &mut Layout, length: f32, faces: &Faces) {
    leaves.iter_mut().for_each(|leaf| leaf.lettering.spacing += 1.0);
    let spaces = lay_out(leaves, faces).width - laid.width;
    let more = if spaces >= 1.0 { (length - laid.width) / spaces } else { 0.0 };
    leaves.iter_mut().for_each(|leaf| leaf.lettering.spacing += more - 1.0);
    *laid = lay_out(leaves, faces);
}

/// How long a text is to be, by its spaces alone or by its letters, too.
struct Length {
    length: f32,
    is_spacing: bool,
}

/// Where a text begins.
struct Place<'a> {
    /// 0 if it is no plain number.
    x: f32,
    y: &'a str,
    dx: f32,
    /// How much of it is left of its place.
    before: f32,
    length: Option<Length>,
}

impl<'a> Place<'a> {
    /// `None` if there are many.
    fn of(text: Node<'a, '_>, css: &Css<'a>) -> Option<Self> {
        let number = |name| match text.attribute(name) {
            None => Some(None),
            Some(value) => value.trim().parse::<f32>().ok().map(Some),
        };
        if text.attribute("rotate").is_some() || text.attribute("dy").is_some() {
            return None;
        }
        let is_one =
            |name| !text.attribute(name).unwrap_or_default().trim().contains([' ', ',', '\n']);
        if !is_one("x") || !is_one("y") {
            return None;
        }
        let length = number("textLength")?;
        let is_moved = text.has_attribute("transform") || text.has_attribute("clip-path");
        if length.is_some() && (is_moved || number("x").is_none()) {
            return None;
        }
        let before = match css.property(text, "text-anchor") {
            Some("middle") => 0.5,
            Some("end") => 1.0,
            _ => 0.0,
        };
        let vertical = css
            .property(text, "writing-mode")
            .is_some_and(|mode| !mode.starts_with("h") && !mode.starts_with("lr"));
        (!vertical).then_some(Self {
            x: number("x").flatten().unwrap_or_default(),
            y: text.attribute("y").unwrap_or("0"),
            dx: number("dx")?.unwrap_or_default(),
            before,
            length: length.map(|length| Length {
                length,
                is_spacing: text.attribute("lengthAdjust") != Some("spacingAndGlyphs"),
            }),
        })
    }
}

/// A part of a text with a place or a length of its own.
fn is_laid_out(node: Node<'_, '_>) -> bool {
    let name = node.tag_name().name();
    let has = |attribute| node.attribute(attribute).is_some();
    !matches!(name, "tspan" | "a" | "title" | "desc")
        || ["x", "y", "dx", "dy", "rotate", "textLength"].into_iter().any(has)
}

/// How letters in this element are written; `None` if that takes more to know.
fn lettering<'a>(element: Node<'a, '_>, css: &Css<'a>) -> Option<Lettering> {
    let is_odd =
        ["font", "word-spacing", "font-variant", "font-stretch", "font-variation-settings"];
    if is_odd.into_iter().any(|name| css.property(element, name).is_some()) {
        return None;
    }
    let length = |name, default| match css.property(element, name) {
        None => Some(default),
        Some(value) => value.trim().trim_end_matches("px").parse::<f32>().ok(),
    };
    let families = css.property(element, "font-family").map(parse_font_families);
    let weight = match css.property(element, "font-weight") {
        None | Some("normal") => 400,
        Some("bold") => 700,
        Some(number) => number.trim().parse().ok()?,
    };
    Some(Lettering {
        families: families.and_then(Result::ok).unwrap_or_default(),
        size: length("font-size", 12.0)?,
        spacing: length("letter-spacing", 0.0)?,
        weight,
        is_italic: css.property(element, "font-style").is_some_and(|style| style == "italic"),
    })
}

/// XML's default: line ends and tabs are spaces, several of them are one, none at the ends.
fn collapse_spaces(text: Node<'_, '_>, leaves: &mut [Leaf<'_, '_>]) {
    let is_kept = |node: &Node<'_, '_>| {
        let said = node.ancestors().find_map(|node| node.attribute((XML, "space")));
        said == Some("preserve")
    };
    let keeps = is_kept(&text);
    let mut before = ' ';
    for leaf in leaves.iter_mut() {
        let keeps = keeps || leaf.node.parent().is_some_and(|node| is_kept(&node));
        let mut collapsed = String::with_capacity(leaf.text.len());
        for c in leaf.text.chars() {
            let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
            if keeps || c != ' ' || before != ' ' {
                collapsed.push(c);
            }
            before = c;
        }
        leaf.text = collapsed;
    }
    let last = leaves.iter_mut().rev().find(|leaf| !leaf.text.is_empty());
    if let Some(last) = last.filter(|_| !keeps) {
        let trimmed = last.text.trim_end_matches(' ').len();
        last.text.truncate(trimmed);
    }
}

/// Whether a character reference, after its `&#`, is one of those that escaped text has.
fn is_of_ascii(rest: &str) -> bool {
    rest.starts_with("x27;")
        || rest.starts_with("x2f;")
        || rest.starts_with("34;")
        || rest.starts_with("39;")
}

#[cfg(test)]
mod tests;
