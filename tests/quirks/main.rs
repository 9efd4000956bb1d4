//! What browsers do with live pictures that no specification says: each case is a quirk of Chromium
//! 156, Firefox ESR 153 or WebKitGTK 2.50, and runs in all three. What is checked is what is to be
//! seen on the screen. `tests/install` installs the browsers; the screen of a case that failed is left
//! in `tests/output/`.
#![cfg(target_os = "linux")]

mod cases;
mod colour;
mod scene;
mod screen;
mod serve;
mod site;
#[path = "../browsers/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what only other tests need")]
mod support;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinError;
use tokio::time::timeout;

use cases::Case;
use scene::Scene;
use support::{Browser, Engine};

/// No case takes that long.
const PATIENCE: Duration = Duration::from_secs(180);
/// In CSS pixels: room for some pictures. Most of a case's time is its screenshots'.
const TAB: (u32, u32) = (600, 640);

#[tokio::test]
async fn chromium() {
    all_cases(Engine::Chromium).await;
}

#[tokio::test]
async fn firefox() {
    all_cases(Engine::Firefox).await;
}

#[tokio::test]
async fn webkit() {
    all_cases(Engine::WebKit).await;
}

/// Runs all cases in one browser, each with tabs and a server of its own; one that fails once more in
/// a new browser has failed. `QUIRK=word` runs those with this word in their name.
async fn all_cases(engine: Engine) {
    if !engine.is_there() {
        return;
    }
    let word = std::env::var("QUIRK").unwrap_or_default();
    let mut browser = Arc::new(Browser::start_with_tabs_of(engine, TAB).await);
    let mut failures = Vec::new();
    for case in cases::ALL.iter().chain(cases::OF_FEATURES).filter(|case| case.name.contains(&word))
    {
        // Once in some thousand cases, a browser on a busy machine does what it does not do again.
        for is_last in [false, true] {
            let Some(failure) = play(case, &browser).await else { break };
            let failure = format!("FAILED in {}: {}: {failure}\n", engine.name(), case.name);
            // At once: the harness shows it after all lines of all browsers.
            let _ = std::io::stderr().write_all(failure.as_bytes());
            if is_last {
                failures.push(failure);
            }
            // Whatever state that one is in.
            browser = Arc::new(Browser::start_with_tabs_of(engine, TAB).await);
        }
    }
    let failures = failures.concat();
    assert!(failures.is_empty(), "{failures}");
}

/// What is wrong, if anything is.
async fn play(case: &Case, browser: &Arc<Browser>) -> Option<String> {
    let Case { name, run } = *case;
    let scene = Scene { browser: browser.clone(), case: name };
    let began = Instant::now();
    // On a task of its own, which may panic without taking the other cases with it.
    let case = tokio::spawn(async move {
        run(scene.clone()).await;
        scene.browser.close_all().await;
        scene.say("done", began.elapsed());
    });
    match timeout(PATIENCE, case).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(message(error)),
        Err(_) => Some(format!("not done within {PATIENCE:?}")),
    }
}

/// What a panic said.
fn message(error: JoinError) -> String {
    let panic = error.into_panic();
    match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => panic.downcast_ref::<&str>().map_or_else(String::new, ToString::to_string),
    }
}
