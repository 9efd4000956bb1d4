//! Real browsers look at the `online` example: what is seen on their screens, and when the server
//! notices that they went. The other examples, and what needs a server of its own, are in the modules, such as
//! [`games`], [`forum`] and [`countdown`]. `tests/install` installs the browsers; what they showed is left in
//! `tests/output/`.
#![cfg(target_os = "linux")]

mod seeing;
mod server;
#[allow(dead_code, reason = "what only other tests need")]
mod support;

use std::time::Instant;

use seeing::{SAME, say, see};
use server::Server;
use support::{Browser, Engine};

/// In the example's page.
const BADGE: &str = "#badge";

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

// Below the macro, which it uses.
mod countdown;
mod events;
mod forum;
mod gallery;
mod games;
mod values;

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
    see(&browser, BADGE, &one, asked, "the first picture").await;
}

async fn every_change_is_shown(engine: Engine) {
    let (server, browser) = (Server::start().await, Browser::start(engine).await);
    let asked = Instant::now();
    browser.open(&server.url).await;
    let one = server.picture_of(1).await;
    see(&browser, BADGE, &one, asked, "1 looks").await;

    let came = Instant::now();
    let second = server.visitor().await;
    let two = server.picture_of(2).await;
    assert!(two.difference(&one, (0, 0)) > SAME, "1 and 2 are different pictures");
    see(&browser, BADGE, &two, came, "2 look").await;

    let came = Instant::now();
    let third = server.visitor().await;
    let three = server.picture_of(3).await;
    assert!(three.difference(&two, (0, 0)) > SAME, "2 and 3 are different pictures");
    see(&browser, BADGE, &three, came, "3 look").await;

    let went = Instant::now();
    drop(second);
    server.counts(2).await;
    see(&browser, BADGE, &two, went, "2 look again").await;

    let went = Instant::now();
    drop(third);
    server.counts(1).await;
    see(&browser, BADGE, &one, went, "1 looks again").await;
}

async fn a_closed_tab_is_noticed(engine: Engine) {
    let (server, browser) = (Server::start().await, Browser::start(engine).await);
    let asked = Instant::now();
    let tab = browser.open(&server.url).await;
    let one = server.picture_of(1).await;
    see(&browser, BADGE, &one, asked, "before its tab is closed").await;

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
