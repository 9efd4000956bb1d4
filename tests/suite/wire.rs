//! The stream as clients get it: every byte of it, over HTTP/1 and HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::multipart::CORP;
use crate::common::multipart::{HEARTBEAT, PREFIX, Parser, boundary_of};
use crate::common::picture::chunk_types;
use crate::common::{
    BROWSER, Client, LiveStream, Protocol, RawReply, Server, bar_badge, bar_badge_of, decode,
    eventually, read_bar, serve,
};
use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tower_livebadge::{Badge, LiveBadgeLayer};

const PATH: &str = "/badge.png";
/// No heartbeats during a test.
const NEVER: Duration = Duration::from_secs(3600);

async fn serve_badge(badge: Badge) -> Server {
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().expect("a right badge");
    serve(badges.into_service()).await
}

async fn watch_badge(server: &Server, protocol: Protocol) -> LiveStream {
    let mut client = Client::connect(server.address, protocol).await;
    client.get(PATH, &BROWSER).await.into_stream()
}

async fn watch_chunks(server: &Server) -> (RawReply, Parser) {
    let reply = RawReply::to(server.address, "GET /badge.png HTTP/1.1", &BROWSER).await;
    let parser = Parser::new(boundary_of(reply.header("content-type").unwrap_or_default()));
    (reply, parser)
}

#[tokio::test]
async fn everybody_sees_how_many_there_are() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for protocol in Protocol::BOTH {
        let mut first = watch_badge(&server, protocol).await;
        first.bar_of(1).await;
        let mut second = watch_badge(&server, protocol).await;
        second.bar_of(2).await;
        first.bar_of(2).await;
        drop(second);
        first.bar_of(1).await;
        drop(first);
        eventually("an empty room", || handle.room_at(PATH).unwrap().counts().streams == 0).await;
    }
}

#[tokio::test]
async fn a_thousand_pictures_are_right_in_every_byte() {
    for protocol in Protocol::BOTH {
        let (value, receiver) = watch::channel(0_usize);
        let badge = bar_badge_of("value").values(receiver).max_rate(1000.0);
        let server = serve_badge(badge).await;
        let mut stream = watch_badge(&server, protocol).await;
        assert_eq!(read_bar(&stream.next_part().await), 0);
        let mut last = Vec::new();
        for number in 1..=1000 {
            // Only now: whoever is slow is shown the newest, and nothing of what was between.
            value.send_replace(number);
            last = stream.next_part().await;
            assert_eq!(read_bar(&last), number);
        }
        stream.parser.heartbeats();
        assert_eq!(stream.parser.open_part().unwrap()[..PREFIX], last[..PREFIX]);
    }
}

#[tokio::test]
async fn the_head_is_exactly_this() {
    let server = serve_badge(bar_badge()).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let reply = client.get(PATH, &BROWSER).await;
        assert_eq!(reply.status, 200);
        boundary_of(reply.header("content-type").unwrap());
        let mut expected = vec![
            ("cache-control", "no-store, no-transform"),
            ("content-encoding", "identity"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("x-accel-buffering", "no"),
            ("x-content-type-options", "nosniff"),
        ];
        if protocol == Protocol::Http1 {
            expected.insert(3, ("transfer-encoding", "chunked"));
        }
        let mut others: Vec<_> = reply.headers.keys().map(|name| name.as_str()).collect();
        others.retain(|name| !["content-type", "date"].contains(name));
        others.sort_unstable();
        let others: Vec<_> = others.iter().map(|n| (*n, reply.header(n).unwrap())).collect();
        assert_eq!(others, expected, "{protocol:?}");
    }
}

#[tokio::test]
async fn each_picture_is_one_chunk_that_begins_the_next_part() {
    let (value, receiver) = watch::channel(0_usize);
    let server = serve_badge(bar_badge_of("value").values(receiver).heartbeat(NEVER)).await;
    let (mut reply, mut parser) = watch_chunks(&server).await;
    let boundary = boundary_of(reply.header("content-type").unwrap());
    let delimiter = format!("\r\n--{boundary}\r\n");
    let head = format!("{delimiter}Content-Type: image/png\r\n{CORP}\r\n");

    let opening = reply.chunk().await.unwrap();
    let parts = parser.push(&opening).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(read_bar(&parts[0]), 0);
    // What browsers want before they show another site's picture.
    assert!(opening.starts_with(b"GIF89a"));
    let is_padded = parser.preamble().unwrap() > b"GIF89a".len();
    assert!(opening.len() - PREFIX >= 520 && is_padded == (opening.len() - PREFIX == 520));
    assert_eq!(parser.open_part(), Some(&parts[0][..PREFIX]));

    for number in [3, 1, 4, 1, 5] {
        value.send_replace(number);
        let chunk = reply.chunk().await.unwrap();
        let parts = parser.push(&chunk).unwrap();
        assert_eq!(parts.len(), 1);
        assert_eq!(read_bar(&parts[0]), number);
        assert_eq!(chunk, [&parts[0][PREFIX..], head.as_bytes(), &parts[0][..PREFIX]].concat());
        assert_eq!(parser.open_part(), Some(&parts[0][..PREFIX]));
    }
}

#[tokio::test]
async fn heartbeats_are_twelve_bytes_inside_the_next_picture() {
    let (value, receiver) = watch::channel(0_usize);
    let badge = bar_badge_of("value").values(receiver).heartbeat(Duration::from_millis(50));
    let server = serve_badge(badge).await;
    let (mut reply, mut parser) = watch_chunks(&server).await;
    assert_eq!(parser.push(&reply.chunk().await.unwrap()).unwrap().len(), 1);
    for beats in 1..=5 {
        let chunk = reply.chunk().await.unwrap();
        assert_eq!(chunk, HEARTBEAT);
        assert!(parser.push(&chunk).unwrap().is_empty());
        assert_eq!(parser.heartbeats(), beats);
    }
    value.send_replace(9);
    let (beats, parts) = loop {
        let beats = parser.heartbeats();
        let chunk = reply.chunk().await.unwrap();
        let parts = parser.push(&chunk).unwrap();
        if !parts.is_empty() {
            break (beats, parts);
        }
        assert_eq!(chunk, HEARTBEAT);
    };
    assert_eq!(read_bar(&parts[0]), 9);
    let types = chunk_types(&parts[0]);
    assert_eq!(types.iter().filter(|kind| *kind == b"beAt").count(), beats);
    assert_eq!(parser.heartbeats(), 0);
}

/// Columns of colours, of which there are as many as that, and some that nothing is drawn on.
#[derive(Clone, Copy, Serialize)]
struct Card {
    width: u32,
    colors: u32,
    gap: u32,
}

impl Card {
    const HEIGHT: u32 = 12;
    const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="{{ width }}" height="12">
      {% for x in range(gap, width) %}{% set n = [x, colors - 1] | min %}
      <rect x="{{ x }}" width="1" height="12" fill="rgb({{ n % 256 }},{{ n // 256 * 99 }},7)"/>{% endfor %}
    </svg>"##;

    fn pixels(self) -> impl Iterator<Item = [u8; 4]> {
        let color = move |x: u32| {
            let n = x.min(self.colors - 1);
            if x < self.gap { [0; 4] } else { [n as u8, (n / 256 * 99) as u8, 7, 255] }
        };
        (0..Self::HEIGHT).flat_map(move |_| (0..self.width).map(color))
    }

    /// Of this one, and of what is sent next.
    async fn stream(self, protocol: Protocol) -> (watch::Sender<Self>, LiveStream, Server) {
        let (card, receiver) = watch::channel(self);
        let badge = Badge::svg(Self::SVG).scale(1.0).values(receiver).max_rate(1000.0);
        let server = serve_badge(badge).await;
        let stream = watch_badge(&server, protocol).await;
        (card, stream, server)
    }
}

/// Colour type, as PNG has it: the kinds of pictures that a badge has.
const KIND: usize = 25;
const RGB: u8 = 2;
const INDEXED: u8 = 3;
const RGBA: u8 = 6;

#[tokio::test]
async fn a_new_size_or_colour_type_follows_the_old_picture() {
    for protocol in Protocol::BOTH {
        let card = |width, colors, gap| Card { width, colors, gap };
        let (sender, mut stream, _server) = card(300, 20, 0).stream(protocol).await;
        let mut old = stream.next_part().await;
        assert_eq!(old[KIND], INDEXED);
        for (card, kind) in [
            (card(300, 300, 0), RGB),
            (card(300, 290, 7), RGBA),
            (card(310, 20, 7), INDEXED),
            (card(310, 300, 0), RGB),
            (card(1, 1, 1), INDEXED),
        ] {
            sender.send_replace(card);
            assert_eq!(stream.next_part().await, old, "the old picture once more");
            let new = stream.next_part().await;
            assert!(decode(&new).pixels().eq(card.pixels()));
            assert_eq!(new[KIND], kind);
            assert_eq!(stream.parser.open_part().unwrap()[..PREFIX], new[..PREFIX]);
            old = new;
        }
    }
}

/// Between numbers that have just few enough colours and just too many, each change would cost two pictures.
#[tokio::test]
async fn what_once_had_too_many_colours_has_no_palette_any_more() {
    let card = |colors| Card { width: 300, colors, gap: 0 };
    let (sender, mut stream, _server) = card(256).stream(Protocol::Http1).await;
    assert_eq!(stream.next_part().await[KIND], INDEXED);
    sender.send_replace(card(257));
    assert_eq!(stream.next_part().await[KIND], INDEXED, "the old picture once more");
    assert_eq!(stream.next_part().await[KIND], RGB);
    for colors in [255, 256, 300, 2, 256] {
        sender.send_replace(card(colors));
        let picture = stream.next_part().await;
        assert_eq!(picture[KIND], RGB);
        assert!(decode(&picture).pixels().eq(card(colors).pixels()), "{colors}");
    }
}

/// Whatever comes after whatever, in whole pictures from pieces of them.
#[tokio::test]
async fn every_pixel_is_right_through_all_changes_of_kind() {
    let mut random = fastrand::Rng::with_seed(7);
    let (sender, mut stream, _server) =
        Card { width: 9, colors: 9, gap: 0 }.stream(Protocol::Http2).await;
    stream.next_part().await;
    let mut last = (9, 9, 0);
    for _ in 0..150 {
        let width = *random.choice(&[9, 270, 280, 290]).unwrap();
        let colors = *random.choice(&[1, 2, 17, 200, 256, 257, 290]).unwrap();
        let gap = *random.choice(&[0, 0, 1, 5]).unwrap();
        let looks = (width, u32::min(colors, width), gap);
        if looks == last {
            continue;
        }
        last = looks;
        let card = Card { width, colors, gap };
        sender.send_replace(card);
        let mut tries = 0;
        while !decode(&stream.next_part().await).pixels().eq(card.pixels()) {
            tries += 1;
            assert_eq!(tries, 1, "neither this one nor the old one once more, then this one");
        }
    }
}

/// A number that tells how often it was looked at.
#[derive(Clone, Default)]
struct Observed {
    number: usize,
    looks: Arc<AtomicUsize>,
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.number.serialize(serializer)
    }
}

#[tokio::test]
async fn a_change_that_does_not_show_is_not_sent() {
    #[derive(Default, Serialize)]
    struct Status {
        shown: usize,
        hidden: Observed,
    }
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="{{ shown }}" height="3"/>"##;
    let same_pixels = svg.replace("/>", "><desc>{{ hidden }}</desc></svg>");
    for (name, svg) in [("not in the text", svg.into()), ("not in the pixels", same_pixels)] {
        let (status, receiver) = watch::channel(Status { shown: 5, ..Status::default() });
        let looks = status.borrow().hidden.looks.clone();
        let badge = Badge::svg(svg).scale(1.0).values(receiver).max_rate(1000.0).heartbeat(NEVER);
        let server = serve_badge(badge).await;
        let (mut reply, mut parser) = watch_chunks(&server).await;
        parser.push(&reply.chunk().await.unwrap()).unwrap();
        for _ in 0..20 {
            let before = looks.load(Ordering::SeqCst);
            status.send_modify(|status| status.hidden.number += 1);
            eventually("a look", || looks.load(Ordering::SeqCst) > before).await;
        }
        status.send_modify(|status| status.shown = 8);
        let old = parser.push(&reply.chunk().await.unwrap()).unwrap();
        assert_eq!(old.iter().map(|part| decode(part).width).collect::<Vec<_>>(), [5], "{name}");
        let new = parser.push(&reply.chunk().await.unwrap()).unwrap();
        assert_eq!(new.iter().map(|part| decode(part).width).collect::<Vec<_>>(), [8], "{name}");
    }
}
