//! Where a page can have a picture.

use std::time::Duration;

use tokio::time::sleep;

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::Scene;
use crate::screen::one;
use crate::serve::Transport;
use crate::site::Site;
use crate::support::Engine;

/// Wherever an image can be, it may be live: nothing says so, but Chromium 156, Firefox 153 and
/// WebKitGTK 2.50 do it.
pub(crate) async fn are_live(scene: Scene, body: &str) {
    let site = Site::of(body, Transport::H1).await;
    is_live(scene, &site, "/").await;
}

/// Firefox 153 does not let go of a closed tab's CSS images before more of them comes: one of the
/// next heartbeats tells. For Chromium 156 and WebKitGTK 2.50 they are images like any others.
pub(crate) async fn in_css_are_live(scene: Scene, body: &str) {
    let site = Site::of(body, Transport::H1).await;
    changes(&scene, &site, "/").await;
    scene.browser.close_all().await;
    if scene.engine() == Engine::Firefox {
        for colour in [RED, GREEN].into_iter().cycle().take(100) {
            if site.streams() == 0 {
                break;
            }
            site.show(colour);
            sleep(Duration::from_millis(100)).await;
        }
    }
    scene.until("no stream after the tab is closed", || site.streams() == 0).await;
}

/// The browser makes a document of the picture. Firefox 153 makes one of each part as soon as its
/// first byte comes, and would show the empty document of a part that stands open. The spinner of Chromium 156 and Firefox 153 goes on
/// for ever.
pub(crate) async fn include_the_stream_itself(scene: Scene, transport: Transport) {
    let site = Site::plan().serve(transport).await;
    is_live(scene, &site, "/live.png").await;
}

async fn is_live(scene: Scene, site: &Site, path: &str) {
    changes(&scene, site, path).await;
    scene.browser.close_all().await;
    scene.until("no stream after the tab is closed", || site.streams() == 0).await;
}

async fn changes(scene: &Scene, site: &Site, path: &str) {
    scene.open(site, path, one(RED)).await;
    for colour in [GREEN, BLUE] {
        let changed = site.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
    assert_eq!(site.streams(), 1);
}

/// Firefox 153 shows nothing but the first picture; Chromium 156 and WebKitGTK 2.50 show all.
pub(crate) async fn as_documents_are_live_but_for_firefox(scene: Scene, body: &str) {
    let site = Site::of(body, Transport::H1).await;
    if scene.engine() != Engine::Firefox {
        return is_live(scene, &site, "/").await;
    }
    scene.open(&site, "/", one(RED)).await;
    site.show(GREEN);
    scene.keeps(one(RED), Duration::from_secs(1), "the first picture").await;
}
