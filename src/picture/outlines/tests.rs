use resvg::tiny_skia::Pixmap;
use resvg::usvg::{Options, Tree};

use super::*;
use crate::picture::fonts::{Fonts, resolver};

fn draw(svg: &str, fonts: &Fonts, scale: f32) -> Pixmap {
    let options = Options {
        fontdb: fonts.database(),
        font_family: fonts.default_family().to_owned(),
        font_resolver: resolver(&fonts.faces, |_| ()),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let mut pixmap =
        Pixmap::new((240.0 * scale) as u32, (60.0 * scale) as u32).expect("it is no empty picture");
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap
}

fn picture(inside: &str) -> String {
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="240" height="60">{inside}</svg>"#)
}

fn fonts() -> Fonts {
    Fonts::new(vec![epaint_default_fonts::HACK_REGULAR.to_vec()]).expect("a font")
}

#[test]
fn a_path_is_what_resvg_makes_of_a_text_to_the_pixel() {
    let fonts = fonts();
    let texts = [
        "online",
        "12",
        "0",
        "1,234,567",
        "AVAToTe.",
        "fi office ffl",
        "Ünïcödé ŁÞ",
        "Привет",
        "Ελλάδα",
        "a &amp; &lt;b&gt; &#34;c&#39;",
        "…—“”€",
        "  two \n\t words  ",
        "W",
        "a\u{AD}b",
        "½ × 3²",
    ];
    let ways = [
        r#"x="9" y="20""#,
        r#"x="119.5" y="30.25" text-anchor="middle" textLength="83" lengthAdjust="spacingAndGlyphs""#,
        r#"x="230" y="41" text-anchor="end" font-size="17.5px" font-family="Hack""#,
        r##"x="120" y="30" text-anchor="middle" textLength="97.3" stroke="#f00" stroke-width=".8""##,
        r#"y="20" transform="rotate(7) translate(3 1)" opacity=".5" id="it" textLength="20""#,
        r#"x="-3.5" y=".5" font-size="40" font-family="Nobody, sans-serif" fill="none" stroke="blue""#,
    ];
    for text in texts {
        for way in ways {
            let group = r#"<clipPath id="c"><rect width="200" height="50"/></clipPath>
                <g clip-path="url(#c)" fill="green" fill-rule="evenodd" shape-rendering="crispEdges" font-size="11">"#;
            let svg = picture(&format!(
                "{group}<text {way}>{text}</text><rect width='3' height='3'/></g>"
            ));
            let outlined = outlined(&svg, &fonts.faces).unwrap_or_else(|| panic!("{svg}"));
            assert!(!outlined.contains("<text"), "{outlined}");
            for scale in [1.0, 1.7, 2.0, 4.0] {
                let (text, path) = (draw(&svg, &fonts, scale), draw(&outlined, &fonts, scale));
                assert!(text == path, "{svg} at {scale}");
            }
        }
    }
}

#[test]
fn what_is_more_than_a_line_is_left_to_resvg() {
    let fonts = fonts();
    for inside in [
        "<rect width='9' height='9'/>",
        "<text y='20'></text>",
        "<text y='20'>a<tspan>b</tspan></text>",
        "<text y='20'>مرحبا</text>",
        "<text y='20'>e\u{301}</text>",
        "<text y='20'>שלום</text>",
        "<text y='20'>🦀</text>",
        "<text y='20' font-family='Nobody'>a</text>",
        "<text y='20' x='1 2 3'>abc</text>",
        "<text y='2em'>a</text>",
        "<text y='20' dx='3'>a</text>",
        "<text y='20' font-size='2em'>a</text>",
        "<text y='20' letter-spacing='2'>ab</text>",
        "<text y='20' font-weight='bold'>a</text>",
        "<g font-style='italic'><text y='20'>a</text></g>",
        "<g writing-mode='tb'><text y='20'>a</text></g>",
        "<style>text { fill: red }</style><text y='20'>a</text>",
        "<linearGradient id='g'><stop stop-color='red'/></linearGradient><g fill='url(#g)'><text y='20'>a</text></g>",
        "<clipPath id='c'><text y='20'>a</text></clipPath><rect clip-path='url(#c)' width='90' height='90'/>",
        "<a href='/'><text y='20'>a</text></a>",
        "<text y='20' xml:space='preserve'> a  b </text>",
        "<text y='1e9'>a</text>",
        "<text y='20.'>a</text>",
        "<text xmlns='urn:other' y='20'>a</text>",
        "<g xmlns='urn:other'><text xmlns='http://www.w3.org/2000/svg' y='20'>a</text></g>",
        "<s:text xmlns:s='http://www.w3.org/2000/svg' y='20'>a</s:text>",
        "<text y='999999'>a</text>",
    ] {
        assert_eq!(outlined(&picture(inside), &fonts.faces), None, "{inside}");
    }
}

#[test]
fn a_number_is_written_as_it_is() {
    for number in [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        14.000_001,
        99_999.99,
        123.456_79,
        0.007_812_501,
        -0.999_999_94,
        7.450_000_3_f32,
    ] {
        let mut text = String::new();
        write_number(number, &mut text);
        let read: f32 = text.trim().parse().unwrap();
        assert_eq!(read, number, "{text}");
    }
}
