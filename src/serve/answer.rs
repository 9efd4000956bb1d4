//! A badge's answer to a request: the response's head, and what its body will be.

use std::fmt;
use std::future::ready;
use std::hash::{DefaultHasher, Hasher};
use std::pin::Pin;
use std::task::{self, Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};

use crate::badge::data::Data;
use crate::badge::reply::VARY;
use crate::error::PaintError;
use crate::picture::format::Format;
use crate::picture::paint::Painting;
use crate::serve::body::{ResponseBody, Viewer};

/// Lets pages of other sites show the picture even if they ask for isolation (COEP).
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// nginx would collect small pictures until 4 KB are there.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Scripts in SVG would run where the picture is opened by itself.
const SVG_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// How long after a stream's end a frame loads it again: Chromium 156 (if the end was regular) and
/// Firefox 153 count from the end, not from the beginning. Long enough for a server to be there
/// again: a frame that finds none shows an error, and stays.
const RELOAD_SECONDS: &str = "4";
const RETRY_SECONDS: &str = "10";

/// What a request for a badge gets.
#[derive(Debug)]
pub(crate) enum Answer {
    Stream(LiveStream),
    Whole(Whole),
    Redirect(HeaderValue),
    NotFound,
}

/// A live stream.
#[derive(Debug)]
pub(crate) struct LiveStream {
    pub(crate) content_type: HeaderValue,
    pub(crate) format: Format,
    /// `None` once it is in the response.
    pub(crate) viewer: Option<Box<Viewer>>,
    /// In a frame or tab of its own it comes back by itself after a restart of the server.
    pub(crate) reloads: bool,
    /// Which the visitor is given.
    pub(crate) cookie: Option<HeaderValue>,
}

/// In the extensions of a response that is a live stream, for layers outside of this one: it has no
/// meaningful latency or size, and its body ends only when somebody leaves.
///
/// ```
/// use axum::{extract::Request, middleware::Next, response::Response};
/// use tower_livebadge::LiveResponse;
///
/// async fn measure(request: Request, next: Next) -> Response {
///     let response = next.run(request).await;
///     if response.extensions().get::<LiveResponse>().is_none() {
///         // record how long it took
///     }
///     response
/// }
/// # let _: axum::Router = axum::Router::new().layer(axum::middleware::from_fn(measure));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveResponse;

/// One whole picture, which may have to be drawn first, or data.
pub(crate) struct Whole {
    content: Pin<Box<dyn Future<Output = Result<Bytes, PaintError>> + Send>>,
    kind: Kind,
    status: StatusCode,
    is_head: bool,
    if_none_match: Vec<HeaderValue>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Picture(Format),
    Data { data: Data, is_public: bool },
}

impl Answer {
    /// The picture; what `last_resort` makes if that fails.
    pub(crate) fn still(
        parts: &Parts,
        format: Format,
        painting: Result<Painting, PaintError>,
        last_resort: impl FnOnce(PaintError) -> Painting + Send + 'static,
    ) -> Self {
        let picture = async {
            let painted = match painting {
                Ok(painting) => painting.finish().await,
                Err(error) => Err(error),
            };
            match painted {
                Ok(picture) => Ok(picture),
                Err(error) => last_resort(error).finish().await,
            }
        };
        Self::Whole(Whole::new(parts, Kind::Picture(format), picture))
    }

    /// `is_public` lets pages of all sites read it.
    pub(crate) fn data(parts: &Parts, data: Data, is_public: bool, body: Bytes) -> Self {
        Self::Whole(Whole::new(parts, Kind::Data { data, is_public }, ready(Ok(body))))
    }

    /// The same, said to be all there is because there is no place left.
    pub(crate) fn unavailable(mut self) -> Self {
        if let Self::Whole(whole) = &mut self {
            whole.status = StatusCode::SERVICE_UNAVAILABLE;
            whole.if_none_match.clear();
        }
        self
    }

    /// The response. Not to be polled again after it was ready.
    pub(crate) fn poll<B>(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<B>>> {
        match self {
            Self::Stream(stream) => Poll::Ready(stream.response()),
            Self::Whole(whole) => whole.poll(cx),
            Self::Redirect(location) => Poll::Ready(redirect(location.clone())),
            Self::NotFound => Poll::Ready(empty(StatusCode::NOT_FOUND)),
        }
    }
}

impl LiveStream {
    fn response<B>(&mut self) -> Response<ResponseBody<B>> {
        let viewer = self.viewer.take().expect("an answer is not polled after it was ready");
        let mut response = Response::new(ResponseBody::live(viewer));
        response.extensions_mut().insert(LiveResponse);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        insert(headers, header::CACHE_CONTROL, "no-store, no-transform");
        // Keeps compression layers away, which would cost every viewer a compressor and save
        // nothing. Chromium 156, Firefox 153 and WebKitGTK 2.50 take it for what it says.
        insert(headers, header::CONTENT_ENCODING, "identity");
        insert(headers, ACCEL_BUFFERING, "no");
        insert_common(headers, self.format);
        if let Some(cookie) = self.cookie.take() {
            headers.insert(header::SET_COOKIE, cookie);
        }
        if self.reloads {
            insert(headers, header::REFRESH, RELOAD_SECONDS);
            // Without chunks, over HTTP/1: so that the end is a regular one even if the server is
            // killed. After a stream that is cut off, Chromium 156 does not load the frame again.
            *response.version_mut() = Version::HTTP_10;
        }
        response
    }
}

impl Whole {
    fn new(
        parts: &Parts,
        kind: Kind,
        content: impl Future<Output = Result<Bytes, PaintError>> + Send + 'static,
    ) -> Self {
        Self {
            content: Box::pin(content),
            kind,
            status: StatusCode::OK,
            is_head: parts.method == Method::HEAD,
            if_none_match: parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
        }
    }

    fn poll<B>(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<B>>> {
        // Without a runtime to draw on there is no picture at all.
        let content = task::ready!(self.content.as_mut().poll(cx)).unwrap_or_default();
        let etag = etag(&content);
        let is_known = self.if_none_match.iter().any(|known| names(known, &etag));
        let length = content.len();
        let body = if is_known || self.is_head { Bytes::new() } else { content };
        let mut response = Response::new(ResponseBody::whole(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            insert(headers, header::RETRY_AFTER, RETRY_SECONDS);
        }
        headers.insert(header::ETAG, etag);
        // To be asked for again each time: GitHub's camo keeps a picture for hours otherwise.
        insert(headers, header::CACHE_CONTROL, "no-cache, max-age=0, no-transform");
        insert(headers, header::VARY, VARY);
        let media_type = match self.kind {
            Kind::Picture(format) => {
                insert_common(headers, format);
                format.media_type()
            }
            Kind::Data { data, is_public } => {
                insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
                if is_public {
                    insert(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
                }
                data.media_type()
            }
        };
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            insert(headers, header::CONTENT_TYPE, media_type);
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        Poll::Ready(response)
    }
}

fn empty<B>(status: StatusCode) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn redirect<B>(location: HeaderValue) -> Response<ResponseBody<B>> {
    let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
    response.headers_mut().insert(header::LOCATION, location);
    insert(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    insert(response.headers_mut(), CORP, "cross-origin");
    response
}

fn insert_common(headers: &mut HeaderMap, format: Format) {
    if format == Format::Svg {
        insert(headers, header::CONTENT_SECURITY_POLICY, SVG_POLICY);
    }
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert(headers, CORP, "cross-origin");
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// The same on every node and after every restart: the hasher's keys are fixed.
fn etag(picture: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(picture);
    let etag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(etag).expect("quoted hexadecimal digits are a valid header value")
}

/// Whether an `If-None-Match` names this tag (RFC 9110, section 13.1.2: by weak comparison).
fn names(if_none_match: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(list), Ok(etag)) = (if_none_match.to_str(), etag.to_str()) else { return false };
    let mut tags = list.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whole(..)")
    }
}
