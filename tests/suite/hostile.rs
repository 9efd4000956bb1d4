//! Whatever a client sends: no panic, no 5xx, no picture but its room's, and nobody left behind.

use std::time::Duration;

use crate::common::multipart::{Parser, boundary_of};
use crate::common::raw::send_all;
use crate::common::{
    BROWSER, Client, Protocol, RawReply, Server, decode, eventually, panics, serve,
};
use axum::{Router, routing::get};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tower_livebadge::{Badge, Handle, LiveBadgeLayer, Reply, VisitorKey, visitor};

/// A bar as wide as there are streams; below it the room's name, which is kept to its lower half.
const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40">
  <clipPath id="low"><rect y="20" width="120" height="20"/></clipPath>
  <rect width="120" height="40" fill="#000"/>
  <rect width="{{ streams }}" height="8" fill="#fff"/>
  <g clip-path="url(#low)"><text class="{{ params.room }}" y="34" font-size="12" fill='#fff'
    data-room='{{ params.room }}'>{{ params.room }}</text></g>
</svg>"##;
const ROOM: &str = "/rooms/lobby/online.png";

/// Between bars.
const NAMES: &str = "</text></g><?x?><rect width='120' height='40' fill='red'/><g><text>|\
    \" fill=\"red\" x=\"|' transform='translate(0,-30)' x='|{{7*7}}|{# #}{{ room }}|\
    {{ streams }}{% for i in range(99) %}x{% endfor %}|]]>|<![CDATA[<rect/>]]>|<!--|\
    <!DOCTYPE svg [<!ENTITY x 'y'>]>|&lt;&amp;&#60;&x;&#0;|../../etc/passwd|%2e%2e%2f%00|\
    a\r\nx-injected: 1\r\n\r\n|\0|\u{85}\u{9f}|\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}|\
    \u{202e}evil\u{202c}\u{2066}\u{200f}|שלום مرحبا|👩‍👩‍👧‍👦🏴‍☠️🇺🇳|\
    e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{316}\u{317}|\
    \u{10ffff}\u{e000}\u{f0000}|/?#;=&+ ~|url(#low)|\
    1234567890123456789012345678901234567890123456789012345678901234|\
    12345678901234567890123456789012345678901234567890123456789012345";

struct App {
    server: Server,
    handle: Handle,
}

impl App {
    async fn start() -> Self {
        panics::watch();
        let badge = Badge::svg(SVG)
            .scale(1.0)
            .visitors(|request| request.headers.get("x-user").map(VisitorKey::new));
        let badges = LiveBadgeLayer::builder().badge("/rooms/{room}/online.png", badge);
        let badges = badges.build().unwrap();
        let handle = badges.handle();
        Self { server: serve(Router::new().route("/", get("hello")).layer(badges)).await, handle }
    }

    /// The answer to a request that is whole: its status, and its head without what may differ. Its
    /// picture must have nothing but the right bar outside of the text.
    async fn answer(&self, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let request = format!("GET {target} HTTP/1.1");
        let mut reply = RawReply::to(self.server.address, &request, headers).await;
        let status = reply.status().parse().unwrap();
        let varies = ["etag: ", "content-length: ", "date: "];
        let lines = reply.head.lines().filter(|line| !varies.iter().any(|v| line.starts_with(v)));
        let head = lines.collect::<Vec<_>>().join("\n");
        if let Some("image/png") = reply.header("content-type") {
            let length = reply.header("content-length").unwrap().parse().unwrap();
            check(&reply.bytes(length).await, 0);
        } else if let Some(multipart) = reply.header("content-type") {
            let mut parser = Parser::new(boundary_of(multipart));
            let part = parser.push(&reply.chunk().await.unwrap()).unwrap().remove(0);
            check(&part, 1);
            drop(reply);
            eventually("nobody", || self.handle.rooms().is_empty()).await;
        }
        (status, head)
    }

    /// The server still serves and counts, and nobody is left.
    async fn is_well(&self) {
        eventually("nobody", || self.handle.rooms().is_empty()).await;
        // In a room of its own: a picture of another one may still count those who have just left.
        assert_eq!(self.answer(&room(b"well"), &BROWSER).await.0, 200);
        assert_eq!(panics::count(), 0, "see above");
    }
}

fn check(png: &[u8], streams: usize) {
    let picture = decode(png);
    let expected = (0..120 * 20).flat_map(|at| match at % 120 < streams && at < 120 * 8 {
        true => [255; 4],
        false => [0, 0, 0, 255],
    });
    assert!(
        picture.rgba.iter().copied().take(120 * 20 * 4).eq(expected),
        "more than text was drawn"
    );
}

fn room(name: &[u8]) -> String {
    format!("/rooms/{}/online.png", percent_encode(name, NON_ALPHANUMERIC))
}

/// Rooms have names of 1 to 64 characters, none of which is a control character.
fn status_of(name: &[u8]) -> u16 {
    let is_name =
        |name: &str| (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control);
    if std::str::from_utf8(name).is_ok_and(is_name) { 200 } else { 404 }
}

/// Runs a property in a runtime, against an app.
fn property<S: Strategy>(cases: u32, strategy: S, test: impl AsyncFn(&App, S::Value)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(App::start());
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let run = |value| {
        runtime.block_on(test(&app, value));
        Ok(())
    };
    runner.run(&strategy, run).unwrap();
    runtime.block_on(app.is_well());
}

#[tokio::test]
async fn a_rooms_name_is_text_and_nothing_else() {
    let app = App::start().await;
    let still = app.answer(ROOM, &[]).await;
    let stream = app.answer(ROOM, &BROWSER).await;
    for name in NAMES.split('|') {
        for (usual, headers) in [(&still, &[][..]), (&stream, &BROWSER[..])] {
            let (status, head) = app.answer(&room(name.as_bytes()), headers).await;
            assert_eq!(status, status_of(name.as_bytes()), "{name:?}");
            assert!(status == 404 || head == usual.1, "{name:?}: {head}");
        }
    }
    app.is_well().await;
}

#[test]
fn any_bytes_are_a_rooms_name_or_not_found() {
    let text = "(\\PC{0,70}|[<>&'\"{}%#/]{0,64})".prop_map(String::into_bytes);
    let name = prop_oneof![prop::collection::vec(any::<u8>(), 0..8), text];
    property(48, name, async |app, name| {
        let (status, _) = app.answer(&room(&name), &[]).await;
        assert_eq!(status, status_of(&name), "{}", name.escape_ascii());
    });
}

#[tokio::test]
async fn odd_paths_are_not_found_and_queries_change_nothing() {
    const ELSEWHERE: &str = "/rooms//online.png //rooms/a/online.png /rooms/a/online.png/ /rooms/a/b/online.png \
        /rooms/../online.png/.. /rooms/%c0%af/online.png /rooms/%ed%a0%80/online.png \
        /rooms/%ff/online.png /rooms/%00/online.png /rooms/%0d%0a/online.png \
        /rooms/a%2Fonline.png /rooms/a/online%2epng /rooms//online.png /ROOMS/a/online.png";
    const LOBBY: &str = "? ?? ?still ?still=%00&still ?&&== ?x=%0d%0ax-a:b ?{{7*7}}";
    const OTHERS: &str = "/.. /... /% /%zz /%2 /;a=b /a+b /%25%32%66 /a%2Fb";
    let app = App::start().await;
    let mut client = Client::connect(app.server.address, Protocol::Http2).await;
    for target in ELSEWHERE.split_whitespace() {
        assert_eq!(app.answer(target, &BROWSER).await.0, 404, "{target}");
        assert_eq!(client.get(target, &BROWSER).await.status, 404, "{target}");
    }
    let usual = app.answer(ROOM, &[]).await;
    let lobby = LOBBY.split(' ').map(|query| format!("{ROOM}{query}"));
    let others = OTHERS.split(' ').map(|room| format!("/rooms{room}/online.png"));
    for target in lobby.chain(others).chain([format!("{ROOM}?{}", "x".repeat(20_000))]) {
        assert_eq!(app.answer(&target, &[]).await, usual, "{target}");
    }
    app.is_well().await;
}

#[test]
fn no_header_changes_more_than_stream_or_still() {
    const HEADERS: &str = "accept|sec-fetch-dest|sec-fetch-mode|sec-purpose|purpose|x-moz|user-agent|\
        if-none-match|range|expect|x-user|cookie|accept-encoding|upgrade";
    // What a field may hold (RFC 9110, section 5.5), with words that mean something.
    let byte = prop_oneof![0x20..0x7Fu8, 0x80..=0xFFu8, Just(b'\t')];
    let value = prop_oneof![
        (prop::collection::vec(byte, 0..40), 1..400usize).prop_map(|(bytes, n)| bytes.repeat(n)),
        "(image/|multipart/x-mixed-replace|bot|cubot|camo|W/|\"|\\*|,|;|q=|0|bytes=0-| ){0,12}"
            .prop_map(String::into_bytes),
    ];
    let headers = prop::collection::vec((HEADERS, value), 1..8);
    property(64, headers, async |app, headers| {
        let mut request = format!("GET {ROOM} HTTP/1.1\r\nhost: x\r\n").into_bytes();
        for (name, value) in &headers {
            request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let (request, answer) =
            send_all(app.server.address, [request], Duration::from_millis(60)).await.remove(0);
        let status = answer.get(..12).unwrap_or(b"none yet");
        let usual = [&b"none yet"[..], b"HTTP/1.1 200", b"HTTP/1.1 304", b"HTTP/1.1 400"];
        assert!(usual.contains(&status), "{}", request.escape_ascii());
    });
}

/// The same without a server between, and so more of them: whatever a head holds is judged, and whoever
/// sends it is somebody or nobody.
#[test]
fn any_head_is_judged() {
    const NAMES: &str = "accept|sec-fetch-dest|sec-fetch-mode|sec-purpose|user-agent|cookie|referer|\
        x-forwarded-for|forwarded|x-real-ip|if-none-match";
    let byte = prop_oneof![0x20..0x7Fu8, 0x80..=0xFFu8, Just(b'\t')];
    let words = "(image/|\\*/\\*|empty|no-cors|Firefox/|Chrome/|AppleWebKit/|for=|sid=|[0-9.:\\[\\]]|\"|\
        \\\\|,|;|=| ){0,12}";
    let value = prop_oneof![prop::collection::vec(byte, 0..30), words.prop_map(String::into_bytes)];
    let names: Vec<&str> = NAMES.split('|').collect();
    let headers = prop::collection::vec((prop::sample::select(names), value), 0..8);
    let query = prop_oneof![
        prop::collection::vec(0x21..=0xFFu8, 0..30),
        "(theme|scale|format|still|stream|uncounted|view|=|&|%|%7F|%0|\\+|dark|NaN|1e99|png){0,9}"
            .prop_map(String::into_bytes),
    ];
    let peer = |_: &http::request::Parts| None;
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2000));
    let judge = |(headers, query): (Vec<(&str, Vec<u8>)>, Vec<u8>)| {
        let uri = [ROOM.as_bytes(), b"?", &query].concat();
        let Ok(uri) = http::Uri::from_maybe_shared(bytes::Bytes::from(uri)) else { return Ok(()) };
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(name, http::HeaderValue::from_bytes(&value).unwrap());
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Reply::for_request(&parts);
        visitor::cookie("sid")(&parts);
        visitor::address_header("x-real-ip")(&parts);
        for proxies in 0..4 {
            visitor::forwarded(proxies, peer)(&parts);
            visitor::x_forwarded_for(proxies, peer)(&parts);
        }
        Ok(())
    };
    runner.run(&(headers, query), judge).unwrap();
}

#[tokio::test]
async fn what_is_hardly_http_harms_nobody() {
    const METHODS: &str = "GET HEAD POST PUT DELETE OPTIONS TRACE CONNECT FOO";
    const TARGETS: &str = "x x:80 * http://x http://x?y http://[::1] http://a@b:1 é /\x7f ../ ?";
    /// What follows the head of a request; `^` is a line's end.
    const RESTS: &str = "content-length: 5^^hello|content-length: 5^^|content-length: x^^|\
        transfer-encoding: chunked^^5^hello^0^^|transfer-encoding: chunked^^zzz^|\
        connection: close^^|expect: 100-continue^content-length: 1^^|range: bytes=9-1,-0^^|\
        connection: upgrade^upgrade: h2c^^|x: \0^^| folded: x^^|host: y^^|^GET ";
    let app = App::start().await;
    let get = format!("GET {ROOM} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n");
    let garbage =
        ["GET /\r\n", "GET /rooms/lobby/online.png\r\n\r\n", "\r\n", "\0\0", "PRI * HTTP"];
    let mut requests = Vec::from(garbage.map(String::from));
    let absolute = format!("http://a@other:1{ROOM}#x");
    let named = NAMES.split('|').map(|name| format!("/rooms/{name}/online.png"));
    let targets = TARGETS.split(' ').chain([ROOM, &absolute, ""]).map(String::from).chain(named);
    for target in targets {
        let line = |method| format!("{method} {target} HTTP/1.1\r\nhost: x\r\n\r\n");
        requests.extend(METHODS.split(' ').map(line));
    }
    requests.extend(RESTS.split('|').map(|rest| format!("{get}{}", rest.replace('^', "\r\n"))));
    requests.push(format!("{get}\r\n{get}\r\n{get}?"));
    requests.push(format!("GET {ROOM} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(40));
    requests.push(format!("{get}{}\r\n", "accept: image/*\r\n".repeat(300)));
    requests.push(format!("{get}user-agent: {}\r\n\r\n", "bot-".repeat(200_000)));
    requests.push(format!("{}\r\n", get.replace("HTTP/1.1", "HTTP/0.9")));
    let requests = requests.into_iter().map(String::into_bytes);
    for (request, answer) in send_all(app.server.address, requests, Duration::from_secs(1)).await {
        let mut lines = answer.split(|byte| *byte == b'\n');
        let is_error = lines.any(|line| line.starts_with(b"HTTP/1.1 5"));
        assert!(!is_error, "{} to {}", answer.escape_ascii(), request.escape_ascii());
    }
    app.is_well().await;
}

/// Over HTTP/2 a path can hold bytes that HTTP/1 has no way to send.
#[tokio::test]
async fn odd_paths_over_http2_harm_nobody() {
    let app = App::start().await;
    let names = NAMES.split('|').map(|name| format!("/rooms/{name}/online.png").into_bytes());
    let odd = [&b""[..], b"*", b"x", b" ", b"//", b"/\0", b"/\xFF", b"/rooms/\xC0\xAF/online.png"];
    let paths = names.chain(odd.map(Vec::from));
    let statuses = statuses_over_http2(&app, paths, &[]).await;
    assert!(statuses.contains(&OK) && !statuses.contains(&BROKEN), "{statuses:x?}");
    app.is_well().await;
}

/// So can a query, which Firefox gets back in a redirect's `Location`: text beyond ASCII, and with
/// `http` 1.4 even a 0x7F, which no header can hold.
#[tokio::test]
async fn odd_queries_over_http2_are_sent_back() {
    let app = App::start().await;
    let firefox = [("user-agent", "Firefox/153.0"), ("sec-fetch-dest", "image")];
    let paths = |rest: &[u8]| {
        let bytes = (0x21..=0xFFu8).filter(|byte| *byte != b'#');
        let path = |byte| [ROOM.as_bytes(), b"?a=", &[byte, byte], rest].concat();
        bytes.map(path).collect::<Vec<_>>()
    };
    let stills = statuses_over_http2(&app, paths(b"&still"), &firefox).await;
    let sent = statuses_over_http2(&app, paths(b""), &firefox).await;
    let count = |statuses: &[u8], wanted| statuses.iter().filter(|is| **is == wanted).count();
    // Whatever `http` takes is answered: there with a picture, here with a redirect.
    assert!(count(&stills, OK) >= 90, "{stills:x?}");
    assert_eq!(count(&stills, OK), count(&sent, LITERAL), "{sent:x?}");
    app.is_well().await;
}

/// How the static table begins a head with 200 and with 500 (RFC 7541, appendix A), and how it begins
/// one with a status that it does not have.
const OK: u8 = 0x88;
const BROKEN: u8 = 0x8E;
const LITERAL: u8 = 0x48;

/// The first byte of every head that comes back for these paths, each on a connection of its own.
async fn statuses_over_http2(
    app: &App,
    paths: impl IntoIterator<Item = Vec<u8>>,
    headers: &[(&str, &str)],
) -> Vec<u8> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let text = |text: &[u8]| {
        assert!(text.len() < 127);
        [&[text.len() as u8], text].concat()
    };
    let literal = |(name, value): &(&str, &str)| {
        [&[0][..], &text(name.as_bytes()), &text(value.as_bytes())].concat()
    };
    let headers = headers.iter().flat_map(literal).collect::<Vec<_>>();
    let request = |path: Vec<u8>| {
        // GET, http, and literals for the path and the authority.
        let block = [&b"\x82\x86\x04"[..], &text(&path), b"\x01\x01x", &headers].concat();
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [PREFACE, &[0, length[0], length[1], 1, 5, 0, 0, 0, 1], &block].concat()
    };
    let requests = paths.into_iter().map(request);
    let mut statuses = Vec::new();
    for (_, answer) in send_all(app.server.address, requests, Duration::from_secs(1)).await {
        let mut rest = &answer[..];
        while let Some((head, payload)) = rest.split_at_checked(9) {
            statuses.extend(payload.first().filter(|_| head[3] == 1));
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            rest = payload.get(length..).unwrap_or_default();
        }
    }
    statuses
}
