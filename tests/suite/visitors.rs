//! Who is one visitor: keys that are none, cookies of the badge's own, and the change of the day.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;
use tower_livebadge::{
    Badge, BuildErrorKind, Handle, LiveBadge, LiveBadgeLayer, NotFound, SameSite, VisitorCookie,
    VisitorKey, visitor,
};

use crate::common::{BROWSER, bar_badge, eventually};

const PATH: &str = "/badge.png";
/// A bit more: salts change after it.
const DAY: Duration = Duration::from_secs(24 * 60 * 60 + 60);

struct App {
    service: LiveBadge<NotFound>,
    handle: Handle,
}

/// Somebody who looks, until dropped. `cookie` is what it was given.
struct Viewer {
    is_stream: bool,
    cookie: Option<String>,
    _reading: AbortOnDropHandle<()>,
}

impl App {
    fn of(badges: &[(&str, Badge)]) -> Self {
        let layer = badges.iter().fold(LiveBadgeLayer::builder(), |layer, (path, badge)| {
            layer.badge(*path, badge.clone())
        });
        let badges = layer.build().expect("right badges");
        Self { handle: badges.handle(), service: badges.into_service() }
    }

    async fn view(&self, path: &str, headers: &[(&str, &str)]) -> Viewer {
        let mut request = Request::get(path).extension(Login("  "));
        for (name, value) in BROWSER.iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
        let response = self.service.clone().oneshot(request).await.expect("never fails");
        let (head, mut body) = response.into_parts();
        let is_stream = head.headers["content-type"].as_bytes().starts_with(b"multipart/");
        let cookie = head.headers.get("set-cookie").map(|it| it.to_str().unwrap().to_owned());
        body.frame().await.expect("a picture").expect("never fails");
        let reading = tokio::spawn(async move { while body.frame().await.is_some() {} });
        Viewer { is_stream, cookie, _reading: AbortOnDropHandle::new(reading) }
    }

    fn counts(&self, path: &str) -> (usize, usize) {
        let counts = self.handle.room_at(path).unwrap().counts();
        (counts.streams, counts.visitors)
    }
}

#[derive(Clone)]
struct Login(&'static str);

/// Guests behind a proxy that authenticates come with the user's header empty: they are not all one.
#[tokio::test]
async fn an_empty_or_blank_key_is_none() {
    let headers = [("x-user", ""), ("cookie", "sid=; sid= ")];
    for badge in [
        bar_badge().visitors(visitor::header("x-user")),
        bar_badge().visitors(visitor::cookie("sid")),
        bar_badge().visitors(visitor::extension(|login: &Login| login.0)),
        bar_badge().visitors(|_| Some(VisitorKey::new(""))),
        bar_badge().visitors(|_| Some(VisitorKey::new(" \t\r\n"))),
    ] {
        let app = App::of(&[(PATH, badge.max_per_visitor(1))]);
        let viewers = [app.view(PATH, &headers).await, app.view(PATH, &headers).await];
        assert!(viewers.iter().all(|viewer| viewer.is_stream));
        assert_eq!(app.counts(PATH), (2, 2));
    }
    let by_cookie = App::of(&[(PATH, bar_badge().visitor_cookie("sid"))]);
    let guest = by_cookie.view(PATH, &headers).await;
    assert!(guest.cookie.is_some_and(|cookie| cookie.starts_with("sid=")), "it is given one");
    // An address is a key, though its four bytes are blanks.
    let by_address = App::of(&[(PATH, bar_badge().visitors(visitor::address_header("x-real-ip")))]);
    let (_one, _two) = (
        by_address.view(PATH, &[("x-real-ip", "9.10.13.32")]).await,
        by_address.view(PATH, &[("x-real-ip", "9.10.13.32")]).await,
    );
    assert_eq!(by_address.counts(PATH), (2, 1));
}

/// What a client can choose is not what a proxy or the application has found out, even if it reads the
/// same: otherwise a guest could take a member's place, or use up a member's streams.
#[tokio::test]
async fn a_cookie_with_a_members_name_is_a_guest() {
    let badge = bar_badge().visitors(visitor::header("x-user")).visitors(visitor::cookie("sid"));
    let app = App::of(&[(PATH, badge.max_per_visitor(1))]);
    let guest = app.view(PATH, &[("x-user", ""), ("cookie", "sid=alice")]).await;
    let alice = app.view(PATH, &[("x-user", "alice"), ("cookie", "sid=alice")]).await;
    assert!(guest.is_stream && alice.is_stream);
    assert_eq!(app.counts(PATH), (2, 2));
}

#[tokio::test]
async fn a_cookie_is_as_the_application_wants_it() {
    let cookie = VisitorCookie::new("__Host-viewer").same_site(SameSite::None).partitioned(true);
    let app = App::of(&[(PATH, bar_badge().visitor_cookie(cookie))]);
    let first = app.view(PATH, &[]).await;
    let cookie = first.cookie.as_deref().expect("a cookie for who has none");
    let (pair, rules) = cookie.split_once("; ").unwrap();
    assert_eq!(rules, "HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Max-Age=31536000");
    // Beside one that is no text, which others have set.
    let mut headers = vec![("cookie", pair)];
    headers.insert(0, ("cookie", "theme=d\u{e9}j\u{e0}"));
    let again = app.view(PATH, &headers).await;
    assert_eq!((again.cookie.as_deref(), app.counts(PATH)), (None, (2, 1)));
}

#[test]
fn a_cookie_that_browsers_would_drop_is_an_error() {
    for (setting, cookie) in [
        ("domain", VisitorCookie::new("__Host-viewer").domain("example.com")),
        ("path", VisitorCookie::new("__host-viewer").path("/badges")),
        ("same_site", VisitorCookie::new("viewer").same_site(SameSite::None)),
        ("partitioned", VisitorCookie::new("viewer").partitioned(true)),
    ] {
        let badge = Badge::online().visitor_cookie(cookie);
        let error = LiveBadgeLayer::builder().badge("/x.png", badge).build().unwrap_err();
        assert!(matches!(error.kind(), BuildErrorKind::Setting { .. }));
        assert!(error.to_string().contains(setting), "{error}");
    }
}

/// The keyed hashes change every day, and whoever is there then stays one visitor: in its room, in
/// other rooms of the same total, and for the limit.
#[tokio::test(start_paused = true)]
async fn somebody_who_is_there_over_the_change_of_the_day_stays_one_visitor() {
    let by_user = |badge: Badge| badge.visitors(visitor::header("x-user"));
    let hour = Duration::from_secs(3600);
    let rooms = by_user(bar_badge()).max_per_visitor(4).leave_grace(hour).heartbeat(hour);
    let app = App::of(&[
        ("/rooms/{room}/bar.png", rooms),
        ("/total.png", bar_badge().total_of("/rooms/{room}/bar.png")),
        ("/alone.png", by_user(bar_badge()).max_per_visitor(2).heartbeat(hour)),
    ]);
    let (a, b) = ("/rooms/a/bar.png", "/rooms/b/bar.png");
    let (alice, bob) = ([("x-user", "alice")], [("x-user", "bob")]);
    let first = app.view(a, &alice).await;
    let _limited = app.view("/alone.png", &alice).await;
    let _bob = app.view(a, &bob).await;
    assert_eq!((app.counts(a), app.counts("/total.png")), ((2, 2), (2, 2)));

    for day in 1..=3 {
        tokio::time::sleep(DAY).await;
        let second = app.view(a, &alice).await;
        let elsewhere = app.view(b, &alice).await;
        assert_eq!(app.counts(a), (3, 2), "day {day}");
        assert_eq!((app.counts(b), app.counts("/total.png")), ((1, 1), (4, 2)), "day {day}");
        drop((second, elsewhere));
        eventually("two streams", || app.counts("/total.png").0 == 2).await;
        tokio::time::sleep(hour + Duration::from_secs(1)).await;
    }
    assert!(app.view("/alone.png", &alice).await.is_stream);
    let (_two, three) =
        (app.view("/alone.png", &alice).await, app.view("/alone.png", &alice).await);
    assert!(!three.is_stream, "the limit knows who it was, too");

    // A reload within the grace, later on the day, is the same visitor still.
    drop(first);
    eventually("one stream", || app.counts(a).0 == 1).await;
    let _reloaded = app.view(a, &alice).await;
    assert_eq!(app.counts(a), (2, 2));
    // Who comes later than that is nobody known; nor is anybody else ever taken for somebody.
    let _carol = app.view(a, &[("x-user", "carol")]).await;
    assert_eq!(app.counts(a), (3, 3));
}
