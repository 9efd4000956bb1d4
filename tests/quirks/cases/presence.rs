//! How many streams are open, and whether those who come see the newest picture. The servers are
//! silent: no heartbeat finds out who went.

use std::fmt::Write;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::Scene;
use crate::screen::{Sight, one};
use crate::serve::Transport;
use crate::site::{AREA, Site};
use crate::support::Engine;

const IMAGE: &str = r#"<img src="/live.png">"#;
/// A quarter of the size.
const SMALL_IMAGE: &str = r#"<img src="/live.png" width="60" height="40">"#;

fn small(colour: crate::colour::Colour) -> Sight {
    Sight { colour, area: AREA / 4 }
}

/// Images of one URL on one page share one request in Chromium 156, Firefox 153 and WebKitGTK 2.50,
/// even if nothing of it may be stored.
pub(crate) async fn of_one_url_twice_is_one_stream(scene: Scene, transport: Transport) {
    let site = Site::of(format!("{IMAGE}{IMAGE}"), transport).await;
    scene.open(&site, "/", one(RED).times(2)).await;
    for colour in [GREEN, BLUE] {
        let changed = site.show(colour);
        scene.see(one(colour).times(2), changed, "a change").await;
    }
    assert_eq!((site.streams(), site.joins()), (1, 1));
}

/// Browsers open six connections to a host of HTTP/1.1, of which Firefox 153 keeps one for other
/// things: five images are live. With HTTP/2 they share one connection, and all are.
pub(crate) async fn of_many_badges(scene: Scene, badges: u32, transport: Transport) {
    let mut body = String::from("<style>img { float: left; width: 60px; height: 40px }</style>");
    for room in 0..badges {
        write!(body, r#"<img src="/rooms/{room}">"#).expect("a string takes everything");
    }
    let site = Site::of(body, transport).await;
    scene.open(&site, "/", small(RED).times(badges)).await;
    for colour in [GREEN, BLUE] {
        let changed = site.show(colour);
        scene.see(small(colour).times(badges), changed, "a change").await;
    }
    assert_eq!(site.streams(), badges as usize);
    scene.browser.close_all().await;
    scene.until("all streams of a closed tab are gone", || site.streams() == 0).await;
}

/// Who comes late, in a part that is full of heartbeats for others, sees the newest picture. With a
/// query of its own: Firefox 153 lets a second tab wait for the URL of the first.
pub(crate) async fn of_who_comes_later(scene: Scene, transport: Transport) {
    let later = r#"<img src="/live.png?later" width="60" height="40">"#;
    let plan = Site::plan().page("/", IMAGE).page("/later", later);
    let site = plan.heartbeat(Duration::from_millis(100)).serve(transport).await;
    let first = scene.open(&site, "/", one(RED)).await;
    let changed = site.show(GREEN);
    scene.see(one(GREEN), changed, "a change").await;
    sleep(Duration::from_secs(1)).await;

    scene.open(&site, "/later", small(GREEN)).await;
    assert_eq!(site.streams(), 2);
    let changed = site.show(BLUE);
    scene.see(small(BLUE), changed, "a change for who came later").await;
    scene.browser.switch_to(&first).await;
    scene.see(one(BLUE), changed, "a change for who came first").await;
}

/// Firefox 153 leaves a second tab blank for 20 seconds before it asks for itself, whatever the
/// headers say; Chromium 156 and WebKitGTK 2.50 ask at once.
pub(crate) async fn of_one_url_in_two_tabs(scene: Scene, transport: Transport) {
    let site = Site::plan().page("/", IMAGE).page("/second", SMALL_IMAGE).serve(transport).await;
    let first = scene.open(&site, "/", one(RED)).await;
    scene.open(&site, "/second", small(RED)).await;
    assert_eq!(site.streams(), 2);
    let changed = site.show(GREEN);
    scene.see(small(GREEN), changed, "a change in the second tab").await;
    scene.browser.switch_to(&first).await;
    scene.see(one(GREEN), changed, "a change in the first tab").await;
}

/// Firefox 153 holds on to the stream of a page that was reloaded, and shows nothing for 20 seconds,
/// unless the open part has begun with a picture's first 33 bytes: then it lets go at once.
pub(crate) async fn is_right_after_a_reload(scene: Scene, transport: Transport) {
    let site = Site::of(IMAGE, transport).await;
    scene.open(&site, "/", one(RED)).await;
    for (round, colour) in [(2, GREEN), (3, BLUE)] {
        let asked = Instant::now();
        scene.browser.reload().await;
        scene.until("a stream after a reload", || site.joins() == round).await;
        scene.until("one stream after a reload", || site.streams() == 1).await;
        let changed = site.show(colour);
        scene.see(one(colour), asked, "after a reload").await;
        scene.say("a change after a reload, at the latest", changed.elapsed());
    }
    assert_eq!((site.joins(), site.streams()), (3, 1));
}

/// Firefox 153 and WebKitGTK 2.50 let go of a page that was left (Firefox as above). Chromium 156
/// may keep it alive for the way back, for up to a minute, and its stream with it.
pub(crate) async fn is_right_after_navigation(scene: Scene, transport: Transport) {
    let plan = Site::plan().page("/", IMAGE).page("/other", SMALL_IMAGE).page("/none", "none");
    let site = plan.serve(transport).await;
    scene.open(&site, "/", one(RED)).await;

    let asked = Instant::now();
    scene.go_to(&site, "/other").await;
    scene.see(small(RED), asked, "the next page").await;
    let changed = site.show(GREEN);
    scene.see(small(GREEN), changed, "a change in the next page").await;
    assert_eq!(site.joins(), 2);
    if scene.engine() == Engine::Chromium {
        return;
    }
    scene.until("one stream after navigation", || site.streams() == 1).await;

    scene.go_to(&site, "/none").await;
    scene.until("no stream after navigation", || site.streams() == 0).await;
}

/// A page with an `<iframe>` of the stream is not one that Chromium 156 keeps for the way back.
pub(crate) async fn is_right_after_navigation_from_an_iframe(scene: Scene, transport: Transport) {
    let plan = Site::plan().page("/", r#"<iframe src="/live.png" style="border: 0"></iframe>"#);
    let site = plan.page("/none", "none").serve(transport).await;
    scene.open(&site, "/", one(RED)).await;
    assert_eq!(site.streams(), 1);
    scene.go_to(&site, "/none").await;
    scene.until("no stream after navigation", || site.streams() == 0).await;
}
