//! What is between the server and the screen.

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::Scene;
use crate::screen::one;
use crate::serve::Transport;
use crate::site::{Plan, Site};

/// Chromium 156 leaves an image from another origin blank until about 1 KiB of the response has come,
/// WebKitGTK 2.50 any image until 512 bytes have. A tiny picture is less, twice.
pub(crate) async fn a_tiny_picture_is_shown_on_another_site(scene: Scene, transport: Transport) {
    let badges = Site::plan().serve(transport).await;
    let page = format!(r#"<img src="{}">"#, badges.url("/live.png"));
    let forum = Site::of(page, transport).await;
    scene.open_elsewhere(&forum.url_by_name("/"), &badges, one(RED)).await;
    let size = badges.picture_bytes();
    assert!((60..=300).contains(&size), "{size} bytes are a tiny picture");
    for colour in [GREEN, BLUE] {
        let changed = badges.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
}

/// The streams' `Content-Encoding: identity` keeps compression layers off them, and is right for
/// Chromium 156, Firefox 153 and WebKitGTK 2.50, which never see that header elsewhere.
pub(crate) async fn compression_leaves_streams_alone(scene: Scene, transport: Transport) {
    is_live(scene, Site::plan().compressed(), transport).await;
}

/// Chromium 156, Firefox 153 and WebKitGTK 2.50 unpack what has come so far of a stream that was
/// compressed after all, if whoever did it flushes.
pub(crate) async fn compressed_streams_are_shown(scene: Scene, transport: Transport) {
    is_live(scene, Site::plan().compressed_by_force(), transport).await;
}

async fn is_live(scene: Scene, plan: Plan, transport: Transport) {
    let site = plan.page("/", r#"<img src="/live.png">"#).serve(transport).await;
    scene.open(&site, "/", one(RED)).await;
    for colour in [GREEN, BLUE] {
        let changed = site.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
}
