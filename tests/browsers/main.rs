//! Real browsers look at the `online` example: what is seen on their screens, and when the server
//! notices that they went. `tests/install` installs the browsers; what they showed is left in
//! `tests/output/`.
#![cfg(target_os = "linux")]

mod server;
#[allow(dead_code, reason = "what only other tests need")]
mod support;

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use server::{PATIENCE, Server};
use support::{Browser, Engine, Pixels};

/// The largest difference of a channel that is still the same picture: room for a browser's own
/// rounding of half-transparent corners. Two counts' pictures differ by more than 100.
const SAME: u8 = 8;

/// Makes a test of each case for each browser.
macro_rules! in_every_browser {
    ($($case:ident),+) => {
        in_every_browser!(chromium, Engine::Chromium, $($case),+);
        in_every_browser!(firefox, Engine::Firefox, $($case),+);
        in_every_browser!(webkit, Engine::WebKit, $($case),+);
    };
    ($browser:ident, $engine:expr, $($case:ident),+) => {
        mod $browser {
            use super::Engine;

            $(#[tokio::test]
            async fn $case() {
                if $engine.is_there() {
                    super::$case($engine).await;
                }
            })+
        }
    };
}

in_every_browser!(
    the_first_picture_is_shown,
    every_change_is_shown,
    a_closed_tab_is_noticed,
    a_closed_browser_is_noticed
);

async fn the_first_picture_is_shown(engine: Engine) {
    let (server, browser) = (Server::start().await, Browser::start(engine).await);
    let asked = Instant::now();
    browser.open(&server.url).await;
    let one = server.picture_of(1).await;
    see(&browser, &one, asked, "the first picture").await;
}

async fn every_change_is_shown(engine: Engine) {
    let (server, browser) = (Server::start().await, Browser::start(engine).await);
    let asked = Instant::now();
    browser.open(&server.url).await;
    let one = server.picture_of(1).await;
    see(&browser, &one, asked, "1 looks").await;

    let came = Instant::now();
    let second = server.visitor().await;
    let two = server.picture_of(2).await;
    assert!(two.difference(&one, (0, 0)) > SAME, "1 and 2 are different pictures");
    see(&browser, &two, came, "2 look").await;

    let came = Instant::now();
    let third = server.visitor().await;
    let three = server.picture_of(3).await;
    assert!(three.difference(&two, (0, 0)) > SAME, "2 and 3 are different pictures");
    see(&browser, &three, came, "3 look").await;

    let went = Instant::now();
    drop(second);
    server.counts(2).await;
    see(&browser, &two, went, "2 look again").await;

    let went = Instant::now();
    drop(third);
    server.counts(1).await;
    see(&browser, &one, went, "1 looks again").await;
}

async fn a_closed_tab_is_noticed(engine: Engine) {
    let (server, browser) = (Server::start().await, Browser::start(engine).await);
    let asked = Instant::now();
    let tab = browser.open(&server.url).await;
    let one = server.picture_of(1).await;
    see(&browser, &one, asked, "before its tab is closed").await;

    let went = Instant::now();
    browser.close(tab).await;
    server.counts(0).await;
    say(engine, "a closed tab was noticed", went.elapsed());
}

async fn a_closed_browser_is_noticed(engine: Engine) {
    let (server, browser) = (Server::start().await, Browser::start(engine).await);
    browser.open(&server.url).await;
    server.counts(1).await;

    let went = Instant::now();
    drop(browser);
    server.counts(0).await;
    say(engine, "a closed browser was noticed", went.elapsed());
}

/// Waits until the badge in the page is this picture, pixel by pixel.
async fn see(browser: &Browser, picture: &Pixels, since: Instant, what: &str) {
    let mut difference = None;
    loop {
        let screenshot = browser.screenshot().await;
        let waited = since.elapsed();
        if let Some(place) = place_of_badge(browser).await {
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

/// In pixels of the screen; `None` until the page is there.
async fn place_of_badge(browser: &Browser) -> Option<(usize, usize)> {
    let script = "const badge = document.querySelector('#badge');
        if (!badge) return null;
        const place = badge.getBoundingClientRect();
        return [place.left, place.top].map(at => Math.round(at * devicePixelRatio));";
    let place = browser.run(script).await;
    let at = |index: usize| place.get(index).and_then(Value::as_u64)?.try_into().ok();
    Some((at(0)?, at(1)?))
}

fn save(screenshot: &[u8], engine: Engine, what: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output");
    std::fs::create_dir_all(&folder).expect("there is room for screenshots");
    let file = folder.join(format!("{}-{}.png", engine.name(), what.replace(' ', "-")));
    std::fs::write(&file, screenshot).expect("there is room for a screenshot");
    file.display().to_string()
}

/// Not eprintln!, which the test harness keeps to itself while tests pass.
fn say(engine: Engine, what: &str, after: Duration) {
    let line = format!("{}: {what} after {} ms\n", engine.name(), after.as_millis());
    let _ = std::io::stderr().write_all(line.as_bytes());
}
