//! What a filled template has that no drawing would show, or not as it is meant.
//!
//! resvg passes over what it does not know; a picture with a hole is found here instead.

use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};
use svgtypes::{Length, LengthUnit, Paint, ViewBox};

use crate::badge::nearest::nearest;

/// Something wrong in a filled template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The byte of the text where it is; `None` for the text as a whole.
    pub(crate) at: Option<usize>,
    pub(crate) kind: FlawKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FlawKind {
    /// It is not well-formed.
    NotSvg { reason: String },
    /// It has something that is never drawn, whatever fills the slots.
    Never { what: String, reason: String },
    /// It has something that is not drawn with what fills the slots.
    Now { what: String, reason: String },
}

const SVG: &str = "http://www.w3.org/2000/svg";

/// What resvg draws, or knows to be nothing to draw.
const ELEMENTS: &str = "a circle clipPath defs desc ellipse feBlend feColorMatrix \
    feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap \
    feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage \
    feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile \
    feTurbulence filter g image line linearGradient marker mask metadata path pattern polygon \
    polyline radialGradient rect stop style svg switch symbol text textPath title tref tspan use \
    view";

/// Elements that show what another one defines.
const REFERRING: [&str; 7] =
    ["use", "linearGradient", "radialGradient", "pattern", "textPath", "filter", "tref"];

const COLORS: [&str; 6] =
    ["fill", "stroke", "stop-color", "flood-color", "lighting-color", "color"];

/// The first thing that is wrong in this text.
pub(crate) fn lint(svg: &str) -> Result<(), Flaw> {
    let document = parse(svg)?;
    let root = document.root_element();
    check_root(root)?;
    let ids: Vec<&str> = root.descendants().filter_map(|node| node.attribute("id")).collect();
    for node in root.descendants().filter(Node::is_element) {
        if node.tag_name().namespace() == Some(SVG) && !is_about(node) {
            check_element(node)?;
            check_attributes(node, &ids)?;
        }
    }
    Ok(())
}

fn parse(svg: &str) -> Result<Document<'_>, Flaw> {
    Document::parse_with_options(svg, ParsingOptions::default()).map_err(|error| {
        let place = error.pos();
        let reason = error.to_string();
        // Where it is in the filled text helps nobody.
        let reason = reason.split(&format!(" at {place}")).next().unwrap_or(&reason).to_owned();
        let before: usize =
            svg.split_inclusive('\n').take(place.row as usize - 1).map(str::len).sum();
        let line = &svg[before..];
        let column = line.char_indices().nth(place.col as usize - 1).map_or(line.len(), |at| at.0);
        let at =
            (reason.contains('\'') || place.row > 1 || place.col > 1).then_some(before + column);
        Flaw { at, kind: FlawKind::NotSvg { reason } }
    })
}

/// Within what only tells about the picture.
fn is_about(node: Node<'_, '_>) -> bool {
    node.ancestors()
        .skip(1)
        .any(|node| matches!(node.tag_name().name(), "metadata" | "desc" | "title"))
}

fn check_root(root: Node<'_, '_>) -> Result<(), Flaw> {
    let at = Some(root.range().start);
    let name = root.tag_name();
    if name.name() == "svg" && name.namespace().is_none() {
        let reason =
            format!("has no namespace and would not be drawn; write <svg xmlns=\"{SVG}\">");
        return Err(Flaw { at, kind: FlawKind::Never { what: "the <svg>".into(), reason } });
    }
    if name.name() != "svg" || name.namespace() != Some(SVG) {
        let reason = format!("it begins with <{}> and not with <svg>", name.name());
        return Err(Flaw { at, kind: FlawKind::NotSvg { reason } });
    }
    let has_view_box =
        root.attribute("viewBox").is_some_and(|value| value.parse::<ViewBox>().is_ok());
    for side in ["width", "height"] {
        let Some(attribute) = root.attribute_node(side) else { continue };
        let length = attribute.value().trim().parse::<Length>();
        let flaw = |reason: &str| Flaw {
            at: Some(attribute.range().start),
            kind: FlawKind::Now {
                what: format!("{side}={:?} of the <svg>", attribute.value()),
                reason: reason.into(),
            },
        };
        match length {
            Err(_) => return Err(flaw("is no length such as 120")),
            Ok(length) if length.unit == LengthUnit::Percent && !has_view_box => {
                return Err(flaw(
                    "is a percentage of nothing; give the <svg> a viewBox, or a length \
                                 such as 120",
                ));
            }
            Ok(_) => {}
        }
    }
    let has_size = root.has_attribute("width") && root.has_attribute("height");
    if !has_view_box && !has_size {
        let reason = "has no size of its own, so it would change with what is drawn; give it a \
                      width and a height, or a viewBox";
        let kind = FlawKind::Never { what: "the <svg>".into(), reason: reason.into() };
        return Err(Flaw { at, kind });
    }
    Ok(())
}

fn check_element(node: Node<'_, '_>) -> Result<(), Flaw> {
    let name = node.tag_name().name();
    let never = |what: String, reason: String| {
        Err(Flaw { at: Some(node.range().start), kind: FlawKind::Never { what, reason } })
    };
    match name {
        "foreignObject" => never(
            "<foreignObject>".into(),
            "is not drawn; use <text> and <tspan>, one for each line".into(),
        ),
        "script" => never("<script>".into(), "never runs in a picture; remove it".into()),
        "animate" | "animateTransform" | "animateMotion" | "animateColor" | "set" | "discard" => {
            never(
                format!("<{name}>"),
                "never runs: each picture is a still; write what it shows, from slots".into(),
            )
        }
        "style" => match style_flaw(node.text().unwrap_or_default()) {
            Some((what, reason)) => never(what.into(), reason.into()),
            None => Ok(()),
        },
        _ if ELEMENTS.split(' ').any(|element| element == name) => Ok(()),
        _ => {
            let meant = nearest(name, ELEMENTS.split(' '));
            let meant = meant.map(|meant| format!("; did you mean <{meant}>?")).unwrap_or_default();
            never(format!("<{name}>"), format!("is no element that is drawn{meant}"))
        }
    }
}

/// What a style sheet has that does nothing.
fn style_flaw(sheet: &str) -> Option<(&'static str, &'static str)> {
    [
        ("@font-face", "loads nothing; add the font with LiveBadgeLayerBuilder::font"),
        ("@import", "loads nothing; write the rules here"),
        ("@keyframes", "never runs: each picture is a still; remove it"),
    ]
    .into_iter()
    .find(|(rule, _)| sheet.contains(rule))
}

fn check_attributes(node: Node<'_, '_>, ids: &[&str]) -> Result<(), Flaw> {
    let element = node.tag_name().name();
    for attribute in node.attributes() {
        let (name, value) = (attribute.name(), attribute.value());
        let at = Some(attribute.range().start);
        let written = || format!("{name}={value:?} of <{element}>");
        let now =
            |reason: String| Err(Flaw { at, kind: FlawKind::Now { what: written(), reason } });
        let is_plain = attribute.namespace().is_none();
        if is_plain && name.len() > 2 && name.starts_with("on") {
            let reason = "never runs in a picture; remove it".into();
            return Err(Flaw { at, kind: FlawKind::Never { what: written(), reason } });
        }
        if name == "href" && REFERRING.contains(&element) {
            if let Some(reason) = reference_flaw(value.trim(), ids) {
                return now(reason);
            }
        }
        let declared: Vec<(&str, &str)> = match name {
            "style" if is_plain => declarations(value).collect(),
            _ => vec![(name, value)],
        };
        for (property, value) in declared.into_iter().filter(|_| is_plain) {
            if let Some(reason) = property_flaw(property, value, ids) {
                return now(reason);
            }
        }
    }
    if element == "style" {
        let sheet = node.text().unwrap_or_default();
        for (property, value) in sheet.split(['{', '}']).skip(1).step_by(2).flat_map(declarations) {
            if let Some(reason) = property_flaw(property, value, ids) {
                let what = format!("{property}: {value} in <style>");
                return Err(Flaw {
                    at: Some(node.range().start),
                    kind: FlawKind::Now { what, reason },
                });
            }
        }
    }
    Ok(())
}

/// `fill: red; stroke: none`
fn declarations(style: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = style.split(';').filter_map(|declaration| declaration.split_once(':'));
    pairs.map(|(property, value)| (property.trim(), value.trim()))
}

fn property_flaw(property: &str, value: &str, ids: &[&str]) -> Option<String> {
    let value = value.trim().trim_end_matches("!important").trim();
    if let Some(inside) = value.split("url(").nth(1) {
        let target = inside.split(')').next().unwrap_or_default();
        let target = target.trim().trim_matches(['"', '\'']).trim();
        let has_fallback = inside.split_once(')').is_some_and(|(_, more)| !more.trim().is_empty());
        let is_there = reference_flaw(target, ids);
        if is_there.is_some() && !(has_fallback && COLORS.contains(&property)) {
            return is_there;
        }
    }
    (COLORS.contains(&property) && !is_paint(value))
        .then(|| "is no colour; write one of CSS, such as #4c1, rgb(68, 204, 17) or green".into())
}

fn is_paint(value: &str) -> bool {
    let keyword = value.to_ascii_lowercase();
    matches!(&*keyword, "inherit" | "initial" | "unset" | "currentcolor" | "transparent")
        || Paint::from_str(value).is_ok()
}

fn reference_flaw(target: &str, ids: &[&str]) -> Option<String> {
    match target.strip_prefix('#') {
        Some(id) if ids.contains(&id) => None,
        Some(id) => {
            let meant = nearest(id, ids.iter().copied());
            let meant = meant.map(|id| format!("; did you mean #{id}?")).unwrap_or_default();
            Some(format!(
                "refers to something that is not there; define an element with id={id:?}{meant}"
            ))
        }
        None => Some("refers to another document, and templates never load anything".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(inside: &str) -> Result<(), Flaw> {
        lint(&format!(r#"<svg xmlns="{SVG}" width="9" height="9">{inside}</svg>"#))
    }

    #[test]
    fn what_is_drawn_passes() {
        for good in [
            r##"<g fill="none" stroke="currentColor" color="#4c1"/>"##,
            r##"<path fill="url(#a)"/><linearGradient id="a"><stop stop-color="RED"/></linearGradient>"##,
            r##"<rect fill="url(#gone) red"/><rect style="fill: hsl(120, 50%, 50%); stroke:rgba(1,2,3,.5)"/>"##,
            r##"<use href="#b" xmlns:x="http://www.w3.org/1999/xlink" x:href="#b"/><g id="b"/>"##,
            r#"<metadata><foo xmlns="urn:bar"/><rectangle/></metadata><x:y xmlns:x="urn:x" onx="1"/>"#,
            r#"<style>.a { fill: red } .b{stroke:#123;}</style><g class="a" fill="transparent"/>"#,
            r#"<a href="https://example.com"><text>one</text></a>"#,
            r##"<text fill="inherit" clip-path="url('#c')">one</text><clipPath id="c"/>"##,
        ] {
            assert_eq!(inside(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_not_drawn_is_found_where_it_is() {
        for (bad, says) in [
            ("<foreignObject/>", "<text>"),
            ("<script/>", "never runs"),
            ("<g><animate/></g>", "still"),
            ("<rectt/>", "<rect>"),
            ("<style>@font-face { }</style>", "font"),
            ("<style>.a { fill: bluee }</style>", "colour"),
            (r#"<g onclick="x()"/>"#, "never runs"),
            (r##"<g fill="#12"/>"##, "colour"),
            (r#"<g style="stroke: bluee"/>"#, "colour"),
            (r#"<stop stop-color=""/>"#, "colour"),
            (r##"<g filter="url(#x)"/>"##, "not there"),
            (r##"<use href="#shin"/><g id="shine"/>"##, "#shine"),
            (r#"<use href="other.svg#x"/>"#, "never load"),
            (r#"<g mask="url(https://example.com/x.svg#m)"/>"#, "never load"),
        ] {
            let flaw = inside(bad).unwrap_err();
            assert!(format!("{:?}", flaw.kind).contains(says), "{bad}: {flaw:?}");
            assert!(flaw.at.is_some_and(|at| at > 40), "{bad}: {flaw:?}");
        }
    }

    #[test]
    fn a_picture_has_a_size_of_its_own() {
        let size = |attributes: &str| lint(&format!(r#"<svg xmlns="{SVG}" {attributes}/>"#));
        for good in [
            r#"width="9" height="9""#,
            r#"width="9mm" height="2em""#,
            r#"viewBox="0 0 9 9""#,
            r#"viewBox="0 0 9 9" width="100%""#,
        ] {
            assert_eq!(size(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            r#"width="9""#,
            r#"width="100%" height="9""#,
            r#"width="100%" height="100%" viewBox="0 0""#,
            r#"width="" height="9""#,
            r#"width="nan" height="9" viewBox="0 0 9 9""#,
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
        let error = lint(r#"<svg width="9" height="9"/>"#).unwrap_err();
        assert!(format!("{error:?}").contains("xmlns"), "{error:?}");
    }

    #[test]
    fn what_is_not_well_formed_is_found_in_its_place() {
        let text = format!("<svg xmlns=\"{SVG}\">\n<g>é</h>\n</svg>");
        let flaw = lint(&text).unwrap_err();
        assert!(matches!(&flaw.kind, FlawKind::NotSvg { reason } if !reason.contains(" at ")));
        assert!(text[flaw.at.unwrap()..].starts_with("</h>"), "{flaw:?}");
        for text in ["", "hello", "<html/>", "<svg"] {
            assert!(matches!(lint(text).unwrap_err().kind, FlawKind::NotSvg { .. }), "{text}");
        }
    }
}
