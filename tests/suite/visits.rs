//! The looks that show how often somebody has come: what they say, and the bars of thirty days.
#![cfg(feature = "embedded-font")]

use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use tokio::sync::watch;
use tower_livebadge::{Badge, Handle, LiveBadge, LiveBadgeLayer, Look, NotFound, Records};

use crate::common::{BROWSER, Picture, call, decode, within};

/// In CSS pixels: bars are so wide, and one begins so much after the other.
const BAR: u32 = 2;
const STEP: u32 = 3;
/// The chart, and how far it is from the card's right.
const CHART: u32 = 29 * STEP + BAR;
const MARGIN: u32 = 10;
/// Where the bars stand, and how high the highest is.
const GROUND: u32 = 46;
const HIGHEST: u32 = 36;

const ACCENT: u32 = 0x2d_a4_4e;
/// Of a theme: the card's paper, the line on which the bars stand, and those of other days.
const LIGHT: [u32; 3] = [0xff_ff_ff, 0xd8_de_e4, 0x8c_95_9f];
const DARK: [u32; 3] = [0x16_1b_22, 0x30_36_3d, 0x6e_76_81];

/// So many days since 1970.
const TODAY: u64 = 20_000;

fn records(joins: u64, days: [u64; 30]) -> Records {
    let mut records = Records::default();
    (records.day, records.joins, records.days) = (TODAY, joins, days.into());
    (records.today, records.visitors_today) = (days[29], days[29]);
    records
}

/// The same on each of thirty days, but for some that are given with their place.
fn days(all: u64, others: &[(usize, u64)]) -> [u64; 30] {
    let mut days = [all; 30];
    others.iter().for_each(|(day, number)| days[*day] = *number);
    days
}

/// A room whose badge has this look.
struct Room {
    service: LiveBadge<NotFound>,
    handle: Handle,
}

impl Room {
    fn of(look: Look) -> Self {
        Self::with(Badge::look(look))
    }

    fn with(badge: Badge) -> Self {
        let today = SystemTime::UNIX_EPOCH + Duration::from_secs(TODAY * 86_400 + 1);
        let badges = LiveBadgeLayer::builder().badge("/{room}", badge).clock(move || today);
        let badges = badges.build().expect("right");
        let handle = badges.handle();
        Self { service: badges.into_service(), handle }
    }

    /// This has been in it.
    fn was(&self, records: &Records) -> &Self {
        self.handle.room_at("/a").expect("a room").set_records(records.clone());
        self
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let Ok(body) = call(&self.service, path, &[]).await.into_body().collect().await;
        body.to_bytes().to_vec()
    }

    async fn draw(&self, query: &str) -> Picture {
        decode(&self.get(&format!("/a?{query}")).await)
    }

    /// Its number, its data for shields.io, and the words of its page.
    async fn says(&self) -> [String; 3] {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let number = text(self.get("/a?format=text").await);
        let shields = text(self.get("/a?format=shields").await);
        // It never ends.
        let mut page = call(&self.service, "/a?format=page&uncounted", &BROWSER).await.into_body();
        let mut html = String::new();
        while !html.contains("</p>") {
            let Ok(more) = within("words", page.frame()).await.expect("words");
            html += &text(more.into_data().expect("a page has no trailers").to_vec());
        }
        let words = html.split_once("<p>").and_then(|(_, words)| words.split("</p>").next());
        [number, shields, words.expect("words").to_owned()]
    }
}

async fn draw(look: Look, records: &Records, query: &str) -> Picture {
    Room::of(look).was(records).draw(query).await
}

/// An opaque pixel's colour.
fn at(picture: &Picture, x: u32, y: u32) -> u32 {
    let place = (y * picture.width + x) as usize * 4;
    let [red, green, blue, alpha] = picture.rgba[place..][..4] else { unreachable!() };
    assert_eq!(alpha, 255, "{x}, {y}");
    u32::from_be_bytes([0, red, green, blue])
}

/// Every pixel of the chart is as it must be with bars of these heights, in CSS pixels.
fn check_chart(picture: &Picture, scale: u32, heights: [f64; 30], accent: u32, theme: [u32; 3]) {
    let [paper, line, bar] = theme;
    let left = picture.width / scale - MARGIN - CHART;
    for y in (GROUND - HIGHEST - 2) * scale..(GROUND + 3) * scale {
        let above = f64::from(GROUND) - (f64::from(y) + 0.5) / f64::from(scale);
        for x in 0..CHART * scale {
            let (day, within) = (x / (STEP * scale), x % (STEP * scale));
            let (height, is_today) = (heights[day as usize], day == 29);
            let expected = match above {
                above if above < -1.0 => paper,
                above if above < 0.0 && is_today && height == 0.0 => accent,
                above if above < 0.0 => line,
                above if within >= BAR * scale || above > height => paper,
                _ if is_today => accent,
                _ => bar,
            };
            let found = at(picture, left * scale + x, y);
            assert_eq!(found, expected, "day {day}, {above} above: {found:06x}, {expected:06x}");
        }
    }
}

#[tokio::test]
async fn a_bar_is_as_high_as_its_day() {
    let heights = |all: f64, others: &[(usize, f64)]| {
        let mut heights = [all; 30];
        others.iter().for_each(|(day, height)| heights[*day] = *height);
        heights
    };
    let green = Room::of(Look::days());
    let blue = Room::of(Look::days().color_from(0, "#06c"));
    let most = u64::MAX;
    for (days, heights) in [
        (days(0, &[]), heights(0.0, &[])),
        (days(0, &[(29, 1)]), heights(0.0, &[(29, 36.0)])),
        (days(7, &[(3, 0)]), heights(36.0, &[(3, 0.0)])),
        (days(0, &[(0, 40), (1, 10), (28, 20), (29, 30)]), {
            heights(0.0, &[(0, 36.0), (1, 9.0), (28, 18.0), (29, 27.0)])
        }),
        // One of a million is seen; and as high as it is high enough.
        (days(1, &[(5, 1_000_000), (6, 0)]), heights(2.0, &[(5, 36.0), (6, 0.0)])),
        (days(0, &[(5, 1_000_000), (6, 50_000), (7, 60_000), (8, 70_000), (29, 1)]), {
            heights(0.0, &[(5, 36.0), (6, 2.0), (7, 2.0), (8, 2.5), (29, 2.0)])
        }),
        (days(most, &[(0, most / 2), (1, 1), (2, 0)]), {
            heights(36.0, &[(0, 18.0), (1, 2.0), (2, 0.0)])
        }),
    ] {
        let records = records(1, days);
        green.was(&records);
        check_chart(&green.draw("").await, 2, heights, ACCENT, LIGHT);
        check_chart(&green.draw("theme=dark").await, 2, heights, ACCENT, DARK);
        check_chart(&blue.was(&records).draw("scale=4").await, 4, heights, 0x00_66_cc, LIGHT);
        // Half a pixel is blurred there.
        if heights.iter().all(|height| height.fract() == 0.0) {
            check_chart(&green.draw("scale=1").await, 1, heights, ACCENT, LIGHT);
        }
    }
}

#[tokio::test]
async fn a_badge_is_flat_as_wide_as_its_numbers() {
    const MOST: u64 = u64::MAX;
    let total_alone = Room::of(Look::visits());
    let with_today = Room::of(Look::today_and_total());
    for (total, today, said, width, both, width_of_both) in [
        (0, 0, "0", 56, "0 / 0", 74),
        (1, 1, "1", 56, "1 / 1", 74),
        (12_345, 110, "12,345", 88, "110 / 12,345", 120),
        (
            MOST,
            MOST,
            "18,446,744,073,709,551,615",
            210,
            "18,446,744,073,709,551,615 / 18,446,744,073,709,551,615",
            382,
        ),
    ] {
        let records = records(total, days(0, &[(29, today)]));
        let color = if total > 0 { "brightgreen" } else { "lightgrey" };
        for (room, said, width) in [(&total_alone, said, width), (&with_today, both, width_of_both)]
        {
            let picture = room.was(&records).draw("").await;
            assert_eq!((picture.width, picture.height), (width * 2, 40), "{said}");
            let flat = Look::flat("visits").message(said).color(color);
            assert!(picture == draw(flat, &records, "").await, "{said}");
        }
    }
}

#[tokio::test]
async fn a_card_has_space_for_any_number() {
    // Light paper is white, and its ink is dark.
    let is_ink = |picture: &Picture, x, y| at(picture, x, y) & 0xff < 0x80;
    let card = Room::of(Look::days());
    let plain = Room::of(Look::flat_square("").message("{{ today | group }}"));
    for (today, width) in [
        (0, 220),
        (1, 220),
        (12_345, 220),
        (123_456, 220),
        (999_999_999, 220),
        (88_888_888_888, 227),
        (u64::MAX, 314),
    ] {
        let records = records(today, days(0, &[(29, today)]));
        let picture = card.was(&records).draw("").await;
        assert_eq!((picture.width, picture.height), (width * 2, 112), "{today}");
        let words = 24..picture.width - (CHART + MARGIN + 6) * 2;
        let columns: Vec<u32> =
            words.clone().filter(|x| (20..66).any(|y| is_ink(&picture, *x, y))).collect();
        let [first, .., last] = columns[..] else { panic!("{today}: no number") };
        assert!(last + 6 < words.end, "{today} reaches into the chart");
        // As wide as DejaVu Sans is in a size that can be read: nothing is squeezed.
        let natural = plain.was(&records).draw("").await.width;
        let natural = f64::from(natural - 20) * 13.0 / 11.0;
        assert!(f64::from(last - first) > (natural - 8.0) * 0.95, "{today}: {first} to {last}");
    }
}

#[tokio::test]
async fn numbers_are_said() {
    const GREEN: &str = "brightgreen";
    const ACCENT: &str = "2da44e";
    let some = records(12_345, days(40, &[(0, 0), (29, 1_010)]));
    let none = records(0, [0; 30]);
    let german = Look::visits().label("Besuche").message("{{ number | int | group('.') }}");
    let people = Look::today_and_total().label("people").number("{{ 7 }}");
    let all = Look::days().label("visits in 30 days").number("{{ days | sum }}");
    let today = "visits today: 1,010, 2,130 in 30 days, at most 1,010 a day";
    let nothing = "visits today: 0, 0 in 30 days, at most 0 a day";
    let both = "visits: 1,010 today, 12,345 in all";
    for (look, records, number, [label, message, color], words) in [
        (Look::visits(), &some, "12345", ["visits", "12,345", GREEN], "visits: 12,345"),
        (Look::visits().label(""), &some, "12345", ["", "12,345", GREEN], "12,345"),
        (Look::today_and_total(), &some, "1010", ["visits", "1,010 / 12,345", GREEN], both),
        (Look::days(), &some, "1010", ["visits today", "1,010", ACCENT], today),
        (Look::days(), &none, "0", ["visits today", "0", ACCENT], nothing),
        // The words of these numbers are not those of others.
        (german, &some, "12345", ["Besuche", "12.345", GREEN], "12.345 Besuche"),
        (people, &some, "7", ["people", "7 / 12,345", GREEN], "people: 7 / 12,345"),
        (all, &some, "2130", ["visits in 30 days", "2,130", ACCENT], "2,130 visits in 30 days"),
    ] {
        let shields = serde_json::json!({
            "schemaVersion": 1, "label": label, "message": message, "color": color,
        });
        let expected = [number.to_owned(), shields.to_string(), words.to_owned()];
        assert_eq!(Room::of(look).was(records).says().await, expected);
    }
}

#[tokio::test]
async fn the_largest_numbers_are_said_to_their_last_digit() {
    let most = "18,446,744,073,709,551,615";
    let room = Room::of(Look::days().label("visits"));
    let [number, _, words] = room.was(&records(u64::MAX, days(u64::MAX, &[]))).says().await;
    assert_eq!(number, most.replace(',', ""));
    let sum = "553,402,322,211,286,548,450";
    assert_eq!(words, format!("visits: {most}, {sum} in 30 days, at most {most} a day"));
}

#[tokio::test]
async fn a_label_is_text_whatever_is_in_it() {
    let none = Records::default();
    for look in [Look::visits(), Look::today_and_total(), Look::days()] {
        let room = Room::of(look.clone().label("{{ params.room }}"));
        let named = room.get("/%3Cb%3E%26%22").await;
        assert!(decode(&named) == draw(look.label("<b>&\""), &none, "").await);
        let svg = room.get("/%3Cb%3E%26%22?format=svg").await;
        let svg = String::from_utf8(svg).expect("text");
        assert!(svg.contains("&lt;b&gt;&amp;&quot;") && !svg.contains("<b>"), "{svg}");
    }
}

#[tokio::test]
async fn a_source_that_is_gone_dims_it() {
    let alpha = |picture: &Picture| picture.pixels().map(|pixel| pixel[3]).max();
    let records = records(3, days(2, &[]));
    for look in [Look::visits(), Look::today_and_total(), Look::days()] {
        let (sender, values) = watch::channel(0);
        let room = Room::with(Badge::look(look).values(values));
        assert_eq!(alpha(&room.was(&records).draw("").await), Some(255));
        drop(sender);
        assert_eq!(alpha(&room.draw("").await), Some(128));
    }
}
