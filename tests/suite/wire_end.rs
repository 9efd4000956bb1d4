//! How streams end when the application wants them to.

use crate::common::multipart::{PREFIX, Parser, boundary_of};
use crate::common::{
    BROWSER, Client, Protocol, RawReply, bar_badge, bar_badge_of, read_bar, serve, within,
};
use axum::Router;
use http::Request;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tower::ServiceExt;
use tower_livebadge::LiveBadgeLayer;

const PATH: &str = "/badge.png";

#[tokio::test]
async fn the_last_chunks_are_the_picture_with_the_closing_delimiter_and_nothing() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut reply = RawReply::to(server.address, "GET /badge.png HTTP/1.1", &BROWSER).await;
    let boundary = boundary_of(reply.header("content-type").unwrap()).to_owned();
    let mut parser = Parser::new(&boundary);
    let first = parser.push(&reply.chunk().await.unwrap()).unwrap().remove(0);
    handle.shutdown().await;
    assert_eq!(handle.room_at(PATH).unwrap().counts().streams, 0);
    let chunk = reply.chunk().await.unwrap();
    assert_eq!(chunk, [&first[PREFIX..], format!("\r\n--{boundary}--\r\n").as_bytes()].concat());
    assert_eq!(parser.push(&chunk).unwrap(), [first]);
    assert!(parser.is_closed());
    assert_eq!(reply.chunk().await, None);
    assert_eq!(reply.unread(), b"");
}

#[tokio::test]
async fn every_stream_ends_in_the_regular_way_with_its_last_picture() {
    for protocol in Protocol::BOTH {
        let (value, receiver) = watch::channel(0_usize);
        let badge = bar_badge_of("value").values(receiver).max_rate(1000.0);
        let badges = LiveBadgeLayer::builder().badge("/rooms/{room}", badge).build().unwrap();
        let handle = badges.handle();
        let server = serve(badges.into_service()).await;
        let mut streams = Vec::new();
        for path in ["/rooms/a", "/rooms/a", "/rooms/b"] {
            let mut client = Client::connect(server.address, protocol).await;
            let mut stream = client.get(path, &BROWSER).await.into_stream();
            assert_eq!(read_bar(&stream.next_part().await), *value.borrow());
            streams.push(stream);
        }
        value.send_replace(7);
        for stream in &mut streams {
            stream.bar_of(7).await;
        }
        handle.shutdown().await;
        assert!(handle.rooms().is_empty());
        for stream in streams {
            let rest = stream.rest().await;
            assert_eq!(rest.iter().map(|part| read_bar(part)).collect::<Vec<_>>(), [7]);
        }
        let mut late = Client::connect(server.address, protocol).await;
        let still = late.get("/rooms/a", &BROWSER).await;
        assert_eq!(still.header("content-type"), Some("image/png"));
        assert_eq!(read_bar(&still.bytes().await), 7);
    }
}

#[tokio::test]
async fn a_graceful_shutdown_ends_though_there_are_viewers() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ending = async move {
        stopped.await.ok();
        handle.shutdown().await;
    };
    let app = Router::new().layer(badges);
    let serving = axum::serve(listener, app).with_graceful_shutdown(ending);
    let serving = tokio::spawn(async { serving.await });
    let mut streams = Vec::new();
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(address, protocol).await;
        let mut stream = client.get(PATH, &BROWSER).await.into_stream();
        stream.bar_of(streams.len() + 1).await;
        streams.push(stream);
    }
    stop.send(()).unwrap();
    for stream in streams {
        assert_eq!(read_bar(stream.rest().await.last().unwrap()), 2);
    }
    within("the server's end", serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_the_application_says_last_is_shown_last() {
    for protocol in Protocol::BOTH {
        let (value, receiver) = watch::channel(0_usize);
        // The next picture's turn is a quarter of an hour away.
        let badge = bar_badge_of("value").values(receiver).max_rate(1.0 / 1000.0);
        let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
        let handle = badges.handle();
        let server = serve(badges.into_service()).await;
        let mut client = Client::connect(server.address, protocol).await;
        let mut stream = client.get(PATH, &BROWSER).await.into_stream();
        assert_eq!(read_bar(&stream.next_part().await), 0);
        value.send_replace(5);
        handle.shutdown().await;
        assert_eq!(read_bar(stream.rest().await.last().unwrap()), 5);
    }
}

#[tokio::test]
async fn nobody_is_in_a_room_that_the_last_viewer_has_left() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let request = Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
    let mut body = badges.into_service().oneshot(request).await.unwrap().into_body();
    within("the opening", body.frame()).await;
    assert_eq!(handle.rooms().len(), 1);
    drop(body);
    // The room's task has had no chance to run yet.
    assert_eq!(handle.rooms(), []);
}
