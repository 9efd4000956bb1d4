//! The tests' own reader of streams refuses whatever is wrong with one.

use crate::common::multipart::{HEARTBEAT, PREFIX, Parser, boundary_of};
use crate::common::picture::{chunk_types, decode};

const BOUNDARY: &str = "livebadge-01";

/// A picture of one grey level.
fn png(grey: u8) -> Vec<u8> {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 2, 1);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a picture has a head");
    writer.write_image_data(&[grey; 6]).expect("a picture has pixels");
    writer.finish().expect("a picture has an end");
    png
}

fn with_heartbeat(png: &[u8]) -> Vec<u8> {
    [&png[..PREFIX], HEARTBEAT, &png[PREFIX..]].concat()
}

/// A whole stream of two pictures.
fn stream() -> Vec<u8> {
    let head = format!(
        "\r\n--{BOUNDARY}\r\nContent-Type: image/png\r\nCross-Origin-Resource-Policy: cross-origin\r\n\r\n"
    );
    let close = format!("\r\n--{BOUNDARY}--\r\n");
    let (one, two) = (png(1), with_heartbeat(&png(2)));
    let pieces = [b"hello  ", head.as_bytes(), &one, head.as_bytes(), &two, close.as_bytes()];
    pieces.concat()
}

/// The pictures of a whole stream that comes in pieces of this size.
fn read(stream: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut parser = Parser::new(BOUNDARY);
    let mut parts = Vec::new();
    for piece in stream.chunks(piece) {
        parts.extend(parser.push(piece)?);
    }
    if parser.is_closed() { Ok(parts) } else { Err("not closed".into()) }
}

#[test]
fn a_right_stream_is_accepted_in_pieces_of_any_size() {
    let stream = stream();
    for piece in 1..=stream.len() {
        let parts = read(&stream, piece).expect("the stream is right");
        assert_eq!(parts, [png(1), with_heartbeat(&png(2))], "pieces of {piece}");
    }
}

#[test]
fn a_part_is_complete_when_the_next_head_is() {
    let stream = stream();
    let mut parser = Parser::new(BOUNDARY);
    let mut came_at = Vec::new();
    for (at, byte) in stream.iter().enumerate() {
        let parts = parser.push(&[*byte]).expect("the stream is right");
        came_at.extend(parts.iter().map(|_| at + 1));
    }
    let second = stream.len() - with_heartbeat(&png(2)).len() - BOUNDARY.len() - 8;
    assert_eq!(came_at, [second, stream.len()]);
}

#[test]
fn the_open_part_tells_its_heartbeats() {
    let stream = stream();
    let (one, two) = (png(1), png(2));
    let open = stream.len() - BOUNDARY.len() - 8 - two.len() + PREFIX;
    let mut parser = Parser::new(BOUNDARY);
    assert_eq!(parser.open_part(), None);
    assert_eq!(parser.push(&stream[..open]).expect("the stream is right"), [one]);
    assert_eq!((parser.preamble(), parser.heartbeats()), (Some(7), 1));
    assert_eq!(parser.open_part(), Some(&[&two[..PREFIX], HEARTBEAT].concat()[..]));
    parser.push(&[HEARTBEAT, HEARTBEAT].concat()).expect("heartbeats are right");
    assert_eq!(parser.heartbeats(), 3);
}

#[test]
fn every_lost_doubled_or_changed_byte_of_the_framing_or_a_picture_is_noticed() {
    let stream = stream();
    for at in "hello  ".len()..stream.len() {
        let (before, after) = stream.split_at(at);
        let changed = [before, &[after[0] ^ 1], &after[1..]].concat();
        assert!(read(&changed, 64).is_err(), "changed at {at}: {}", changed.escape_ascii());
        let lost = [before, &after[1..]].concat();
        assert!(read(&lost, 64).is_err(), "lost at {at}: {}", lost.escape_ascii());
        let doubled = [before, &after[..1], after].concat();
        assert!(read(&doubled, 64).is_err(), "doubled at {at}: {}", doubled.escape_ascii());
    }
}

#[test]
fn known_mistakes_are_refused() {
    let cases: [(&str, &str, &str); 11] = [
        ("a bare LF before a delimiter", "\r\n--live", "\n--live"),
        ("a bare LF after a delimiter", "01\r\n", "01\n"),
        ("a bare LF in a head", "png\r\n", "png\n"),
        ("no empty line", "origin\r\n\r\n", "origin\r\n"),
        ("another type", "image/png", "image/jpg"),
        ("a header in lower case", "Content-Type", "content-type"),
        ("an extra header", "png\r\n", "png\r\nContent-Length: 9\r\n"),
        ("a blank after the boundary", "01\r\n", "01 \r\n"),
        ("another boundary", "livebadge-01\r\n", "livebadge-02\r\n"),
        ("no dashes", "--live", "live"),
        ("two delimiters", "hello", "hello\r\n--livebadge-01"),
    ];
    for (name, right, wrong) in cases {
        let stream = stream();
        let places = stream.windows(right.len()).enumerate();
        let places: Vec<usize> =
            places.filter(|(_, there)| *there == right.as_bytes()).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "{name}");
        for at in places {
            let rest = &stream[at + right.len()..];
            let mistake = [&stream[..at], wrong.as_bytes(), rest].concat();
            assert!(read(&mistake, usize::MAX).is_err(), "{name} at {at}");
        }
    }
}

#[test]
fn an_end_is_the_end() {
    let stream = stream();
    assert!(read(&[&stream[..], b"\r\n"].concat(), 64).is_err());
    assert!(read(&stream[..stream.len() - 2], 64).is_err());
    let no_part = format!("hello\r\n--{BOUNDARY}--\r\n");
    assert!(read(no_part.as_bytes(), 64).is_err());
}

#[test]
fn the_boundary_may_stand_nowhere_else() {
    let stream = [b"livebadge-01 ", &stream()[..]].concat();
    assert!(read(&stream, 64).is_err());
    let hidden = [&12_u32.to_be_bytes()[..], b"teXt", BOUNDARY.as_bytes()].concat();
    let mut parser = Parser::new(BOUNDARY);
    let head = format!(
        "\r\n--{BOUNDARY}\r\nContent-Type: image/png\r\nCross-Origin-Resource-Policy: cross-origin\r\n\r\n"
    );
    parser.push(&[head.as_bytes(), &png(1)[..PREFIX]].concat()).expect("so far right");
    assert!(parser.push(&hidden).is_err());
}

#[test]
fn a_decoder_skips_heartbeats() {
    let picture = with_heartbeat(&png(7));
    assert_eq!(chunk_types(&picture), [*b"IHDR", *b"beAt", *b"IDAT", *b"IEND"]);
    assert_eq!(decode(&picture).rgba, [7, 7, 7, 255, 7, 7, 7, 255]);
}

#[test]
fn a_content_type_is_exactly_as_browsers_want_it() {
    assert_eq!(boundary_of("multipart/x-mixed-replace; boundary=a-1"), "a-1");
    for wrong in [
        "multipart/x-mixed-replace",
        "multipart/x-mixed-replace; boundary=",
        "multipart/x-mixed-replace; boundary=\"a\"",
        "multipart/x-mixed-replace;boundary=a",
        "Multipart/X-Mixed-Replace; boundary=a",
        "multipart/x-mixed-replace; Boundary=a",
        "multipart/x-mixed-replace; boundary=a; charset=utf-8",
        "multipart/x-mixed-replace; charset=utf-8; boundary=a",
        "multipart/x-mixed-replace; boundary=--a",
    ] {
        assert!(std::panic::catch_unwind(|| boundary_of(wrong)).is_err(), "{wrong}");
    }
}
