//! Several nodes show what is on all of them: layers on one bus, real clocks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tower_livebadge::{
    Badge, Bus, BusFuture, Counts, LiveBadge, LiveBadgeLayer, LiveBadgeLayerBuilder, LocalBus,
    NodesChange, NotFound, Observer, SharedValue, Wire, visitor,
};

use crate::common::call;

const PATH: &str = "/rooms/lobby/online.png";

fn builder(bus: impl Bus) -> LiveBadgeLayerBuilder {
    let badge =
        || Badge::online().visitors(visitor::header("x-user")).leave_grace(Duration::from_secs(1));
    let total = Badge::online().total_of("/rooms/{room}/online.png");
    let builder = LiveBadgeLayer::builder().badge("/rooms/{room}/online.png", badge());
    builder.badge("/all.png", total).nodes(bus)
}

/// One of several processes, as far as anybody can see.
struct Node {
    layer: LiveBadgeLayer,
    service: LiveBadge<NotFound>,
}

impl Node {
    fn new(bus: impl Bus) -> Self {
        let layer = builder(bus).build().unwrap();
        Self { service: layer.clone().into_service(), layer }
    }

    async fn join(&self, user: &str) -> impl Sized + use<> {
        let headers = [("accept", "image/*"), ("sec-fetch-dest", "image"), ("x-user", user)];
        let mut body = call(&self.service, PATH, &headers).await.into_body();
        http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        body
    }

    fn counts(&self, path: &str) -> Counts {
        self.layer.handle().room_at(path).unwrap().counts()
    }

    async fn json(&self) -> String {
        let body = call(&self.service, &format!("{PATH}?format=json"), &[]).await.into_body();
        let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn shows(&self, streams: usize, visitors: usize) {
        let is_right = |counts: Counts| (counts.streams, counts.visitors) == (streams, visitors);
        until(
            || is_right(self.counts(PATH)) && is_right(self.counts("/all.png")),
            || format!("{:?}, not {streams} and {visitors}", self.counts(PATH)),
        )
        .await;
    }

    async fn is_connected(&self, is_connected: bool) {
        let health = || self.layer.handle().nodes().unwrap();
        until(|| health().is_connected == is_connected, || format!("{:?}", health())).await;
    }
}

async fn until(is_so: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "{}", otherwise());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_node_shows_what_is_on_all_of_them() {
    let bus = LocalBus::new();
    let (one, two, three) = (Node::new(bus.clone()), Node::new(bus.clone()), Node::new(bus));
    let anna = one.join("anna").await;
    let ben = two.join("ben").await;
    for node in [&one, &two, &three] {
        node.shows(2, 2).await;
    }
    // Also where nobody is.
    assert_eq!(three.json().await, r#"{"streams":2,"visitors":2}"#);
    let rooms = three.layer.handle().rooms();
    assert_eq!((rooms.len(), &*rooms[0].path), (1, PATH));

    // The same person on two nodes is one, and two streams.
    let annas_second = two.join("anna").await;
    for node in [&one, &two, &three] {
        node.shows(3, 2).await;
    }
    drop((anna, ben));
    for node in [&one, &two, &three] {
        node.shows(1, 1).await;
    }
    drop(annas_second);
    for node in [&one, &two, &three] {
        node.shows(0, 0).await;
    }
    assert!(three.layer.handle().rooms().is_empty());
}

#[tokio::test]
async fn whoever_listens_hears_of_rooms_that_are_open_elsewhere() {
    let bus = LocalBus::new();
    let (one, two) = (Node::new(bus.clone()), Node::new(bus));
    let mut counts = two.layer.handle().room_at(PATH).unwrap().subscribe();
    let mut total = two.layer.handle().room_at("/all.png").unwrap().subscribe();
    let anna = one.join("anna").await;
    counts.wait_for(|counts| counts.streams == 1).await.unwrap();
    total.wait_for(|counts| counts.streams == 1).await.unwrap();
    let ben = two.join("ben").await;
    counts.wait_for(|counts| counts.streams == 2).await.unwrap();
    drop(ben);
    counts.wait_for(|counts| (counts.streams, counts.visitors) == (1, 1)).await.unwrap();
    drop(anna);
    counts.wait_for(|counts| counts.visitors == 0).await.unwrap();
    total.wait_for(|counts| counts.visitors == 0).await.unwrap();
}

/// Whoever holds on to what it has heard may ask for more.
#[tokio::test]
async fn whoever_listens_may_ask_meanwhile() {
    let bus = LocalBus::new();
    let (one, two) = (Node::new(bus.clone()), Node::new(bus));
    let (handle, stop) = (two.layer.handle(), Arc::new(Mutex::new(false)));
    let (counts, is_over) = (handle.room_at(PATH).unwrap().subscribe(), stop.clone());
    let asking = std::thread::spawn(move || {
        while !*is_over.lock().unwrap() {
            let held = counts.borrow();
            std::thread::sleep(Duration::from_millis(1));
            let rooms = handle.rooms().len();
            assert!(rooms <= 1 && held.streams <= 1);
        }
    });
    for _ in 0..20 {
        drop(one.join("anna").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    two.shows(0, 0).await;
    *stop.lock().unwrap() = true;
    asking.join().unwrap();
}

/// What speaks is not the only thing that may panic: so may a clock, or a bus's secret.
#[tokio::test]
async fn a_bus_that_panics_begins_anew() {
    struct Panics(LocalBus, Mutex<u32>);
    impl Bus for Panics {
        fn run<'a>(&'a self, wire: Wire) -> BusFuture<'a, ()> {
            self.0.run(wire)
        }

        fn day_secret<'a>(&'a self, day: u64, new: [u8; 16]) -> BusFuture<'a, [u8; 16]> {
            let asked = {
                let mut asked = self.1.lock().unwrap();
                *asked += 1;
                *asked
            };
            assert!(asked > 1, "this bus does not know secrets at first");
            self.0.day_secret(day, new)
        }
    }
    let bus = LocalBus::new();
    let (one, two) = (Node::new(bus.clone()), Node::new(Panics(bus, Mutex::new(0))));
    let _ben = two.join("ben").await;
    one.shows(1, 1).await;
    two.is_connected(true).await;
}

/// A room that is open on two nodes is one.
#[tokio::test]
async fn a_total_counts_rooms_of_all_nodes_once() {
    let bus = LocalBus::new();
    let node = || {
        let svg =
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{{ 10 + rooms }}" height="9"/>"#;
        let total = Badge::svg(svg).total_of("/{room}.png");
        let badges = LiveBadgeLayer::builder().badge("/{room}.png", Badge::online());
        let layer = badges.badge("/all/rooms.svg", total).nodes(bus.clone()).build().unwrap();
        Node { service: layer.clone().into_service(), layer }
    };
    let (one, two) = (node(), node());
    let join = async |node: &Node, path: &str| {
        let headers = [("accept", "image/*"), ("sec-fetch-dest", "image")];
        let mut body = call(&node.service, path, &headers).await.into_body();
        http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        body
    };
    let _bodies =
        [join(&one, "/a.png").await, join(&one, "/b.png").await, join(&two, "/b.png").await];
    for node in [&one, &two] {
        let began = Instant::now();
        loop {
            let body = call(&node.service, "/all/rooms.svg?format=svg", &[]).await.into_body();
            let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
            let svg = String::from_utf8(bytes.to_vec()).unwrap();
            if svg.contains(r#"width="12""#) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{svg}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Never 0, which nobody was, and never 2, which she was not.
#[tokio::test]
async fn who_moves_to_another_node_does_not_flicker() {
    let bus = LocalBus::new();
    let (one, two) = (Node::new(bus.clone()), Node::new(bus));
    let mut anna = Some(one.join("anna").await);
    two.shows(1, 1).await;
    let mut seen = [one.layer.handle(), two.layer.handle()]
        .map(|handle| handle.room_at(PATH).unwrap().subscribe());
    for step in 0..6 {
        drop(anna.take());
        tokio::time::sleep(Duration::from_millis(100 * step % 300)).await;
        anna = Some(if step % 2 == 0 { two.join("anna").await } else { one.join("anna").await });
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            for counts in &mut seen {
                assert_eq!(counts.borrow_and_update().visitors, 1, "step {step}");
            }
            assert_eq!(
                (one.counts(PATH).visitors, two.counts(PATH).visitors),
                (1, 1),
                "step {step}"
            );
        }
    }
}

#[tokio::test]
async fn a_node_that_comes_knows_it_and_one_that_goes_is_gone() {
    let bus = LocalBus::new();
    let one = Node::new(bus.clone());
    let _anna = one.join("anna").await;
    let two = Node::new(bus);
    two.shows(1, 1).await;
    until(|| two.layer.handle().nodes().unwrap().peers.len() == 1, || "no peer".to_owned()).await;
    let health = two.layer.handle().nodes().unwrap();
    assert_eq!((health.peers[0].rooms, health.is_connected), (2, true), "the room and the total");
    assert_eq!(health.peers[0].node, one.layer.handle().nodes().unwrap().node);

    let asked = Instant::now();
    one.layer.handle().shutdown().await;
    two.shows(0, 0).await;
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "a lease is longer than {:?}",
        asked.elapsed()
    );
    assert!(two.layer.handle().nodes().unwrap().peers.is_empty());
}

#[tokio::test]
async fn a_thousand_people_with_a_tab_on_each_of_two_nodes_are_a_thousand() {
    let bus = LocalBus::new();
    let (one, two) = (Node::new(bus.clone()), Node::new(bus));
    until(|| one.layer.handle().nodes().unwrap().peers.len() == 1, || "no peer".to_owned()).await;
    let mut tabs = Vec::new();
    for person in 0..1_000 {
        tabs.push(one.join(&format!("p{person}")).await);
        tabs.push(two.join(&format!("p{person}")).await);
    }
    one.shows(2_000, 1_000).await;
    two.shows(2_000, 1_000).await;
}

/// Can be cut, and says so.
#[derive(Clone, Default)]
struct Cut {
    bus: LocalBus,
    is_cut: Arc<Mutex<bool>>,
}

impl Bus for Cut {
    fn run<'a>(&'a self, wire: Wire) -> BusFuture<'a, ()> {
        Box::pin(async move {
            let is_cut = async {
                while !*self.is_cut.lock().unwrap() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                biased;
                () = is_cut => Err("the cable is cut".into()),
                ended = self.bus.run(wire) => ended,
            }
        })
    }

    fn day_secret<'a>(&'a self, day: u64, new: [u8; 16]) -> BusFuture<'a, [u8; 16]> {
        self.bus.day_secret(day, new)
    }
}

/// What it was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Change>>>);

type Change = (bool, Option<String>);

impl Observer for Told {
    fn on_nodes_change(&self, change: &NodesChange<'_>) {
        let error = change.error.map(ToString::to_string);
        self.0.lock().unwrap().push((change.is_connected, error));
    }
}

#[tokio::test]
async fn a_node_that_is_cut_off_goes_on_and_says_that_it_is_alone() {
    let (cable, told) = (Cut::default(), Told::default());
    let there = Node::new(cable.bus.clone());
    let _anna = there.join("anna").await;
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="{% if alone %}20{% else %}10{% endif %}" height="9"/>"#;
    let layer = builder(cable.clone()).badge("/a.png", Badge::svg(svg)).observer(told.clone());
    let layer = layer.lease(Duration::from_secs(3)).build().unwrap();
    let here = Node { service: layer.clone().into_service(), layer };
    here.shows(1, 1).await;
    assert_eq!(here.json().await, r#"{"streams":1,"visitors":1}"#);

    *cable.is_cut.lock().unwrap() = true;
    here.is_connected(false).await;
    assert_eq!(
        here.json().await,
        r#"{"streams":1,"visitors":1,"alone":true}"#,
        "as far as is known"
    );
    let _ben = here.join("ben").await;
    here.shows(2, 2).await;
    assert_eq!(there.counts(PATH).streams, 1);
    // The lease ends.
    here.shows(1, 1).await;
    assert_eq!(here.counts(PATH).streams, 1);

    *cable.is_cut.lock().unwrap() = false;
    for node in [&here, &there] {
        node.shows(2, 2).await;
    }
    here.is_connected(true).await;
    let told = told.0.lock().unwrap().clone();
    let cut = (false, Some("the cable is cut".to_owned()));
    assert_eq!(told, [(true, None), cut, (true, None)]);
}

/// What one sets all have, also a node that comes later.
#[tokio::test]
async fn a_shared_value_is_the_same_everywhere() {
    let bus = LocalBus::new();
    let node = || {
        let value = SharedValue::new("queue", 0_u32);
        let svg =
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{{ 10 + value }}" height="9"/>"#;
        let badge = Badge::svg(svg).values(value.subscribe());
        let builder = LiveBadgeLayer::builder().badge("/queue.svg", badge).nodes(bus.clone());
        let layer = builder.share(&value).build().unwrap();
        (Node { service: layer.clone().into_service(), layer }, value)
    };
    let has = async |(node, value): &(Node, SharedValue<u32>), number: u32| {
        let mut seen = value.subscribe();
        let soon = Duration::from_secs(5);
        tokio::time::timeout(soon, seen.wait_for(|seen| *seen == number)).await.unwrap().unwrap();
        let body = call(&node.service, "/queue.svg?format=svg", &[]).await.into_body();
        let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        let svg = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(svg.contains(&format!("width=\"{}\"", 10 + number)), "{svg}");
    };
    let (one, two) = (node(), node());
    one.1.set(7);
    has(&one, 7).await;
    has(&two, 7).await;
    two.1.set(8);
    has(&one, 8).await;
    let three = node();
    has(&three, 8).await;
    for number in 100..200 {
        [&one, &two, &three][number as usize % 3].1.set(number);
    }
    // Whichever wins, all agree on it.
    until(
        || {
            let values = [&one, &two, &three].map(|node| *node.1.subscribe().borrow());
            values[0] >= 100 && values[0] == values[1] && values[1] == values[2]
        },
        || "they don't agree".to_owned(),
    )
    .await;
}

/// As operators see it.
#[tokio::test]
async fn gauges_say_whether_others_are_heard() {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    let recorder = DebuggingRecorder::new();
    let seen = recorder.snapshotter();
    recorder.install().expect("no other test installs one for the process");
    let bus = LocalBus::new();
    let _nodes = (Node::new(bus.clone()), Node::new(bus));
    let gauge = |name: &str| {
        let all = seen.snapshot().into_vec().into_iter();
        let mut of_name = all.filter(|(key, ..)| key.key().name() == name);
        of_name.find_map(|(.., value)| match value {
            DebugValue::Gauge(value) => Some(value.into_inner()),
            _ => None,
        })
    };
    // Nodes of other tests say something as well.
    until(|| gauge("livebadge_nodes_connected") == Some(1.0), || "no gauge".to_owned()).await;
    until(|| gauge("livebadge_nodes_peers") >= Some(1.0), || "no gauge".to_owned()).await;
}

#[test]
fn a_lease_has_bounds() {
    for (lease, is_right) in [(2_999, false), (3_000, true), (3_600_000, true), (3_600_001, false)]
    {
        let built = builder(LocalBus::new()).lease(Duration::from_millis(lease)).build();
        assert_eq!(built.is_ok(), is_right, "{lease}");
    }
}
