//! What is to be seen on a browser's screen.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::server::PATIENCE;
use crate::support::{Browser, Engine, Pixels, Tab};

/// The largest difference of a channel that is still the same picture: room for a browser's own
/// rounding of half-transparent corners. Two counts' pictures differ by more than 100.
pub(crate) const SAME: u8 = 8;

/// Waits until the image in the page that the selector names is this picture, pixel by pixel.
pub(crate) async fn see(
    browser: &Browser,
    image: &str,
    picture: &Pixels,
    since: Instant,
    what: &str,
) {
    let mut difference = None;
    loop {
        let screenshot = browser.screenshot().await;
        let waited = since.elapsed();
        if let Some((left, top)) = place_of(browser, image).await {
            let place = (on_screen(left), on_screen(top));
            difference = Some(Pixels::from_png(&screenshot).difference(picture, place));
        }
        let seen = difference.is_some_and(|difference| difference <= SAME);
        let late = waited > PATIENCE;
        if seen || late {
            let saved = save(&screenshot, browser.engine(), what);
            assert!(seen, "{what}: {saved} shows something else, by {difference:?} of 255");
            say(browser.engine(), &format!("{what}: seen"), waited);
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Opens a page in a new tab, and waits until it is there: of one that is still to come, Chromium 156 takes 10 s
/// for a screenshot.
pub(crate) async fn open(browser: &Browser, url: &str, selector: &str) -> Tab {
    let (asked, tab) = (Instant::now(), browser.open(url).await);
    while place_of(browser, selector).await.is_none() {
        assert!(asked.elapsed() < PATIENCE, "{url} does not come");
        sleep(Duration::from_millis(20)).await;
    }
    tab
}

/// The upper left corner of what the selector names, in CSS pixels of the window; `None` until the
/// page is there.
pub(crate) async fn place_of(browser: &Browser, selector: &str) -> Option<(f64, f64)> {
    let script = format!(
        "const found = document.querySelector('{selector}');
        if (!found) return null;
        const place = found.getBoundingClientRect();
        return [place.left, place.top];"
    );
    let place = browser.run(&script).await;
    let at = |index: usize| place.get(index).and_then(Value::as_f64);
    Some((at(0)?, at(1)?))
}

/// Screens have as many pixels for a CSS pixel as the badges' pictures.
fn on_screen(place: f64) -> usize {
    (place * 2.0).round() as usize
}

pub(crate) fn save(screenshot: &[u8], engine: Engine, what: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output");
    std::fs::create_dir_all(&folder).expect("there is room for screenshots");
    let file = folder.join(format!("{}-{}.png", engine.name(), what.replace(' ', "-")));
    std::fs::write(&file, screenshot).expect("there is room for a screenshot");
    file.display().to_string()
}

/// Not eprintln!, which the test harness keeps to itself while tests pass.
pub(crate) fn say(engine: Engine, what: &str, after: Duration) {
    say_so(&format!("{}: {what}", engine.name()), after);
}

/// The same of what no browser is needed for.
pub(crate) fn say_so(what: &str, after: Duration) {
    let line = format!("{what} after {} ms\n", after.as_millis());
    let _ = std::io::stderr().write_all(line.as_bytes());
}
