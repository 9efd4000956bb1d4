//! How long until it is on the screen? `cargo bench --bench browser_latency`
//!
//! Headless Chromium looks at the `online` example. Its DevTools send a picture of each frame that
//! it shows, with the time when it was shown, so that taking pictures is not part of the figures.
//! A frame counts when the badge in it is, pixel by pixel, the one that is expected. Frames come
//! every 16.7 ms.

// The browser's support is for Linux alone, but a bench without harness has a main everywhere.
#[cfg(target_os = "linux")]
mod measure;

fn main() {
    #[cfg(target_os = "linux")]
    measure::measure();
}
