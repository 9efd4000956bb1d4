//! Embeds that come back by themselves, without a script and without a frame.

use std::time::Duration;

use tokio::time::sleep;

use crate::colour::{BLUE, GREEN, ORANGE, RED};
use crate::scene::Scene;
use crate::screen::one;
use crate::serve::Transport::H1;
use crate::site::{Proxy, Site};
use crate::support::Engine;

/// An image whose `href` is taken away for a moment by the clock of SVG is asked for once when it has it again, also
/// while a proxy answers with an error. In WebKitGTK 2.50, a picture that was cut off is broken.
pub(crate) async fn come_back_by_themselves(scene: Scene) {
    const OUTAGE: Duration = Duration::from_secs(10);
    let site = Site::of("", H1).await;
    let room = site.handle.room("/live.png", &[]).expect("a badge is there");
    let page = Site::of(room.embed(&site.url("/live.png")).reconnecting(), H1).await;
    scene.open_elsewhere(&page.url("/"), &site, one(RED)).await;
    let changed = site.show(ORANGE);
    scene.see(one(ORANGE), changed, "before the outage").await;
    assert_eq!((site.streams(), site.joins()), (1, 1));
    let port = site.port;
    drop(site); // all connections are cut
    let proxy = Proxy::at(port).await;
    match scene.engine() {
        Engine::WebKit => sleep(OUTAGE).await,
        _ => scene.keeps(one(ORANGE), OUTAGE, "meanwhile").await,
    }
    assert!(proxy.asked() < 5, "asked {} times", proxy.asked());
    drop(proxy);
    let site = Site::plan().port(port).serve(H1).await;
    let back = site.show(GREEN);
    scene.see(one(GREEN), back, "the picture after it").await;
    scene.until("another stream", || site.joins() == 1).await;
    let changed = site.show(BLUE);
    scene.see(one(BLUE), changed, "a change after it").await;
    assert_eq!((site.streams(), site.joins()), (1, 1));
}
