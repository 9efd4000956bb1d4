//! What is left when a stream has ended.

use std::time::Duration;

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::Scene;
use crate::screen::one;
use crate::serve::Transport;
use crate::site::Site;

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
