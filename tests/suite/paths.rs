//! Which badge a path means: text before and after a parameter, and what goes first.

use crate::common::{BROWSER, Client, Protocol, bar_badge_of, read_bar, serve};
use tower_livebadge::{BuildErrorKind, LiveBadgeLayer};

#[tokio::test]
async fn a_parameter_may_have_text_around_it() {
    let patterns = [
        "/t/{id}.png",
        "/t/{id}.svg.png",
        "/t/online.png",
        "/t/{id}/card.png",
        "/t/{id}",
        "/@{user}",
        "/@{user}/badge-{number}.gif",
        "/files/{*path}",
    ];
    let mut badges = LiveBadgeLayer::builder();
    for (number, pattern) in patterns.iter().enumerate() {
        badges = badges.badge(*pattern, bar_badge_of(&format!("{} * streams + {number}", 10)));
    }
    let badges = badges.build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    for (path, pattern) in [
        ("/t/1.png", 0),
        ("/t/a.b.png", 0),
        ("/t/.png.png", 0),
        ("/t/x%2Fy.png", 0),
        ("/t/a.svg.png", 1),
        ("/t/online.png", 2),
        ("/t/1.png/card.png", 3),
        ("/t/a.b", 4),
        ("/t/.png", 4),
        ("/@ada.l", 5),
        ("/@ada/badge-a-1.gif.gif", 6),
        ("/files/a/b.png", 7),
    ] {
        let still = client.get(path, &[]).await;
        assert_eq!(still.status, 200, "{path}");
        assert_eq!(read_bar(&still.bytes().await), pattern, "{path}");
        // The room's own path leads back to it.
        let mut stream = client.get(path, &BROWSER).await.into_stream();
        stream.bar_of(10 + pattern).await;
        let rooms = handle.rooms();
        let room = rooms.iter().find(|room| &*room.path == path);
        assert!(room.is_some(), "{path}: {rooms:?}");
        assert_eq!(handle.room_at(path).unwrap().counts().streams, 1, "{path}");
    }
    for path in ["/t/", "/t//card.png", "/t/1.png/", "/@", "/@ada/badge-.gif", "/files/"] {
        assert_eq!(client.get(path, &[]).await.status, 404, "{path}");
    }
}

#[test]
fn paths_with_text_around_a_parameter_can_conflict() {
    let build = |one: &str, two: &str| {
        let bar = || bar_badge_of("streams");
        LiveBadgeLayer::builder().badge(one, bar()).badge(two, bar()).build()
    };
    for (one, two) in [
        ("/t/{a}.png", "/t/{b}.png"),
        ("/@{a}", "/@{b}"),
        ("/x-{a}.png", "/{b}.png"),
        ("/x-{a}.png", "/x-{a}"),
        ("/{*rest}", "/{x}.png"),
    ] {
        let error = build(one, two).unwrap_err();
        assert!(
            matches!(error.kind(), BuildErrorKind::PathConflict { with, .. } if with == one),
            "{one} {two}: {error}"
        );
    }
    for (one, two) in [("/t/{a}.png", "/t/{a}.svg"), ("/{a}.png", "/{a}"), ("/@{a}", "/{a}")] {
        build(one, two).unwrap();
    }
}
