//! What is between the server and the screen.

use std::time::Duration;

use crate::colour::{BLUE, GREEN, RED};
use crate::scene::Scene;
use crate::screen::one;
use crate::serve::Transport;
use crate::site::Site;
use crate::support::Engine;

const IMAGE: &str = r#"<img src="/live.png">"#;

/// Chromium 156 leaves an image from another origin blank until it has seen 1,024 bytes or an image's magic,
/// WebKitGTK 2.50 any image until more than 512 bytes have come. A tiny picture is less, twice.
pub(crate) async fn a_tiny_picture_is_shown_on_another_site(scene: Scene, transport: Transport) {
    let badges = Site::plan().serve(transport).await;
    let page = format!(r#"<img src="{}">"#, badges.url("/live.png"));
    let forum = Site::of(page, transport).await;
    scene.open_elsewhere(&forum.url_by_name("/"), &badges, one(RED)).await;
    let size = badges.picture_bytes();
    assert!((60..=300).contains(&size), "{size} bytes are a tiny picture");
    changes_are_shown(scene, &badges).await;
}

/// From what is padded to what is more than any browser wants.
pub(crate) async fn pictures_of_all_sizes_are_shown_on_another_site(
    scene: Scene,
    transport: Transport,
) {
    let badges = Site::plan().serve(transport).await;
    let rooms: Vec<String> = [6, 10, 16, 26, 42, 63].map(|length| "x".repeat(length)).into();
    let image =
        |room: &String| format!(r#"<img src="{}">"#, badges.url(&format!("/speckled/{room}")));
    let page: String = rooms.iter().map(image).collect();
    let forum = Site::of(page, transport).await;
    let all = |colour| one(colour).times(rooms.len() as u32);
    scene.open_elsewhere(&forum.url_by_name("/"), &badges, all(RED)).await;
    let mut sizes = badges.all_picture_bytes();
    sizes.sort_unstable();
    assert!((250..350).contains(&sizes[0]) && sizes[sizes.len() - 1] >= 850, "{sizes:?}");
    let changed = badges.show(GREEN);
    scene.see(all(GREEN), changed, "a change").await;
}

/// The streams' `Content-Encoding: identity` keeps compression layers off them, and is right for
/// Chromium 156, Firefox 153 and WebKitGTK 2.50, which never see that header elsewhere.
pub(crate) async fn compression_leaves_streams_alone(scene: Scene, transport: Transport) {
    let site = Site::plan().compressed().page("/", IMAGE).serve(transport).await;
    scene.open(&site, "/", one(RED)).await;
    changes_are_shown(scene, &site).await;
}

/// Chromium 156, Firefox 153 and WebKitGTK 2.50 unpack what has come so far of a stream that was
/// compressed after all, if whoever did it flushes. But the preamble is next to nothing then, and
/// over HTTP/2 WebKitGTK holds the first picture back until more has come.
pub(crate) async fn compressed_streams_are_shown(scene: Scene, transport: Transport) {
    let plan = Site::plan().compressed_by_force().page("/", IMAGE);
    let site = plan.serve(transport).await;
    let is_late = (scene.engine(), transport) == (Engine::WebKit, Transport::H2);
    let first = if is_late { one(RED).times(0) } else { one(RED) };
    scene.open(&site, "/", first).await;
    scene.keeps(first, Duration::from_secs(1), "at first").await;
    changes_are_shown(scene, &site).await;
}

async fn changes_are_shown(scene: Scene, site: &Site) {
    for colour in [GREEN, BLUE] {
        let changed = site.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
}
