//! A stream that is read without a socket: nothing is buffered on its way, and time may be the test's own.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::{Service, ServiceExt};
use tower_livebadge::{Handle, LiveBadge, LiveBadgeLayerBuilder, NotFound, ResponseBody};

use super::multipart::{Parser, boundary_of};
use super::{bar_badge_of, read_bar, within};

/// A stream whose every byte is checked, and which is read when the test says so alone.
#[derive(Debug)]
pub(crate) struct Direct {
    pub(crate) parser: Parser,
    parts: VecDeque<Vec<u8>>,
    body: ResponseBody,
}

impl Direct {
    /// Not counted before it is read for the first time.
    pub(crate) async fn open<S>(service: &S, path: &str, headers: &[(&str, &str)]) -> Self
    where
        S: Service<Request<()>, Response = Response<ResponseBody>, Error = Infallible> + Clone,
    {
        let response = call(service, path, headers).await;
        let boundary = response.headers().get("content-type").map(HeaderValue::to_str);
        let parser = Parser::new(boundary_of(boundary.expect("a type").expect("text")));
        Self { parser, parts: VecDeque::new(), body: response.into_body() }
    }

    /// Reads more bytes, which may complete some parts or none; false at the regular end.
    pub(crate) async fn read(&mut self) -> bool {
        match within("more of the stream", self.body.frame()).await {
            Some(Ok(frame)) => self.take(frame),
            None => return false,
        }
        true
    }

    /// Whether nothing at all comes for so long, which may be longer than anything is waited for.
    pub(crate) async fn is_silent_for(&mut self, time: Duration) -> bool {
        match timeout(time, self.body.frame()).await {
            Err(_) => true,
            Ok(Some(Ok(frame))) => {
                self.take(frame);
                false
            }
            Ok(None) => false,
        }
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        let bytes = frame.into_data().expect("the stream has no trailers");
        self.parts.extend(self.parser.push(&bytes).unwrap_or_else(|error| panic!("{error}")));
    }

    /// The next picture.
    pub(crate) async fn next_part(&mut self) -> Vec<u8> {
        let search = async {
            loop {
                if let Some(part) = self.parts.pop_front() {
                    return part;
                }
                assert!(self.read().await, "the stream has ended");
            }
        };
        within("a picture", search).await
    }

    /// Skips pictures until a bar shows this number.
    pub(crate) async fn bar_of(&mut self, number: usize) {
        let search = async { while read_bar(&self.next_part().await) != number {} };
        within("the picture", search).await;
    }

    /// Everything that is left, to the regular end of a stream that has been closed.
    pub(crate) async fn rest(mut self) -> Vec<Vec<u8>> {
        while self.read().await {}
        assert!(self.parser.is_closed(), "the stream ended without its closing delimiter");
        self.parts.into()
    }
}

/// The response to a browser's request, or to another one's with these headers.
pub(crate) async fn call<S>(
    service: &S,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<ResponseBody>
where
    S: Service<Request<()>, Response = Response<ResponseBody>, Error = Infallible> + Clone,
{
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).expect("a test's request is valid");
    let Ok(response) = service.clone().oneshot(request).await;
    response
}

/// Builds it, and has bars of these numbers drawn: paused time leaps while a picture is being drawn.
pub(crate) async fn drawn(
    builder: LiveBadgeLayerBuilder,
    bars: &[usize],
) -> (LiveBadge<NotFound>, Handle) {
    let (sender, numbers) = watch::channel(0);
    let badges = builder.badge("/drawn.png", bar_badge_of("value").values(numbers));
    let badges = badges.build().expect("right badges");
    let handle = badges.handle();
    let service = badges.into_service();
    for bar in bars {
        sender.send_replace(*bar);
        let Ok(_) = call(&service, "/drawn.png?still", &[]).await.into_body().collect().await;
    }
    (service, handle)
}
