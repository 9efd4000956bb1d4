//! An application's own rules for who gets what.

use crate::common::{BROWSER, Client, Protocol, Server, bar_badge, serve};
use axum::Router;
use axum::routing::get;
use http::Method;
use tower_livebadge::{Handle, LiveBadgeLayer, Reply};

const PATH: &str = "/badge.png";

async fn serve_app(
    rule: impl Fn(&http::request::Parts) -> Reply + Send + Sync + 'static,
) -> (Server, Handle) {
    let badge = bar_badge().reply(rule);
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().expect("a right badge");
    let handle = badges.handle();
    let app = Router::new().route(PATH, get("the application's"));
    (serve(app.layer(badges)).await, handle)
}

#[tokio::test]
async fn a_rule_makes_a_stream_of_a_still() {
    let (server, handle) = serve_app(|_| Reply::Stream).await;
    for protocol in Protocol::BOTH {
        for path in [PATH, "/badge.png?still"] {
            let mut client = Client::connect(server.address, protocol).await;
            let headers = [("user-agent", "curl/7.88.1"), ("sec-purpose", "prefetch")];
            let mut stream = client.get(path, &headers).await.into_stream();
            stream.bar_of(1).await;
            assert_eq!(handle.room_at(PATH).unwrap().counts().streams, 1);
            drop((stream, client));
            crate::common::eventually("an empty room", || handle.rooms().is_empty()).await;
        }
        // There is no stream without a body.
        let mut client = Client::connect(server.address, protocol).await;
        let head = client.send(Method::HEAD, PATH, &BROWSER).await;
        assert_eq!(head.header("content-type"), Some("image/png"));
        assert_eq!(head.bytes().await, "");
        assert_eq!(handle.rooms(), []);
    }
}

#[tokio::test]
async fn a_rule_makes_a_still_of_a_stream() {
    let (server, handle) = serve_app(|_| Reply::Still).await;
    for protocol in Protocol::BOTH {
        for headers in [&BROWSER[..], &[("accept", "multipart/x-mixed-replace")]] {
            let mut client = Client::connect(server.address, protocol).await;
            let still = client.get(PATH, headers).await;
            assert_eq!(still.header("content-type"), Some("image/png"));
            assert_eq!(crate::common::read_bar(&still.bytes().await), 0);
            assert_eq!(handle.rooms(), []);
        }
    }
}

#[tokio::test]
async fn a_rule_leaves_a_request_to_the_application() {
    let (server, handle) = serve_app(|_| Reply::Inner).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        for path in [PATH, "/badge.png?still"] {
            let reply = client.get(path, &BROWSER).await;
            assert!(!reply.headers.contains_key("etag"));
            assert_eq!(reply.bytes().await, "the application's");
        }
        let head = client.send(Method::HEAD, PATH, &BROWSER).await;
        assert_eq!(head.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(head.bytes().await, "");
        assert_eq!(handle.rooms(), []);
    }
}

#[tokio::test]
async fn a_rule_may_look_at_the_request_and_leave_the_rest_to_the_usual_ones() {
    let (server, handle) = serve_app(|request| match request.headers.get("x-screen") {
        Some(screen) if screen == "wall" => Reply::Stream,
        Some(_) => Reply::Inner,
        None => Reply::for_request(request),
    })
    .await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let wall = client.get(PATH, &[("x-screen", "wall")]).await;
    let other = client.get(PATH, &[("x-screen", "other")]).await;
    let browser = client.get(PATH, &BROWSER).await;
    let script = client.get(PATH, &[("accept", "*/*")]).await;
    assert!(wall.is_stream() && browser.is_stream());
    assert_eq!(other.bytes().await, "the application's");
    assert_eq!(script.header("content-type"), Some("image/png"));
    wall.into_stream().bar_of(2).await;
    assert_eq!(handle.room_at(PATH).unwrap().counts().streams, 2);
}

#[tokio::test]
async fn other_methods_are_the_applications() {
    let (server, handle) = serve_app(|_| Reply::Stream).await;
    for protocol in Protocol::BOTH {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let mut client = Client::connect(server.address, protocol).await;
            let reply = client.send(method.clone(), PATH, &BROWSER).await;
            assert_eq!(reply.status, 405, "{method}");
            reply.bytes().await;
        }
    }
    assert_eq!(handle.rooms(), []);
}
