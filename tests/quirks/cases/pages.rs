//! What pages do besides showing a picture: they wait for `load`, isolate themselves, have a service
//! worker, or stand behind something that changes requests.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::{PATIENCE, Scene};
use crate::screen::one;
use crate::serve::Transport;
use crate::site::Site;
use crate::support::Engine;

const IMAGE: &str = r#"<img src="/live.png">"#;

/// For WebKitGTK 2.50 a page is not loaded before the end of a picture that streams, which is never,
/// unless the picture is lazy, as the snippets are.
pub(crate) async fn are_loaded_while_a_snippet_streams(scene: Scene) {
    let script = "<script>addEventListener('load', () => document.title = 'loaded')</script>";
    let site = Site::of(format!("{script}EMBED"), Transport::H1).await;
    scene.open(&site, "/", one(RED)).await;
    let since = Instant::now();
    while scene.browser.run("return document.title").await != json!("loaded") {
        assert!(since.elapsed() < PATIENCE, "`load` does not fire");
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(site.streams(), 1);
    changes_are_shown(&scene, &site).await;
}

/// A page with `Cross-Origin-Embedder-Policy: require-corp` shows what allows that by a
/// `Cross-Origin-Resource-Policy`. Chromium 156 and Firefox 153 look for it in the response's head,
/// WebKitGTK 2.50 there and in each part's.
pub(crate) async fn that_are_isolated_show_badges_of_others(scene: Scene) {
    let badges = Site::plan().serve(Transport::H1).await;
    let image = format!(r#"<img src="{}">"#, badges.url("/live.png"));
    let page = Site::plan().isolated().page("/", image).serve(Transport::H1).await;
    scene.open_elsewhere(&page.url_by_name("/"), &badges, one(RED)).await;
    changes_are_shown(&scene, &badges).await;
}

/// A service worker that passes requests on passes the stream on, too. Chromium 156 and Firefox 153
/// don't cut it when they end the worker, which has nothing more to do: after 75 s it was as live as at
/// first. Of a closed tab Firefox only lets go when more of the stream comes. WebKitGTK 2.50 would show
/// a broken image, and hold the stream open: it gets one whole picture.
pub(crate) async fn with_a_service_worker_are_live(scene: Scene) {
    const WORKER: &str = "addEventListener('install', () => skipWaiting());
        addEventListener('activate', event => event.waitUntil(clients.claim()));
        addEventListener('fetch', event => event.respondWith(fetch(event.request)));";
    let page = "<script>
        navigator.serviceWorker.addEventListener('controllerchange', () => {
            document.body.innerHTML = '<img src=\"/live.png\">';
        });
        navigator.serviceWorker.register('/worker.js');
        </script>";
    let plan = Site::plan().page("/", page).script("/worker.js", WORKER);
    let site = plan.heartbeat(Duration::from_secs(1)).serve(Transport::H1).await;
    if scene.engine() == Engine::WebKit {
        scene.browser.open(&site.url("/")).await;
        scene.see(one(RED), Instant::now(), "a still").await;
        return assert_eq!(site.joins(), 0);
    }
    scene.open(&site, "/", one(RED)).await;
    changes_are_shown(&scene, &site).await;
    scene.browser.close_all().await;
    scene.until("no stream after the tab is closed", || site.streams() == 0).await;
}

/// Firefox 153 is sent to a URL of its own by a query; it would be sent there again and again, and
/// show nothing after some 20 times.
pub(crate) async fn behind_what_takes_queries_away_are_live(scene: Scene) {
    let site = Site::plan().without_queries().page("/", IMAGE).serve(Transport::H1).await;
    scene.open(&site, "/", one(RED)).await;
    changes_are_shown(&scene, &site).await;
    assert_eq!((site.streams(), site.joins()), (1, 1));
}

async fn changes_are_shown(scene: &Scene, site: &Site) {
    for colour in [GREEN, BLUE] {
        let changed = site.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
}
