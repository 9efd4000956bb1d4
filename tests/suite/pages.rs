//! A page that never ends, with the picture and the newest words: what goes over the wire, and who is
//! counted.

use std::time::Duration;

use crate::common::{
    BROWSER, Client, Direct, Protocol, RawReply, bar_badge, bar_badge_of, call, drawn, eventually,
    serve, serve_badge, within,
};
use http_body_util::BodyExt;
use tokio::sync::watch;
use tower_livebadge::{Badge, BuildErrorKind, LiveBadgeLayer, Look, Reply, WhenFull, visitor};

const PATH: &str = "/bar.png";
const PAGE: &str = "/bar.png?format=page";
/// What Chromium 156 sends for an `<iframe>`, as far as it matters.
const FRAME: [(&str, &str); 3] = [
    ("accept", "text/html,application/xhtml+xml,image/*,*/*;q=0.8"),
    ("sec-fetch-dest", "iframe"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
    ),
];
const BEFORE: &str = "<input type=radio name=n checked hidden><p>";

/// A page as far as it has come.
struct Page {
    body: crate::common::client::RawBody,
    html: String,
}

impl Page {
    async fn open(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Self {
        let reply = client.get(path, headers).await;
        assert_eq!(reply.status, 200);
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; img-src 'self'"), "{policy}");
        assert!(!policy.contains("frame-ancestors"), "every site may show it");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store, no-transform"),
            ("x-content-type-options", "nosniff"),
            ("content-encoding", "identity"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
        assert_eq!(reply.header("content-length"), None);
        Self { body: reply.into_bytes(), html: String::new() }
    }

    /// Whether the page goes on.
    async fn read(&mut self) -> bool {
        let Some(bytes) = within("more of the page", self.body.next()).await else { return false };
        self.html += std::str::from_utf8(&bytes).unwrap();
        true
    }

    /// Waits until these are the newest words.
    async fn says(&mut self, words: &str) {
        while self.words().last() != Some(&words) {
            assert!(self.read().await, "{words:?} never came: {:?}", self.words());
        }
    }

    fn words(&self) -> Vec<&str> {
        let parts = self.html.split(BEFORE).skip(1);
        parts.map(|part| part.split("</p>").next().unwrap()).collect()
    }

    /// The relative URL of its picture.
    fn src(&self) -> String {
        let src = self.html.split("<img src=\"").nth(1).expect("a picture");
        src.split('"').next().unwrap().replace("&amp;", "&")
    }
}

/// As a browser does: the page, and then the picture that it shows. Both over both protocols.
#[tokio::test]
async fn page_and_picture_are_one_stream_of_one_visitor() {
    // Also where the application itself decides who is counted, which would be everybody.
    for badge in [bar_badge(), bar_badge().count_if(|_| true)] {
        let (server, handle) = serve_badge(PATH, badge.visitors(visitor::header("x-user"))).await;
        for protocol in Protocol::BOTH {
            let mut client = Client::connect(server.address, protocol).await;
            let mut page = Page::open(&mut client, "/bar.png?format=page&theme=dark", &FRAME).await;
            page.says("1 online").await;
            let src = page.src();
            assert!(src.starts_with("?theme=dark&uncounted=page&view="), "{src}");
            let mut client = Client::connect(server.address, protocol).await;
            let picture = client.get(&format!("{PATH}{src}"), &BROWSER).await;
            let mut picture = picture.into_stream();
            picture.bar_of(1).await;
            let counts = handle.room_at(PATH).unwrap().counts();
            assert_eq!((counts.streams, counts.visitors), (1, 1));

            let mut client = Client::connect(server.address, protocol).await;
            let mut second = Page::open(&mut client, PAGE, &FRAME).await;
            second.says("2 online").await;
            assert_ne!(second.src().split("view=").nth(1), src.split("view=").nth(1));
            page.says("2 online").await;
            picture.bar_of(2).await;
            drop(second);
            page.says("1 online").await;
            assert_eq!(page.words(), ["1 online", "2 online", "1 online"]);
            drop((page, picture));
            eventually("nobody", || handle.rooms().is_empty()).await;
        }
    }
}

#[tokio::test]
async fn a_page_begins_with_enough_and_is_kept_alive_by_blanks() {
    for badge in [bar_badge(), bar_badge().page_picture(false)] {
        let (server, _handle) = serve_badge(PATH, badge.heartbeat(Duration::from_millis(30))).await;
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let mut page = Page::open(&mut client, PAGE, &FRAME).await;
        page.says("1 online").await;
        assert!(page.html.find(BEFORE).unwrap() >= 1024, "{}", page.html.len());
        let before = page.html.len();
        while page.html.len() < before + 5 {
            page.read().await;
        }
        assert_eq!(page.html[before..].trim(), "");
    }
}

#[tokio::test]
async fn words_are_those_of_the_badge_and_never_markup() {
    let (_value, values) = watch::channel(serde_json::json!({"said": "<b>&\"x\"</b>"}));
    let look = Look::flat("readers").message_from(0, "nobody").message_from(1, "some & more");
    let badges = LiveBadgeLayer::builder()
        .badge("/look.png", Badge::look(look))
        .badge("/online.png", Badge::online())
        .badge("/display.png", Badge::look(Look::seven_segment(4)))
        .badge("/own.png", bar_badge().page_text("{{ said }} & {{ visitors }}").values(values))
        .badge("/long.png", bar_badge().page_text("x".repeat(2_000)))
        .badge("/q.png", bar_badge().query_slot("q", "a").page_text("{{ query.q }} {{ theme }}"));
    let server = serve(badges.build().unwrap().into_service()).await;
    for (path, words) in [
        ("/look.png?format=page", "readers: some &amp; more"),
        ("/online.png?format=page", "1 online"),
        ("/display.png?format=page", "0001"),
        ("/own.png?format=page", "&lt;b>&amp;\"x\"&lt;/b> &amp; 1"),
        ("/q.png?format=page", "a light"),
        ("/q.png?format=page&theme=dark&q=%3Ci%3E%22", "&lt;i>\" dark"),
    ] {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        Page::open(&mut client, path, &FRAME).await.says(words).await;
    }
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut long = Page::open(&mut client, "/long.png?format=page", &FRAME).await;
    while long.words().is_empty() {
        long.read().await;
    }
    assert_eq!(long.words()[0].chars().count(), 1_000);
}

#[tokio::test]
async fn a_look_for_dark_pages_has_a_picture_for_them() {
    let badges = LiveBadgeLayer::builder()
        .badge("/card.png", Badge::look(Look::sparkline("online")))
        .badge("/flat.png", Badge::online());
    let server = serve(badges.build().unwrap().into_service()).await;
    for (path, has_both, scheme) in [
        ("/card.png?format=page", true, "color-scheme:light dark}"),
        ("/card.png?format=page&theme=light", false, "color-scheme:light}"),
        ("/flat.png?format=page&theme=dark", false, "color-scheme:dark}"),
        ("/flat.png?format=page", false, "color-scheme:light dark}"),
    ] {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let mut page = Page::open(&mut client, path, &FRAME).await;
        page.says("1 online").await;
        let html = &page.html;
        assert_eq!(html.contains("srcset=\"?theme=dark&amp;uncounted=page&amp;view="), has_both);
        assert!(html.contains(scheme), "{html}");
    }
}

/// Nothing of the next picture is sent early: Chromium 156 would show nothing once the server is killed.
#[tokio::test(start_paused = true)]
async fn a_pages_picture_stands_open_without_its_beginning_and_beats_seldom() {
    let badges =
        LiveBadgeLayer::builder().badge(PATH, bar_badge().heartbeat(Duration::from_secs(5)));
    let (service, _handle) = drawn(badges, &[0]).await;
    let path = "/bar.png?uncounted=page&view=1";
    let mut picture = Direct::open(&service, path, &BROWSER).await;
    picture.bar_of(0).await;
    assert_eq!(picture.parser.open_part(), Some(&[][..]));
    let response = call(&service, path, &BROWSER).await;
    assert_eq!(response.version(), http::Version::HTTP_10);
    let mut body = response.into_body();
    for number in 0..4 {
        let before = tokio::time::Instant::now();
        body.frame().await.unwrap().unwrap();
        assert!(number < 2 || before.elapsed().as_secs() == 30, "{:?}", before.elapsed());
    }
}

#[tokio::test]
async fn a_page_looks_for_the_server_and_shows_the_next_one_in_its_place() {
    let (server, _handle) = serve_badge(PATH, bar_badge()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let asked = "/bar.png?theme=dark&format=page";
    let mut page = Page::open(&mut client, asked, &FRAME).await;
    page.says("1 online").await;
    assert!(page.html.contains("content=4><!--</noscript><svg"));
    assert!(page.html.contains("width=100% height=100%><noscript>--></noscript>"));
    let next = "<iframe src=\"?theme=dark&amp;format=page1\" loading=lazy>";
    assert!(page.html.contains(next), "{}", page.html);
    let tries =
        page.html.matches("src=\"?theme=dark&amp;uncounted=page&amp;still&amp;try=").count();
    assert_eq!(tries, 29);
    assert!(!page.html.contains("background:canvas"), "pages of others are seen behind it");
    // What it asks for is a picture of nobody.
    let still = client.get("/bar.png?uncounted=page&still&try=1.1", &BROWSER).await;
    assert!(still.header("content-length").is_some());
    // So many of them are within each other at last, and then it is loaded anew.
    for (depth, is_last) in [(6, false), (7, true), (99, true)] {
        let path = format!("/bar.png?format=page{depth}");
        let mut page = Page::open(&mut client, &path, &FRAME).await;
        while !page.html.contains(BEFORE) {
            page.read().await;
        }
        assert!(page.html.contains("background:canvas"));
        assert!(page.html.contains("<meta http-equiv=refresh content=4>"));
        assert_eq!(page.html.contains("<iframe"), !is_last);
    }
    // Where a frame is not lazy it would be asked for at once: in old browsers, and without scripts.
    let old = [FRAME[0], FRAME[1], ("user-agent", "Gecko/20100101 Firefox/115.0")];
    let mut page = Page::open(&mut client, PAGE, &old).await;
    page.says("2 online").await;
    assert!(!page.html.contains("<iframe"));
}

/// So much is hidden in it then that it begins anew.
#[tokio::test(start_paused = true)]
async fn a_page_of_many_changes_ends_and_comes_again_at_once() {
    let (value, values) = watch::channel(0);
    let badge = bar_badge_of("1").page_text("{{ value }}").values(values);
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let handle = badges.handle();
    let mut body = call(&badges.into_service(), PAGE, &FRAME).await.into_body();
    let (mut words, mut last) = (0, bytes::Bytes::new());
    while let Some(frame) = within("more of the page", body.frame()).await {
        last = frame.unwrap().into_data().unwrap();
        words += String::from_utf8_lossy(&last).matches(BEFORE).count();
        value.send_modify(|value| *value += 1);
    }
    assert!(last.ends_with(b"</p><meta http-equiv=refresh content=0>"));
    assert_eq!(words, 10_000);
    eventually("nobody", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn a_closed_room_and_a_shutdown_end_it_in_the_regular_way() {
    let (server, handle) = serve_badge(PATH, bar_badge()).await;
    for is_shutdown in [false, true] {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let mut page = Page::open(&mut client, PAGE, &FRAME).await;
        page.says("1 online").await;
        let reads = async { while page.read().await {} };
        if is_shutdown {
            tokio::join!(handle.shutdown(), reads);
        } else {
            handle.room_at(PATH).unwrap().close();
            reads.await;
        }
        assert_eq!(page.words(), ["1 online"]);
    }
}

/// What a still is for a picture: the words of now, with a still, and the end.
#[tokio::test]
async fn who_gets_no_stream_gets_a_whole_page() {
    let badges = LiveBadgeLayer::builder()
        .badge(PATH, bar_badge())
        .badge("/b.png", bar_badge().when_full(WhenFull::Unavailable))
        .max_viewers(1);
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut first = Page::open(&mut client, PAGE, &FRAME).await;
    first.says("1 online").await;
    let refused = client.get(PAGE, &FRAME).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(refused.header("content-security-policy").is_some());
    let html = String::from_utf8(refused.bytes().await.into()).unwrap();
    assert!(html.contains("<img src=\"?uncounted=page&amp;still\""), "{html}");
    assert!(html.contains("<meta http-equiv=refresh content=30>"), "{html}");
    assert!(html.ends_with(&format!("{BEFORE}1 online</p>")), "{html}");
    assert_eq!(client.get("/b.png?format=page", &FRAME).await.status, 503);

    let length = html.len().to_string();
    let head = RawReply::to(server.address, &format!("HEAD {PAGE} HTTP/1.1"), &FRAME).await;
    assert_eq!(head.header("content-length"), Some(&*length));
    let old = RawReply::to(server.address, &format!("GET {PAGE} HTTP/1.0"), &FRAME).await;
    assert_eq!(old.header("content-length"), Some(&*length));
    let bot = [("user-agent", "Twitterbot/1.0")];
    assert_eq!(client.get(PAGE, &bot).await.header("content-length"), Some(&*length));
}

#[tokio::test]
async fn some_badges_have_a_page_by_rule_and_some_none() {
    let badges = LiveBadgeLayer::builder()
        .badge("/pictures.png", bar_badge().pictures_only(true))
        .badge("/rule.png", bar_badge().reply(|_| Reply::Page))
        .build()
        .unwrap();
    let handle = badges.handle();
    let snippet = |path| handle.room(path, &[]).unwrap().embed(path).iframe();
    assert!(snippet("/pictures.png").contains("src=\"/pictures.png\""));
    assert!(snippet("/rule.png").contains("src=\"/rule.png?format=page\""));
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let picture = client.get("/pictures.png?format=page", &FRAME).await;
    assert_eq!(picture.header("content-type"), Some("image/png"));
    Page::open(&mut client, "/rule.png", &FRAME).await.says("1 online").await;
}

#[test]
fn what_is_wrong_with_the_text_is_found_when_the_layer_is_built() {
    let build = |badge: Badge| {
        let built = LiveBadgeLayer::builder().badge(PATH, badge).build();
        built.expect_err("there is a mistake")
    };
    for (text, says) in [
        ("{{ visitor }} are here", "visitors"),
        ("{{ visitors | nonsense }}", "nonsense"),
        ("{{ visitors ", "page_text"),
        ("{{ 1 / (visitors - 23) if visitors == 23 else 2 }}", "page_text"),
        ("{{ 'x' | int if visitors > 1000000 else 2 }}", "page_text"),
    ] {
        let error = build(bar_badge().page_text(text)).to_string();
        assert!(error.contains(says) && error.contains("page_text"), "{text}: {error}");
    }
    let error = build(bar_badge().page_text("x").pictures_only(true));
    assert!(matches!(error.kind(), BuildErrorKind::Contradiction { setting: "page_text", .. }));
}
