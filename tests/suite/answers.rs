//! What is in an answer beside its picture: the application's headers, slots that a URL fills, and a
//! boundary that no picture meets.

use std::time::Duration;

use tokio::sync::watch;
use tower_livebadge::{Badge, BuildErrorKind, Format, LiveBadgeLayer, Look};

use crate::common::multipart::boundary_of;
use crate::common::{BROWSER, Client, Protocol, bar_badge, log, serve, within};

const PATH: &str = "/x.png";

async fn client_of(badge: Badge) -> (crate::common::Server, Client) {
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let server = serve(badges.into_service()).await;
    let client = Client::connect(server.address, Protocol::Http2).await;
    (server, client)
}

#[tokio::test]
async fn an_application_has_headers_of_its_own_on_every_answer() {
    let badge = bar_badge()
        .header("Cache-Control", "max-age=30")
        .header("Cross-Origin-Resource-Policy", "same-origin")
        .header("x-mine", "1");
    let (_server, mut client) = client_of(badge).await;
    let firefox = [BROWSER[0], BROWSER[1], ("user-agent", "Gecko/20100101 Firefox/153.0")];
    for (query, headers, cache, corp) in [
        ("", &BROWSER[..], "no-store, no-transform", Some("same-origin")),
        ("", &firefox, "no-store", Some("same-origin")), // a redirect
        ("?still", &BROWSER, "max-age=30", Some("same-origin")),
        ("?format=json", &[], "max-age=30", Some("same-origin")),
    ] {
        let reply = client.get(&format!("{PATH}{query}"), headers).await;
        assert_eq!(reply.header("cache-control"), Some(cache), "{query} {}", reply.status);
        assert_eq!(reply.header("cross-origin-resource-policy"), corp, "{query}");
        assert_eq!(reply.header("x-mine"), Some("1"), "{query}");
    }
    // What says that there is no place is not kept for those who come later.
    let full = bar_badge().max_per_room(0).when_full(tower_livebadge::WhenFull::Unavailable);
    let (_server, mut client) = client_of(full.header("cache-control", "max-age=30")).await;
    let reply = client.get(PATH, &BROWSER).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("cache-control")),
        (503, Some("no-cache, max-age=0, no-transform"))
    );
    for (name, value) in
        [("content-type", "x/y"), ("a b", "1"), ("x", "a\nb"), ("Content-Length", "1")]
    {
        let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge().header(name, value));
        let error = badges.build().unwrap_err();
        let is_setting = |kind: &BuildErrorKind| {
            matches!(kind, BuildErrorKind::Setting { setting: "header", .. })
        };
        assert!(is_setting(error.kind()), "{error}");
    }
}

#[tokio::test]
async fn a_url_fills_the_slots_that_a_badge_names_and_no_others() {
    let look = Look::flat("{{ query.label }}").message("{{ visitors }}");
    let badge = Badge::look(look).query_slot("label", "online");
    let (_server, mut client) = client_of(badge).await;
    let mut label = async |query: &str| {
        let reply = client.get(&format!("{PATH}?format=shields&{query}"), &[]).await.bytes().await;
        let shields: serde_json::Value = serde_json::from_slice(&reply).unwrap();
        shields["label"].as_str().unwrap().to_owned()
    };
    assert_eq!(label("").await, "online");
    assert_eq!(label("label=hi%20there").await, "hi there");
    assert_eq!(label("label=%3Cscript%3E").await, "<script>");
    assert_eq!(label("other=x").await, "online");
    assert_eq!(label(&format!("label={}", "é".repeat(99))).await, "é".repeat(64));
    // Whatever their URLs say, they are counted together.
    let mut one = client.get(&format!("{PATH}?label=a"), &BROWSER).await.into_stream();
    let mut two = client.get(&format!("{PATH}?label=b"), &BROWSER).await.into_stream();
    let (a, b) = (one.next_part().await, two.next_part().await);
    assert_ne!(a, b);
    let json = client.get(&format!("{PATH}?format=json"), &[]).await.bytes().await;
    assert_eq!(json, r#"{"streams":2,"visitors":2}"#);

    for (name, template) in [("theme", ""), ("a b", ""), ("", ""), ("ok", "{{ query.nope }}")] {
        let look = Look::flat(template);
        let badge = Badge::look(look).query_slot(name, "x");
        assert!(
            LiveBadgeLayer::builder().badge(PATH, badge).build().is_err(),
            "{name:?} {template}"
        );
    }
}

/// Nobody makes a room draw without end.
#[tokio::test]
async fn past_so_many_styles_of_a_room_there_is_the_badges_own() {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
        <desc>{{ query.label }}</desc></svg>"#;
    let badge = Badge::svg(svg).format(Format::Svg).query_slot("label", "own");
    let (_server, mut client) = client_of(badge).await;
    let mut streams = Vec::new();
    for number in 0..70 {
        let reply = client.get(&format!("{PATH}?label=label-{number}"), &BROWSER).await;
        let mut bytes = reply.into_bytes();
        let opening = within("a picture", bytes.next()).await.unwrap();
        let expected = if number < 64 { format!(">label-{number}<") } else { ">own<".into() };
        assert!(String::from_utf8_lossy(&opening).contains(&expected), "{number}");
        streams.push(bytes);
    }
}

/// Every client can read the boundary, and bring it into a picture that others see.
#[tokio::test]
async fn a_boundary_within_a_picture_ends_nobodys_stream() {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
        <text y="8" font-size="8">{{ value }}</text></svg>"#;
    let (sender, receiver) = watch::channel(String::from("a"));
    let badge = Badge::svg(svg)
        .values(receiver)
        .format(Format::Svg)
        .max_rate(1000.0)
        .heartbeat(Duration::from_millis(50));
    let (_server, mut client) = client_of(badge).await;
    let strict = [("accept", "multipart/x-mixed-replace")];
    for headers in [&BROWSER[..], &strict] {
        let reply = client.get(PATH, headers).await;
        let boundary = boundary_of(reply.header("content-type").unwrap()).to_owned();
        let delimiter = format!("--{boundary}").into_bytes();
        let mut bytes = reply.into_bytes();
        let mut all = Vec::new();
        for (number, value) in [
            format!("\r\n--{boundary}--\r\n"),
            format!("\n--{boundary}\r\nContent-Type: text/html\r\n\r\n<script>"),
            boundary.clone(),
            format!("--{boundary}--"),
            format!("{boundary}{boundary}"),
        ]
        .into_iter()
        .enumerate()
        {
            let mark = format!("mark {number}");
            sender.send_replace(format!("{value} {mark}"));
            let shown = async {
                loop {
                    all.extend_from_slice(&bytes.next().await.expect("the stream goes on"));
                    let seen = |text: &str| all.windows(text.len()).any(|w| w == text.as_bytes());
                    if seen(&format!("{mark}</text>")) {
                        break;
                    }
                }
            };
            within("the picture", shown).await;
        }
        // Each occurrence is a delimiter of ours: between two of them is one whole picture.
        let positions: Vec<usize> = all
            .windows(boundary.len())
            .enumerate()
            .filter(|(_, window)| *window == boundary.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in &positions {
            assert_eq!(all[at - 2..*at + boundary.len()], delimiter, "outside of a delimiter");
            assert!(all[at + boundary.len()..].starts_with(b"\r\n"), "the stream has been ended");
        }
        for pair in positions.windows(2) {
            let part = String::from_utf8_lossy(&all[pair[0]..pair[1]]);
            assert!(part.contains("<svg") && part.contains("</svg>"), "{part}");
        }
    }
}

#[tokio::test]
async fn a_layer_that_no_badge_request_reaches_says_so() {
    log::keep();
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let page = axum::routing::get(|| async { "page" });
    let app = axum::Router::new().route("/", page).route_layer(badges);
    let server = serve(app).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    client.get("/", &[]).await.bytes().await;
    assert_eq!(client.get(PATH, &BROWSER).await.status, 404);
    assert!(!handle.is_reached());
    handle.shutdown().await;
    assert!(log::text().contains("outermost router"), "{}", log::text());

    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    client.get(PATH, &[]).await.bytes().await;
    assert!(handle.is_reached());
    log::keep();
    handle.shutdown().await;
    assert!(!log::text().contains("outermost router"), "{}", log::text());
}
