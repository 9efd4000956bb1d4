//! A case with its browser: what it opens, what it sees, what it says.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::colour;
use super::screen::{Screen, Sight};
use super::site::Site;
use super::support::{Browser, Engine, Tab};

/// Nothing takes that long, but a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Its answers take a second at most.
const DRIVER_PATIENCE: Duration = Duration::from_secs(30);
/// WebKitWebDriver 2.50 leaves a screenshot unanswered for as long as the page is not painted.
const HANGS: &str = "the browser's driver does not answer";

#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) browser: Arc<Browser>,
    pub(crate) case: &'static str,
}

impl Scene {
    pub(crate) fn engine(&self) -> Engine {
        self.browser.engine()
    }

    /// Opens the site's page in a new tab, and waits until this is seen.
    pub(crate) async fn open(&self, site: &Site, path: &str, sight: Sight) -> Tab {
        self.open_elsewhere(&site.url(path), site, sight).await
    }

    /// The same with a page that is not the site's, but shows its pictures.
    pub(crate) async fn open_elsewhere(&self, url: &str, site: &Site, sight: Sight) -> Tab {
        let (asked, joins) = (Instant::now(), site.joins());
        let tab = self.browser.open(url).await;
        self.until("asked for", || site.joins() > joins).await;
        self.arrive(url).await;
        self.see(sight, asked, "at first").await;
        tab
    }

    /// Goes to another page of the site in the same tab.
    pub(crate) async fn go_to(&self, site: &Site, path: &str) {
        let url = site.url(path);
        self.browser.go_to(&url).await;
        self.arrive(&url).await;
    }

    /// Chromium 156 takes 10 s for a screenshot of a page that is still to come, and 20 s to close its
    /// tab; Firefox 153 takes no such screenshot. A picture in a tab of its own may be sent to a URL
    /// of its own: the same with a query.
    async fn arrive(&self, url: &str) {
        let since = Instant::now();
        let at = || timeout(DRIVER_PATIENCE, self.browser.url());
        while !at().await.expect(HANGS).starts_with(url) {
            assert!(since.elapsed() < PATIENCE, "{url} is not opened");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until this is seen.
    pub(crate) async fn see(&self, sight: Sight, since: Instant, what: &str) {
        loop {
            let (png, screen) = self.look().await;
            let waited = since.elapsed();
            if sight.is_on(&screen) {
                return self.say(what, waited);
            }
            if waited > PATIENCE {
                self.fail(sight, &png, &screen, what);
            }
            // What takes long leaves the processor to the other browsers.
            let pause = waited / 20;
            sleep(pause.clamp(Duration::from_millis(5), Duration::from_millis(250))).await;
        }
    }

    /// Looks on for some time, in which nothing else is ever seen.
    pub(crate) async fn keeps(&self, sight: Sight, time: Duration, what: &str) {
        let since = Instant::now();
        while since.elapsed() < time {
            let (png, screen) = self.look().await;
            if !sight.is_on(&screen) {
                self.fail(sight, &png, &screen, what);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the condition holds.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let since = Instant::now();
        while !condition() {
            assert!(since.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            sleep(Duration::from_millis(2)).await;
        }
        self.say(what, since.elapsed());
    }

    async fn look(&self) -> (Vec<u8>, Screen) {
        let png = timeout(DRIVER_PATIENCE, self.browser.screenshot()).await.expect(HANGS);
        let screen = Screen::from_png(&png);
        (png, screen)
    }

    fn fail(&self, sight: Sight, png: &[u8], screen: &Screen, what: &str) -> ! {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output");
        std::fs::create_dir_all(&folder).expect("there is room for screenshots");
        let name = format!("{}-{}-{what}.png", self.engine().name(), self.case);
        let file = folder.join(name.replace(' ', "-"));
        std::fs::write(&file, png).expect("there is room for a screenshot");
        let seen = screen.area(sight.colour);
        let others = colour::ALL.map(|colour| (colour, screen.area(colour)));
        panic!("{what}: not {sight:?} but {seen}, see {}; {others:?}", file.display());
    }

    /// Not eprintln!, which the test harness keeps to itself while tests pass.
    pub(crate) fn say(&self, what: &str, after: Duration) {
        let (engine, case) = (self.engine().name(), self.case);
        let line = format!("{engine}: {case}: {what} after {} ms\n", after.as_millis());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
