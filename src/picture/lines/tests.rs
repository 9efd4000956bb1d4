//! What is drawn of texts that are cut: all of it, where it belongs.
// Letters and emoji are of two fonts here.
#![cfg(feature = "embedded-font")]

use proptest::prelude::*;
use resvg::usvg::{Node as Drawn, Options, Tree};

use super::*;
use crate::picture::fonts::{self, Fonts};
use crate::picture::template::Line;

/// DejaVu Sans has no emoji of today, Noto Emoji has no letters.
fn fonts() -> Fonts {
    Fonts::new(vec![epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec()]).unwrap()
}

fn svg(inside: &str) -> String {
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="40">{inside}</svg>"#)
}

/// Where resvg has all text, from left to right.
fn drawn(svg: &str, fonts: &Fonts) -> (f32, f32) {
    let cut = cut(svg, &fonts.faces);
    let options = Options {
        fontdb: fonts.database(),
        font_family: fonts.default_family().into(),
        font_resolver: fonts::resolver(&fonts.faces, |_| {}),
        ..Options::default()
    };
    let tree = Tree::from_str(cut.svg.as_deref().unwrap_or(svg), &options).unwrap();
    let mut node = &tree.root().children()[0];
    while let Drawn::Group(group) = node {
        node = &group.children()[0];
    }
    let area = node.abs_bounding_box();
    (area.left(), area.right())
}

#[track_caller]
fn assert_about((left, right): (f32, f32), expected: (f32, f32), what: &str) {
    let apart = (left - expected.0).abs().max((right - expected.1).abs());
    assert!(apart < 0.02, "{what}: {left} to {right}, not {} to {}", expected.0, expected.1);
}

const TEXTS: [&str; 12] = [
    "online 12",
    "AVATAR Tomato",
    "مرحبا بك",
    "abc (مرحبا) 12 שלום",
    "👍🏽 ok 🙂",
    "🙂",
    "ok 👨\u{200d}👩\u{200d}👧 مرحبا 🙂 12",
    "1\u{fe0f}\u{20e3}",
    "e\u{301}\u{308}o",
    "हिन्दी",
    "a漢b",
    "fi ffi ﬁ",
];

#[test]
fn what_is_measured_is_what_is_drawn() {
    let fonts = fonts();
    for text in TEXTS {
        for (size, spacing) in [(11.0, 0.0), (10.0, 1.25), (22.5, -0.5)] {
            let (family, thousandths) = ("sans-serif".into(), |length: f32| length * 1000.0);
            let (size_of, spacing_of) = (thousandths(size) as u32, thousandths(spacing) as i32);
            let line = Line { text: text.into(), family, size: size_of, spacing: spacing_of };
            let width = fonts.width_of(&line);
            let style = format!(r#"y="20" font-size="{size}" letter-spacing="{spacing}""#);
            for (anchor, before) in [("start", 0.0), ("middle", 0.5), ("end", 1.0)] {
                let inside =
                    format!(r#"<text x="200" text-anchor="{anchor}" {style}>{text}</text>"#);
                let left = 200.0 - before * width;
                assert_about(drawn(&svg(&inside), &fonts), (left, left + width), &inside);
            }
        }
    }
}

#[test]
fn a_length_is_kept_by_letters_or_by_spaces() {
    let fonts = fonts();
    for text in TEXTS {
        for (length, adjust) in
            [(30.0, "spacingAndGlyphs"), (150.0, "spacingAndGlyphs"), (5.0, "spacing")]
        {
            // Of plain letters, resvg takes the spaces away until they lie on each other.
            if adjust == "spacing" && fonts.faces.is_plain_in_all(text) {
                continue;
            }
            let attributes = format!(r#"y="20" textLength="{length}" lengthAdjust="{adjust}""#);
            for (anchor, left) in [("start", 200.0), ("middle", 200.0 - length / 2.0)] {
                let inside = format!(
                    r#"<text x="200" text-anchor="{anchor}" font-size="14" {attributes}>{text}</text>"#
                );
                assert_about(drawn(&svg(&inside), &fonts), (left, left + length), &inside);
            }
        }
    }
    // Spaces are made only where letters aren't joined.
    let wide = |text: &str| {
        let inside = format!(r#"<text x="0" y="20" textLength="200">{text}</text>"#);
        drawn(&svg(&inside), &fonts).1
    };
    assert!((wide("🙂 ok") - 200.0).abs() < 0.02);
    assert!(wide("🙂") < 20.0);
    assert!(wide("हिन्दी") < 60.0);
}

#[test]
fn what_is_plain_is_left_as_it_is() {
    let faces = fonts().faces;
    for inside in [
        "",
        "<text>online 12 – größer</text>",
        r#"<text textLength="9" rotate="3 4">it&#x27;s 1&#x2f;2 &lt;&amp;&gt;</text>"#,
        "<text>Ωμέγα Жук</text>",
    ] {
        assert_eq!(cut(&svg(inside), &faces), Cut::default(), "{inside}");
    }
}

#[test]
fn what_is_laid_out_letter_by_letter_is_left_as_it_is() {
    let faces = fonts().faces;
    for text in [
        r#"<text x="1 2 3" y="9">🙂 ok</text>"#,
        r#"<text dx="1 2" y="9">🙂 ok</text>"#,
        r#"<text rotate="9">🙂 ok</text>"#,
        r#"<text y="9">🙂 <tspan x="4" y="20">ok</tspan></text>"#,
        r#"<text writing-mode="tb">🙂 ok</text>"#,
        r#"<text font="9px serif">🙂 ok</text>"#,
        r#"<text font-size="2em">🙂 ok</text>"#,
        r#"<style>text { font: 20px serif }</style><text>🙂 ok</text>"#,
        r#"<style>tspan { text-anchor: end }</style><text>🙂 <tspan>ok</tspan></text>"#,
    ] {
        assert_eq!(cut(&svg(text), &faces).svg, None, "{text}");
    }
}

#[test]
fn what_a_style_sheet_says_counts() {
    let fonts = fonts();
    let by_attributes = r#"<text x="200" y="20" font-size="20" letter-spacing="3" text-anchor="middle">🙂 ok</text>"#;
    let by_sheet = r#"<text x="200" y="20" class="big">🙂 ok</text>
        <style>.big { font-size: 20px; letter-spacing: 3px; text-anchor: middle }</style>"#;
    let expected = drawn(&svg(by_attributes), &fonts);
    assert_about(drawn(&svg(by_sheet), &fonts), expected, by_sheet);
    assert!((expected.0 + expected.1 - 400.0).abs() < 0.02);
}

#[test]
fn a_reference_to_a_character_is_seen() {
    let faces = fonts().faces;
    assert!(cut(&svg("<text>&#x1F642; ok</text>"), &faces).svg.is_some());
    assert_eq!(cut(&svg("<text>&#x6f22;</text>"), &faces).missing[0].character, '漢');
}

#[test]
fn spaces_are_collapsed_as_xml_says() {
    let (faces, fonts) = (fonts().faces, fonts());
    let plain = svg("<text y=\"20\">🙂 ok 🙂 ok</text>");
    let spaced = svg("<text y=\"20\">\n   🙂 ok\t\n <tspan>🙂</tspan>\n ok  \n</text>");
    assert_about(drawn(&spaced, &fonts), drawn(&plain, &fonts), "collapsed");
    let kept = svg("<text y=\"20\" xml:space=\"preserve\">  🙂  ok</text>");
    assert!(cut(&kept, &faces).svg.unwrap().contains("  ok<"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is said, what is cut is SVG that says the same, and nothing panics.
    #[test]
    fn all_that_is_said_is_still_said(
        letters in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec!['a', ' ', '1', '(', 'é', '漢', 'क', '्', 'ि', 'م', 'ש']),
                proptest::sample::select(vec!['🙂', '👨', '🏽', '🇩', '\u{200d}', '\u{fe0f}', '\u{20e3}']),
                proptest::sample::select(vec!['\u{301}', '\u{202e}', '\u{2029}', '\u{ad}', '<', '&', '"']),
                any::<char>().prop_filter("XML", |c| !c.is_control() && *c < '\u{fffe}'),
            ],
            0..24,
        ),
        attributes in proptest::sample::select(vec![
            "", "textLength=\"40\"", "x=\"9\" text-anchor=\"middle\"", "letter-spacing=\"2\"",
            "x=\"-9\" textLength=\"4\" lengthAdjust=\"spacingAndGlyphs\"", "x=\"5%\"",
        ]),
    ) {
        thread_local!(static FONTS: Fonts = fonts());
        let text: String = letters.into_iter().collect();
        let inside = format!("<text y=\"20\" {attributes}>{}</text>", HtmlEscape(&text));
        let svg = svg(&inside);
        let cut = FONTS.with(|fonts| cut(&svg, &fonts.faces));
        let after = cut.svg.unwrap_or_else(|| svg.clone());
        let said = |svg: &str| -> Vec<char> {
            let document = Document::parse(svg).unwrap();
            let nodes = document.descendants().filter(|node| node.is_text());
            let text: String = nodes.filter_map(|node| node.text()).collect();
            // What follows a paragraph's end is not drawn.
            let text = text.split('\u{2029}').next().unwrap_or_default();
            let mut said: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
            said.sort_unstable(); // runs are in the order in which they are seen
            said
        };
        prop_assert_eq!(said(&svg), said(&after));
        FONTS.with(|fonts| {
            let options = Options {
                fontdb: fonts.database(),
                font_resolver: fonts::resolver(&fonts.faces, |_| {}),
                ..Options::default()
            };
            prop_assert!(Tree::from_str(&after, &options).is_ok());
            Ok(())
        })?;
    }
}
