//! A room that everybody has left is gone: a test of its own, because it measures the whole process.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use tokio::task::JoinSet;
use tower::ServiceExt;
use tower_livebadge::{Badge, Handle, LiveBadge, LiveBadgeLayer, NotFound, visitor};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// Its picture is of one room alone, and it knows its visitors.
const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20">
  <text y="15" font-size="11">{{ visitors }} in {{ params.room }}</text></svg>"#;
const ROOMS: usize = 1000;

/// Looks at so many rooms, one after another, some at a time; none of them is looked at twice.
async fn visit(service: &LiveBadge<NotFound>, handle: &Handle, rooms: std::ops::Range<usize>) {
    let mut visits = JoinSet::new();
    for room in rooms {
        if visits.len() == 20 {
            visits.join_next().await.expect("one of many").expect("no panic");
        }
        let request = Request::get(format!("/rooms/made-up-{room}/online.png"))
            .header("sec-fetch-dest", "image")
            .header("x-user", format!("visitor {room}"))
            .body(Empty::<bytes::Bytes>::new())
            .expect("a request");
        let service = service.clone();
        visits.spawn(async move {
            let mut body = service.oneshot(request).await.expect("never fails").into_body();
            let opening = body.frame().await.expect("a picture").expect("never fails");
            assert!(opening.into_data().expect("bytes").len() >= 520);
        });
    }
    while let Some(visit) = visits.join_next().await {
        visit.expect("no panic");
    }
    while !handle.rooms().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn rooms_leave_nothing_behind() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let badge = Badge::svg(SVG)
            .scale(1.0)
            .visitors(visitor::header("x-user"))
            .leave_grace(Duration::from_millis(50));
        let badges = LiveBadgeLayer::builder().badge("/rooms/{room}/online.png", badge).build();
        let badges = badges.expect("a right badge");
        let (handle, service) = (badges.handle(), badges.into_service());
        visit(&service, &handle, 0..ROOMS).await;
        let before = dhat::HeapStats::get();
        visit(&service, &handle, ROOMS..2 * ROOMS).await;
        let after = dhat::HeapStats::get();
        let left = after.curr_bytes.saturating_sub(before.curr_bytes) / ROOMS;
        // 0 to 3 bytes here: maps that have grown a little. A room's name alone would be 16.
        println!("{left} bytes per room");
        assert!(left < 16, "{left} bytes per room");
    });
}
