//! What is done with any bytes, and what must then be true: the bodies that the fuzzer in `tests/fuzz`
//! and the tests beside this share.
//!
//! Each panics if the crate breaks a promise, and takes a time that does not grow beyond all bounds.

mod head;
mod query;
mod rooms;
mod template;
mod value;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_livebadge::{Badge, Handle, LiveBadge, LiveBadgeLayer, NotFound, ResponseBody};

use crate::common::picture::decode;

pub(crate) type Target = fn(&[u8]);

/// By their names, which are also those of the folders with what they begin with.
pub(crate) const ALL: [(&str, Target); 6] = [
    ("head", head::any_head_is_judged),
    ("query", query::any_query_is_answered),
    ("rooms", rooms::any_text_names_a_room_or_none),
    ("template", template::any_template_is_drawn_or_refused),
    ("value", value::any_value_is_text),
    ("wire", wire::any_doings_leave_the_stream_right),
];

/// Whatever is waited for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// A badge without an application behind it.
struct App {
    service: LiveBadge<NotFound>,
    handle: Handle,
}

impl App {
    fn new(path: &str, badge: Badge) -> Self {
        let badges = LiveBadgeLayer::builder().badge(path, badge).build().expect("a right badge");
        let handle = badges.handle();
        Self { service: badges.into_service(), handle }
    }

    async fn answer(&self, request: Request<()>) -> Response<ResponseBody> {
        let Ok(response) = self.service.clone().oneshot(request).await;
        response
    }

    /// The response to a request for something whole.
    async fn whole(&self, request: Request<()>) -> (Parts, Bytes) {
        let (parts, body) = self.answer(request).await.into_parts();
        let Ok(body) = within("the whole body", body.collect()).await;
        (parts, body.to_bytes())
    }

    /// Nobody is left behind.
    async fn is_left(&self) {
        let gone = async {
            while !self.handle.rooms().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within("the end of all rooms", gone).await;
    }
}

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// Runs it in this thread's own runtime, which has what rooms leave to be done later. It is never dropped:
/// by a thread's end, what it needs for that may be gone before it.
fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: &'static tokio::runtime::Runtime = Box::leak(Box::new(
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made"),
        ));
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// What is whole is what its head says.
fn is_sound(parts: &Parts, body: &[u8]) {
    let text = |name| parts.headers.get(name).map(|value| value.to_str().expect("plain text"));
    let length = text(header::CONTENT_LENGTH).expect("a length");
    assert_eq!(length, body.len().to_string(), "Content-Length");
    match text(header::CONTENT_TYPE).expect("a type") {
        "image/png" => drop(decode(body)),
        "image/svg+xml" => {
            let svg = std::str::from_utf8(body).expect("SVG is text").trim();
            assert!(svg.starts_with('<') && svg.ends_with('>'), "{svg}");
        }
        "application/json" => {
            serde_json::from_slice::<serde_json::Value>(body).expect("right JSON");
        }
        "text/plain; charset=utf-8" => {
            std::str::from_utf8(body).expect("text");
        }
        "image/jpeg" => assert!(body.starts_with(b"\xFF\xD8") && body.ends_with(b"\xFF\xD9")),
        "image/webp" => assert!(body.starts_with(b"RIFF") && body[8..].starts_with(b"WEBP")),
        other => panic!("{other}"),
    }
}
