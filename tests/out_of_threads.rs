//! No thread can be started to draw on: a test of its own, because it limits the whole process.

#![cfg(target_os = "linux")]

use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tower::ServiceExt;
use tower_livebadge::{Badge, LiveBadgeLayer, Observer, Paint, PaintError, PaintFailure};

const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
  <rect width="{{ streams }}" height="9" fill="#000"/></svg>"##;

const STACK: usize = 8 * 1024 * 1024;

/// What became of each picture.
#[derive(Clone, Default)]
struct Pictures(Arc<Mutex<Vec<bool>>>);

impl Observer for Pictures {
    fn on_paint(&self, _: &Paint) {
        self.0.lock().expect("no panic").push(true);
    }

    fn on_paint_error(&self, failure: &PaintFailure<'_>) {
        assert!(matches!(failure.error, PaintError::Thread(_)), "{:?}", failure.error);
        self.0.lock().expect("no panic").push(false);
    }
}

/// How much memory the process has asked for, in bytes.
fn asked_for() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.and_then(|number| number.parse::<u64>().ok()).expect("a number") * 1024
}

#[tokio::test]
async fn a_picture_that_no_thread_was_there_for_comes_when_there_is_one() {
    let pictures = Pictures::default();
    let badges = LiveBadgeLayer::builder().badge("/x.png", Badge::svg(SVG));
    let service = badges.observer(pictures.clone()).build().expect("a right badge").into_service();

    // A drawing thread's stack is 8 MiB. glibc keeps up to 40 MiB of stacks that were in use before.
    // All of them run before memory is limited: one that then still began would want memory for its
    // signal stack, and the standard library ends the process if there is none.
    let running = Arc::new(Barrier::new(7));
    for _ in 0..6 {
        let running = Arc::clone(&running);
        let park = move || {
            running.wait();
            std::thread::park();
        };
        std::thread::Builder::new().stack_size(STACK).spawn(park).expect("a thread");
    }
    running.wait();
    let limit = getrlimit(Resource::As);
    let tight = Rlimit { current: Some(asked_for() + STACK as u64 * 3 / 4), ..limit };
    setrlimit(Resource::As, tight).expect("a limit can be lowered");
    let request = Request::get("/x.png").header("sec-fetch-dest", "image");
    let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
    let mut body = service.oneshot(request).await.expect("never fails").into_body();
    // A blank picture, for want of a better one: no stream without a picture.
    let blank = body.frame().await.expect("something").expect("never fails");
    assert!(blank.into_data().expect("bytes").len() >= 520, "the opening");
    setrlimit(Resource::As, limit).expect("a limit can be raised again");

    let picture = tokio::time::timeout(Duration::from_secs(10), body.frame()).await;
    assert!(picture.expect("within two seconds").is_some());
    assert_eq!(*pictures.0.lock().expect("no panic"), [false, true]);
}
