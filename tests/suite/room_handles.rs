//! What an application does with one room.

use std::time::Duration;

use tower_livebadge::{Badge, Counts, LiveBadgeLayer, Look, RoomError, visitor};

use crate::common::{
    BROWSER, Client, Protocol, at_once, bar_badge, bar_badge_of, eventually, serve, within,
};

const ROOMS: &str = "/rooms/{room}/bar.png";

#[test]
fn a_mistake_is_an_error_and_never_zeros() {
    let lobby_alone = |params: &tower_livebadge::Params| params.get("room") == Some("lobby");
    let badges = LiveBadgeLayer::builder()
        .badge("/online.png", Badge::online())
        .badge(ROOMS, bar_badge().rooms(lobby_alone))
        .unrouted("articles/{id}", bar_badge())
        .build()
        .unwrap();
    let handle = badges.handle();
    let error = |pattern, params: &[(&str, &str)]| handle.room(pattern, params).unwrap_err();
    let long = "x".repeat(65);
    for (error, says) in [
        (error("/onlin.png", &[]), &["/onlin.png", "/online.png"][..]),
        (error("/rooms/lobby/bar.png", &[]), &["/rooms/lobby/bar.png", ROOMS]),
        (error(ROOMS, &[]), &["room", "no value"]),
        (error(ROOMS, &[("rom", "lobby")]), &["rom"]),
        (error(ROOMS, &[("room", "lobby"), ("x", "1")]), &["x"]),
        (error(ROOMS, &[("room", "")]), &["1 to 64"]),
        (error(ROOMS, &[("room", "a\n")]), &["1 to 64"]),
        (error(ROOMS, &[("room", &long)]), &["1 to 64"]),
        (error(ROOMS, &[("room", "cellar")]), &["/rooms/cellar/bar.png"]),
        (handle.room_at("/rooms/cellar/bar.png").unwrap_err(), &["/rooms/cellar/bar.png"]),
        (handle.room_at("/nothing").unwrap_err(), &["/nothing", "articles/{id}"]),
        (handle.room_at("/articles/7").unwrap_err(), &["/articles/7"]),
    ] {
        let text = error.to_string();
        assert!(says.iter().all(|word| text.contains(word)), "{says:?}: {text}");
    }
    assert!(matches!(error(ROOMS, &[("room", "cellar")]), RoomError::NoRoom { .. }));
    let room = handle.room(ROOMS, &[("room", "lobby")]).unwrap();
    assert_eq!((room.path(), room.params().get("room")), ("/rooms/lobby/bar.png", Some("lobby")));
    assert_eq!(handle.room_at(room.path()).unwrap().path(), room.path());
    assert_eq!(
        handle.room("articles/{id}", &[("id", "ä/b")]).unwrap().path(),
        "articles/%C3%A4%2Fb"
    );
}

#[tokio::test]
async fn a_closed_rooms_viewers_keep_the_last_picture_and_others_may_come() {
    let badges = LiveBadgeLayer::builder().badge(ROOMS, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(server.address, protocol).await;
        let mut other = Client::connect(server.address, protocol).await;
        let mut closed = client.get("/rooms/a/bar.png", &BROWSER).await.into_stream();
        let mut open = other.get("/rooms/b/bar.png", &BROWSER).await.into_stream();
        closed.bar_of(1).await;
        open.bar_of(1).await;
        handle.room(ROOMS, &[("room", "a")]).unwrap().close();
        while closed.read().await {}
        assert!(closed.parser.is_closed());
        let mut third = Client::connect(server.address, protocol).await;
        let mut again = third.get("/rooms/a/bar.png", &BROWSER).await.into_stream();
        again.bar_of(1).await;
        let mut fourth = Client::connect(server.address, protocol).await;
        let mut more = fourth.get("/rooms/b/bar.png", &BROWSER).await.into_stream();
        more.bar_of(2).await;
        open.bar_of(2).await;
        drop((again, open, more, client, other, third, fourth));
        eventually("empty rooms", || handle.rooms().is_empty()).await;
        // Nothing happens to a room that is not open.
        handle.room(ROOMS, &[("room", "c")]).unwrap().close();
    }
}

/// Within a grace the room stays, and whoever comes finds it open again.
#[tokio::test]
async fn a_room_that_was_closed_within_its_grace_is_open_to_newcomers() {
    let badge = bar_badge().leave_grace(Duration::from_secs(60));
    let badges = LiveBadgeLayer::builder().badge(ROOMS, badge).build().unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let room = handle.room(ROOMS, &[("room", "a")]).unwrap();
    for _ in 0..3 {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let mut stream = client.get(room.path(), &BROWSER).await.into_stream();
        stream.bar_of(1).await;
        room.close();
        while stream.read().await {}
        assert!(stream.parser.is_closed());
    }
    eventually("nobody", || room.counts().streams == 0).await;
    assert_eq!(room.counts().visitors, 1, "the grace goes on");
}

/// Although what it shows looks as before.
#[tokio::test]
async fn who_comes_while_others_are_being_sent_away_gets_a_picture() {
    let badges = LiveBadgeLayer::builder().badge(ROOMS, bar_badge_of("7")).build().unwrap();
    let room = badges.handle().room(ROOMS, &[("room", "a")]).unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = client.get(room.path(), &BROWSER).await.into_stream();
        stream.bar_of(7).await;
        streams.push(stream); // which does not read its end
        room.close();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn counts_are_told_whether_or_not_the_room_is_open() {
    let badge = bar_badge().visitors(visitor::header("x-user")).leave_grace(Duration::ZERO);
    let badges = LiveBadgeLayer::builder()
        .badge(ROOMS, badge)
        .badge("/total.png", bar_badge_of("visitors").total_of(ROOMS))
        .build()
        .unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let room = handle.room(ROOMS, &[("room", "a")]).unwrap();
    let (mut before, mut total) =
        (room.subscribe(), handle.room("/total.png", &[]).unwrap().subscribe());
    assert_eq!(*before.borrow(), Counts::default());
    for _ in 0..2 {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let anna = [BROWSER[0], BROWSER[1], ("x-user", "anna")];
        let one = client.get(room.path(), &anna).await.into_stream();
        let two = client.get(room.path(), &anna).await.into_stream();
        let other = client.get("/rooms/b/bar.png", &BROWSER).await.into_stream();
        let both = |counts: &Counts| (counts.streams, counts.visitors) == (2, 1);
        within("both", before.wait_for(both)).await.unwrap();
        let all = |counts: &Counts| (counts.streams, counts.visitors) == (3, 2);
        within("all", total.wait_for(all)).await.unwrap();
        let mut meanwhile = room.subscribe();
        assert!(both(&meanwhile.borrow_and_update()));
        drop((one, two, other));
        for counts in [&mut before, &mut meanwhile, &mut total] {
            within("nobody", counts.wait_for(|counts| *counts == Counts::default())).await.unwrap();
        }
        drop(client);
        eventually("the rooms to be freed", || handle.rooms().is_empty()).await;
    }
}

/// Whoever holds on to what it has heard may ask for more.
#[tokio::test]
async fn to_ask_while_listening_stops_nobody() {
    let badge = bar_badge().leave_grace(Duration::from_millis(1));
    let badges = LiveBadgeLayer::builder().badge(ROOMS, badge).build().unwrap();
    let handle = badges.handle();
    let room = handle.room(ROOMS, &[("room", "a")]).unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut counts = room.subscribe();
    let stream = client.get(room.path(), &BROWSER).await.into_stream();
    let is_so = |counts: &Counts| counts.streams == room.counts().streams && counts.streams == 1;
    within("a join", counts.wait_for(is_so)).await.unwrap();
    drop(stream);
    // What ended meanwhile is noticed by whoever asks first.
    let told = counts.borrow();
    std::thread::sleep(Duration::from_millis(5));
    assert!(room.counts().visitors <= told.visitors && handle.rooms().len() <= 1);
    assert_eq!(room.subscribe().borrow().streams, told.streams);
    drop(told);
    within("a leave", counts.wait_for(|counts| counts.streams == 0)).await.unwrap();
}

#[tokio::test]
async fn an_open_room_that_is_forgotten_leaves_nothing() {
    let visits = Look::odometer(4).number("{{ joins }}");
    let badges = LiveBadgeLayer::builder().badge(ROOMS, Badge::look(visits)).build().unwrap();
    let handle = badges.handle();
    let room = handle.room(ROOMS, &[("room", "a")]).unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut stream = client.get(room.path(), &BROWSER).await.into_stream();
    stream.next_part().await;
    assert_eq!(room.records().await.joins, 1);
    room.forget();
    assert_eq!((room.records().await.joins, room.counts().streams), (0, 1));
    drop(stream);
    eventually("the room to be freed", || handle.rooms().is_empty()).await;
    eventually("nothing", || at_once(handle.all_records()).unwrap().is_empty()).await;
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_totals_are_among_all_records() {
    let visits = Look::odometer(4).number("{{ joins }}");
    let badges = LiveBadgeLayer::builder()
        .badge(ROOMS, Badge::look(visits.clone()))
        .badge("/all.png", Badge::look(visits).total_of(ROOMS))
        .build()
        .unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    for room in ["a", "b"] {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let path = format!("/rooms/{room}/bar.png");
        client.get(&path, &BROWSER).await.into_stream().next_part().await;
    }
    eventually("the rooms to be freed", || handle.rooms().is_empty()).await;
    let all = || {
        let mut all = at_once(handle.all_records()).unwrap();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.into_iter().map(|(path, records)| (path, records.joins)).collect::<Vec<_>>()
    };
    let named = |path: &str, joins| (path.to_owned(), joins);
    let (a, b, total) = ("/rooms/a/bar.png", "/rooms/b/bar.png", "/all.png");
    assert_eq!(all(), [named(total, 2), named(a, 1), named(b, 1)]);
    // They can all be set again by their paths.
    for (path, records) in handle.all_records().await.unwrap() {
        handle.room_at(&path).unwrap().set_records(records);
    }
    handle.room_at(a).unwrap().forget();
    assert_eq!(all(), [named(total, 2), named(b, 1)]);
    assert_eq!(handle.room_at(a).unwrap().records().await.joins, 0);
}

#[tokio::test]
async fn changes_are_a_stream() {
    use futures_util::StreamExt;
    use tower_livebadge::Change;
    let badges = LiveBadgeLayer::builder().badge(ROOMS, bar_badge()).build().unwrap();
    let changes = badges.handle().changes();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let stream = client.get("/rooms/a/bar.png", &BROWSER).await.into_stream();
    let mut streams = changes.map(|change| match change {
        Change::Room(room) => (room.path.to_string(), room.counts.streams),
        other => panic!("{other:?}"),
    });
    assert_eq!(within("a join", streams.next()).await.unwrap(), ("/rooms/a/bar.png".into(), 1));
    drop(stream);
    assert_eq!(within("a leave", streams.next()).await.unwrap(), ("/rooms/a/bar.png".into(), 0));
}
