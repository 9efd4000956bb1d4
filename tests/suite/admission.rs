//! Who may enter: after the gate, in whose place, and for how many rooms.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use http::Method;
use tokio::sync::Semaphore;
use tower_livebadge::{Badge, LiveBadgeLayer, Look};

use crate::common::{
    BROWSER, Client, Protocol, bar_badge, bar_badge_of, bar_look_of, eventually, serve, within,
};

const PATH: &str = "/bar.png";

/// An application that lets in who is a member, and takes its time with strangers.
fn login(patience: Arc<Semaphore>) -> axum::Router {
    let answer = async move |headers: HeaderMap| match headers.contains_key("x-member") {
        true => StatusCode::OK,
        false => {
            let _permit = patience.acquire().await;
            StatusCode::UNAUTHORIZED
        }
    };
    axum::Router::new().fallback(get(answer))
}

#[tokio::test]
async fn who_waits_at_the_gate_holds_nobodys_place() {
    for (name, badge, max_viewers) in
        [("in all", bar_badge(), Some(1)), ("in the room", bar_badge().max_per_room(1), None)]
    {
        let mut badges = LiveBadgeLayer::builder().badge(PATH, badge.gated(true)).max_rooms(1);
        if let Some(viewers) = max_viewers {
            badges = badges.max_viewers(viewers);
        }
        let badges = badges.build().unwrap();
        let patience = Arc::new(Semaphore::new(0));
        let server = serve(login(patience.clone()).layer(badges)).await;
        let strangers: Vec<_> = (0..5)
            .map(|_| {
                tokio::spawn(async move {
                    let mut client = Client::connect(server.address, Protocol::Http1).await;
                    client.get(PATH, &BROWSER).await.status
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut member = Client::connect(server.address, Protocol::Http1).await;
        let reply = member.get(PATH, &[BROWSER[0], BROWSER[1], ("x-member", "yes")]).await;
        assert!(reply.is_stream(), "{name}");
        reply.into_stream().bar_of(1).await;
        patience.add_permits(5);
        for stranger in strangers {
            assert_eq!(stranger.await.unwrap(), StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn who_only_looks_takes_nobodys_place() {
    let badge = bar_badge().max_per_room(2);
    let other = bar_look_of("streams").rooms_of(PATH).count_if(|_| false).max_per_room(1);
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).badge("/other.png", other);
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut held = Vec::new();
    for (path, is_stream) in [
        ("/other.png", true),
        ("/other.png", false),
        ("/bar.png?uncounted", true),
        ("/bar.png?uncounted", true),
        ("/bar.png?uncounted", false),
        ("/bar.png", true),
        ("/bar.png", true),
        ("/bar.png", false),
    ] {
        let reply = client.get(path, &BROWSER).await;
        assert_eq!(reply.is_stream(), is_stream, "{path} after {}", held.len());
        if reply.is_stream() {
            held.push(reply.into_stream());
        } else {
            reply.bytes().await;
        }
    }
}

/// Another badge of the same rooms is no way round what their own says.
#[tokio::test]
async fn rooms_and_their_limit_are_their_own_badges_to_say() {
    let of = "/{room}/bar.png";
    let is_room = |params: &tower_livebadge::Params| params.get("room") == Some("a");
    let badges = LiveBadgeLayer::builder()
        .badge(of, bar_badge().rooms(is_room).max_per_room(1))
        .badge("/{room}/card.png", bar_look_of("streams").rooms_of(of))
        .build()
        .unwrap();
    let handle = badges.handle();
    assert!(handle.room_at("/b/card.png").is_err());
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    assert_eq!(client.get("/b/card.png", &BROWSER).await.status, StatusCode::NOT_FOUND);
    let _one = client.get("/a/card.png", &BROWSER).await.into_stream();
    assert!(!client.get("/a/bar.png", &BROWSER).await.is_stream());
    assert!(!client.get("/a/card.png", &BROWSER).await.is_stream());
}

/// Rooms in which somebody is still expected back are rooms, too, and so are those that are promised.
#[tokio::test]
async fn there_are_never_more_rooms_than_are_allowed() {
    let badge = bar_badge().leave_grace(Duration::from_secs(60));
    let badges = LiveBadgeLayer::builder().badge("/{room}/bar.png", badge).max_rooms(6);
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    for room in 0..5 {
        let mut stream = client.get(&format!("/{room}/bar.png"), &BROWSER).await.into_stream();
        stream.bar_of(1).await;
    }
    // All at once, each on a connection of its own.
    let others = (5..25).map(|room| {
        tokio::spawn(async move {
            let mut client = Client::connect(server.address, Protocol::Http2).await;
            let reply = client.get(&format!("/{room}/bar.png"), &BROWSER).await;
            let is_stream = reply.is_stream();
            (is_stream, reply)
        })
    });
    let mut replies = Vec::new();
    for other in others.collect::<Vec<_>>() {
        replies.push(other.await.unwrap());
    }
    assert_eq!(replies.iter().filter(|(is_stream, _)| *is_stream).count(), 1);
    // Those that are open already are open to everybody.
    let reply = client.get("/3/bar.png", &BROWSER).await;
    assert!(reply.is_stream());
}

/// What is behind a gate is not shown in front of it by another badge.
#[tokio::test]
async fn a_look_or_a_total_of_gated_rooms_is_gated_unless_it_says_otherwise() {
    let answer = async |Path(path): Path<String>, headers: HeaderMap| {
        let is_admin = headers.contains_key("x-admin");
        if is_admin { (StatusCode::OK, path) } else { (StatusCode::FORBIDDEN, path) }
    };
    let app = axum::Router::new().route("/{*path}", get(answer));
    let of = "/{room}/admins.png";
    let badges = LiveBadgeLayer::builder()
        .badge(of, bar_badge().gated(true))
        .badge("/{room}/look.png", bar_look_of("streams").rooms_of(of))
        .badge("/total.png", bar_badge_of("rooms").total_of(of))
        .badge("/{room}/open.png", bar_look_of("streams").rooms_of(of).gated(false))
        .badge("/open.png", bar_badge_of("rooms").total_of(of).gated(false))
        .badge("/look_of_total.png", bar_look_of("rooms").rooms_of("/total.png"))
        .build()
        .unwrap();
    let server = serve(app.layer(badges)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let admin = [BROWSER[0], BROWSER[1], ("x-admin", "yes")];
    for (path, is_gated) in [
        ("/a/admins.png", true),
        ("/a/look.png", true),
        ("/total.png", true),
        ("/look_of_total.png", true),
        ("/a/open.png", false),
        ("/open.png", false),
    ] {
        for query in ["", "?format=json", "?still", "?format=svg", "?stream", "?uncounted"] {
            for method in [Method::GET, Method::HEAD] {
                let reply = client.send(method, &format!("{path}{query}"), &BROWSER).await;
                let is_shown = reply.status == StatusCode::OK;
                assert_eq!(is_shown, !is_gated, "{path}{query}: {}", reply.status);
            }
        }
        let reply = client.get(path, &admin).await;
        assert!(reply.is_stream(), "{path}");
        let corp = reply.header("cross-origin-resource-policy").unwrap();
        assert_eq!(corp, if is_gated { "same-site" } else { "cross-origin" }, "{path}");
    }
}

/// A stranger's slow styles and a flood of stills hold up nobody's live picture.
#[tokio::test]
async fn a_live_picture_goes_before_a_flood_of_stills() {
    let (sender, receiver) = tokio::sync::watch::channel(1_usize);
    let live = bar_badge_of("value").values(receiver).max_rate(1000.0);
    let look = Look::flat("{{ params.room }}").message("{{ visitors }}");
    let badges = LiveBadgeLayer::builder()
        .badge("/live.png", live)
        .badge("/{room}/slow.png", Badge::look(look))
        .build()
        .unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut stream = client.get("/live.png", &BROWSER).await.into_stream();
    stream.bar_of(1).await;
    let flood: Vec<_> = (0..200)
        .map(|room| {
            tokio::spawn(async move {
                let mut client = Client::connect(server.address, Protocol::Http1).await;
                let path = format!("/made-up-{room}/slow.png?still&scale=4");
                let reply = client.get(&path, &[]).await;
                let (status, retry) = (reply.status, reply.headers.contains_key("retry-after"));
                assert!(!reply.bytes().await.is_empty(), "{status}");
                (status, retry)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    // All of these come while stills wait: what they would take is much longer.
    for value in 2..12 {
        sender.send_replace(value);
        stream.bar_of(value).await;
    }
    let unfinished = flood.iter().filter(|still| !still.is_finished()).count();
    assert!(unfinished > 0, "the flood was over");
    let mut refused = 0;
    for still in flood {
        let (status, retry) = within("a still", still).await.unwrap();
        let is_refused = status == StatusCode::SERVICE_UNAVAILABLE;
        assert!(is_refused || status == StatusCode::OK, "{status}");
        assert_eq!(is_refused, retry);
        refused += usize::from(is_refused);
    }
    assert!(refused > 0, "none was too much");
}

#[tokio::test]
async fn old_streams_end_politely_and_others_go_on() {
    let badge = bar_badge().heartbeat(Duration::from_millis(100)).max_age(Duration::from_secs(1));
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let mut old = client.get(PATH, &BROWSER).await.into_stream();
    old.bar_of(1).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut other = Client::connect(server.address, Protocol::Http1).await;
    let mut young = other.get(PATH, &BROWSER).await.into_stream();
    young.bar_of(2).await;
    while old.read().await {}
    assert!(old.parser.is_closed(), "with its last picture and the closing delimiter");
    young.bar_of(1).await;
    eventually("one", || handle.room_at(PATH).unwrap().counts().streams == 1).await;
}
