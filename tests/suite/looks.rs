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
use tower_livebadge::{Badge, BuildErrorKind, Format, LiveBadgeLayer, Look};

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
    let picture = Pixmap::decode_png(&png).expect("a still is a picture");
    // What can't be drawn is shown as nothing at all.
    assert!(picture.pixels().iter().any(|pixel| pixel.alpha() > 0), "a blank picture");
    picture
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

/// The looks with a label and a message, and how much space there is beside the message in its
/// field, left and right together, in CSS pixels.
fn presets() -> [(&'static str, Look, u32); 5] {
    [
        ("flat", Look::flat("online"), 10),
        ("flat-square", Look::flat_square("online"), 10),
        ("plastic", Look::plastic("online"), 10),
        ("for-the-badge", Look::for_the_badge("online"), 24),
        ("social", Look::social("online"), 8),
    ]
    .map(|(name, look, space)| match name {
        "social" => (name, look, space),
        _ => (name, look.label_color("#000").color("#06c"), space),
    })
}

const MESSAGES: [&str; 7] = [
    "0",
    "7",
    "1234",
    "99999",
    "123456789",
    "WWWWW iiiii",
    "žluťoučký kůň, größer als Ω: 12 посетителей ½",
];

/// How much of the message's field is left and right of its letters, in pixels.
fn margins(picture: &Pixmap) -> [u32; 2] {
    let [_, field] = sides(picture);
    // Neither borders nor round corners.
    let (columns, rows) = (field.start + 4..field.end - 4, 6..picture.height() - 4);
    let paper = |y| at(picture, field.start + 4, y);
    let is_ink = |x: &u32| rows.clone().any(|y| difference(at(picture, *x, y), paper(y)) > 50.0);
    let mut ink = columns.filter(is_ink);
    let first = ink.next().expect("a message is written");
    let last = ink.next_back().unwrap_or(first);
    [first - field.start, field.end - 1 - last]
}

/// Of a classic badge, texts are a CSS pixel nearer to the middle; letters have space of their own.
fn are_about_equal([left, right]: [u32; 2]) -> bool {
    left.abs_diff(right) <= 3 * SCALE
}

#[tokio::test]
async fn a_field_is_as_wide_as_its_message() {
    for (name, look, space) in presets() {
        for message in MESSAGES {
            let margins = margins(&draw(look.clone().number(message)).await);
            assert!(are_about_equal(margins), "{name}, {message}: {margins:?}");
            let found = margins[0] + margins[1];
            let expected = space * SCALE..=(space + 3) * SCALE;
            assert!(expected.contains(&found), "{name}, {message}: {margins:?}");
        }
    }
}

#[tokio::test]
async fn a_fixed_width_is_kept_whatever_is_said() {
    let too_long = "a message that is much too long for any field";
    for (name, look, _) in presets() {
        for message in MESSAGES.into_iter().chain([too_long]) {
            let picture = draw(look.clone().number(message).width(120.0)).await;
            assert_eq!(picture.width(), 120 * SCALE, "{name}, {message}");
            let margins = margins(&picture);
            assert!(are_about_equal(margins), "{name}, {message}: {margins:?}");
            // Space may be less than usual; a stroke reaches into it.
            assert!(
                margins.into_iter().all(|margin| margin > 3 * SCALE),
                "{name}, {message}: {margins:?}"
            );
        }
    }
}

/// The pixels in these columns, from top to bottom.
fn columns(picture: &Pixmap, columns: Range<u32>) -> Vec<PremultipliedColorU8> {
    let (first, count) = (columns.start as usize, columns.len());
    let rows = picture.pixels().chunks_exact(picture.width() as usize);
    rows.flat_map(|row| row.iter().skip(first).take(count)).copied().collect()
}

#[tokio::test]
async fn each_digit_of_a_display_looks_like_no_other() {
    const DIGITS: u32 = 4;
    // Sizes in CSS pixels: of all, of a cell, and where the first cell is.
    let displays = [
        ("seven-segment", Look::seven_segment(DIGITS), (90, 40), 20, 5),
        ("odometer", Look::odometer(DIGITS), (77, 34), 18, 2),
    ];
    for (name, look, (width, height), cell, first) in displays {
        for place in 0..DIGITS {
            let cell_of =
                |place| (first + place * cell) * SCALE..(first + (place + 1) * cell) * SCALE;
            let mut zeros: Option<Pixmap> = None;
            let mut seen: Vec<Vec<PremultipliedColorU8>> = Vec::new();
            for digit in 0..10 {
                let number = digit * 10_u32.pow(DIGITS - 1 - place);
                let picture = draw(look.clone().number(number.to_string())).await;
                assert_eq!(
                    (picture.width(), picture.height()),
                    (width * SCALE, height * SCALE),
                    "{name}"
                );
                let shown = columns(&picture, cell_of(place));
                for (other, pixels) in seen.iter().enumerate() {
                    let pairs = shown.iter().zip(pixels);
                    let changed = pairs.filter(|pair| difference(*pair.0, *pair.1) > 30.0).count();
                    let is_clear = changed * 100 >= shown.len(); // one in a hundred
                    assert!(is_clear, "{name}, place {place}: {digit} looks like {other}");
                }
                seen.push(shown);
                // The other places still show 0.
                let zeros = zeros.get_or_insert_with(|| picture.clone());
                for other in (0..DIGITS).filter(|other| *other != place) {
                    let is_same =
                        columns(&picture, cell_of(other)) == columns(zeros, cell_of(other));
                    assert!(is_same, "{name}: {number} changes place {other}");
                }
            }
        }
    }
}

/// How bright a picture is, 0 to 255.
fn brightness(picture: &Pixmap) -> f64 {
    let sum: f64 = picture.pixels().iter().map(|pixel| f64::from(pixel.green())).sum();
    sum / picture.pixels().len() as f64
}

#[tokio::test]
async fn a_card_is_light_or_dark() {
    // In a room in which nobody has ever been.
    for look in [Look::sparkline("readers"), Look::days()] {
        let light = draw_at("/badge.png", look.clone()).await;
        let dark = draw_at("/badge.png?theme=dark", look).await;
        for picture in [&light, &dark] {
            assert_eq!((picture.width(), picture.height()), (220 * SCALE, 56 * SCALE));
        }
        assert!(brightness(&light) > 192.0, "{}", brightness(&light));
        assert!(brightness(&dark) < 64.0, "{}", brightness(&dark));
    }
}

#[tokio::test]
async fn every_look_is_drawn_for_nobody_for_one_and_for_many() {
    let looks = presets().map(|(_, look, _)| look).into_iter().chain([
        Look::seven_segment(1),
        Look::seven_segment(12),
        Look::odometer(1),
        Look::odometer(12),
        Look::sparkline("readers"),
        Look::flat(""),
        Look::for_the_badge(""),
        Look::social(""),
        Look::sparkline(""),
        Look::visits().label(""),
        Look::today_and_total(),
        Look::days(),
        Look::days().label(""),
    ]);
    let logo = "M12 2l9 20H3z";
    for look in looks {
        // With as many visitors, building it draws it and finds what is wrong.
        draw(look.clone()).await;
        let with_words = look.clone().message("nobody").message_from(1, "one").message_from(23, "");
        let variants = [with_words.clone(), with_words.logo(logo), look.logo(logo).width(90.0)];
        for look in variants {
            let badge = Badge::look(look.clone());
            match LiveBadgeLayer::builder().badge("/badge.png", badge).build() {
                Ok(_) => drop(draw(look).await),
                // Not all have words, a logo, a width.
                Err(error) => {
                    assert!(matches!(error.kind(), BuildErrorKind::Setting { .. }), "{error}")
                }
            }
        }
    }
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
        /// Of each side, in CSS pixels. Theirs are as wide as their texts in Verdana and Helvetica,
        /// ours as in DejaVu Sans, which draws them. For classic badges, theirs are also odd.
        width: usize,
        /// On average, 0 to 255.
        pixels: f64,
    }

    // The differences come from letters that are up to two pixels apart, as the widths differ, and
    // from what ours have not: a halo around the texts of flat and plastic badges, and a heavy face.
    const PRESETS: [Preset; 5] = [
        Preset {
            style: BadgeStyle::Flat,
            look: |label| Look::flat(label),
            height: 20,
            width: 2,
            pixels: 18.0, // 7.0 to 14.5
        },
        Preset {
            style: BadgeStyle::FlatSquare,
            look: |label| Look::flat_square(label),
            height: 20,
            width: 2,
            pixels: 13.0, // 2.6 to 10.4
        },
        Preset {
            style: BadgeStyle::Plastic,
            look: |label| Look::plastic(label),
            height: 18,
            width: 2,
            pixels: 20.0, // 7.7 to 16.3
        },
        Preset {
            style: BadgeStyle::ForTheBadge,
            look: |label| Look::for_the_badge(label),
            height: 28,
            width: 3,
            pixels: 8.0, // 1.1 to 5.7
        },
        Preset {
            style: BadgeStyle::Social,
            look: |label| Look::social(label),
            height: 20,
            width: 5,     // digits are wider than Helvetica's
            pixels: 25.0, // 4.9 to 20.7, the most for digits
        },
    ];

    /// Draws with faces of DejaVu Sans and nothing else.
    fn render(svg: &str, faces: &[&[u8]]) -> Pixmap {
        let mut options = Options::default();
        let fonts = options.fontdb_mut();
        faces.iter().for_each(|face| fonts.load_font_data(face.to_vec()));
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
        let mut look = (preset.look)(case.label).message(case.message);
        if !matches!(preset.style, BadgeStyle::Social) {
            look = look.color(case.color).label_color(case.label_color);
        }
        if let Some(logo) = case.logo {
            look = look.logo(logo).logo_color("#f9d71c");
        }
        draw(look).await
    }

    fn theirs(preset: &Preset, case: &Case) -> Pixmap {
        let logo = case.logo.map(|path| {
            format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{path}"/></svg>"#
            )
        });
        let svg = render_badge_svg(&BadgeParams {
            style: preset.style,
            label_color: Some(case.label_color),
            message_color: Some(case.color),
            logo: logo.as_deref(),
            logo_color: Some("#f9d71c"),
            ..BadgeParams::new(case.label, case.message)
        });
        // Theirs are really heavy where they ask for it. Helvetica's letters are narrower.
        match preset.style {
            BadgeStyle::Social => render(&svg, &[dejavu::sans_condensed::bold()]),
            _ => render(&svg, &[dejavu::sans::regular(), dejavu::sans::bold()]),
        }
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

    /// Colours where nothing is written, near the outer edges of both sides. They are the same; another
    /// version of the drawing library may round otherwise.
    fn check_colors(name: &str, ours: &Pixmap, theirs: &Pixmap) {
        for y in [ours.height() / 4, ours.height() / 2, ours.height() * 3 / 4] {
            let left = difference(at(ours, 5, y), at(theirs, 5, y));
            let right =
                difference(at(ours, ours.width() - 6, y), at(theirs, theirs.width() - 6, y));
            assert!(left <= 2.0 && right <= 2.0, "{name}, row {y}: {left:.1}, {right:.1}");
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
            assert!(our.abs_diff(their) <= 2, "{name}, corner at {x}, {y}: {our} and {their}");
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
            self.put(column, &render(&svg, &[dejavu::sans::regular()]));
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
        for (preset, name, ours, theirs, mean) in &pairs {
            assert_eq!(ours.height(), preset.height * SCALE, "{name}");
            assert_eq!(ours.height(), theirs.height(), "{name}");
            for (our, their) in sides(ours).into_iter().zip(sides(theirs)) {
                let apart = our.len().abs_diff(their.len());
                assert!(apart <= preset.width * SCALE as usize, "{name}: {our:?}, {their:?}");
            }
            check_colors(name, ours, theirs);
            check_corners(name, ours, theirs);
            assert!(*mean <= preset.pixels, "{name}: {mean:.2}");
        }
    }
}

#[tokio::test]
async fn a_fixed_width_is_kept_by_every_label() {
    const LABEL: &str = "a label that is far too long for it";
    let looks = [
        Look::flat(LABEL),
        Look::flat_square(LABEL),
        Look::plastic(LABEL),
        Look::for_the_badge(LABEL),
        Look::social(LABEL),
    ];
    for look in looks {
        for look in [look.clone(), look.logo("M2 2h20v20H2z")] {
            let look = look.message("9").width(72.0);
            assert_eq!(draw(look.clone()).await.width(), 144, "{look:?}");
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
        (Badge::look(Look::odometer(3)), None), // the thousandth visitor gets a drum
        (Badge::look(Look::sparkline("readers")), Some("220")),
        (Badge::look(Look::sparkline("in {{ params.room }}")), None),
        (Badge::look(Look::visits()), None),
        (Badge::look(Look::days()), Some("220")),
        (Badge::look(Look::days().number("{{ days | sum }}")), Some("220")),
        (Badge::look(Look::days().message("{{ params.room }}")), None),
        (Badge::look(Look::flat("online")), None),
        (template("40"), Some("40")),
        (template("{{ 40 + visitors }}"), None),
        (template("{{ 9 + text_width(params.room, 11) }}"), None),
    ] {
        let badges = LiveBadgeLayer::builder().badge("/{room}", badge).build().expect("right");
        let img = badges.handle().room_at("/a").expect("a badge").embed("/a").img();
        let stated = img.split_once("width=\"").and_then(|(_, rest)| rest.split('"').next());
        assert_eq!(stated, width, "{img}");
    }
}

/// What is between two columns of a picture, with the left one.
fn ink_of(picture: &Pixmap, columns: Range<u32>, rows: Range<u32>) -> Range<u32> {
    let paper = at(picture, columns.start, rows.start);
    let is_ink = |x: &u32| rows.clone().any(|y| difference(at(picture, *x, y), paper) > 50.0);
    let mut ink = columns.filter(is_ink);
    let first = ink.next().expect("something is written");
    first..ink.next_back().unwrap_or(first) + 1
}

#[tokio::test]
async fn a_card_has_space_for_its_words() {
    // In CSS pixels: a chart of 104 with 12 before and 10 behind it, and words before that.
    const CHART: u32 = 104 + 10;
    const SMALLEST: f64 = 13.0;
    for message in
        ["7", "1234567", "123456789", "9 readers", "2,345 people here", "WWWWWWWWWWWWWWWW"]
    {
        for label in ["readers", "looking at this page right now"] {
            let picture = draw(Look::sparkline(label).message(message)).await;
            assert!(picture.width() >= 220 * SCALE && picture.height() == 56 * SCALE);
            let words = 12..picture.width() - (CHART + 2) * SCALE;
            let line = ink_of(&picture, words.clone(), 10 * SCALE..33 * SCALE);
            assert!(line.end < words.end, "{message} reaches into the chart");
            // As wide as DejaVu Sans is in a size that can be read: nothing is squeezed.
            let natural = draw(Look::flat_square("").message(message)).await.width();
            let natural = f64::from(natural - 10 * SCALE) * SMALLEST / 11.0;
            assert!(f64::from(line.len() as u32) > natural * 0.9, "{message}: {line:?}, {natural}");
        }
    }
    // Not without end.
    let endless = draw(Look::sparkline("readers").message("endless ".repeat(30))).await;
    assert!(endless.width() <= 460 * SCALE);
}

#[tokio::test]
async fn a_display_grows_with_its_number() {
    for (look, cell, frame, height) in
        [(Look::seven_segment(2), 20, 10, 40), (Look::odometer(2), 18, 5, 34)]
    {
        for (number, cells) in
            [("7", 2), ("99", 2), ("123", 3), ("1234567", 7), ("-5", 2), ("-123", 4)]
        {
            let picture = draw(look.clone().number(number)).await;
            let size = (picture.width(), picture.height());
            assert_eq!(
                size,
                ((cells * cell + frame) * SCALE, height * SCALE),
                "{look:?}, {number}"
            );
        }
        // A sign is no digit.
        let negative = draw(look.clone().number("-5")).await;
        for digit in 0..10 {
            let other = draw(look.clone().number(format!("{digit}5"))).await;
            assert!(negative.data() != other.data(), "{look:?}: -5 looks like {digit}5");
        }
        let none = draw(look.clone().number("{{ 'passing' }}")).await;
        assert!(none.data() != draw(look.clone().number("0")).await.data(), "{look:?}");
    }
}

#[tokio::test]
async fn a_look_has_the_font_that_is_chosen() {
    let draw = |look: Look| {
        let builder = LiveBadgeLayer::builder().font(dejavu::serif::bold());
        let builder = builder.font(dejavu::sans_mono::regular());
        async move {
            let badges = builder.badge("/badge.png", Badge::look(look)).build().expect("right");
            let request = Request::get("/badge.png").body(Empty::<Bytes>::new()).expect("right");
            let response = badges.into_service().oneshot(request).await.expect("never fails");
            response.into_body().collect().await.expect("a still is whole").to_bytes()
        }
    };
    let looks = presets().map(|(_, look, _)| look).into_iter();
    for look in looks.chain([Look::odometer(3), Look::sparkline("readers"), Look::days()]) {
        let own = draw(look.clone()).await;
        let serif = draw(look.clone().font_family("DejaVu Serif")).await;
        let mono = draw(look.clone().font_family("'DejaVu Sans Mono'")).await;
        assert!(own != serif && own != mono && serif != mono, "{look:?}");
        // The first that is there.
        assert_eq!(draw(look.clone().font_family("Inter, DejaVu Serif")).await, serif, "{look:?}");
        assert_eq!(draw(look.clone().font_family("DejaVu Sans")).await, own, "{look:?}");
    }
    let typo = Badge::look(Look::flat("x").font_family("DejaVu Sarif"));
    let error = LiveBadgeLayer::builder().badge("/x.png", typo.clone()).build();
    let error = error.err();
    let kind = error.as_ref().map(|error| error.kind());
    assert!(matches!(kind, Some(BuildErrorKind::FontFamily { .. })), "{error:?}");
    // A browser may have it.
    LiveBadgeLayer::builder().badge("/x.svg", typo.format(Format::Svg)).build().expect("right");
}

/// What the chosen font lacks is drawn in the look's own.
#[tokio::test]
async fn a_chosen_font_that_lacks_a_letter_does_not_lose_it() {
    let draw = |look: Look| async {
        let emoji = epaint_default_fonts::NOTO_EMOJI_REGULAR;
        let builder = LiveBadgeLayer::builder().font(emoji).badge("/badge.png", Badge::look(look));
        let request = Request::get("/badge.png").body(Empty::<Bytes>::new()).expect("right");
        let service = builder.build().expect("a right look").into_service();
        let response = service.oneshot(request).await.expect("never fails");
        response.into_body().collect().await.expect("a still is whole").to_bytes()
    };
    // Noto Emoji has digits, and no letters.
    let look = Look::flat("online").message("some");
    let own = Pixmap::decode_png(&draw(look.clone()).await).expect("a picture");
    let mixed = Pixmap::decode_png(&draw(look.font_family("Noto Emoji")).await).expect("a picture");
    assert!(own.width().abs_diff(mixed.width()) <= 2 * SCALE);
    let apart =
        own.pixels().iter().zip(mixed.pixels()).filter(|(a, b)| difference(**a, **b) > 60.0);
    assert!(apart.count() * 20 < own.pixels().len());
}
