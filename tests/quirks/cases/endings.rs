//! What is left when a stream has ended.

use std::time::{Duration, Instant};

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::Scene;
use crate::screen::one;
use crate::serve::Transport;
use crate::site::Site;
use crate::support::Engine;

/// A stream that just ends leaves a broken image in WebKitGTK 2.50, one that is cut off in Chromium
/// 156, too; Firefox 153 keeps the picture whatever happens. After the last picture once more, the
/// last delimiter and a regular end, all three keep it.
pub(crate) async fn keep_the_picture(scene: Scene, body: &str, transport: Transport) {
    let site = Site::of(body, transport).await;
    scene.open(&site, "/", one(RED)).await;
    let changed = site.show(GREEN);
    scene.see(one(GREEN), changed, "a change").await;
    // What changes right before the end is still shown.
    let changed = site.show(BLUE);
    site.handle.shutdown().await;
    assert_eq!(site.streams(), 0);
    scene.see(one(BLUE), changed, "the last change").await;
    scene.keeps(one(BLUE), Duration::from_secs(2), "after the end").await;
}

/// Nothing makes an `<img>` ask again. A frame does, if the stream said `Refresh`, some seconds after
/// the stream has ended: in Firefox 153 however it ended, in Chromium 156 not if a chunked one was cut
/// off. In WebKitGTK 2.50 it stays as it is.
pub(crate) async fn are_over_for_a_frame_after_a_restart(scene: Scene, is_polite: bool) {
    if scene.engine() == Engine::WebKit {
        return;
    }
    let site = Site::of("", Transport::H1).await;
    let frame = format!(
        r#"<iframe src="{}" style="border:0" loading="lazy" scrolling="no"></iframe>"#,
        site.url("/live.png")
    );
    let page = Site::of(frame, Transport::H1).await;
    scene.open_elsewhere(&page.url("/"), &site, one(RED)).await;
    let port = site.port;
    if is_polite {
        site.handle.shutdown().await;
    }
    drop(site); // all connections are cut
    let restarted = Instant::now();
    let site = Site::plan().port(port).serve(Transport::H1).await;
    site.show(GREEN);
    scene.see(one(GREEN), restarted, "the picture after a restart").await;
    let changed = site.show(BLUE);
    scene.see(one(BLUE), changed, "a change after a restart").await;
}
