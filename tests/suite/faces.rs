//! One room in all its faces on one URL: pictures in other formats, and data.

use crate::common::{BROWSER, Client, Protocol, Reply, Server, decode, serve};
use http::Method;
use serde::Deserialize;
use tower_livebadge::{Badge, Data, LiveBadgeLayer, Look, Reply as Answer};

const PATH: &str = "/rooms/lobby/online.png";

async fn serve_badge(badge: Badge) -> Server {
    let badges = LiveBadgeLayer::builder().badge("/rooms/{room}/online.png", badge).build();
    serve(badges.expect("a right badge").into_service()).await
}

/// A face as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Stream,
    Png,
    Svg,
    Jpeg,
    WebP,
    Json,
    Shields,
    Text,
}

/// Reads a face as strictly as its most exacting reader would; `visitors` are in the room.
async fn read(reply: Reply, visitors: usize) -> Face {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Count {
        streams: usize,
        visitors: usize,
    }
    /// The fields that shields.io knows and requires, and one that it knows.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Endpoint {
        schema_version: u8,
        label: String,
        message: String,
        color: String,
    }
    assert_eq!(reply.status, 200);
    if reply.is_stream() {
        return Face::Stream;
    }
    let header = |name| reply.header(name).unwrap_or_default().to_owned();
    let (media_type, length) = (header("content-type"), header("content-length"));
    let (origin, policy) = (header("access-control-allow-origin"), header("vary"));
    assert!(policy.contains("accept") && policy.contains("sec-fetch-dest"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-cache, max-age=0, no-transform");
    assert!(header("etag").starts_with('"'));
    let body = reply.bytes().await;
    assert_eq!(body.len().to_string(), length);
    let text = || std::str::from_utf8(&body).expect("data is text");
    match &*media_type {
        "image/png" => {
            assert_eq!((decode(&body).width, decode(&body).height), (176, 40));
            Face::Png
        }
        "image/svg+xml" => {
            let options = resvg::usvg::Options::default();
            let tree = resvg::usvg::Tree::from_data(&body, &options).expect("SVG");
            assert_eq!((tree.size().width(), tree.size().height()), (88.0, 20.0));
            assert!(text().contains(&format!(">{visitors}</text>")));
            Face::Svg
        }
        "image/jpeg" => {
            assert_eq!(
                (&body[..3], &body[body.len() - 2..]),
                (&b"\xFF\xD8\xFF"[..], &b"\xFF\xD9"[..])
            );
            Face::Jpeg
        }
        "image/webp" => {
            let length = u32::from_le_bytes(body[4..8].try_into().expect("four bytes"));
            assert_eq!((&body[..4], &body[8..12]), (&b"RIFF"[..], &b"WEBP"[..]));
            assert_eq!(length as usize + 8, body.len());
            Face::WebP
        }
        "application/json" => {
            assert_eq!(origin, "*");
            if let Ok(count) = serde_json::from_str::<Count>(text()) {
                assert_eq!((count.streams, count.visitors), (visitors, visitors));
                return Face::Json;
            }
            let endpoint: Endpoint = serde_json::from_str(text()).expect("shields.io's fields");
            let Endpoint { schema_version, label, message, color } = endpoint;
            assert_eq!((schema_version, &*label), (1, "online"));
            assert_eq!(message, visitors.to_string());
            assert_eq!(color, if visitors > 0 { "brightgreen" } else { "lightgrey" });
            Face::Shields
        }
        "text/plain; charset=utf-8" => {
            assert_eq!((text().parse(), &*origin), (Ok(visitors), "*"));
            Face::Text
        }
        other => panic!("a face of the type {other:?}"),
    }
}

/// What `Accept` says, from a program and from a browser's script, and what comes.
const BY_ACCEPT: &[(&str, Face, Face)] = &[
    ("*/*", Face::Png, Face::Png),
    ("", Face::Png, Face::Png),
    ("application/json", Face::Json, Face::Json),
    ("Application/JSON;q=0.9", Face::Json, Face::Json),
    ("application/json, text/plain, */*", Face::Json, Face::Json),
    ("text/plain;q=0.5, application/json", Face::Json, Face::Json),
    ("text/plain, application/json;q=0.9", Face::Text, Face::Text),
    ("text/plain", Face::Text, Face::Text),
    ("application/json;q=0, */*", Face::Png, Face::Png),
    ("application/json;q=0.1, image/*", Face::Png, Face::Png),
    ("*/*, application/json;q=0.9", Face::Png, Face::Png),
    ("text/html, application/json;q=0.9", Face::Png, Face::Png),
    ("application/xml", Face::Png, Face::Png),
    ("image/*", Face::Png, Face::Png),
    ("image/png, image/*;q=0.5", Face::Png, Face::Png),
    ("image/png, */*;q=0.1", Face::Png, Face::Png),
    ("image/png", Face::Png, Face::Png),
    ("image/svg+xml", Face::Svg, Face::Png),
    ("image/svg+xml, image/png", Face::Svg, Face::Png),
    ("image/svg+xml;q=0.5, image/png", Face::Png, Face::Png),
    ("image/avif, image/jxl", Face::Png, Face::Png),
    ("multipart/x-mixed-replace", Face::Stream, Face::Stream),
    ("multipart/x-mixed-replace, application/json;q=0.5", Face::Stream, Face::Stream),
    #[cfg(feature = "jpeg")]
    ("image/jpeg", Face::Jpeg, Face::Png),
    #[cfg(feature = "webp")]
    ("image/avif, image/webp, image/png;q=0.8", Face::WebP, Face::Png),
];

#[tokio::test]
async fn accept_chooses_a_face() {
    let server = serve_badge(Badge::online()).await;
    for protocol in Protocol::BOTH {
        for (accept, program, script) in BY_ACCEPT {
            let script = (&[("accept", *accept), ("sec-fetch-dest", "empty")][..], script);
            for (headers, face) in [(&[("accept", *accept)][..], program), script] {
                let mut client = Client::connect(server.address, protocol).await;
                let reply = client.get(PATH, headers).await;
                assert_eq!(read(reply, 0).await, *face, "{headers:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_browsers_image_is_a_stream_whatever_it_accepts() {
    let server = serve_badge(Badge::online()).await;
    for accept in ["application/json", "text/plain", "image/svg+xml", "*/*"] {
        let mut client = Client::connect(server.address, Protocol::Http1).await;
        let headers = [("accept", accept), ("sec-fetch-dest", "image")];
        assert_eq!(read(client.get(PATH, &headers).await, 0).await, Face::Stream, "{accept}");
    }
}

#[tokio::test]
async fn a_query_chooses_a_face_before_everything_else() {
    let server = serve_badge(Badge::online()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let viewer = client.get(PATH, &BROWSER).await;
    assert!(viewer.is_stream());
    let mut viewer = viewer.into_stream();
    viewer.next_part().await;
    for (format, face) in [
        ("png", Face::Png),
        ("svg", Face::Svg),
        ("json", Face::Json),
        ("shields", Face::Shields),
        ("text", Face::Text),
        #[cfg(feature = "jpeg")]
        ("jpeg", Face::Jpeg),
        #[cfg(feature = "webp")]
        ("webp", Face::WebP),
    ] {
        for headers in [&[][..], &BROWSER[..], &[("user-agent", "Googlebot-Image/1.0")][..]] {
            let path = format!("{PATH}?theme=light&format={format}&x");
            assert_eq!(read(client.get(&path, headers).await, 1).await, face, "{headers:?}");
        }
    }
    // Before what a script's library says it accepts, too.
    let axios = [("accept", "application/json, text/plain, */*"), ("sec-fetch-dest", "empty")];
    let reply = client.get(&format!("{PATH}?still"), &axios).await;
    assert_eq!(read(reply, 1).await, Face::Png);
    for unknown in ["gif", "", "PNG", "..%2F"] {
        let path = format!("{PATH}?format={unknown}");
        let reply = client.get(&path, &[]).await;
        assert_eq!(read(reply, 1).await, Face::Png, "{unknown}");
    }
}

#[tokio::test]
async fn every_face_has_its_own_tag_and_head() {
    let server = serve_badge(Badge::online()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut tags = Vec::new();
    for format in ["png", "svg", "json", "shields", "text"] {
        let path = format!("{PATH}?format={format}");
        let whole = client.get(&path, &[]).await;
        let head = client.send(Method::HEAD, &path, &[]).await;
        let without_date = |reply: &Reply| {
            let mut headers = reply.headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(without_date(&whole), without_date(&head), "{format}");
        assert_eq!(head.bytes().await.len(), 0, "{format}");
        let tag = whole.header("etag").expect("a tag").to_owned();
        let known = client.get(&path, &[("if-none-match", &tag)]).await;
        assert_eq!((known.status.as_u16(), known.header("etag")), (304, Some(&*tag)), "{format}");
        assert_eq!(known.header("vary"), whole.header("vary"), "{format}");
        assert_eq!(known.bytes().await.len(), 0, "{format}");
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 5);
}

#[tokio::test]
async fn data_says_what_the_look_says() {
    let look = Look::flat("in {{ params.room }}")
        .number("{{ 1234 }}")
        .message("{{ number | float | compact }} \"<&>\"")
        .color("#ff7f00");
    let server = serve_badge(Badge::look(look)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let path = "/rooms/a%22%3C/online.png";
    let shields = client.get(&format!("{path}?format=shields"), &[]).await.bytes().await;
    let shields: serde_json::Value = serde_json::from_slice(&shields).unwrap();
    let expected = serde_json::json!({
        "schemaVersion": 1, "label": "in a\"<", "message": "1.2k \"<&>\"", "color": "ff7f00",
    });
    assert_eq!(shields, expected);
    let text = client.get(&format!("{path}?format=text"), &[]).await.bytes().await;
    assert_eq!(text, "1234");
}

#[tokio::test]
async fn a_path_of_its_own_can_be_data() {
    let json = Badge::online().rooms_of("/online.png").reply(|_| Answer::Data(Data::Json));
    let badges = LiveBadgeLayer::builder()
        .badge("/online.png", Badge::online())
        .badge("/online.json", json)
        .build()
        .unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut viewer = client.get("/online.png", &BROWSER).await.into_stream();
    viewer.next_part().await;
    let reply = client.get("/online.json", &BROWSER).await;
    assert_eq!(read(reply, 1).await, Face::Json);
}

#[tokio::test]
async fn a_badge_may_be_pictures_only_and_a_gated_one_tells_other_sites_nothing() {
    let server = serve_badge(Badge::online().pictures_only(true)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    for format in ["svg", "json", "shields", "text"] {
        let reply = client.get(&format!("{PATH}?format={format}"), &[]).await;
        assert_eq!(read(reply, 0).await, Face::Png, "{format}");
    }
    assert_eq!(read(client.get(PATH, &[("accept", "application/json")]).await, 0).await, Face::Png);

    let badges =
        LiveBadgeLayer::builder().badge(PATH, Badge::online().gated(true)).build().unwrap();
    let app = axum::Router::new().route(PATH, axum::routing::get("inner")).layer(badges);
    let server = serve(app).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let reply = client.get(&format!("{PATH}?format=json"), &[]).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.bytes().await, r#"{"streams":0,"visitors":0}"#);
}

/// Elements and the names of their attributes, and all texts.
fn structure(svg: &str) -> (Vec<String>, Vec<String>) {
    let document = resvg::usvg::roxmltree::Document::parse(svg).expect("XML");
    let elements = document.descendants().filter(|node| node.is_element()).map(|node| {
        let attributes = node.attributes().map(|attribute| attribute.name());
        format!("{} {}", node.tag_name().name(), attributes.collect::<Vec<_>>().join(" "))
    });
    let texts = document.descendants().filter_map(|node| node.text().map(str::to_owned));
    (elements.collect(), texts.collect())
}

#[tokio::test]
async fn no_name_gets_out_of_its_place() {
    const NAMES: [&str; 12] = [
        "</text><script>alert(1)</script><text>",
        "\" onload=\"alert(1)",
        "' fill='red' x='",
        "{{ 7 * 7 }}{% raw %}",
        "]]><![CDATA[<rect/>",
        "<!DOCTYPE svg [<!ENTITY x 'y'>]>&x;",
        "&lt;&#60;&amp;",
        "#f00;stroke:red",
        "url(#shine)",
        "javascript:alert(1)",
        "\\\",\"message\":\"x\"}",
        "\u{202e}\u{2028}\u{feff}é👩‍👧",
    ];
    let text = "{{ params.room }}";
    let looks = [
        Look::flat(text).message(text).color(text).label_color(text),
        Look::plastic(text).message(text).width(200.0),
        Look::for_the_badge(text).message_from(0, text).color_from(0, text),
        Look::social(text).message(text),
        Look::sparkline(text).message(text).color(text),
        Look::odometer(3).number(text).color(text),
        Look::seven_segment(3).number(text).color(text),
    ];
    for look in looks {
        let server = serve_badge(Badge::look(look.clone())).await;
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let mut get = async |name: &str, format| {
            let name =
                percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
            let path = format!("/rooms/{name}/online.png?format={format}");
            let reply = client.get(&path, &[]).await;
            assert_eq!(reply.status, 200);
            String::from_utf8(reply.bytes().await.into()).expect("text")
        };
        let (usual, _) = structure(&get("lobby", "svg").await);
        assert!(usual.len() > 5, "not blank: {usual:?}");
        for name in NAMES {
            let (elements, texts) = structure(&get(name, "svg").await);
            assert_eq!(elements, usual, "{name} in {look:?}");
            let shows_text = usual.iter().any(|element| element.starts_with("text "));
            let names = [name.to_owned(), name.to_uppercase()];
            let is_shown = texts.iter().any(|text| names.contains(text));
            let is_display = format!("{look:?}").contains("digits: 3");
            assert!(is_shown || !shows_text || is_display, "{name} in {look:?}: {texts:?}");
            let shields: serde_json::Value =
                serde_json::from_str(&get(name, "shields").await).expect("JSON");
            assert_eq!(shields.as_object().map(|fields| fields.len()), Some(4), "{shields}");
        }
    }
}
