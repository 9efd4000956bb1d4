//! A server's graceful shutdown returns, and every viewer is left with a picture.

use crate::common::{
    BROWSER, Client, Protocol, RawReply, bar_badge, eventually, read_bar, serve, within,
};
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower_livebadge::{Handle, LiveBadgeLayer};

const PATH: &str = "/bar.png";

fn badges() -> (LiveBadgeLayer, Handle) {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    (badges, handle)
}

/// The figure that matters is printed; what is asserted is that all streams end as they should.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_thousand_open_streams_the_server_returns() {
    let (badges, handle) = badges();
    let app = Router::new().route("/", get("hello")).layer(badges);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, asked) = oneshot::channel::<()>();
    let shutdown = {
        let handle = handle.clone();
        async move {
            asked.await.ok();
            handle.shutdown().await;
        }
    };
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown);
    let server = tokio::spawn(server.into_future());

    let mut viewers = Vec::new();
    for _ in 0..500 {
        viewers.push(RawReply::to(address, &format!("GET {PATH} HTTP/1.1"), &BROWSER).await);
    }
    // A client's default for streams at a time is 100.
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut client = Client::connect(address, Protocol::Http2).await;
        for _ in 0..100 {
            streams.push(client.get(PATH, &BROWSER).await.into_stream());
        }
    }
    eventually("everybody", || handle.room_at(PATH).unwrap().counts().streams == 1000).await;

    let readers: Vec<_> = viewers
        .into_iter()
        .map(|mut viewer| {
            tokio::spawn(async move {
                let mut last = Vec::new();
                while let Some(chunk) = viewer.chunk().await {
                    last = chunk;
                }
                assert!(last.ends_with(b"--\r\n"), "the last chunk before the regular end closes");
            })
        })
        .collect();
    let streams: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(stream.rest())).collect();
    let since = std::time::Instant::now();
    stop.send(()).unwrap();
    within("the server's end", server).await.unwrap().unwrap();
    println!("1,000 streams ended and the server returned after {:?}", since.elapsed());
    for reader in readers {
        within("a regular end", reader).await.unwrap();
    }
    for stream in streams {
        let parts = within("a regular end", stream).await.unwrap();
        let last = read_bar(parts.last().expect("the last picture once more"));
        assert_eq!(last, 1000, "everybody who was there is on it");
    }
    assert!(handle.rooms().is_empty());
}

#[tokio::test]
async fn who_comes_after_shutdown_gets_a_still() {
    let (badges, handle) = badges();
    let server = serve(badges.into_service()).await;
    handle.shutdown().await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let reply = client.get(PATH, &BROWSER).await;
    assert_eq!(reply.header("content-type"), Some("image/png"));
    assert_eq!(read_bar(&reply.bytes().await), 0);
}

/// A response that has been made, but is polled only after the shutdown, still shows a picture:
/// WebKitGTK 2.50 crashes on a stream that ends without one.
#[tokio::test]
async fn a_stream_that_begins_during_shutdown_has_a_picture() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    let (badges, handle) = badges();
    let request = http::Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
    let response = badges.into_service().oneshot(request).await.unwrap();
    let boundary =
        crate::common::multipart::boundary_of(response.headers()["content-type"].to_str().unwrap())
            .to_owned();
    let shutdown = tokio::spawn(async move { handle.shutdown().await });
    tokio::task::yield_now().await;
    let body = within("the end", response.into_body().collect()).await.unwrap().to_bytes();
    let mut parser = crate::common::multipart::Parser::new(&boundary);
    let parts = parser.push(&body).unwrap();
    assert!(parser.is_closed());
    assert_eq!(read_bar(parts.last().unwrap()), 1);
    within("the shutdown", shutdown).await.unwrap();
}
