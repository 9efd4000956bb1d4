//! Real browsers for tests: each starts by itself, with a profile of its own, and ends on drop.

mod driver;
mod engine;
mod example;
mod home;
mod marionette;
mod pixels;
mod process;
mod start;

use serde_json::Value;

use driver::Driver;

pub(crate) use engine::Engine;
pub(crate) use example::example;
pub(crate) use home::Home;
pub(crate) use pixels::Pixels;
pub(crate) use process::Process;

/// A tab of a [`Browser`].
#[derive(Debug)]
pub(crate) struct Tab(String);

/// A running browser. Commands go to the tab that was opened last.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Driver,
    engine: Engine,
    /// The empty tab that it began with.
    first: Tab,
    /// The size of tabs that are opened, in CSS pixels.
    size: (u32, u32),
    _processes: Vec<Process>,
    /// Last, so that it goes when the processes are gone.
    _home: Home,
}

impl Browser {
    /// Its tabs are as small as the games' pages let them be, since a screenshot's time is its pixels'.
    pub(crate) async fn start(engine: Engine) -> Self {
        Self::start_with_tabs_of(engine, (960, 860)).await
    }

    /// With tabs of this size, in CSS pixels.
    pub(crate) async fn start_with_tabs_of(engine: Engine, size: (u32, u32)) -> Self {
        let home = Home::new();
        let (driver, processes) = start::start(engine, home.path()).await;
        let first = Tab(driver.window().await);
        Self { driver, engine, first, size, _processes: processes, _home: home }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Opens a page in a new tab.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        // A window in WebKitGTK 2.50: a new tab stays in the background there, and a screenshot of
        // it is waited for in vain.
        let tab = self.driver.open(self.engine != Engine::WebKit).await;
        self.driver.switch_to(&tab).await;
        let (width, height) = self.size;
        self.driver.resize(width, height).await;
        self.driver.go_to(url).await;
        Tab(tab)
    }

    /// The browser stays, with the empty tab that it began with.
    pub(crate) async fn close(&self, tab: Tab) {
        self.driver.switch_to(&tab.0).await;
        self.driver.close().await;
    }

    /// Closes everything but the empty tab that it began with.
    pub(crate) async fn close_all(&self) {
        for tab in self.driver.windows().await {
            if tab != self.first.0 {
                self.close(Tab(tab)).await;
            }
        }
        self.driver.switch_to(&self.first.0).await;
    }

    /// Commands go to this tab from now on.
    pub(crate) async fn switch_to(&self, tab: &Tab) {
        self.driver.switch_to(&tab.0).await;
    }

    /// Asks for another page in the same tab.
    pub(crate) async fn go_to(&self, url: &str) {
        self.driver.go_to(url).await;
    }

    /// Of the page that is there, rather than of one that was asked for.
    pub(crate) async fn url(&self) -> String {
        self.driver.url().await
    }

    pub(crate) async fn reload(&self) {
        self.driver.reload().await;
    }

    /// What a function with this body returns in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.driver.run(script).await
    }

    /// The same in the page's first frame.
    pub(crate) async fn run_in_frame(&self, script: &str) -> Value {
        self.driver.enter_frame().await;
        let value = self.driver.run(script).await;
        self.driver.leave_frame().await;
        value
    }

    /// What screen readers are told of in the page's first frame, by roles and names; Chromium alone tells.
    pub(crate) async fn accessible(&self) -> Option<Vec<String>> {
        self.driver.accessible().await
    }

    /// Clicks on a place in the window, in CSS pixels.
    pub(crate) async fn click(&self, (x, y): (u32, u32)) {
        self.driver.click(x, y).await;
    }

    /// The value of the page's cookie of this name.
    pub(crate) async fn cookie(&self, name: &str) -> String {
        self.driver.cookie(name).await
    }

    /// What is to be seen of the page, as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.driver.screenshot().await
    }
}
