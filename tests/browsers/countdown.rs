//! A countdown over its end in real browsers: each second is on the screen when it is so, the last words stay, and
//! nothing is sent after them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::response::Html;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;
use tower_livebadge::{Badge, LiveBadgeLayer, LiveBadgeLayerBuilder, Look, Observer, Paint};

use crate::seeing::{SAME, open, place_of, save, say};
use crate::support::{Browser, Engine, Pixels};

in_every_browser!(a_countdown_is_right_to_its_end_and_stays_there);

const SECOND: Duration = Duration::from_secs(1);
const SECONDS: u32 = 5;
/// So long nothing else is seen, painted or sent.
const AFTERWARDS: Duration = Duration::from_secs(2);
/// An empty chunk of a PNG.
const HEARTBEAT: usize = 12;

#[derive(Clone, Default)]
struct Paints(Arc<AtomicUsize>);

impl Observer for Paints {
    fn on_paint(&self, _: &Paint) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn badges(end: SystemTime) -> LiveBadgeLayerBuilder {
    let badge = Badge::look(Look::countdown("launch in", end, "lift-off"));
    LiveBadgeLayer::builder().badge("/launch.png", badge.heartbeat(SECOND / 4))
}

/// What is to be seen when so many seconds are left.
async fn picture(left: u32) -> Pixels {
    let end = UNIX_EPOCH + 1_000_000 * SECOND;
    let badges = badges(end).clock(move || end - left * SECOND).build().expect("a right badge");
    let still = Request::get("/launch.png?still").body(Body::empty()).expect("a right request");
    let still = badges.into_service().oneshot(still).await.expect("it answers");
    Pixels::from_png(&still.into_body().collect().await.expect("it is whole").to_bytes())
}

async fn a_countdown_is_right_to_its_end_and_stays_there(engine: Engine) {
    let browser = Browser::start(engine).await;
    // All this before the end is set, since a busy machine takes its time.
    let page = Html("<!doctype html><title>-</title><main></main>");
    let (url, _page) = serve(Router::new().route("/", get(page))).await;
    open(&browser, &url, "main").await;
    let mut pictures = Vec::new();
    for left in 0..=SECONDS + 1 {
        pictures.push(picture(left).await);
    }
    let pictures = Arc::new(pictures);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    let end = UNIX_EPOCH + Duration::from_secs(now.as_secs() + 1) + SECONDS * SECOND;
    let paints = Paints::default();
    let badges = badges(end).observer(paints.clone()).build().expect("a right badge");
    let app = Router::new().layer(badges);
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let _reader = AbortOnDropHandle::new(tokio::spawn(read(app.clone(), sizes.clone())));
    let (url, _server) = serve(app).await;
    let show = format!(
        "const main = document.querySelector('main');
        if (main.childElementCount) return;
        main.append(Object.assign(new Image(), {{ src: '{url}launch.png', height: 20 }}));"
    );
    browser.run(&show).await;

    let (left, top) = place_of(&browser, "img").await.expect("the picture has a place");
    let place = ((left * 2.0).round() as usize, (top * 2.0).round() as usize);
    let (mut sights, mut over) = (Vec::new(), None);
    while over.is_none_or(|(since, _): (Instant, usize)| since.elapsed() < AFTERWARDS) {
        let began = left_until(end);
        let screenshot = browser.screenshot().await;
        let sight = (began, left_until(end));
        // Elsewhere, so that nothing here has to wait for it.
        let (png, pictures) = (screenshot.clone(), pictures.clone());
        let look = tokio::task::spawn_blocking(move || {
            let screen = Pixels::from_png(&png);
            pictures.iter().position(|picture| screen.difference(picture, place) <= SAME)
        });
        let Some(shown) = look.await.expect("a screenshot can be looked at") else {
            let saved = save(&screenshot, engine, "countdown");
            assert!(sights.is_empty() && began > 0.0, "{began} s before: {saved} is none of them");
            continue;
        };
        if shown == 0 && over.is_none() {
            save(&screenshot, engine, "countdown");
            over = Some((Instant::now(), paints.0.load(Ordering::SeqCst)));
        }
        sights.push((shown, sight));
    }
    judge(engine, &sights);

    let (_, painted) = over.expect("it is over");
    assert_eq!(paints.0.load(Ordering::SeqCst), painted, "nothing is painted afterwards");
    let sizes = sizes.lock().expect("nobody panics with it").clone();
    let frames = sizes.iter().filter(|size| **size != HEARTBEAT).count();
    let afterwards = sizes.iter().rev().take_while(|size| **size == HEARTBEAT).count();
    // The last words are another picture's size, so there the one before is ended first.
    assert!(frames > 3 && frames <= painted + 1, "{painted} paints, bytes: {sizes:?}");
    assert!(afterwards > 2, "heartbeats after the end, and nothing else: {sizes:?}");
}

/// Where it is, and what ends it on drop.
async fn serve(app: Router) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("a listener has an address"));
    let server = async { axum::serve(listener, app).await.expect("it serves for ever") };
    (url, AbortOnDropHandle::new(tokio::spawn(server)))
}

/// In seconds; less than 0 when it is over.
fn left_until(end: SystemTime) -> f64 {
    match end.duration_since(SystemTime::now()) {
        Ok(left) => left.as_secs_f64(),
        Err(error) => -error.duration().as_secs_f64(),
    }
}

/// Each look at the screen: what was shown, and how many seconds were left when the look began, and when it had
/// ended.
fn judge(engine: Engine, sights: &[(usize, (f64, f64))]) {
    let (mut late, mut latest) = (0, 0.0_f64);
    for (shown, (began, ended)) in sights {
        // What is right as long as more than this many seconds are left.
        let least = *shown as f64 - 1.0;
        assert!(ended.max(0.0).ceil() <= *shown as f64, "{shown} is shown too early, at {ended}");
        if *shown > 0 && *began <= least {
            late += 1;
            latest = latest.max(least - began);
        }
    }
    for pair in sights.windows(2) {
        let [(before, (began, _)), (after, (_, ended))] = pair else { continue };
        assert!(after <= before, "{before}, then {after}");
        let was_blind = began - ended > 1.0;
        assert!(before - after <= 1 || was_blind, "{before}, then {after}: {sights:?}");
    }
    let (first, all) = (sights[0].0, sights.len());
    say(
        engine,
        &format!("countdown from {first}, {all} looks, {late} too late; the latest"),
        Duration::from_secs_f64(latest),
    );
    assert!(first > 1, "there was something to be counted");
    // A stream that shows each picture when the next one comes is later than that, and is never over.
    assert!(latest < 0.7, "{sights:?}");
}

/// Notes the sizes of what comes for an image.
async fn read(app: Router, sizes: Arc<Mutex<Vec<usize>>>) {
    let request = Request::get("/launch.png").header("accept", "image/*,*/*;q=0.8");
    let request = request.header("sec-fetch-dest", "image").body(Body::empty());
    let response = app.oneshot(request.expect("a right request")).await;
    let mut body = response.expect("it answers").into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.into_data().expect("there are no trailers");
        sizes.lock().expect("nobody panics with it").push(bytes.len());
    }
}
