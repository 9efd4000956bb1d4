//! What was in a room, and how many there are in all rooms together.

use std::time::Duration;

use crate::common::{
    BROWSER, Client, Protocol, Server, at_once, bar_badge, bar_badge_of, bar_look_of, eventually,
    read_bar, serve,
};
use tower_livebadge::{Badge, BuildErrorKind, Counts, Handle, LiveBadgeLayer, Records, visitor};

async fn serve_badges(badges: &[(&str, Badge)]) -> (Server, Handle) {
    let mut builder = LiveBadgeLayer::builder();
    for (path, badge) in badges {
        builder = builder.badge(*path, badge.clone());
    }
    let badges = builder.build().expect("right badges");
    let handle = badges.handle();
    (serve(badges.into_service()).await, handle)
}

async fn still(client: &mut Client, path: &str) -> usize {
    read_bar(&client.get(path, &[]).await.bytes().await)
}

#[tokio::test]
async fn peak_and_joins_outlive_the_room_if_a_template_shows_them() {
    let peak = bar_badge_of("peak + 100 * joins");
    let plain = bar_badge();
    let (server, handle) = serve_badges(&[("/{room}/peak", peak), ("/{room}/plain", plain)]).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    assert_eq!(still(&mut client, "/a/peak").await, 0);
    let mut one = client.get("/a/peak", &BROWSER).await.into_stream();
    one.bar_of(101).await;
    let mut two = client.get("/a/peak", &BROWSER).await.into_stream();
    two.bar_of(202).await;
    drop((one, two));
    eventually("the room to be freed", || handle.rooms().is_empty()).await;
    assert_eq!(still(&mut client, "/a/peak").await, 202);
    assert_eq!(still(&mut client, "/b/peak").await, 0);
    let mut three = client.get("/a/peak", &BROWSER).await.into_stream();
    three.bar_of(302).await;
    let records = handle.room_at("/a/peak").unwrap().records().await;
    assert_eq!((records.peak, records.peak_today, records.joins), (2, 2, 3));

    // Set and reset while somebody looks, and while nobody does.
    let mut kept = Records::default();
    (kept.peak, kept.peak_today, kept.joins) = (7, 5, 9); // of another day
    handle.room_at("/a/peak").unwrap().set_records(kept.clone());
    three.bar_of(907).await;
    assert_eq!(handle.room_at("/a/peak").unwrap().records().await.peak_today, 1);
    handle.room_at("/a/peak").unwrap().reset();
    three.bar_of(1).await;
    drop(three);
    eventually("the room to be freed", || handle.rooms().is_empty()).await;
    handle.room_at("/a/peak").unwrap().set_records(kept.clone());
    assert_eq!(still(&mut client, "/a/peak").await, 907);
    let all = handle.all_records().await.unwrap();
    assert_eq!(all, [("/a/peak".to_owned(), handle.room_at("/a/peak").unwrap().records().await)]);
    handle.room_at("/a/peak").unwrap().reset();
    assert_eq!(past(&handle, "/a/peak"), (0, 0, 0));

    // Nothing is kept of a room whose pictures don't show it.
    let mut plain = client.get("/a/plain", &BROWSER).await.into_stream();
    plain.bar_of(1).await;
    assert_eq!(handle.room_at("/a/plain").unwrap().records().await.joins, 1);
    drop(plain);
    eventually("the room to be freed", || handle.rooms().is_empty()).await;
    assert_eq!(past(&handle, "/a/plain"), (0, 0, 0));
}

fn past(handle: &Handle, path: &str) -> (usize, usize, u64) {
    let records = at_once(handle.room_at(path).unwrap().records());
    (records.peak, records.peak_today, records.joins)
}

#[tokio::test]
async fn another_look_of_a_room_keeps_its_past() {
    let look = bar_look_of("joins").rooms_of("/plain");
    let (server, handle) = serve_badges(&[("/plain", bar_badge()), ("/joins", look)]).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    for expected in 1..4 {
        let mut viewer = client.get("/plain", &BROWSER).await.into_stream();
        viewer.bar_of(1).await;
        drop(viewer);
        eventually("the room to be freed", || handle.rooms().is_empty()).await;
        assert_eq!(still(&mut client, "/joins").await, expected);
    }
}

#[tokio::test]
async fn a_tab_more_and_a_reload_are_no_joins() {
    let badge = bar_badge_of("joins").visitors(visitor::header("x-user"));
    let (server, _) = serve_badges(&[("/joins", badge)]).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let alice = [BROWSER[1], ("x-user", "alice")];
    for _ in 0..3 {
        let mut tabs = (
            client.get("/joins", &alice).await.into_stream(),
            client.get("/joins", &alice).await.into_stream(),
        );
        tabs.0.bar_of(1).await;
        tabs.1.bar_of(1).await;
    }
    let mut bob = client.get("/joins", &[BROWSER[1], ("x-user", "bob")]).await.into_stream();
    bob.bar_of(2).await;
}

#[tokio::test]
async fn time_passes_in_a_picture_although_nothing_happens() {
    let (server, _) = serve_badges(&[("/since", bar_badge_of("since_change"))]).await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let mut viewer = client.get("/since", &BROWSER).await.into_stream();
    for second in 0..3 {
        viewer.bar_of(second).await;
    }
}

#[tokio::test]
async fn the_last_minutes_are_a_list() {
    let badge =
        bar_badge_of("100 * (recent | length) / 10 + (recent | max) + 10 * (recent | last)");
    let (server, _) = serve_badges(&[("/recent", badge)]).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut viewer = client.get("/recent", &BROWSER).await.into_stream();
    viewer.bar_of(611).await;
}

#[tokio::test]
async fn a_total_is_of_all_rooms_and_counts_a_person_once() {
    let rooms = bar_badge().visitors(visitor::header("x-user")).leave_grace(Duration::ZERO);
    let total = bar_badge_of("visitors + 10 * streams + 100 * rooms").total_of("/{room}/bar");
    let (server, handle) = serve_badges(&[("/total", total.clone()), ("/{room}/bar", rooms)]).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut watcher = client.get("/total", &BROWSER).await.into_stream();
    watcher.bar_of(0).await;
    let alice = [BROWSER[1], ("x-user", "alice")];
    let mut a = client.get("/a/bar", &alice).await.into_stream();
    a.bar_of(1).await;
    watcher.bar_of(111).await;
    let b = client.get("/b/bar", &alice).await.into_stream();
    watcher.bar_of(221).await;
    let c = client.get("/b/bar", &[BROWSER[1], ("x-user", "bob")]).await.into_stream();
    watcher.bar_of(232).await;
    let counts = handle.room_at("/total").unwrap().counts();
    assert_eq!((counts.streams, counts.visitors), (3, 2));
    assert_eq!(handle.rooms().len(), 2, "the total is none of them");
    let data = client.get("/total?format=json", &[]).await.bytes().await;
    assert_eq!(data, r#"{"streams":3,"visitors":2}"#);
    drop(b);
    watcher.bar_of(222).await;
    drop((a, c));
    watcher.bar_of(0).await;
    drop(watcher);
    // It is known without anybody looking at it.
    let mut d = client.get("/d/bar", &alice).await.into_stream();
    d.bar_of(1).await;
    assert_eq!(still(&mut client, "/total").await, 111);
}

#[test]
fn a_total_is_of_another_badge_with_rooms_of_its_own() {
    let wrong = |total: Badge| {
        let badges = LiveBadgeLayer::builder()
            .badge("/{room}/bar", bar_badge())
            .badge("/{room}/look", bar_look_of("streams").rooms_of("/{room}/bar"))
            .badge("/fixed", bar_badge())
            .badge("/total", total);
        let built = badges.build();
        built.is_err_and(|error| matches!(error.kind(), BuildErrorKind::TotalOf { .. }))
    };
    assert!(!wrong(bar_badge().total_of("/{room}/bar")));
    assert!(wrong(bar_badge().total_of("/none")));
    assert!(wrong(bar_badge().total_of("/{room}/look")));
    assert!(wrong(bar_badge().total_of("/total")));
}

/// An application keeps them in a file or a database.
#[test]
fn records_and_counts_can_be_stored() {
    let mut records = Records::default();
    (records.peak, records.peak_today, records.day, records.joins) = (7, 5, 20_000, 9);
    let stored = serde_json::to_string(&records).unwrap();
    let flat =
        r#"{"peak":7,"peak_today":5,"day":20000,"joins":9,"today":0,"visitors_today":0,"days":[0,"#;
    assert!(stored.starts_with(flat), "{stored}");
    assert_eq!(serde_json::from_str::<Records>(&stored).unwrap(), records);
    // By an older version, which knew less, or a newer one, which knew more.
    let older: Records = serde_json::from_str(r#"{"peak":7,"median":1}"#).unwrap();
    assert_eq!((older.peak, older.joins), (7, 0));

    let counts: Counts = serde_json::from_str(r#"{"streams":3,"visitors":2}"#).unwrap();
    assert_eq!((counts.streams, counts.visitors), (3, 2));
    assert_eq!(serde_json::to_string(&counts).unwrap(), r#"{"streams":3,"visitors":2}"#);
}
