//! The `gallery` example shows every look, live, in real browsers.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::seeing::{save, say};
use crate::server::{PATIENCE, Server};
use crate::support::{Browser, Engine};

in_every_browser!(every_look_is_shown_live);

/// How many images there are, how many are shown, and how wide all of them are together.
const IMAGES: &str = "const images = [...document.images];
    const shown = images.filter(image => image.naturalWidth > 0);
    const width = images.reduce((sum, image) => sum + image.naturalWidth, 0);
    return [images.length, shown.length, width];";

async fn every_look_is_shown_live(engine: Engine) {
    let server = Server::example("gallery", &[]).await;
    let browser = Browser::start(engine).await;
    let asked = Instant::now();
    browser.open(&server.url).await;
    // Their numbers change, and most of them are as wide as their numbers.
    let mut widths = Vec::new();
    while widths.len() < 4 {
        let seen = browser.run(IMAGES).await;
        if seen[0] == seen[1] && seen[0] != json!(0) && !widths.contains(&seen[2]) {
            widths.push(seen[2].clone());
        }
        assert!(asked.elapsed() < PATIENCE, "images, shown, width: {seen}; seen {widths:?}");
        sleep(Duration::from_millis(20)).await;
    }
    say(engine, "every look has changed three times", asked.elapsed());
    save(&browser.screenshot().await, engine, "the gallery");
}
