//! When is a change on the screen?

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tower_livebadge::Format;

use crate::colour::{ALL, BLUE, GREEN, ORANGE, RED};
use crate::scene::Scene;
use crate::screen::{Sight, one};
use crate::serve::Transport;
use crate::site::{HEIGHT, Look, Site, WIDTH};

const IMAGE: &str = r#"<img src="/live.png">"#;

/// After a delimiter alone, Chromium 156 and WebKitGTK 2.50 stay one picture behind; they show a
/// picture when they have the head of the next part, Firefox 153 with the delimiter. WebKitGTK shows
/// nothing at all until 512 bytes have come.
pub(crate) async fn are_shown(scene: Scene, transport: Transport) {
    let site = Site::of(IMAGE, transport).await;
    scene.open(&site, "/", one(RED)).await;
    for colour in [GREEN, BLUE, RED, GREEN] {
        let changed = site.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
}

/// Pictures that come in one piece are painted as a browser likes (all three leave out some), but
/// for the last.
pub(crate) async fn of_a_burst_the_last_is_shown(scene: Scene, transport: Transport) {
    let site = Site::of(IMAGE, transport).await;
    scene.open(&site, "/", one(RED)).await;
    for pause in [0, 2, 15] {
        for colour in ALL.into_iter().cycle().take(50) {
            site.show(colour);
            sleep(Duration::from_millis(pause)).await;
        }
        let changed = site.show(GREEN);
        scene.see(one(GREEN), changed, "the last of a burst").await;
    }
}

/// The part that stands open begins as a picture of the old size and colour type, and is ended as
/// one. A transparent picture replaces what was there: no ghost of it is left. Chromium 156, Firefox
/// 153 and WebKitGTK 2.50 give the image its new place on the page.
pub(crate) async fn of_size_and_colour_type_are_shown(scene: Scene, transport: Transport) {
    let site = Site::of(IMAGE, transport).await;
    scene.open(&site, "/", one(RED)).await;
    let wide = 2 * WIDTH;
    let steps = [
        (GREEN, WIDTH, 1.0, "as before"),
        (BLUE, wide, 1.0, "wider"),
        (RED, wide, 0.5, "transparent"),
        (GREEN, WIDTH, 0.5, "narrower"),
        (BLUE, WIDTH, 1.0, "opaque"),
        (ORANGE, wide, 0.5, "wider and transparent"),
        (RED, WIDTH, 1.0, "narrower and opaque"),
    ];
    for (fill, width, opacity, what) in steps {
        let changed = site.look_like(Look::new(fill, width, opacity));
        let colour = if opacity < 1.0 { fill.half_on_white() } else { fill };
        scene.see(Sight { colour, area: width * HEIGHT }, changed, what).await;
    }
}

/// A heartbeat is an empty PNG chunk of a type that no decoder knows. Chromium 156, Firefox 153 and
/// WebKitGTK 2.50 keep the picture meanwhile, and take the next as if there had been none.
pub(crate) async fn after_heartbeats_are_shown(scene: Scene, transport: Transport) {
    after_heartbeats_in(scene, IMAGE, transport).await;
}

/// In a document, a heartbeat is the picture once more: Chromium 156, Firefox 153 and WebKitGTK 2.50
/// replace it by itself without a blank between.
pub(crate) async fn after_heartbeats_in_a_document_are_shown(scene: Scene, transport: Transport) {
    let page = r#"<iframe src="/live.png" style="border: 0"></iframe>"#;
    after_heartbeats_in(scene, page, transport).await;
}

/// JPEG has a beginning that is always the same, too, and comments that mean nothing: both can be
/// sent ahead. WebP and SVG have neither, so their heartbeats are pictures. Chromium 156, Firefox 153
/// and WebKitGTK 2.50 show all of them at once.
pub(crate) async fn of_format_are_shown(scene: Scene, format: Format) {
    let plan = Site::plan().page("/", IMAGE).format(format).heartbeat(Duration::from_millis(100));
    let site = plan.serve(Transport::H1).await;
    scene.open(&site, "/", one(RED)).await;
    for colour in [GREEN, BLUE, ORANGE] {
        sleep(Duration::from_millis(500)).await; // heartbeats
        let changed = site.show(colour);
        scene.see(one(colour), changed, "a change").await;
    }
}

async fn after_heartbeats_in(scene: Scene, page: &str, transport: Transport) {
    let plan = Site::plan().page("/", page).heartbeat(Duration::from_millis(100));
    let site = plan.serve(transport).await;
    scene.open(&site, "/", one(RED)).await;
    for (before, after) in [(RED, GREEN), (GREEN, BLUE)] {
        scene.keeps(one(before), Duration::from_secs(2), "while the heart beats").await;
        let changed = site.show(after);
        scene.see(one(after), changed, "a change after heartbeats").await;
    }
    let wide = Look::new(RED, 2 * WIDTH, 0.5);
    scene.keeps(one(BLUE), Duration::from_secs(1), "while the heart beats").await;
    let changed = site.look_like(wide);
    let sight = Sight { colour: RED.half_on_white(), ..one(RED).times(2) };
    scene.see(sight, changed, "another size after heartbeats").await;
    scene.keeps(sight, Duration::from_secs(1), "while the heart beats").await;
    scene.see(sight, Instant::now(), "the last picture").await;
}
