//! What the tests of the wire share: a strict reader, real servers, real clients.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

pub(crate) mod bar;
pub(crate) mod client;
pub(crate) mod direct;
pub(crate) mod fonts;
pub(crate) mod frames;
pub(crate) mod log;
pub(crate) mod multipart;
pub(crate) mod panics;
pub(crate) mod picture;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod totals;

use std::time::Duration;

pub(crate) use bar::{bar_badge, bar_badge_of, bar_look_of, read_bar};
pub(crate) use client::{Client, LiveStream, Protocol, Reply};
pub(crate) use direct::{Direct, call, drawn};
pub(crate) use picture::{Picture, decode};
pub(crate) use raw::RawReply;
pub(crate) use server::{Server, serve, serve_badge};
pub(crate) use site::Site;

/// Whatever is waited for comes within this time on any machine, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What Chromium 156 sends for an `<img>`.
pub(crate) const BROWSER: [(&str, &str); 2] = [
    ("accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
    ("sec-fetch-dest", "image"),
];

/// The future's output, or a panic that says what did not come.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// What a future gives that has nothing to wait for: records, where there is no store.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits for something"),
    }
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let hold = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, hold).await;
}
