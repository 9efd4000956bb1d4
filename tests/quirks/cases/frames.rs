//! The page for frames: picture and newest words in one HTML document that never ends.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::colour::{BLUE, Colour, GREEN, ORANGE, RED};
use crate::scene::{PATIENCE, Scene};
use crate::screen::one;
use crate::serve::Transport::{self, H1};
use crate::site::{Proxy, Site};
use crate::support::Engine;

/// Whatever a reader could select.
const SELECT_ALL: &str = "getSelection().selectAllChildren(document.body);
    const selected = String(getSelection()).trim();
    getSelection().empty(); // it would colour the picture
    return selected";
const READ: &str = "return document.body.innerText.trim()";

/// As the snippets have it.
fn frame(url: &str, more: &str) -> String {
    format!(
        r#"<iframe src="{url}?format=page" width="180" height="100" {more} loading="lazy" scrolling="no" style="border:0"></iframe>"#
    )
}

fn page_of_frame() -> String {
    frame("/live.png", "")
}

/// In all of Chromium 156, Firefox 153 and WebKitGTK 2.50 the newest words alone are seen, can be selected
/// and are told to screen readers. Whether `load` of the page around waits for it is a race in all three: it does
/// if the frame has begun before.
pub(crate) async fn show_picture_and_words(scene: Scene, transport: Transport) {
    let site = Site::of(page_of_frame(), transport).await;
    scene.open(&site, "/", one(RED)).await;
    says(&scene, RED, Instant::now(), "the first words").await;
    for colour in [GREEN, BLUE, RED, GREEN] {
        let changed = site.show(colour);
        says(&scene, colour, changed, "other words").await;
        scene.see(one(colour), changed, "another picture").await;
        let selected = scene.browser.run_in_frame(SELECT_ALL).await;
        assert_eq!(selected, json!(colour.to_hex()));
    }
    // Chromium 156 builds this tree when it is asked for, a moment after the page.
    if scene.engine() == Engine::Chromium {
        let is_told = |told: &[String]| {
            let words = told.iter().filter(|line| line.contains('#')).collect::<Vec<_>>();
            !words.is_empty() && words.iter().all(|line| line.contains(&GREEN.to_hex()))
        };
        let since = Instant::now();
        loop {
            let told = scene.browser.accessible().await.expect("Chromium tells");
            if is_told(&told) {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "{told:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!((site.streams(), site.joins()), (1, 1));
}

/// A picture within an endless document leaves with it, also in Chromium 156, which would keep the stream of
/// an image by itself for a minute.
pub(crate) async fn are_left_at_once(scene: Scene) {
    let site = Site::plan().page("/", page_of_frame()).page("/none", "none");
    let site = site.counting_bodies().serve(H1).await;
    scene.open(&site, "/", one(RED)).await;
    assert_eq!((site.streams(), site.bodies()), (1, 2));
    scene.go_to(&site, "/none").await;
    scene.until("nobody looks at a page that was left", || site.bodies() == 0).await;
    scene.open(&site, "/", one(RED)).await;
    let closing = scene.browser.close_all();
    tokio::join!(closing, scene.until("nobody looks at a closed tab", || site.bodies() == 0));
    assert_eq!(site.joins(), 2);
}

/// Firefox 153 lets a second tab wait for a picture of the same URL; these have URLs of their own.
pub(crate) async fn are_live_in_two_tabs(scene: Scene) {
    let site = Site::of(page_of_frame(), H1).await;
    let first = scene.open(&site, "/", one(RED)).await;
    scene.open(&site, "/", one(RED)).await;
    assert_eq!(site.streams(), 2);
    let changed = site.show(GREEN);
    scene.see(one(GREEN), changed, "a change in the second tab").await;
    scene.browser.switch_to(&first).await;
    scene.see(one(GREEN), changed, "a change in the first tab").await;
    says(&scene, GREEN, changed, "words in the first tab").await;
}

/// Without scripts nothing is lazy in any browser, so that what makes the page come back must not be there: each
/// page would open the next at once.
pub(crate) async fn are_live_in_a_sandbox_of_another_site(scene: Scene) {
    let badges = Site::plan().counting_bodies().serve(H1).await;
    let frame = frame(&badges.url("/live.png"), "sandbox");
    let page = Site::plan().page("/", frame).serve(H1).await;
    scene.open_elsewhere(&page.url_by_name("/"), &badges, one(RED)).await;
    for colour in [GREEN, BLUE] {
        let changed = badges.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
    assert_eq!((badges.streams(), badges.joins()), (1, 1));
    scene.browser.close_all().await;
    scene.until("nobody looks at a closed tab", || badges.bodies() == 0).await;
}

/// A page with `Cross-Origin-Embedder-Policy: require-corp` shows frames that ask for the same alone.
pub(crate) async fn are_live_on_isolated_pages(scene: Scene) {
    let badges = Site::plan().serve(H1).await;
    let page = Site::plan().isolated().page("/", frame(&badges.url("/live.png"), ""));
    let page = page.serve(H1).await;
    scene.open_elsewhere(&page.url_by_name("/"), &badges, one(RED)).await;
    let changed = badges.show(GREEN);
    scene.see(one(GREEN), changed, "a change").await;
}

/// After 10,000 changes. Chromium 156 has grown by 5 MB then, WebKitGTK 2.50 by 20, Firefox 153 by 36, and
/// words take as long as at first. Firefox is white for some 50 ms when it begins anew, the others are not.
pub(crate) async fn begin_anew_after_many_changes(scene: Scene) {
    const CHANGES: usize = 10_100;
    let site = Site::of(page_of_frame(), H1).await;
    scene.open(&site, "/", one(RED)).await;
    for number in 0..CHANGES {
        site.show(if number % 2 == 0 { GREEN } else { BLUE });
        sleep(Duration::from_micros(1200)).await;
    }
    scene.until("another stream", || site.joins() > 1).await;
    let changed = site.show(RED);
    says(&scene, RED, changed, "other words").await;
    scene.see(one(RED), changed, "another picture").await;
    assert_eq!(site.streams(), 1);
}

/// How it has ended makes no difference, but that a picture that was cut off is broken in WebKitGTK 2.50.
pub(crate) async fn come_back_after_a_restart(scene: Scene, is_polite: bool) {
    let (site, _page) = watched(&scene).await;
    let port = site.port;
    if is_polite {
        site.handle.shutdown().await;
    }
    drop(site); // all connections are cut
    is_live_again(&scene, port, Instant::now()).await;
}

/// The clock of a document's SVG begins to run when the document ends: that is how the page knows. Until the
/// server is there it shows what it showed last, and asks now and then, whether nobody answers or a proxy
/// does.
pub(crate) async fn come_back_after_an_outage(scene: Scene, is_polite: bool) {
    const OUTAGE: Duration = Duration::from_secs(15);
    let (mut site, _page) = watched(&scene).await;
    // Twice: the second time, the page that ends is one within another.
    for has_proxy in [false, true] {
        let changed = site.show(ORANGE);
        scene.see(one(ORANGE), changed, "before the outage").await;
        let port = site.port;
        if is_polite {
            site.handle.shutdown().await;
        }
        drop(site);
        let proxy = if has_proxy { Some(Proxy::at(port).await) } else { None };
        if is_polite || scene.engine() != Engine::WebKit {
            scene.keeps(one(ORANGE), OUTAGE, "meanwhile").await;
        } else {
            sleep(OUTAGE).await;
        }
        if let Some(proxy) = proxy {
            let asked = proxy.asked();
            assert!((1..10).contains(&asked), "asked {asked} times");
        }
        site = is_live_again(&scene, port, Instant::now()).await;
        // What it showed before is not told any more.
        assert_eq!(scene.browser.run_in_frame(READ).await, json!(""));
    }
    scene.browser.close_all().await;
    scene.until("no stream after the tab is closed", || site.streams() == 0).await;
}

/// A page of another site with a frame.
async fn watched(scene: &Scene) -> (Site, Site) {
    let site = Site::of("", H1).await;
    let page = Site::of(frame(&site.url("/live.png"), ""), H1).await;
    scene.open_elsewhere(&page.url("/"), &site, one(RED)).await;
    (site, page)
}

async fn is_live_again(scene: &Scene, port: u16, since: Instant) -> Site {
    let site = Site::plan().port(port).serve(H1).await;
    site.show(GREEN);
    scene.see(one(GREEN), since, "the picture after it").await;
    let changed = site.show(BLUE);
    scene.see(one(BLUE), changed, "a change after it").await;
    assert_eq!((site.streams(), site.joins()), (1, 1));
    site
}

/// Waits until these are the words in the frame, and no others.
async fn says(scene: &Scene, colour: Colour, since: Instant, what: &str) {
    loop {
        let said = scene.browser.run_in_frame(READ).await;
        let waited = since.elapsed();
        if said == json!(colour.to_hex()) {
            return scene.say(what, waited);
        }
        assert!(waited < PATIENCE, "{what}: {said} rather than {}", colour.to_hex());
    }
}
