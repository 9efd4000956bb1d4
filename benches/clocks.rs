//! What it costs when the pictures of many rooms show the time: the share of one processor that is busy,
//! and how late a second is shown. Straight through the service, with one viewer in each room.
//! `cargo bench --bench clocks [-- ROOMS]`, on Linux.

use std::error::Error;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use http::Request;
use http_body_util::BodyExt;
use tokio::time::sleep;
use tower::ServiceExt;
use tower_livebadge::{Badge, LiveBadgeLayer, Look};

const MEASURED: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
/// What every process has, by default: a hundredth of a second.
const TICKS_IN_A_SECOND: f64 = 100.0;
const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="40">
  <rect width="180" height="40" fill="#fff"/><text x="8" y="26" font-size="16">{{ now | hms }}</text></svg>"##;
const OF_ROOM: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="40">
  <rect width="180" height="40" fill="#fff"/><text x="8" y="26" font-size="16">{{ params.room }} {{ now | hms }}</text></svg>"##;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rooms = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(10_000);
    println!("{rooms} rooms, one viewer in each:");
    measure("no time at all", Badge::online(), rooms).await?;
    measure("Look::clock", Badge::look(Look::clock("Europe/Berlin")), rooms).await?;
    measure("a template of its own", Badge::svg(SVG).every(SECOND), rooms).await?;
    measure("the same, other in each of 500 rooms", Badge::svg(OF_ROOM).every(SECOND), 500).await?;
    Ok(())
}

async fn measure(what: &str, badge: Badge, rooms: usize) -> Result<(), Box<dyn Error>> {
    // Nothing but pictures is sent.
    let badge = badge.heartbeat(Duration::from_secs(3600));
    let badges = LiveBadgeLayer::builder().badge("/{room}/x.png", badge).build()?;
    let service = badges.into_service();
    let late: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let mut viewers = Vec::new();
    for room in 0..rooms {
        let request = Request::get(format!("/{room}/x.png")).header("sec-fetch-dest", "image");
        let response = service.clone().oneshot(request.body(())?).await?;
        let (mut body, late) = (response.into_body(), late.clone());
        viewers.push(tokio::spawn(async move {
            while let Some(Ok(_)) = body.frame().await {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let part = now.unwrap_or_default().subsec_nanos();
                if let Ok(mut late) = late.lock() {
                    late.push(Duration::from_nanos(part.into()));
                }
            }
        }));
    }
    sleep(Duration::from_secs(3)).await;
    if let Ok(mut late) = late.lock() {
        late.clear();
    }
    let (began, before) = (Instant::now(), busy()?);
    sleep(MEASURED).await;
    let share = (busy()? - before) / began.elapsed().as_secs_f64();
    let mut late = late.lock().map(|late| late.clone()).unwrap_or_default();
    late.sort();
    let at = |share: usize| late.get(late.len() * share / 100).copied().unwrap_or_default();
    let pictures = late.len() as f64 / MEASURED.as_secs_f64();
    println!(
        "{what}: {:.0} % of one processor; {pictures:.0} pieces a second, after the full second by {:?} \
         (median), {:?} (99 %)",
        share * 100.0,
        at(50),
        at(99)
    );
    viewers.iter().for_each(|viewer| viewer.abort());
    Ok(())
}

/// For how many seconds this process has been busy, on all processors.
fn busy() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = fields[12].parse::<f64>()? + fields[13].parse::<f64>()?;
    Ok(ticks / TICKS_IN_A_SECOND)
}
