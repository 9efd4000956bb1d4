//! The application's values: those of all rooms and those of each, cleaned, bounded, and cheap.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tower_livebadge::{
    Badge, BuildErrorKind, LiveBadgeLayer, Look, Observer, Paint, PaintError, PaintFailure, Params,
};

use crate::common::{
    BROWSER, Client, PATIENCE, Protocol, bar_badge, bar_badge_of, bar_look_of, decode, eventually,
    read_bar, serve,
};

/// How often each room has been painted, and has failed to be.
#[derive(Clone, Default)]
struct Paints(Arc<Mutex<HashMap<String, (usize, usize)>>>);

impl Paints {
    fn all(&self) -> HashMap<String, (usize, usize)> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Paints {
    fn on_paint(&self, paint: &Paint) {
        self.0.lock().unwrap().entry(paint.path.to_string()).or_default().0 += 1;
    }

    fn on_paint_error(&self, failure: &PaintFailure<'_>) {
        assert!(matches!(failure.error, PaintError::Panicked), "{:?}", failure.error);
        self.0.lock().unwrap().entry(failure.path.to_string()).or_default().1 += 1;
    }
}

#[derive(Serialize, Clone, Copy)]
struct Level {
    level: usize,
}

/// Values by the rooms' names, as an application has them.
#[derive(Clone, Default)]
struct Levels(Arc<Mutex<HashMap<String, watch::Sender<Level>>>>);

impl Levels {
    fn of(&self, params: &Params) -> watch::Receiver<Level> {
        let id = params.get("id").unwrap();
        assert_ne!(id, "broken", "an application's bug, which must not matter");
        let mut levels = self.0.lock().unwrap();
        let level = Level { level: id.parse().unwrap_or(0) };
        levels.entry(id.to_owned()).or_insert_with(|| watch::channel(level).0).subscribe()
    }

    fn set(&self, id: &str, level: usize) {
        self.0.lock().unwrap()[id].send_replace(Level { level });
    }

    fn readers(&self, id: &str) -> usize {
        self.0.lock().unwrap().get(id).map_or(0, watch::Sender::receiver_count)
    }
}

#[tokio::test]
async fn a_thousand_rooms_show_a_value_each_and_change_alone() {
    const ROOMS: usize = 1000;
    let (levels, paints) = (Levels::default(), Paints::default());
    let of_room = levels.clone();
    let badge = bar_badge_of("level").values_of(move |params| of_room.of(params));
    let badges =
        LiveBadgeLayer::builder().badge("/{id}.png", badge).observer(paints.clone()).build();
    let server = serve(badges.unwrap().into_service()).await;
    let mut streams = Vec::new();
    for chunk in 0..ROOMS / 100 {
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        for id in chunk * 100..(chunk + 1) * 100 {
            let mut stream = client.get(&format!("/{id}.png"), &BROWSER).await.into_stream();
            stream.bar_of(id).await;
            streams.push(stream);
        }
    }
    eventually("every room to be painted", || paints.all().len() == ROOMS).await;
    let before = paints.all();
    levels.set("7", 1001);
    streams[7].bar_of(1001).await;
    levels.set("999", 1002);
    streams[999].bar_of(1002).await;
    let after = paints.all();
    let repainted: Vec<_> =
        after.iter().filter(|(path, paints)| before[*path] != **paints).collect();
    assert_eq!(repainted.len(), 2, "{repainted:?}");

    assert!(levels.readers("7") > 0);
    drop(streams);
    eventually("values to be dropped", || levels.readers("7") == 0).await;
}

#[tokio::test]
async fn a_still_of_a_room_that_nobody_is_in_has_its_values_for_that_answer_alone() {
    let levels = Levels::default();
    let of_room = levels.clone();
    let badge = bar_badge_of("level").values_of(move |params| of_room.of(params));
    let badges = LiveBadgeLayer::builder().badge("/{id}.png", badge).build().unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    assert_eq!(read_bar(&client.get("/12.png", &[]).await.bytes().await), 12);
    levels.set("12", 34);
    assert_eq!(read_bar(&client.get("/12.png", &[]).await.bytes().await), 34);
    assert_eq!(levels.readers("12"), 0);
    // The room that is tried when the badge is built is none.
    assert_eq!(levels.readers("room"), 0);
}

#[tokio::test]
async fn a_panic_where_a_rooms_values_are_made_is_an_error_of_that_room() {
    let (levels, paints) = (Levels::default(), Paints::default());
    let broken = Arc::new(AtomicUsize::new(3));
    let (of_room, repaired) = (levels.clone(), broken.clone());
    let badge = bar_badge_of("level").values_of(move |params| match params.get("id") {
        Some("5") if repaired.load(Ordering::Relaxed) > 0 => {
            repaired.fetch_sub(1, Ordering::Relaxed);
            panic!("an application's bug, which must not matter")
        }
        _ => of_room.of(params),
    });
    let badges =
        LiveBadgeLayer::builder().badge("/{id}.png", badge).observer(paints.clone()).build();
    let server = serve(badges.unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let still = client.get("/5.png", &[]).await;
    assert_eq!((still.status.as_u16(), still.header("content-type")), (200, Some("image/png")));
    decode(&still.bytes().await);
    // It is blank until the values are there, which is tried again after a while.
    let mut blank = client.get("/5.png", &BROWSER).await.into_stream();
    decode(&blank.next_part().await);
    let mut other = client.get("/6.png", &BROWSER).await.into_stream();
    other.bar_of(6).await;
    let shown = blank.part_where(|part| decode(part).rgba[3] == 255).await;
    assert_eq!(read_bar(&shown), 5);
    assert_eq!(paints.all()["/5.png"].1, 2);
    levels.set("5", 55);
    blank.bar_of(55).await;
}

#[test]
fn a_panic_where_values_are_made_is_a_build_error() {
    let badge = bar_badge_of("level").values_of(|params| Levels::default().of(params));
    let built = LiveBadgeLayer::builder().badge("/{id}.png", badge.example("id", "broken")).build();
    let error = built.unwrap_err();
    let is_panic =
        matches!(error.kind(), BuildErrorKind::Paint { source: PaintError::Panicked, .. });
    assert!(is_panic, "{error:?}");
    // The slots are those of the room that is tried.
    let badge = bar_badge_of("lever").values_of(|params| Levels::default().of(params));
    let error = LiveBadgeLayer::builder().badge("/{id}.png", badge).build().unwrap_err();
    assert!(error.to_string().contains("did you mean \"level\"?"), "{error}");
}

/// Counts how often it is serialised.
struct Counted(Arc<AtomicUsize>, usize);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        serializer.serialize_u64(self.1 as u64)
    }
}

#[tokio::test]
async fn one_value_in_many_rooms_is_serialised_once() {
    let times = Arc::new(AtomicUsize::new(0));
    let (sender, value) = watch::channel(Counted(times.clone(), 5));
    let badge = bar_badge_of("value").values(value);
    let badges = LiveBadgeLayer::builder().badge("/{id}.png", badge).build().unwrap();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut streams = Vec::new();
    for id in 0..50 {
        let mut stream = client.get(&format!("/{id}.png"), &BROWSER).await.into_stream();
        stream.bar_of(5).await;
        streams.push(stream);
    }
    client.get("/still.png", &[]).await.bytes().await;
    assert_eq!(times.load(Ordering::Relaxed), 1, "for the check, and for every room since");
    sender.send_replace(Counted(times.clone(), 6));
    for stream in &mut streams {
        stream.bar_of(6).await;
    }
    assert_eq!(times.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn no_value_blanks_the_picture_or_takes_long_however_it_is_shown() {
    let long = "x".repeat(60_000);
    let nul = "a\0\u{fffe}b";
    for (source, good, bad) in [
        ("{{ list | join(', ') }}", serde_json::json!(["a"]), serde_json::json!([long])),
        ("{{ list }}", serde_json::json!(["a"]), serde_json::json!(vec![nul; 9_000])),
        ("{{ list[0] | safe }}", serde_json::json!(["a"]), serde_json::json!([nul])),
        ("{{ list[0] | escape }}", serde_json::json!(["a"]), serde_json::json!([nul, long])),
        (
            "{{ list | join | upper | replace('A', 'B') }}",
            serde_json::json!(["a"]),
            serde_json::json!([nul]),
        ),
        ("{{ list[0] ~ list[0] ~ '\0' }}", serde_json::json!(["a"]), serde_json::json!([nul])),
        (
            "{{ list.deep.er }}",
            serde_json::json!({"deep": {"er": "a"}}),
            serde_json::json!({"deep": {"er": nul}}),
        ),
    ] {
        let svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="20">
              <rect width="200" height="20" fill="#fff"/><text y="14">{source}</text></svg>"##
        );
        let (sender, list) = watch::channel(serde_json::json!({ "list": good }));
        let badges = LiveBadgeLayer::builder().badge("/x.png", Badge::svg(svg).values(list));
        let server = serve(badges.build().unwrap().into_service()).await;
        sender.send_replace(serde_json::json!({ "list": bad }));
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let begun = Instant::now();
        let picture = decode(&client.get("/x.png", &[]).await.bytes().await);
        assert!(begun.elapsed() < PATIENCE / 2, "{source}: {:?}", begun.elapsed());
        assert!(picture.pixels().all(|pixel| pixel[3] == 255), "{source} is blank");
        assert!(picture.pixels().any(|pixel| pixel[0] < 128), "{source} has no text");
    }
}

#[tokio::test]
async fn a_parameter_that_xml_can_not_hold_does_not_blank_the_picture() {
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="20">
      <rect width="200" height="20" fill="#fff"/><text y="14">{{ params.id | upper | safe }}</text></svg>"##;
    let look = Look::flat("{{ params.id | upper }}").message("{{ params.id }}");
    let badges = LiveBadgeLayer::builder()
        .badge("/{id}.png", Badge::svg(svg))
        .badge("/{id}/look.png", Badge::look(look));
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    for path in ["/a%EF%BF%BEb.png", "/a%EF%BF%BF/look.png"] {
        let picture = decode(&client.get(path, &[]).await.bytes().await);
        assert!(picture.pixels().filter(|pixel| pixel[3] == 255).count() > 500, "{path} is blank");
        assert!(picture.pixels().any(|pixel| pixel[0] < 128), "{path} has no text");
    }
}

/// What a list grows to later is not known when the badge is built.
#[tokio::test]
async fn a_template_that_does_too_much_is_stopped() {
    let source = "{% for a in list %}{% for b in list %}{% for c in list %}{{ a }}{% endfor %}{% endfor %}{% endfor %}";
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>{source}</text></svg>"#
    );
    let (sender, list) = watch::channel(HashMap::from([("list", vec![1])]));
    let badges = LiveBadgeLayer::builder().badge("/x.png", Badge::svg(svg).values(list));
    let server = serve(badges.build().unwrap().into_service()).await;
    sender.send_replace(HashMap::from([("list", vec![1; 5_000])]));
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let begun = Instant::now();
    assert_eq!(client.get("/x.png", &[]).await.status, 200);
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_values_of_a_look_that_nobody_has_any_more_are_dropped_while_the_room_goes_on() {
    let sender = watch::Sender::new(7usize);
    let values = sender.clone();
    let look = bar_look_of("value").values_of(move |_| values.subscribe()).rooms_of("/{id}.png");
    let badges =
        LiveBadgeLayer::builder().badge("/{id}.png", bar_badge()).badge("/{id}/look.png", look);
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut room = client.get("/a.png", &BROWSER).await.into_stream();
    room.bar_of(1).await;
    let mut look = client.get("/a/look.png", &BROWSER).await.into_stream();
    look.bar_of(7).await;
    assert!(sender.receiver_count() > 0);
    room.bar_of(2).await;
    drop(look);
    room.bar_of(1).await;
    eventually("the values to be dropped", || sender.receiver_count() == 0).await;
}

/// Whether each picture had been drawn before.
#[derive(Clone, Default)]
struct Cached(Arc<Mutex<Vec<bool>>>);

impl Observer for Cached {
    fn on_paint(&self, paint: &Paint) {
        self.0.lock().unwrap().push(paint.cached);
    }
}

/// Others would be forgotten for pictures that nobody will want again.
#[tokio::test]
async fn a_picture_that_no_other_room_has_is_forgotten_with_its_room() {
    for (slot, is_known) in [("value + (params.id | length)", false), ("value", true)] {
        let (cached, sender) = (Cached::default(), watch::Sender::new(7usize));
        let values = sender.clone();
        let badge = bar_badge_of(slot).values_of(move |_| values.subscribe());
        let badge = badge.leave_grace(Duration::ZERO);
        let badges = LiveBadgeLayer::builder().badge("/{id}.png", badge).observer(cached.clone());
        let server = serve(badges.build().unwrap().into_service()).await;
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        for _ in 0..2 {
            let mut room = client.get("/a.png", &BROWSER).await.into_stream();
            room.next_part().await;
            drop(room);
            eventually("the room to be left", || sender.receiver_count() == 0).await;
        }
        assert_eq!(*cached.0.lock().unwrap(), [false, is_known], "{slot}");
    }
}
