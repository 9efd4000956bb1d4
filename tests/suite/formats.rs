//! Pictures in other formats and styles, and streams for programs that are no browsers.
#![cfg(all(feature = "jpeg", feature = "webp"))]

use std::process::Stdio;
use std::time::Duration;

use crate::common::multipart::CORP;
use crate::common::{
    BROWSER, Client, Protocol, RawReply, Server, bar_badge_of, decode, eventually, serve,
};
use tokio::process::Command;
use tokio::sync::watch;
use tower_livebadge::{Badge, Format, Handle, LiveBadgeLayer, OwnUrls};

fn jpeg() -> Format {
    Format::jpeg(85)
}
const BY_NAME: [(&str, &str); 1] = [("accept", "multipart/x-mixed-replace")];

/// Grey, as bright as the value.
fn grey() -> (watch::Sender<u8>, Badge) {
    let (sender, value) = watch::channel(0);
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32">
        <rect width="64" height="32" fill="rgb({{ value }},{{ value }},{{ value }})"/></svg>"##;
    (sender, Badge::svg(svg).values(value).max_rate(1000.0))
}

async fn serve_badge(path: &str, badge: Badge) -> (Server, Handle) {
    let badges = LiveBadgeLayer::builder().badge(path, badge).build().unwrap();
    let handle = badges.handle();
    (serve(badges.into_service()).await, handle)
}

/// A whole part with its length, as a reader takes it that trusts nothing else.
async fn strict_part(reply: &mut RawReply, boundary: &str, media_type: &str) -> Vec<u8> {
    let part = reply.chunk().await.expect("one chunk is one part");
    let (head, rest) = part.split_at(part.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4);
    let picture = rest.strip_suffix(b"\r\n").expect("a line ends behind the picture");
    let length = picture.len();
    let expected = format!(
        "--{boundary}\r\nContent-Type: {media_type}\r\n{CORP}Content-Length: {length}\r\n\r\n"
    );
    assert_eq!(String::from_utf8_lossy(head), expected);
    picture.to_vec()
}

#[tokio::test]
async fn a_program_that_asks_by_name_gets_whole_parts_with_their_length() {
    for (format, media_type, magic) in [
        (Format::Png, "image/png", &b"\x89PNG"[..]),
        (jpeg(), "image/jpeg", &[0xFF, 0xD8, 0xFF]),
        (Format::WebP, "image/webp", b"RIFF"),
        (Format::Svg, "image/svg+xml", b"<svg"),
    ] {
        let (sender, badge) = grey();
        let badge = badge.format(format.clone()).heartbeat(Duration::from_millis(50));
        let (server, handle) = serve_badge("/x", badge).await;
        let mut reply = RawReply::to(server.address, "GET /x HTTP/1.1", &BY_NAME).await;
        let boundary = reply.header("content-type").unwrap().split("boundary=").nth(1).unwrap();
        let boundary = boundary.to_owned();
        let first = strict_part(&mut reply, &boundary, media_type).await;
        assert!(first.starts_with(magic), "{format:?}");
        // A heartbeat is the picture once more.
        assert_eq!(strict_part(&mut reply, &boundary, media_type).await, first);
        sender.send_replace(200);
        let mut part = first.clone();
        while part == first {
            part = strict_part(&mut reply, &boundary, media_type).await;
        }
        handle.shutdown().await;
        let mut last = Vec::new();
        while let Some(chunk) = reply.chunk().await {
            last = chunk;
        }
        assert_eq!(last, format!("--{boundary}--\r\n").as_bytes());
    }
}

#[tokio::test]
async fn browsers_get_every_format_with_the_next_part_open() {
    for (format, prefix_is_open) in
        [(Format::Png, true), (jpeg(), true), (Format::WebP, false), (Format::Svg, false)]
    {
        let (sender, badge) = grey();
        let badge = badge.format(format.clone()).heartbeat(Duration::from_millis(100));
        let (server, _) = serve_badge("/x", badge).await;
        let mut client = Client::connect(server.address, Protocol::Http1).await;
        let still = client.get("/x?still", &BROWSER).await;
        let media_type = still.header("content-type").unwrap().to_owned();
        let is_svg = media_type == "image/svg+xml";
        assert_eq!(still.headers.contains_key("content-security-policy"), is_svg);
        let still = still.bytes().await;

        let mut reply = RawReply::to(server.address, "GET /x HTTP/1.1", &BROWSER).await;
        let first = reply.chunk().await.unwrap();
        let head = format!("\r\nContent-Type: {media_type}\r\n{CORP}\r\n");
        let opening = [head.as_bytes(), &still].concat();
        assert!(first.windows(opening.len()).any(|window| window == opening), "{format:?}");
        let open = &first
            [first.windows(head.len()).rposition(|w| w == head.as_bytes()).unwrap() + head.len()..];
        assert_eq!(!open.is_empty(), prefix_is_open, "{format:?}");
        assert!(still.starts_with(open));

        sender.send_replace(99);
        let mut part = open.to_vec();
        let next = loop {
            let chunk = reply.chunk().await.unwrap();
            if chunk.len() <= 12 {
                part.extend(chunk); // a heartbeat
                continue;
            }
            part.extend(&chunk[..chunk.windows(4).position(|w| w == b"\r\n--").unwrap()]);
            break part;
        };
        let still = client.get("/x?still", &BROWSER).await.bytes().await;
        if format == jpeg() {
            // The comments between header and scan are skipped.
            assert!(next.starts_with(open) && next.ends_with(&still[open.len()..]));
        } else if format == Format::Png {
            assert_eq!(decode(&next).pixels().next(), decode(&still).pixels().next());
        } else {
            assert_eq!(next, still);
        }
    }
}

/// ffmpeg's `mpjpeg` says on standard error what it does not like in the framing.
#[tokio::test]
async fn ffmpeg_decodes_a_hundred_pictures_without_a_warning() {
    let asking = ["-headers", "Accept: multipart/x-mixed-replace\r\n", "-f", "mpjpeg"];
    let strict = ["-strict_mime_boundary", "1"];
    ffmpeg_decodes(&[&asking[..], &strict].concat(), "/x.mjpeg").await;
}

/// As ffplay, OpenCV and camera hubs do, which are given nothing but a URL.
#[tokio::test]
async fn ffmpeg_decodes_what_a_url_asks_for() {
    ffmpeg_decodes(&[], "/x.mjpeg?stream").await;
}

async fn ffmpeg_decodes(options: &[&str], path: &str) {
    let Some(ffmpeg) = program("ffmpeg") else { return };
    let (sender, badge) = grey();
    let (server, _) =
        serve_badge("/x.mjpeg", badge.format(jpeg()).heartbeat(Duration::from_secs(1))).await;
    let changes = tokio::spawn(async move {
        for value in (0..=255).cycle() {
            sender.send_replace(value);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let url = format!("http://{}{path}", server.address);
    let output = Command::new(ffmpeg)
        .args(["-hide_banner", "-loglevel", "warning"])
        .args(options)
        .args(["-i", &url])
        .args(["-frames:v", "100", "-f", "framemd5", "-"])
        .stdin(Stdio::null())
        .output();
    let output = crate::common::within("a hundred pictures", output).await.unwrap();
    changes.abort();
    let (frames, warnings) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{warnings}");
    let decoded = frames.lines().filter(|line| !line.starts_with('#')).count();
    assert!(decoded >= 100, "{decoded} decoded: {warnings}");
    let about_framing = ["oundary", "ultipart", "ength", "rror", "nvalid", "orrupt"];
    let about_framing = |line: &&str| about_framing.iter().any(|word| line.contains(word));
    assert_eq!(warnings.lines().filter(about_framing).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn gstreamer_decodes_twenty_pictures() {
    let Some(gst) = program("gst-launch-1.0") else { return };
    let (sender, badge) = grey();
    let (server, handle) = serve_badge("/x.mjpeg", badge.format(jpeg())).await;
    let changes = tokio::spawn(async move {
        for value in (0..=255).cycle() {
            sender.send_replace(value);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let url = format!("location=http://{}/x.mjpeg", server.address);
    let headers = "extra-headers=headers,Accept=multipart/x-mixed-replace";
    let mut launch = Command::new(gst)
        .args(["-q", "souphttpsrc", &url, headers, "!", "multipartdemux", "single-stream=true"])
        .args(["!", "jpegdec", "!", "identity", "eos-after=20", "!", "fakesink", "sync=false"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let status = crate::common::within("twenty pictures", launch.wait()).await.unwrap();
    changes.abort();
    assert!(status.success());
    eventually("the reader to be gone", || handle.rooms().is_empty()).await;
}

/// In CI a missing program is a failure; elsewhere it is said aloud.
fn program(name: &str) -> Option<&str> {
    let found =
        std::env::split_paths(&std::env::var_os("PATH")?).any(|dir| dir.join(name).is_file());
    assert!(found || std::env::var_os("CI").is_none(), "{name} is missing: run tests/install");
    if !found {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "LEFT OUT: {name} is missing (run tests/install)");
    }
    found.then_some(name)
}

#[tokio::test]
async fn one_room_is_shown_in_every_style_that_is_asked_for() {
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="4">
        <rect width="10" height="4" fill="{{ '#000' if theme == 'dark' else '#fff' }}"/>
        <rect width="{{ streams }}" height="1" fill="#f00"/></svg>"##;
    let (server, handle) = serve_badge("/x.png", Badge::svg(svg).scale(1.0).max_rate(1000.0)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut streams = Vec::new();
    for query in ["", "?theme=dark", "?scale=3", "?theme=dark&scale=2", "?scale=99"] {
        streams.push(client.get(&format!("/x.png{query}"), &BROWSER).await.into_stream());
    }
    let all = [(10, 255), (10, 0), (30, 255), (20, 0), (10, 255)];
    for (stream, (width, background)) in streams.iter_mut().zip(all) {
        let is_it = |part: &[u8]| {
            let picture = decode(part);
            let pixels: Vec<_> = picture.pixels().collect();
            let red =
                pixels[..picture.width as usize].iter().filter(|p| p[..3] == [255, 0, 0]).count();
            assert_eq!((picture.width, pixels.last().unwrap()[0]), (width, background));
            red as u32 == width / 2 // five of ten: everybody is in one room
        };
        stream.part_where(is_it).await;
    }
    assert_eq!(handle.rooms().len(), 1);
    drop(streams);
    eventually("nobody", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn firefox_is_sent_to_a_url_of_its_own() {
    let firefox = [
        BROWSER[0],
        BROWSER[1],
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),
    ];
    let (server, handle) = serve_badge("/x.png", bar_badge_of("streams")).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut seen = Vec::new();
    for path in ["/x.png", "/x.png?theme=dark"] {
        let reply = client.get(path, &firefox).await;
        assert_eq!(reply.status, 307);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let query = reply.header("location").unwrap();
        assert!(query.starts_with('?') && query.contains("view="), "{query}");
        assert_eq!(query.contains("theme=dark"), path.contains("theme=dark"));
        let mut stream = client.get(&format!("/x.png{query}"), &firefox).await.into_stream();
        stream.next_part().await;
        seen.push((query.to_owned(), stream));
    }
    assert_ne!(seen[0].0, seen[1].0);
    eventually("two viewers", || handle.room_at("/x.png").unwrap().counts().streams == 2).await;
    // Stills have no need of it.
    assert_eq!(client.get("/x.png?still", &firefox).await.status, 200);

    let (server, _) =
        serve_badge("/x.png", bar_badge_of("streams").own_urls(OwnUrls::Nobody)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    assert!(client.get("/x.png", &firefox).await.is_stream());
}

#[tokio::test]
async fn a_stream_in_a_frame_loads_itself_again() {
    let (server, _) = serve_badge("/x.png", bar_badge_of("streams")).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let reply = client.get("/x.png", &[BROWSER[0], ("sec-fetch-dest", "iframe")]).await;
    assert_eq!(reply.header("refresh"), Some("4"));
    let reply = client.get("/x.png", &BROWSER).await;
    assert_eq!(reply.header("refresh"), None);
}

#[tokio::test]
async fn a_still_that_its_format_can_not_hold_is_never_empty() {
    let strip = "<svg xmlns='http://www.w3.org/2000/svg' width='70000' height='9'/>";
    let (server, _) = serve_badge("/x.png", Badge::svg(strip).scale(1.0)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    for (query, magic) in [("", &b"\x89PNG"[..]), ("&format=jpeg", &[0xFF, 0xD8, 0xFF])] {
        let reply = client.get(&format!("/x.png?still{query}"), &BROWSER).await;
        assert!(reply.bytes().await.starts_with(magic), "{query}");
    }
}
