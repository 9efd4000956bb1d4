//! A bug in the application's own closures and hooks hurts the request that met it, and no other:
//! nobody is counted for it, no place is kept, and nothing is locked for good.

use std::time::Duration;

use crate::common::{
    BROWSER, Client, Protocol, RawReply, Site, bar_badge, eventually, frames, serve,
};
use axum::Router;
use http::request::Parts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_http::catch_panic::CatchPanicLayer;
use tower_livebadge::{
    Badge, Join, Leave, LiveBadgeLayer, Observer, Paint, Refused, Reply, VisitorKey,
};

const PATH: &str = "/rooms/lobby/bar.png";
/// The request that meets the bug: of another room, for the sake of `Badge::rooms`.
const BUG: &str = "/rooms/bug/bar.png";

fn check(path: &str) {
    assert!(!path.contains("bug"), "a closure's bug, which must not matter");
}

/// A badge for each closure that may have a bug.
fn badges() -> [(&'static str, Badge); 4] {
    let key = |request: &Parts| {
        check(request.uri.path());
        Some(VisitorKey::new("somebody"))
    };
    let is_counted = |request: &Parts| {
        check(request.uri.path());
        true
    };
    let reply = |request: &Parts| {
        check(request.uri.path());
        Reply::for_request(request)
    };
    [
        ("visitors", bar_badge().visitors(key)),
        ("count_if", bar_badge().count_if(is_counted)),
        ("reply", bar_badge().reply(reply)),
        (
            "rooms",
            bar_badge().rooms(|params| {
                params.get("room").is_none_or(|room| {
                    check(room);
                    true
                })
            }),
        ),
    ]
}

#[tokio::test]
async fn a_closure_that_panics_hurts_its_request_alone() {
    for (closure, badge) in badges() {
        // As many places as are taken below.
        let badge = badge.max_per_room(2).leave_grace(Duration::ZERO);
        let badges = LiveBadgeLayer::builder().badge("/rooms/{room}/bar.png", badge);
        let badges = badges.max_viewers(2).max_rooms(1).build().unwrap();
        let handle = badges.handle();
        let streams = || handle.room_at(PATH).unwrap().counts().streams;
        let server = serve(badges.clone().into_service()).await;

        // It looks on, on the same connection.
        let mut socket = frames::connect(server.address).await;
        socket.write_all(&frames::get(1, PATH)).await.unwrap();
        frames::wait_for(&mut socket, frames::DATA, 1).await;
        for stream in [3, 5, 7] {
            socket.write_all(&frames::get(stream, BUG)).await.unwrap();
            frames::wait_for(&mut socket, frames::HEADERS, stream).await;
            let mut http1 = TcpStream::connect(server.address).await.unwrap();
            let request = format!("GET {BUG} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n");
            http1.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            http1.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 500", "{closure}");
        }
        assert_eq!((streams(), handle.rooms().len()), (1, 1), "{closure}");

        // Who comes then finds the last place, and is shown to who was there.
        let mut client = Client::connect(server.address, Protocol::Http1).await;
        let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
        viewer.bar_of(2).await;
        frames::wait_for(&mut socket, frames::DATA, 1).await;
        drop((socket, client, viewer));
        eventually("nobody", || handle.rooms().is_empty()).await;

        // A layer that catches panics finds none.
        let server = serve(Router::new().layer(badges).layer(CatchPanicLayer::new())).await;
        for protocol in Protocol::BOTH {
            let mut client = Client::connect(server.address, protocol).await;
            let answer = client.get(BUG, &BROWSER).await;
            assert_eq!(answer.status, 500, "{closure}");
            answer.bytes().await;
            let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
            viewer.bar_of(1).await;
            drop((client, viewer));
            eventually("nobody", || handle.rooms().is_empty()).await;
        }
    }
}

struct Broken;

impl Observer for Broken {
    fn on_join(&self, _: &Join) {
        panic!("a hook's bug, which must not matter");
    }

    fn on_leave(&self, _: &Leave) {
        panic!("a hook's bug, which must not matter");
    }

    fn on_paint(&self, _: &Paint) {
        panic!("a hook's bug, which must not matter");
    }

    fn on_refusal(&self, _: &Refused) {
        panic!("a hook's bug, which must not matter");
    }
}

#[tokio::test]
async fn hooks_that_panic_hurt_nobody() {
    let badges = LiveBadgeLayer::builder().badge(Site::PATH, bar_badge()).observer(Broken);
    let badges = badges.max_viewers(1).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let mut viewer = client.get(Site::PATH, &BROWSER).await.into_stream();
        viewer.bar_of(1).await;
        let refused =
            RawReply::to(server.address, &format!("GET {} HTTP/1.1", Site::PATH), &BROWSER).await;
        assert_eq!(refused.header("content-type"), Some("image/png"));
        assert_eq!(handle.room_at(Site::PATH).unwrap().counts().streams, 1);
        drop((client, viewer));
        eventually("nobody", || handle.rooms().is_empty()).await;
    }
}
