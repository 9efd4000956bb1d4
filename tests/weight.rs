//! What an open stream and an open room weigh in memory: a test of its own, because it measures the whole process.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use tokio::time::sleep;
use tower::ServiceExt;
use tower_livebadge::{Badge, LiveBadge, LiveBadgeLayer, NotFound, ResponseBody};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

const MANY: usize = 2000;
/// It shows no number: pictures that are kept have a weight of their own.
const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"/>"#;

type Bodies = Vec<ResponseBody<Empty<Bytes>>>;

/// Looks at these, all at once, until they are at rest.
async fn look(service: &LiveBadge<NotFound>, paths: impl Iterator<Item = String>) -> Bodies {
    let mut bodies = Vec::with_capacity(MANY);
    for path in paths {
        let request = Request::get(path).header("sec-fetch-dest", "image");
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let response = service.clone().oneshot(request).await.expect("never fails");
        bodies.push(response.into_body());
    }
    // As a server does: what has come is taken.
    for _ in 0..2 {
        sleep(Duration::from_millis(300)).await;
        for body in &mut bodies {
            while let Ok(Some(frame)) = tokio::time::timeout(Duration::ZERO, body.frame()).await {
                frame.expect("never fails");
            }
        }
    }
    bodies
}

/// In bytes, of each of many.
async fn weigh(service: &LiveBadge<NotFound>, path: impl Fn(usize) -> String) -> usize {
    // What is there only once.
    drop(look(service, (0..20).map(&path)).await);
    sleep(Duration::from_millis(300)).await;
    let before = dhat::HeapStats::get().curr_bytes;
    let bodies = look(service, (0..MANY).map(&path)).await;
    let bytes = dhat::HeapStats::get().curr_bytes - before;
    drop(bodies);
    bytes / MANY - size_of::<ResponseBody<Empty<Bytes>>>()
}

#[test]
fn viewers_and_rooms_are_light() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a thread").block_on(async {
        let badges = LiveBadgeLayer::builder()
            .badge("/online.png", Badge::svg(SVG))
            .badge("/rooms/{room}/online.png", Badge::svg(SVG))
            .build();
        let service = badges.expect("right badges").into_service();
        let viewer = weigh(&service, |_| "/online.png".to_owned()).await;
        let room = weigh(&service, |number| format!("/rooms/{number}/online.png")).await - viewer;
        println!("a viewer {viewer} bytes, a room {room} bytes");
        assert!(viewer <= 256, "a viewer takes {viewer} bytes");
        // 2 KB in a release build, where a task is smaller.
        assert!(room <= 2400, "a room takes {room} bytes beyond its viewer");
    });
}
