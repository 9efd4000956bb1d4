//! Which rooms there are, who is one person, and how many streams each may have.

use std::time::Duration;

use crate::common::{BROWSER, Client, Protocol, Server, bar_badge, eventually, read_bar, serve};
use tower_livebadge::{
    Badge, BuildErrorKind, Handle, LiveBadgeLayer, UnknownRoom, WhenFull, visitor,
};

const PATH: &str = "/rooms/lobby/bar.png";

async fn serve_badge(badge: Badge) -> (Server, Handle) {
    let badges = LiveBadgeLayer::builder().badge("/rooms/{room}/bar.png", badge).build().unwrap();
    let handle = badges.handle();
    let app = axum::Router::new().fallback(|| async { (http::StatusCode::IM_A_TEAPOT, "inner") });
    (serve(app.layer(badges)).await, handle)
}

fn as_user(name: &'static str) -> [(&'static str, &'static str); 2] {
    [BROWSER[1], ("x-user", name)]
}

#[tokio::test]
async fn five_tabs_a_reload_and_a_navigation_are_one_visitor_all_the_time() {
    let badge = bar_badge_of_visitors().visitors(visitor::header("x-user"));
    let (server, handle) = serve_badge(badge).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut watcher = client.get("/rooms/lobby/bar.png?uncounted", &BROWSER).await.into_stream();
    watcher.bar_of(0).await;
    let shown = tokio::spawn(async move {
        let mut shown = Vec::new();
        loop {
            let part = watcher.next_part().await;
            shown.push(read_bar(&part));
            if shown.last() == Some(&0) {
                return shown;
            }
        }
    });
    let mut tabs = Vec::new();
    for _ in 0..5 {
        tabs.push(client.get(PATH, &as_user("alice")).await.into_stream());
    }
    eventually("five tabs", || handle.room_at(PATH).unwrap().counts().streams == 5).await;
    tabs.clear(); // all reload at once
    eventually("no tab", || handle.room_at(PATH).unwrap().counts().streams == 0).await;
    assert_eq!(handle.room_at(PATH).unwrap().counts().visitors, 1);
    let mut again = client.get(PATH, &as_user("alice")).await.into_stream();
    again.bar_of(1).await;
    drop(again);
    // A picture of somebody, then of nobody after the grace: nothing in between.
    assert_eq!(shown.await.unwrap(), [1, 0]);
}

fn bar_badge_of_visitors() -> Badge {
    crate::common::bar_badge_of("visitors")
}

#[tokio::test]
async fn who_only_looks_is_not_counted() {
    let badge = bar_badge().count_if(|request| !request.headers.contains_key("x-staff"));
    let (server, handle) = serve_badge(badge).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut staff = client.get(PATH, &[BROWSER[1], ("x-staff", "1")]).await.into_stream();
    staff.bar_of(0).await;
    let mut guest = client.get(PATH, &BROWSER).await.into_stream();
    guest.bar_of(1).await;
    staff.bar_of(1).await;
    drop(guest);
    staff.bar_of(0).await;
    assert_eq!(handle.room_at(PATH).unwrap().counts().streams, 0);
    // With somebody looking on already, a further one gets the picture at once.
    let mut other = client.get(PATH, &[BROWSER[1], ("x-staff", "1")]).await.into_stream();
    other.bar_of(0).await;
    drop((staff, other));
    eventually("the room to be freed", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn unknown_rooms_are_the_inner_services_or_404() {
    let lobby = |params: &tower_livebadge::Params| params.get("room") == Some("lobby");
    let (server, _) = serve_badge(bar_badge().rooms(lobby)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    assert_eq!(client.get("/rooms/cellar/bar.png", &BROWSER).await.status, 418);
    assert!(client.get(PATH, &BROWSER).await.is_stream());
    let badge = bar_badge().rooms(lobby).unknown_room(UnknownRoom::NotFound);
    let (server, _) = serve_badge(badge).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    assert_eq!(client.get("/rooms/cellar/bar.png", &BROWSER).await.status, 404);
    // What can't name a room is never one.
    for path in ["/rooms/%FF/bar.png", "/rooms/a%00/bar.png"] {
        assert_eq!(client.get(path, &BROWSER).await.status, 418);
    }
}

#[tokio::test]
async fn two_badges_show_one_room() {
    let badges = LiveBadgeLayer::builder()
        .badge("/{room}/twice.png", bar_badge_of_twice().rooms_of("/{room}/bar.png"))
        .badge("/{room}/bar.png", bar_badge())
        .build()
        .unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut one = client.get("/a/bar.png", &BROWSER).await.into_stream();
    one.bar_of(1).await;
    let mut two = client.get("/a/twice.png", &BROWSER).await.into_stream();
    two.bar_of(4).await;
    one.bar_of(2).await;
    let rooms = handle.rooms();
    assert_eq!((rooms.len(), &*rooms[0].path), (1, "/a/bar.png"));
    assert_eq!(
        handle.room_at("/a/twice.png").unwrap().counts(),
        handle.room_at("/a/bar.png").unwrap().counts()
    );
    drop(one);
    two.bar_of(2).await;

    for wanted in ["/none", "/{other}/bar.png", "/{room}/look.png"] {
        let badges = LiveBadgeLayer::builder()
            .badge("/{other}/bar.png", Badge::online())
            .badge("/{room}/look.png", Badge::online().rooms_of(wanted));
        let error = badges.build().unwrap_err();
        assert!(matches!(error.kind(), BuildErrorKind::RoomsOf { .. }), "{wanted}");
    }
}

fn bar_badge_of_twice() -> Badge {
    crate::common::bar_look_of("streams * 2")
}

#[tokio::test]
async fn a_room_and_a_visitor_have_limits_and_freed_places_serve_at_once() {
    let badge = bar_badge().visitors(visitor::header("x-user")).max_per_visitor(2).max_per_room(3);
    let (server, handle) = serve_badge(badge).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut open = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let reply = client.get(PATH, &as_user(user)).await;
        assert!(reply.is_stream());
        open.push(reply.into_stream());
    }
    // The room is full for bob, and alice has had her share in every room.
    assert!(!client.get(PATH, &as_user("bob")).await.is_stream());
    assert!(!client.get("/rooms/other/bar.png", &as_user("alice")).await.is_stream());
    assert!(client.get("/rooms/other/bar.png", &as_user("bob")).await.is_stream());
    let tab = open.remove(0);
    drop(tab);
    eventually("a place", || handle.room_at(PATH).unwrap().counts().streams == 2).await;
    assert!(client.get(PATH, &as_user("alice")).await.is_stream());
}

#[tokio::test]
async fn full_can_be_said_with_a_status() {
    let badge = bar_badge().max_per_room(0).when_full(WhenFull::Unavailable);
    let (server, _) = serve_badge(badge).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let reply = client.get(PATH, &BROWSER).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), Some("10"));
    assert_eq!(reply.header("content-type"), Some("image/png"));
    assert_eq!(read_bar(&reply.bytes().await), 0);
    assert_eq!(client.get("/rooms/lobby/bar.png?still", &BROWSER).await.status, 200);
}

#[tokio::test]
async fn made_up_addresses_are_one_visitor_unless_the_proxy_is_trusted() {
    use std::net::{IpAddr, Ipv4Addr};
    fn peer(_: &http::request::Parts) -> Option<IpAddr> {
        Some(Ipv4Addr::LOCALHOST.into())
    }
    let grace = Duration::ZERO;
    let badges = LiveBadgeLayer::builder()
        .badge("/peer.png", bar_badge().visitors(visitor::peer(peer)).leave_grace(grace))
        .badge(
            "/hop.png",
            bar_badge().visitors(visitor::x_forwarded_for(1, peer)).leave_grace(grace),
        )
        .build()
        .unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut open = Vec::new();
    for number in 1..=10 {
        let hops = format!("6.6.6.{number}, 1.1.1.{}", number % 5);
        for path in ["/peer.png", "/hop.png"] {
            let headers = [BROWSER[1], ("x-forwarded-for", hops.as_str())];
            open.push(client.get(path, &headers).await);
        }
    }
    eventually("everybody", || handle.room_at("/hop.png").unwrap().counts().streams == 10).await;
    eventually("everybody", || handle.room_at("/peer.png").unwrap().counts().streams == 10).await;
    assert_eq!(handle.room_at("/peer.png").unwrap().counts().visitors, 1);
    assert_eq!(handle.room_at("/hop.png").unwrap().counts().visitors, 5);
}

#[tokio::test]
async fn a_cookie_of_the_badges_own_makes_one_visitor_of_many_views() {
    let (server, handle) = serve_badge(bar_badge_of_visitors().visitor_cookie("viewer")).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let first = client.get(PATH, &BROWSER).await;
    let cookie = first.header("set-cookie").expect("a cookie for who has none").to_owned();
    let (pair, rules) = cookie.split_once("; ").unwrap();
    assert_eq!(rules, "HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000");
    let value = pair.strip_prefix("viewer=").unwrap();
    assert!(value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit()), "{cookie}");
    let mut first = first.into_stream();
    first.bar_of(1).await;

    let again = client.get(PATH, &[BROWSER[1], ("cookie", pair)]).await;
    assert_eq!(again.header("set-cookie"), None);
    let mut again = again.into_stream();
    again.bar_of(1).await;
    assert_eq!(
        (
            handle.room_at(PATH).unwrap().counts().streams,
            handle.room_at(PATH).unwrap().counts().visitors
        ),
        (2, 1)
    );
    let other = client.get(PATH, &BROWSER).await;
    assert_ne!(other.header("set-cookie"), Some(&*cookie));
    other.into_stream().bar_of(2).await;
    // Who is not counted is given none.
    let look = client.get(&format!("{PATH}?uncounted"), &BROWSER).await;
    assert_eq!((look.is_stream(), look.header("set-cookie")), (true, None));
    assert_eq!(client.get(PATH, &[]).await.header("set-cookie"), None);
    // Whom the application knows otherwise needs none.
    let by_name = || bar_badge().visitors(visitor::header("x-user"));
    let anna = [BROWSER[0], BROWSER[1], ("x-user", "anna")];
    for (badge, of_guest) in [
        (by_name().visitor_cookie("viewer"), true),
        (bar_badge().visitor_cookie("viewer").visitors(visitor::header("x-user")), true),
        (bar_badge().visitor_cookie("viewer").no_visitors(), false),
    ] {
        let (server, _) = serve_badge(badge).await;
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        assert_eq!(client.get(PATH, &anna).await.header("set-cookie"), None);
        let guest = client.get(PATH, &BROWSER).await;
        assert_eq!(guest.header("set-cookie").is_some(), of_guest);
    }
    for name in ["", "a b", "a;b", "a=b", "é"] {
        let badges = LiveBadgeLayer::builder().badge("/x", Badge::online().visitor_cookie(name));
        let error = badges.build().unwrap_err();
        assert!(matches!(error.kind(), BuildErrorKind::Setting { .. }), "{name}");
    }
}
