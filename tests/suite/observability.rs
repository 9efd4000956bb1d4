//! What an operator sees: logs, metrics, and which responses are streams.

use std::sync::{Arc, Mutex};

use crate::common::{BROWSER, Client, Protocol, bar_badge, bar_badge_of, eventually, log, serve};
use tower_livebadge::{Badge, LiveBadgeLayer, LiveResponse, Look, visitor};

#[tokio::test]
async fn a_stream_is_marked_and_a_still_is_not() {
    let badges = LiveBadgeLayer::builder().badge("/badge.png", bar_badge()).build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = seen.clone();
    let app = axum::Router::new().layer(badges).layer(axum::middleware::map_response(
        move |response: axum::response::Response| {
            let is_marked = response.extensions().get::<LiveResponse>().is_some();
            see.lock().unwrap().push(is_marked);
            async { response }
        },
    ));
    let server = serve(app).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    client.get("/badge.png", &BROWSER).await.into_stream().bar_of(1).await;
    client.get("/badge.png?still", &BROWSER).await.bytes().await;
    client.get("/none", &BROWSER).await.bytes().await;
    assert_eq!(*seen.lock().unwrap(), [true, false, false]);
}

#[tokio::test]
async fn the_log_tells_of_rooms_and_not_of_who_is_in_them() {
    log::keep();
    let badge =
        bar_badge().visitors(visitor::header("x-user")).leave_grace(std::time::Duration::ZERO);
    let badges = LiveBadgeLayer::builder().badge("/{room}/badge.png", badge).max_viewers(1).build();
    let badges = badges.unwrap();
    let handle = badges.handle();
    let server = serve(badges.into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let alice = [BROWSER[1], ("x-user", "alice-secret"), ("cookie", "sid=alice-secret")];
    let path = "/a%0A%1B%5B31m/badge.png"; // control characters name no room
    assert_eq!(client.get(path, &alice).await.status, 404);
    let path = "/caf%C3%A9%22/badge.png";
    let mut stream = client.get(path, &alice).await.into_stream();
    stream.bar_of(1).await;
    client.get(path, &alice).await.bytes().await;
    drop(stream);
    eventually("the room to be freed", || log::text().contains("freed")).await;
    assert!(handle.rooms().is_empty());
    let ours: Vec<String> =
        log::text().lines().filter(|l| l.contains("livebadge")).map(str::to_owned).collect();
    for (level, what) in [
        ("DEBUG", "a room has been opened"),
        ("DEBUG", "a viewer joined"),
        ("TRACE", "painted"),
        ("DEBUG", "a stream was refused"),
        ("DEBUG", "a viewer left"),
        ("DEBUG", "a room has been freed"),
    ] {
        let is_it = |line: &&String| line.contains(level) && line.contains(what);
        let line = ours.iter().find(is_it).unwrap_or_else(|| panic!("{what}: {ours:#?}"));
        assert!(line.contains("/caf%C3%A9%22/badge.png"), "{line}");
    }
    let joined = ours.iter().find(|line| line.contains("a viewer joined")).unwrap();
    assert!(joined.contains("livebadge_room{path="), "{joined}");
    for line in ours {
        assert!(!line.contains("alice") && !line.contains("127.0.0.1"), "{line}");
    }
}

#[tokio::test]
async fn a_warning_names_the_badge_and_the_cause() {
    log::keep();
    let (sender, value) = tokio::sync::watch::channel(serde_json::json!({"bar": 1}));
    let bar = bar_badge_of("bar | int").values(value.clone());
    let look = Badge::look(Look::flat("n").message("{{ bar | int }}")).values(value);
    let badges =
        LiveBadgeLayer::builder().badge("/{room}/bar.png", bar).badge("/{room}/look.png", look);
    let server = serve(badges.build().unwrap().into_service()).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    sender.send_replace(serde_json::json!({"bar": "none"}));
    client.get("/a/bar.png", &[]).await.bytes().await;
    client.get("/a/look.png?format=shields", &[]).await.bytes().await;
    let _stream = client.get("/a/bar.png", &BROWSER).await;
    let has = |what: &str, path: &str, place: &str| {
        log::text().lines().any(|line| {
            line.contains("WARN") && [what, path, place].iter().all(|part| line.contains(part))
        })
    };
    eventually("the warning", || has("a picture could not", "/a/bar.png", "bar | int")).await;
    assert!(
        has("a still could not", "/{room}/bar.png", "line 3, `{{ bar | int }}`"),
        "{}",
        log::text()
    );
    assert!(has("into words", "/{room}/look.png", "the look's message"), "{}", log::text());
}

#[cfg(feature = "metrics")]
mod metrics {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use metrics_util::MetricKind;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

    use crate::common::{BROWSER, Client, Protocol, bar_badge, eventually, serve};
    use tower_livebadge::LiveBadgeLayer;

    /// All gauges and counters by name and reason, of one badge.
    #[derive(Default)]
    struct Totals(BTreeMap<String, f64>);

    impl Totals {
        /// A snapshot takes counters back to zero.
        fn add(&mut self, snapshotter: &Snapshotter) {
            for (key, _, _, value) in snapshotter.snapshot().into_vec() {
                let (kind, key) = (key.kind(), key.key());
                let label =
                    |name| key.labels().find(|label| label.key() == name).map(|l| l.value());
                assert_eq!(label("badge"), Some("/{room}/badge.png"), "{key}");
                let name = format!("{}{}", key.name(), label("reason").unwrap_or_default());
                match value {
                    DebugValue::Gauge(value) => _ = self.0.insert(name, value.0),
                    DebugValue::Counter(value) => *self.0.entry(name).or_default() += value as f64,
                    DebugValue::Histogram(values) => {
                        assert_eq!(kind, MetricKind::Histogram);
                        *self.0.entry(name).or_default() += values.len() as f64;
                    }
                }
            }
        }

        fn get(&self, name: &str) -> f64 {
            self.0.get(name).copied().unwrap_or_default()
        }
    }

    #[test]
    fn gauges_and_counters_tell_what_happens() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        ::metrics::with_local_recorder(&recorder, || runtime.block_on(play(&snapshotter)));
    }

    async fn play(snapshotter: &Snapshotter) {
        let badges = LiveBadgeLayer::builder()
            .badge("/{room}/badge.png", bar_badge().heartbeat(Duration::from_millis(50)))
            .max_viewers(2)
            .build()
            .unwrap();
        let handle = badges.handle();
        let server = serve(badges.into_service()).await;
        let mut client = Client::connect(server.address, Protocol::Http2).await;
        let mut a = client.get("/a/badge.png", &BROWSER).await.into_stream();
        a.bar_of(1).await;
        let mut b = client.get("/b/badge.png", &BROWSER).await.into_stream();
        b.bar_of(1).await;
        client.get("/a/badge.png", &BROWSER).await.bytes().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut totals = Totals::default();
        totals.add(snapshotter);
        for (name, expected) in [
            ("livebadge_viewers", 2.0),
            ("livebadge_visitors", 2.0),
            ("livebadge_rooms", 2.0),
            ("livebadge_refusals_totaltoo_many_viewers", 1.0),
            ("livebadge_stills_total", 1.0),
            ("livebadge_frames_total", 2.0),
            // Of one viewer; the other room and the still found it drawn.
            ("livebadge_renders_total", 1.0),
            ("livebadge_render_seconds", 1.0),
            ("livebadge_cache_hits_total", 2.0),
        ] {
            assert_eq!(totals.get(name), expected, "{name}");
        }
        assert!(totals.get("livebadge_heartbeats_total") >= 1.0);
        assert!(totals.get("livebadge_bytes_total") > 2.0 * 520.0);
        drop((a, b));
        eventually("empty rooms", || handle.rooms().is_empty()).await;
        eventually("gauges at zero", || {
            totals.add(snapshotter);
            let gauges = ["livebadge_viewers", "livebadge_visitors", "livebadge_rooms"];
            gauges.iter().all(|gauge| totals.get(gauge) == 0.0)
        })
        .await;
    }
}
