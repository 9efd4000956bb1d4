//! A badge's answer to a request: the response's head, and what its body will be.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::body::{ResponseBody, Viewer};
use crate::error::PaintError;
use crate::negotiate::VARY;
use crate::picture::Drawing;

/// Lets pages of other sites show the picture even if they ask for isolation (COEP).
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// nginx would collect small pictures until 4 KB are there.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What a request for a badge gets.
#[derive(Debug)]
pub(crate) enum Answer {
    Stream(LiveStream),
    Still(Still),
}

/// A live stream.
#[derive(Debug)]
pub(crate) struct LiveStream {
    content_type: HeaderValue,
    /// `None` once it is in the response.
    viewer: Option<Viewer>,
}

/// One whole picture, which may have to be drawn first.
pub(crate) struct Still {
    png: Pin<Box<dyn Future<Output = Result<Bytes, PaintError>> + Send>>,
    /// Shown if it can't be drawn.
    last_resort: Bytes,
    is_head: bool,
    if_none_match: Vec<HeaderValue>,
}

impl Answer {
    pub(crate) fn stream(content_type: HeaderValue, viewer: Viewer) -> Self {
        Self::Stream(LiveStream { content_type, viewer: Some(viewer) })
    }

    pub(crate) fn still(
        parts: &Parts,
        drawing: Result<Drawing, PaintError>,
        last_resort: Bytes,
    ) -> Self {
        Self::Still(Still {
            png: Box::pin(async { drawing?.finish().await }),
            last_resort,
            is_head: parts.method == Method::HEAD,
            if_none_match: parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
        })
    }

    /// The response. Not to be polled again after it was ready.
    pub(crate) fn poll<B>(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<B>>> {
        match self {
            Self::Stream(stream) => Poll::Ready(stream.response()),
            Self::Still(still) => still.poll(cx),
        }
    }
}

impl LiveStream {
    fn response<B>(&mut self) -> Response<ResponseBody<B>> {
        let viewer = self.viewer.take().expect("an answer is not polled after it was ready");
        let mut response = Response::new(ResponseBody::live(viewer));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        insert(headers, header::CACHE_CONTROL, "no-store, no-transform");
        // Keeps compression layers away, which would cost every viewer a compressor and save
        // nothing. Chromium 156, Firefox 153 and WebKitGTK 2.50 take it for what it says.
        insert(headers, header::CONTENT_ENCODING, "identity");
        insert(headers, ACCEL_BUFFERING, "no");
        insert_common(headers);
        response
    }
}

impl Still {
    fn poll<B>(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<B>>> {
        let png = ready!(self.png.as_mut().poll(cx)).unwrap_or_else(|error| {
            tracing::warn!(%error, "a still could not be painted");
            self.last_resort.clone()
        });
        let etag = etag(&png);
        let is_known = self.if_none_match.iter().any(|known| names(known, &etag));
        let length = png.len();
        let body = if is_known || self.is_head { Bytes::new() } else { png };
        let mut response = Response::new(ResponseBody::whole(body));
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag);
        // To be asked for again each time: GitHub's camo keeps a picture for hours otherwise.
        insert(headers, header::CACHE_CONTROL, "no-cache, max-age=0, no-transform");
        insert(headers, header::VARY, VARY);
        insert_common(headers);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            insert(headers, header::CONTENT_TYPE, "image/png");
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        Poll::Ready(response)
    }
}

fn insert_common(headers: &mut HeaderMap) {
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert(headers, CORP, "cross-origin");
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// The same on every node and after every restart: the hasher's keys are fixed.
fn etag(png: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(png);
    let etag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(etag).expect("quoted hexadecimal digits are a valid header value")
}

/// Whether an `If-None-Match` names this tag (RFC 9110, section 13.1.2: by weak comparison).
fn names(if_none_match: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(list), Ok(etag)) = (if_none_match.to_str(), etag.to_str()) else { return false };
    let mut tags = list.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

impl fmt::Debug for Still {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Still(..)")
    }
}
