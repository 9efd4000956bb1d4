//! Ready looks: beside the badges that they are modelled on, and with texts of all lengths. What the
//! comparison saw is left in `tests/output/looks.png`.
#![cfg(feature = "embedded-font")]

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use resvg::tiny_skia::{Color, Pixmap, PixmapPaint, PremultipliedColorU8, Transform};
use resvg::usvg::{Options, Tree};
use shields::{BadgeParams, BadgeStyle, render_badge_svg};
use tower::ServiceExt;
use tower_livebadge::{Badge, LiveBadgeLayer, Look};

/// Pixels for a CSS pixel, which is what badges have unless told otherwise.
const SCALE: u32 = 2;

/// What a look draws for nobody.
async fn draw(look: Look) -> Pixmap {
    draw_at("/badge.png", look).await
}

async fn draw_at(url: &str, look: Look) -> Pixmap {
    let badge = Badge::look(look);
    let badges =
        LiveBadgeLayer::builder().badge("/badge.png", badge).build().expect("a right look");
    let request = Request::get(url).body(Empty::<Bytes>::new()).expect("a right request");
    let response = badges.into_service().oneshot(request).await.expect("a badge never fails");
    let png = response.into_body().collect().await.expect("a still is whole").to_bytes();
    Pixmap::decode_png(&png).expect("a still is a picture")
}

/// How different two pixels are: the mean of their channels' differences, 0 to 255.
fn difference(a: PremultipliedColorU8, b: PremultipliedColorU8) -> f64 {
    let channels = |p: PremultipliedColorU8| [p.red(), p.green(), p.blue(), p.alpha()];
    let differences = channels(a).into_iter().zip(channels(b)).map(|(a, b)| a.abs_diff(b));
    differences.map(f64::from).sum::<f64>() / 4.0
}

fn at(picture: &Pixmap, x: u32, y: u32) -> PremultipliedColorU8 {
    picture.pixel(x, y).expect("a place in the picture")
}

/// Where the label's side is, and the message's. Between the two of a social badge nothing is drawn.
fn sides(picture: &Pixmap) -> [Range<u32>; 2] {
    const Y: u32 = 3; // above every text and logo
    let columns = 8..picture.width() - 8; // without the corners
    let mut gap = columns.clone().filter(|x| at(picture, *x, Y).alpha() == 0);
    if let Some(first) = gap.next() {
        return [0..first, gap.next_back().unwrap_or(first) + 1..picture.width()];
    }
    let jump = |x: &u32| difference(at(picture, x - 1, Y), at(picture, *x, Y));
    let edge = columns.max_by(|a, b| jump(a).total_cmp(&jump(b))).expect("a picture has columns");
    [0..edge, edge..picture.width()]
}

mod beside_shields {
    use super::*;

    /// What is said, and in which colours.
    struct Case {
        label: &'static str,
        message: &'static str,
        label_color: &'static str,
        color: &'static str,
        logo: Option<&'static str>,
    }

    const fn case(label: &'static str, message: &'static str, color: &'static str) -> Case {
        Case { label, message, label_color: "#555", color, logo: None }
    }

    const CASES: [Case; 6] = [
        case("Online", "12", "brightgreen"),
        case("Build", "passing", "blue"),
        case("A longer label", "1.2k visitors", "orange"),
        Case { label_color: "#e8e4d8", ..case("Bright", "1,234,567", "#ffe066") },
        Case { logo: Some("M12 2 22 21H2z"), ..case("Logo", "of a path", "red") },
        Case { logo: Some("M2 2h20v20H2zM7 7v10h10V7z"), ..case("Größe", "34 m²", "#6f42c1") },
    ];

    /// A look, and how different it may be.
    struct Preset {
        style: BadgeStyle,
        look: fn(&'static str) -> Look,
        height: u32,
        /// Of each side, in CSS pixels: their texts are as wide as a table of Verdana's or Helvetica's
        /// letters says, for the heavy ones of for-the-badge and social, too; ours as DejaVu Sans is.
        width: u32,
        /// On average, 0 to 255. Most of it is that texts lie half a pixel elsewhere.
        pixels: f64,
    }

    const PRESETS: [Preset; 5] = [
        Preset {
            style: BadgeStyle::Flat,
            look: |label| Look::flat(label),
            height: 20,
            width: 3,
            pixels: 18.0,
        },
        Preset {
            style: BadgeStyle::FlatSquare,
            look: |label| Look::flat_square(label),
            height: 20,
            width: 3,
            pixels: 14.0,
        },
        Preset {
            style: BadgeStyle::Plastic,
            look: |label| Look::plastic(label),
            height: 18,
            width: 3,
            pixels: 20.0,
        },
        Preset {
            style: BadgeStyle::ForTheBadge,
            look: |label| Look::for_the_badge(label),
            height: 28,
            width: 14,
            pixels: 12.0,
        },
        Preset {
            style: BadgeStyle::Social,
            look: |label| Look::social(label),
            height: 20,
            width: 8,
            pixels: 24.0,
        },
    ];

    fn render(svg: &str) -> Pixmap {
        let mut options = Options::default();
        let fonts = options.fontdb_mut();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        let tree = Tree::from_str(svg, &options).expect("right SVG");
        let side = |length: f32| (length * SCALE as f32).ceil() as u32;
        let (width, height) = (side(tree.size().width()), side(tree.size().height()));
        let mut pixmap = Pixmap::new(width, height).expect("a picture of some size");
        let scale = Transform::from_scale(SCALE as f32, SCALE as f32);
        resvg::render(&tree, scale, &mut pixmap.as_mut());
        pixmap
    }

    async fn ours(preset: &Preset, case: &Case) -> Pixmap {
        let mut look = (preset.look)(case.label)
            .message(case.message)
            .color(case.color)
            .label_color(case.label_color)
            .logo_color("#f9d71c");
        if let Some(logo) = case.logo {
            look = look.logo(logo);
        }
        draw(look).await
    }

    fn theirs(preset: &Preset, case: &Case) -> Pixmap {
        let logo = case.logo.map(|path| {
            format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{path}"/></svg>"#
            )
        });
        render(&render_badge_svg(&BadgeParams {
            style: preset.style,
            label_color: Some(case.label_color),
            message_color: Some(case.color),
            logo: logo.as_deref(),
            logo_color: Some("#f9d71c"),
            ..BadgeParams::new(case.label, case.message)
        }))
    }

    /// What differs, as far as both sides have it: a side that is a pixel wider does not move the
    /// other one. Also on average.
    fn compare(ours: &Pixmap, theirs: &Pixmap) -> (Pixmap, f64) {
        let (mut sum, mut count) = (0.0, 0);
        let mut shown = Pixmap::new(ours.width(), ours.height()).expect("a picture of some size");
        shown.fill(Color::BLACK);
        for (our, their) in sides(ours).into_iter().zip(sides(theirs)) {
            for (x, their_x) in our.zip(their) {
                for y in 0..ours.height().min(theirs.height()) {
                    let difference = difference(at(ours, x, y), at(theirs, their_x, y));
                    (sum, count) = (sum + difference, count + 1);
                    let grey = difference as u8;
                    let grey = PremultipliedColorU8::from_rgba(grey, grey, grey, 255);
                    let place = (y * ours.width() + x) as usize;
                    shown.pixels_mut()[place] = grey.expect("an opaque colour");
                }
            }
        }
        (shown, sum / f64::from(count))
    }

    /// Colours where nothing is written, near the outer edges of both sides.
    fn check_colors(name: &str, ours: &Pixmap, theirs: &Pixmap) {
        for y in [ours.height() / 4, ours.height() / 2, ours.height() * 3 / 4] {
            let left = difference(at(ours, 5, y), at(theirs, 5, y));
            let right =
                difference(at(ours, ours.width() - 6, y), at(theirs, theirs.width() - 6, y));
            assert!(left <= 4.0 && right <= 4.0, "{name}, row {y}: {left:.1}, {right:.1}");
        }
    }

    /// How much of each pixel in the four corners is covered.
    fn check_corners(name: &str, ours: &Pixmap, theirs: &Pixmap) {
        let corner = |picture: &Pixmap, x: u32, y: u32| {
            let x = if x < 8 { x } else { picture.width() - 16 + x };
            let y = if y < 8 { y } else { picture.height() - 16 + y };
            at(picture, x, y).alpha()
        };
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            let (our, their) = (corner(ours, x, y), corner(theirs, x, y));
            assert!(our.abs_diff(their) <= 8, "{name}, corner at {x}, {y}: {our} and {their}");
        }
    }

    /// A picture for people: ours, theirs, and the difference.
    struct Sheet {
        pixmap: Pixmap,
        y: u32,
    }

    impl Sheet {
        const COLUMNS: [u32; 4] = [10, 330, 930, 1530];

        fn new(rows: usize) -> Self {
            let mut pixmap =
                Pixmap::new(2130, rows as u32 * 70 + 50).expect("a sheet of some size");
            pixmap.fill(Color::WHITE);
            let mut sheet = Self { pixmap, y: 10 };
            for (column, text) in ["", "ours", "theirs", "difference"].into_iter().enumerate() {
                sheet.write(column, text);
            }
            sheet.y = 50;
            sheet
        }

        fn add(&mut self, name: &str, pictures: [&Pixmap; 3]) {
            self.write(0, name);
            for (column, picture) in pictures.into_iter().enumerate() {
                self.put(column + 1, picture);
            }
            self.y += 70;
        }

        fn write(&mut self, column: usize, text: &str) {
            let svg = format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="160" height="20"><text y="14" font-family="sans-serif" font-size="11">{text}</text></svg>"#
            );
            self.put(column, &render(&svg));
        }

        fn put(&mut self, column: usize, picture: &Pixmap) {
            let (x, y) = (Self::COLUMNS[column] as i32, self.y as i32);
            let (paint, upright) = (PixmapPaint::default(), Transform::identity());
            self.pixmap.draw_pixmap(x, y, picture.as_ref(), &paint, upright, None);
        }

        fn save(&self) {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output");
            std::fs::create_dir_all(&folder).expect("there is room for pictures");
            self.pixmap.save_png(folder.join("looks.png")).expect("there is room for a picture");
        }
    }

    #[tokio::test]
    async fn looks_are_those_that_people_know() {
        let mut sheet = Sheet::new(PRESETS.len() * CASES.len());
        let mut pairs = Vec::new();
        for preset in &PRESETS {
            for case in &CASES {
                let name = format!("{}: {}", preset.style, case.message);
                let (ours, theirs) = (ours(preset, case).await, theirs(preset, case));
                let (shown, mean) = compare(&ours, &theirs);
                sheet.add(&name, [&ours, &theirs, &shown]);
                pairs.push((preset, name, ours, theirs, mean));
            }
        }
        sheet.save(); // before anything is found wrong
        for (_, name, ours, theirs, mean) in &pairs {
            let widths = |picture| sides(picture).map(|side| side.len() as i64);
            println!("{name}: {:?} {:?} {mean:.2}", widths(ours), widths(theirs));
        }
        for (preset, name, ours, theirs, mean) in &pairs {
            assert_eq!(ours.height(), preset.height * SCALE, "{name}");
            assert_eq!(ours.height(), theirs.height(), "{name}");
            for (our, their) in sides(ours).into_iter().zip(sides(theirs)) {
                let apart = our.len().abs_diff(their.len());
                assert!(apart <= (preset.width * SCALE) as usize, "{name}: {our:?}, {their:?}");
            }
            check_colors(name, ours, theirs);
            check_corners(name, ours, theirs);
            assert!(*mean <= preset.pixels, "{name}: {mean:.2}");
        }
    }
}

/// The columns of a side in which something is written: that differ from its colour, in the rows
/// where letters are and frames are not.
fn ink(picture: &Pixmap, side: &Range<u32>) -> Range<u32> {
    let edge = 8; // of a rounded corner, or of a frame
    let middle = picture.height() * 3 / 10..picture.height() * 7 / 10;
    let inside = if side.start == 0 { edge..side.end - 2 } else { side.start + 2..side.end - edge };
    let is_ink = |x: &u32| {
        middle.clone().any(|y| difference(at(picture, *x, y), at(picture, inside.start, y)) > 16.0)
    };
    let columns: Vec<u32> = inside.clone().filter(is_ink).collect();
    columns[0]..columns[columns.len() - 1] + 1
}

const PRESETS: [fn(&'static str) -> Look; 5] = [
    |label| Look::flat(label),
    |label| Look::flat_square(label),
    |label| Look::plastic(label),
    |label| Look::for_the_badge(label),
    |label| Look::social(label),
];

#[tokio::test]
async fn a_look_is_as_wide_as_its_text() {
    const TEXTS: [&str; 8] =
        ["8", "42", "1234", "99999", "123456789", "WWWWWWWW", "iiiiiiii", "Ωμέγα и ещё много букв"];
    for (preset, look) in PRESETS.into_iter().enumerate() {
        for text in TEXTS {
            let picture = draw(look("Label").message(text).color("#246")).await;
            for side in sides(&picture) {
                let ink = ink(&picture, &side);
                let margins = (ink.start - side.start, side.end - ink.end);
                let what = format!("preset {preset}, {text}: {margins:?} in {side:?}");
                // In pixels, two for a CSS pixel; a letter does not fill its own width, and a shadow
                // or a frame adds to it.
                let margin = if preset == 3 { 18..=34 } else { 5..=15 };
                assert!(margin.contains(&margins.0) && margin.contains(&margins.1), "{what}");
                assert!(margins.0.abs_diff(margins.1) <= 6, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_fixed_width_is_kept_by_every_text() {
    const LONG: &str = "a message that is far too long for it";
    for (preset, look) in PRESETS.into_iter().enumerate() {
        for text in ["8", "99999", LONG] {
            let look = look("Label").message(text).color("#246").width(140.0);
            let picture = draw(look).await;
            assert_eq!(picture.width(), 280, "preset {preset}, {text}");
            let [_, side] = sides(&picture);
            let ink = ink(&picture, &side);
            let margins = (ink.start - side.start, side.end - ink.end);
            let what = format!("preset {preset}, {text}: {margins:?} in {side:?}");
            assert!(margins.0 >= 4 && margins.1 >= 4, "{what}");
            assert!(margins.0.abs_diff(margins.1) <= 6, "{what}");
        }
    }
}

#[tokio::test]
async fn a_display_shows_every_digit_in_every_place() {
    for (display, height) in [(Look::seven_segment as fn(u32) -> Look, 80), (Look::odometer, 68)] {
        let mut pictures = Vec::new();
        for digit in 0..10 {
            for place in 0..3 {
                let number = digit * 10_u32.pow(place);
                let picture = draw(display(3).number(number.to_string())).await;
                assert_eq!(picture.height(), height);
                if digit > 0 || place == 0 {
                    pictures.push((number, picture));
                }
            }
        }
        for (number, picture) in &pictures {
            let same = pictures.iter().filter(|(_, other)| other == picture).map(|(n, _)| n);
            assert_eq!(same.collect::<Vec<_>>(), [number]);
        }
        // Narrower than one with more digits, and full at nines.
        let full = draw(display(3).number("999")).await;
        assert!(full == draw(display(3).number("1000")).await);
        assert!(draw(display(1)).await.width() < draw(display(2)).await.width());
    }
}

#[tokio::test]
async fn a_sparkline_is_for_light_and_for_dark_pages() {
    for (url, is_dark) in [("/badge.png", false), ("/badge.png?theme=dark", true)] {
        let card = draw_at(url, Look::sparkline("readers")).await;
        assert_eq!((card.width(), card.height()), (440, 112));
        let paper = at(&card, 20, 20);
        assert_eq!(paper.red() < 64, is_dark, "{paper:?}");
    }
}

#[tokio::test]
async fn a_fixed_width_is_kept_by_every_label() {
    for (preset, look) in PRESETS.into_iter().enumerate() {
        for logo in [false, true] {
            let look = look("a label that is far too long for it").message("9").width(72.0);
            let look = if logo { look.logo("M2 2h20v20H2z") } else { look };
            assert_eq!(draw(look).await.width(), 144, "preset {preset}, {logo}");
        }
    }
}

#[tokio::test]
async fn a_logo_is_drawn_to_its_end() {
    // Longer than a value may be: 200 lines that go nowhere, then a square.
    let long = format!("M0 0{}H24V24H0z", "l0 0".repeat(200));
    let logo = |path: &str| draw(Look::flat("x").logo(path));
    assert!(logo(&long).await == logo("M0 0H24V24H0z").await);
}

#[test]
fn a_snippet_states_a_width_only_if_it_is_always_that() {
    let template = |width: &str| {
        Badge::svg(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20"/>"#
        ))
    };
    for (badge, width) in [
        (Badge::online(), Some("88")),
        (Badge::look(Look::odometer(3)), Some("59")),
        (Badge::look(Look::flat("online")), None),
        (template("40"), Some("40")),
        (template("{{ 40 + visitors }}"), None),
        (template("{{ 9 + text_width(params.room, 11) }}"), None),
    ] {
        let badges = LiveBadgeLayer::builder().badge("/{room}", badge).build().expect("right");
        let img = badges.handle().embed("/a").expect("a badge").img();
        let stated = img.split_once("width=\"").and_then(|(_, rest)| rest.split('"').next());
        assert_eq!(stated, width, "{img}");
    }
}
