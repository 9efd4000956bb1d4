//! How soon a change is on the screen of each browser: from the value being sent to the pixel being
//! there, as the page itself sees it at each of its frames. `cargo bench --bench change_to_pixel`

#[path = "../tests/browsers/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what only tests need")]
mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tower_livebadge::{Badge, LiveBadgeLayer};

use support::{Browser, Engine};

const CHANGES: u8 = 40;

/// The script is the measuring instrument: it notes when the picture's colour is another one. Firefox
/// 153 draws only the first picture of a stream to a canvas, but tells of each one with an event; the
/// picture is painted before the frame after that.
const PAGE: &str = r#"<!doctype html><script>
  const colours = {}, events = [];
  function note() {
    document.title = JSON.stringify({ colours, events }); // where drivers can read it
  }
  function now() {
    return performance.timeOrigin + performance.now();
  }
  function loaded() {
    requestAnimationFrame(() => { events.push(now()); note(); });
  }
</script><img id="live" src="/live.png" onload="loaded()"><script>
  const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
    .getContext('2d', { willReadFrequently: true });
  (function look() {
    context.drawImage(live, 0, 0, 1, 1);
    const red = context.getImageData(0, 0, 1, 1).data[0];
    if (live.naturalWidth && !(red in colours)) { colours[red] = now(); note(); }
    requestAnimationFrame(look);
  })();
</script>"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for engine in [Engine::Chromium, Engine::Firefox, Engine::WebKit] {
        if engine.is_there() {
            measure(engine).await?;
        }
    }
    Ok(())
}

async fn measure(engine: Engine) -> Result<(), Box<dyn std::error::Error>> {
    let (red, reds) = watch::channel(0u8);
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="88" height="20">
        <rect width="88" height="20" fill="rgb({{ value }},0,0)"/></svg>"#;
    let badges =
        LiveBadgeLayer::builder().badge("/live.png", Badge::svg(svg).values(reds)).build()?;
    let app = Router::new().route("/", get(Html(PAGE))).layer(badges);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, app).into_future());

    let browser = Browser::start(engine).await;
    browser.open(&url).await;
    while browser.run("return document.title").await == "" {
        sleep(Duration::from_millis(20)).await;
    }
    let mut sent = Vec::new();
    for value in 1..=CHANGES {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1000.0;
        red.send_replace(value * 5);
        sent.push(now);
        // Not in step with the screen's frames.
        sleep(Duration::from_millis(230 + u64::from(value))).await;
    }
    let seen = browser.run("return JSON.parse(document.title)").await;
    let mut delays: Vec<f64> = Vec::new();
    for (number, sent) in sent.into_iter().enumerate() {
        let seen = match engine {
            Engine::Firefox => &seen["events"][number + 1],
            _ => &seen["colours"][((number + 1) * 5).to_string()],
        };
        delays.extend(seen.as_f64().map(|seen| seen - sent));
    }
    if delays.is_empty() {
        return Err(format!("{} saw nothing but {seen}", engine.name()).into());
    }
    delays.sort_by(f64::total_cmp);
    let (least, median, most) = (delays[0], delays[delays.len() / 2], delays[delays.len() - 1]);
    let (name, count) = (engine.name(), delays.len());
    println!(
        "{name:9} {median:.0} ms (median of {count} seen of {CHANGES}; {least:.0} to {most:.0})"
    );
    Ok(())
}
