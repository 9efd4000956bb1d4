//! Text in every script, in one font or in several: nothing that is written changes how the rest of the
//! picture looks.
#![cfg(feature = "embedded-font")]

use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};
use tower::ServiceExt;
use tower_livebadge::{
    Badge, BuildError, BuildErrorKind, LiveBadge, LiveBadgeLayer, Look, NotFound,
};

use crate::common::fonts::{CJK, COLOR_EMOJI, DEVANAGARI, EMOJI, fonts};
use crate::common::log;

const SCALE: u32 = 2;

/// Words that combine letters, join them, run from right to left, or need several fonts.
const WORDS: [&str; 16] = [
    "online",
    "हिन्दी",
    "क्ष्म्य त्र्य",
    "مرحبا بك",
    "abc (مرحبا) 12",
    "שלום עולם",
    "漢字",
    "a漢b",
    "👨\u{200d}👩\u{200d}👧\u{200d}👦",
    "👍🏽 ok 🇩🇪🇫🇷",
    "1\u{fe0f}\u{20e3}",
    "❤\u{fe0f}",
    "Z\u{337}a\u{338}l\u{335}g\u{336}o\u{337}",
    "e\u{301}\u{308}o\u{302}",
    "สวัสดี",
    "fi सबसे (अच्छा) 漢 ok",
];

/// All sets of fonts that are here; without any, most of the words are boxes.
fn font_sets() -> Vec<Vec<Vec<u8>>> {
    let sets: [&[&str]; 5] =
        [&[], &[EMOJI], &[DEVANAGARI], &[COLOR_EMOJI], &[COLOR_EMOJI, DEVANAGARI, CJK, EMOJI]];
    sets.into_iter().filter_map(fonts).collect()
}

fn all_fonts() -> Vec<Vec<u8>> {
    font_sets().pop().expect("there is a set without fonts")
}

/// A badge whose rooms have any name.
struct Scene(LiveBadge<NotFound>);

impl Scene {
    fn new(badge: Badge, fonts: &[Vec<u8>]) -> Self {
        let builder = LiveBadgeLayer::builder();
        let builder = fonts.iter().fold(builder, |builder, font| builder.font(font.clone()));
        let badges = builder.badge("/{room}/badge.png", badge).build().expect("a right badge");
        Self(badges.into_service())
    }

    fn of_look(look: &Look, fonts: &[Vec<u8>]) -> Self {
        Self::new(Badge::look(look.clone()), fonts)
    }

    /// The picture of a room.
    async fn draw(&self, room: &str) -> Pixmap {
        let room: String = room.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = Request::get(format!("/{room}/badge.png")).body(Empty::<Bytes>::new());
        let request = request.expect("a right request");
        let response = self.0.clone().oneshot(request).await.expect("a badge never fails");
        let png = response.into_body().collect().await.expect("a still is whole").to_bytes();
        Pixmap::decode_png(&png).expect("a still is a picture")
    }
}

async fn draw(badge: Badge, room: &str, fonts: &[Vec<u8>]) -> Pixmap {
    Scene::new(badge, fonts).draw(room).await
}

async fn draw_look(look: &Look, room: &str, fonts: &[Vec<u8>]) -> Pixmap {
    Scene::of_look(look, fonts).draw(room).await
}

/// The pixels in these columns, from top to bottom.
fn columns(picture: &Pixmap, columns: Range<u32>) -> Vec<PremultipliedColorU8> {
    let (first, count) = (columns.start as usize, columns.len());
    let rows = picture.pixels().chunks_exact(picture.width() as usize);
    rows.flat_map(|row| row.iter().skip(first).take(count)).copied().collect()
}

/// Which columns have ink in them, on paper of one colour.
fn ink(picture: &Pixmap, columns: Range<u32>) -> Vec<u32> {
    let at = |x, y| picture.pixel(x, y).expect("a place in the picture");
    let is_ink = |x: &u32| {
        (0..picture.height()).any(|y| at(*x, y).green().abs_diff(at(columns.start, 0).green()) > 40)
    };
    columns.clone().filter(is_ink).collect()
}

/// The looks with two halves, how wide the one with "12" is, and how far its pixels may be apart.
async fn looks_with_halves() -> Vec<(Look, u32, u8)> {
    let mut found = Vec::new();
    // A bubble's border is a stroke on half pixels: at another place it is rounded otherwise.
    for (look, gap, apart) in [
        (Look::flat as fn(&'static str) -> Look, 0, 0),
        (Look::flat_square, 0, 0),
        (Look::plastic, 0, 0),
        (Look::for_the_badge, 0, 0),
        (Look::social, 16, 4), // an empty button is 11 wide, and the bubble's tip reaches to it
    ] {
        let alone = draw_look(&look("").message("12"), "x", &[]).await.width();
        found.push((look("{{ params.room }}").message("12"), alone - gap * SCALE, apart));
    }
    found
}

/// How far two pictures are apart where they are most.
fn difference(a: &[PremultipliedColorU8], b: &[PremultipliedColorU8]) -> u8 {
    let channels = |p: &PremultipliedColorU8| [p.red(), p.green(), p.blue(), p.alpha()];
    let apart = a
        .iter()
        .zip(b)
        .flat_map(|(a, b)| channels(a).into_iter().zip(channels(b)).map(|(a, b)| a.abs_diff(b)));
    apart.max().unwrap_or_default()
}

#[tokio::test]
async fn the_number_looks_the_same_beside_every_label() {
    for (look, half, most) in looks_with_halves().await {
        for fonts in font_sets() {
            let scene = Scene::of_look(&look, &fonts);
            let plain = scene.draw("online").await;
            let expected = columns(&plain, plain.width() - half..plain.width());
            for word in WORDS {
                let picture = scene.draw(word).await;
                let found = columns(&picture, picture.width() - half..picture.width());
                let apart = difference(&found, &expected);
                assert!(apart <= most, "{word}, {} fonts: {apart} apart in {look:?}", fonts.len());
            }
        }
    }
}

#[tokio::test]
async fn a_label_keeps_its_margins() {
    // Without shadows and gradients; the margin is 5, and letters have some space of their own.
    let look = Look::flat_square("{{ params.room }}").message("12").label_color("#000");
    let message = draw_look(&Look::flat_square("").message("12"), "x", &[]).await.width();
    for fonts in font_sets() {
        let scene = Scene::of_look(&look, &fonts);
        for word in WORDS {
            let picture = scene.draw(word).await;
            let label = 0..picture.width() - message;
            let ink = ink(&picture, label.clone());
            let (first, last) = (ink[0], ink[ink.len() - 1]);
            let margins = [first, label.end - 1 - last];
            for margin in margins {
                assert!((3 * SCALE..=10 * SCALE).contains(&margin), "{word}: {margins:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_label_that_is_condensed_keeps_its_margins() {
    let fonts = all_fonts();
    for look in [Look::flat_square("{{ params.room }}"), Look::for_the_badge("{{ params.room }}")] {
        let look = look.message("12").label_color("#000").width(100.0);
        let scene = Scene::of_look(&look, &fonts);
        for word in WORDS {
            // A parameter has 64 letters at most.
            let times = 60 / (word.chars().count() + 1);
            let word = vec![word; times].join(" ");
            let picture = scene.draw(&word).await;
            assert_eq!(picture.width(), 100 * SCALE);
            let black = |x: &u32| picture.pixel(*x, 0).expect("a place").green() == 0;
            let end = (0..picture.width()).rev().find(black).expect("a label's half") + 1;
            let ink = ink(&picture, 0..end);
            let (first, last) = (ink[0], ink[ink.len() - 1]);
            assert!(
                first >= 3 * SCALE && end - 1 - last >= 3 * SCALE,
                "{word}: {first}, {last} of {end}"
            );
        }
    }
}

#[tokio::test]
async fn letters_that_are_joined_are_not_spaced() {
    let Some(fonts) = fonts(&[DEVANAGARI]) else { return };
    // A line joins the letters of a word, and there are no gaps in it.
    let look = Look::for_the_badge("{{ params.room }}").message("12").label_color("#000");
    for word in ["हिन्दी", "नमस्कार"] {
        let picture = draw_look(&look, word, &fonts).await;
        let message = draw_look(&Look::for_the_badge("").message("12"), "x", &[]).await.width();
        let ink = ink(&picture, 0..picture.width() - message);
        let gaps = ink.windows(2).filter(|pair| pair[1] - pair[0] > SCALE).count();
        assert_eq!(gaps, 0, "{word}");
    }
}

fn line(attributes: &str) -> Badge {
    Badge::svg(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="30">
          <rect width="200" height="30" fill="#fff"/>
          <text y="20" font-size="14" {attributes}>{{{{ params.room }}}}</text></svg>"##
    ))
}

#[tokio::test]
async fn a_letter_of_another_font_leaves_the_others_as_they_are() {
    let Some(cjk) = fonts(&[CJK]) else { return };
    let Some(deva) = fonts(&[DEVANAGARI]) else { return };
    // Both fonts have Latin letters, too.
    for (fonts, letter) in [(&cjk, "漢"), (&deva, "क")] {
        for text in ["Wagon 12", "(a) 9"] {
            let alone = draw(line(r#"x="4""#), text, fonts).await;
            let end = *ink(&alone, 0..400).last().expect("letters are written") + 1;
            let followed = draw(line(r#"x="4""#), &format!("{text}{letter}"), fonts).await;
            assert!(columns(&alone, 0..end) == columns(&followed, 0..end), "{text}{letter}");
            assert!(ink(&followed, 0..400).last() > Some(&(end + 8)), "{letter} is drawn");
            // At the other end, too.
            let anchored = r#"x="190" text-anchor="end""#;
            let alone = draw(line(anchored), text, fonts).await;
            let start = ink(&alone, 0..400)[0];
            let preceded = draw(line(anchored), &format!("{letter}{text}"), fonts).await;
            assert!(
                columns(&alone, start..400) == columns(&preceded, start..400),
                "{letter}{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_text_in_several_fonts_has_its_middle_where_it_belongs() {
    let fonts = all_fonts();
    for word in ["नमस्ते a漢b", "漢字 (हिन्दी)", "👍🏽 ok 漢"] {
        let picture = draw(line(r#"x="100" text-anchor="middle""#), word, &fonts).await;
        let ink = ink(&picture, 0..400);
        let middle = (ink[0] + ink[ink.len() - 1]) / 2;
        assert!(middle.abs_diff(200) <= 4, "{word}: {middle}");
    }
}

#[tokio::test]
async fn parts_of_a_text_keep_their_colours_in_several_fonts() {
    let Some(fonts) = fonts(&[CJK]) else { return };
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="30">
      <rect width="200" height="30" fill="#fff"/>
      <text x="4" y="20" font-size="14" fill="#00f">
        a <tspan fill="#f00" font-size="18">{{ params.room }}</tspan> b
      </text></svg>"##;
    let picture = draw(Badge::svg(svg), "漢c", &fonts).await;
    let colors: Vec<(u32, bool)> = (0..400 * 60)
        .filter_map(|at| {
            let pixel = picture.pixel(at % 400, at / 400)?;
            let is = |a: u8, b: u8| a > 200 && b < 90;
            let (red, blue) = (is(pixel.red(), pixel.blue()), is(pixel.blue(), pixel.red()));
            (red || blue).then_some((at % 400, red))
        })
        .collect();
    let extent = |red: bool| {
        let xs = || colors.iter().filter(|color| color.1 == red).map(|color| color.0);
        (xs().min().expect("that colour"), xs().max().expect("that colour"))
    };
    let ((red, end_of_red), (blue, end_of_blue)) = (extent(true), extent(false));
    // One of 18 and a small one, with the others left and right of them, and no gap.
    assert!(blue < red && end_of_red < end_of_blue, "{colors:?}");
    assert!((45..70).contains(&(end_of_red - red)), "{red} to {end_of_red}");
    assert!(red - blue < 40 && end_of_blue - end_of_red < 40);
}

#[tokio::test]
async fn a_letter_that_no_font_has_leaves_the_others_as_they_are() {
    for letter in ["\u{10380}", "漢", "\u{e000}"] {
        for fonts in [vec![], all_fonts()] {
            let alone = draw(line(r#"x="4""#), "Wagon 12 ", &fonts).await;
            let end = *ink(&alone, 0..400).last().expect("letters are written") + 1;
            let followed = draw(line(r#"x="4""#), &format!("Wagon 12 {letter}"), &fonts).await;
            assert!(columns(&alone, 0..end) == columns(&followed, 0..end), "{letter:?}");
        }
    }
}

#[tokio::test]
async fn emoji_are_in_colour_and_digits_are_not() {
    let Some(fonts) = fonts(&[COLOR_EMOJI]) else { return };
    let colors = |picture: &Pixmap, columns: Range<u32>| {
        let pixels = self::columns(picture, columns);
        pixels.iter().filter(|pixel| pixel.red().abs_diff(pixel.blue()) > 60).count()
    };
    let digits = draw(line(r#"x="4""#), "12 ", &fonts).await;
    let plain = draw(line(r#"x="4""#), "12 ", &[]).await;
    assert!(digits.data() == plain.data(), "an emoji font has digits, too, and they are blank");
    for emoji in ["🙂", "❤\u{fe0f}", "👨\u{200d}🚀", "🇩🇪", "1\u{fe0f}\u{20e3}"] {
        let picture = draw(line(r#"x="4""#), &format!("12 {emoji}"), &fonts).await;
        let end = *ink(&plain, 0..400).last().expect("digits are written") + 1;
        assert!(columns(&picture, 0..end) == columns(&plain, 0..end), "{emoji}");
        assert!(colors(&picture, end..400) > 100, "{emoji} is in colour");
        let ink = ink(&picture, end..400);
        assert!(ink[ink.len() - 1] - ink[0] < 45, "{emoji} is one picture");
    }
}

#[tokio::test]
async fn digits_that_are_laid_out_one_by_one_are_not_blank() {
    let Some(fonts) = fonts(&[COLOR_EMOJI]) else { return };
    for attributes in [r#"x="4 14""#, r#"x="4" dy="1""#, r#"x="4" font="14px serif""#] {
        let digits = draw(line(attributes), "12", &[]).await;
        let end = *ink(&digits, 0..400).last().expect("digits are written") + 1;
        let picture = draw(line(attributes), "12 🙂", &fonts).await;
        assert!(columns(&picture, 0..end) == columns(&digits, 0..end), "{attributes}");
    }
}

#[test]
fn what_no_font_has_is_named() {
    let error = |text: &str| {
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><text y="20">{text}</text></svg>"#
        );
        LiveBadgeLayer::builder().badge("/x.png", Badge::svg(svg)).build().err()
    };
    for (text, named, part_of) in [
        ("1\u{fe0f}\u{20e3}", '\u{20e3}', Some("1\u{fe0f}\u{20e3}")),
        ("ok 漢", '漢', None),
        ("x 👨\u{200d}👩\u{200d}👧", '👨', Some("👨\u{200d}👩\u{200d}👧")),
        ("हि", 'ह', Some("हि")),
        ("a\u{20dd}", '\u{20dd}', Some("a\u{20dd}")),
    ] {
        match error(text).as_ref().map(BuildError::kind) {
            Some(BuildErrorKind::Glyph { character, cluster, .. }) => {
                assert_eq!(*character, named, "{text}");
                assert_eq!(*cluster, part_of.map_or(named.to_string(), str::to_owned));
            }
            other => panic!("{text}: {other:?}"),
        }
        let message = error(text).expect("an error").to_string();
        assert!(message.contains(&format!("{named:?}")), "{message}");
    }
    // Nothing is to be seen of these.
    for text in
        ["❤\u{fe0f}", "a\u{200d}b", "\u{200b}x\u{2060}", "a\u{ad}b", "\u{feff}", "م\u{200c}ن"]
    {
        assert!(error(text).is_none(), "{text:?}: {:?}", error(text));
    }
}

/// What is logged meanwhile, as a warning, by the threads that draw as well.
async fn warnings(work: impl Future<Output = ()>) -> Vec<String> {
    // With that one there, nobody's interest is forgotten.
    log::keep();
    let (sender, lines) = mpsc::channel();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || Line(sender.clone()))
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    work.await;
    drop(guard);
    lines.try_iter().collect()
}

struct Line(mpsc::Sender<String>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error says that nobody listens any more.
        let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_what_no_font_has_once() {
    let badges = LiveBadgeLayer::builder().badge("/{room}/x.png", line("")).build().expect("right");
    let service = badges.into_service();
    let get = |room: &str| {
        let room: String = room.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = Request::get(format!("/{room}/x.png")).body(Empty::<Bytes>::new());
        service.clone().oneshot(request.expect("a right request"))
    };
    let said = warnings(async {
        for room in ["ok", "漢", "字", "क"] {
            get(room)
                .await
                .expect("a badge never fails")
                .into_body()
                .collect()
                .await
                .expect("whole");
        }
    });
    let said = said.await;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("/{room}/x.png") && said[0].contains("漢"), "{said:#?}");
}

#[tokio::test]
async fn the_log_says_that_a_colour_is_none_once() {
    let look = Look::flat("x").color("#{{ params.room }}").label_color("{{ params.room }}");
    let badges = LiveBadgeLayer::builder().badge("/{room}/x.png", Badge::look(look));
    let service = badges.build().expect("who asks may be wrong").into_service();
    let said = warnings(async {
        for room in ["bluee", "12", "redd"] {
            let request = Request::get(format!("/{room}/x.png")).body(Empty::<Bytes>::new());
            let reply = service.clone().oneshot(request.expect("a right request")).await;
            reply.expect("a badge never fails").into_body().collect().await.expect("whole");
        }
    });
    let said = said.await;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("/{room}/x.png") && said[0].contains("bluee"), "{said:#?}");
}
