//! A badge's answer to a request: the response's head, made in one place, and what its body will be.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};

use crate::badge::asked::Asked;
use crate::badge::page;
use crate::badge::recipe::Recipe;
use crate::badge::reply::VARY;
use crate::error::PaintError;
use crate::picture::format::Format;
use crate::request::etag;
use crate::serve::body::{ResponseBody, Viewer};
use crate::stream::framing::{Framing, Medium};
use crate::stream::lines;
use crate::stream::multipart::CORP;

/// nginx would collect small pictures until 4 KB are there.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Scripts in SVG would run where the picture is opened by itself. Named images are in it as data.
const SVG_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// How long after a stream's end a frame loads it again: Chromium 156 (if the end was regular) and
/// Firefox 153 count from the end, not from the beginning. Long enough for a server to be there
/// again: a frame that finds none shows an error, and stays.
const RELOAD_SECONDS: &str = "4";
const RETRY_SECONDS: &str = "10";
const HTML: &str = "text/html; charset=utf-8";
/// Without it, a page that asks for isolation shows no frame.
const COEP: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");

/// What a request for a badge gets.
#[derive(Debug)]
pub(crate) struct Answer(State);

#[derive(Debug)]
enum State {
    OfBadge(Arc<Recipe>, Kind),
    /// Nothing but a status.
    Empty(StatusCode),
    /// Another one, when there is nothing more to wait for.
    Later(Later),
}

struct Later(Pin<Box<dyn Future<Output = Answer> + Send>>);

#[derive(Debug)]
enum Kind {
    Stream(Stream),
    Whole(Whole),
    Redirect(HeaderValue),
    /// What it has is all that there is for now.
    Nothing,
}

/// A live stream.
#[derive(Debug)]
struct Stream {
    /// `None` once it is in the response.
    viewer: Option<Viewer>,
    framing: Framing,
    cookie: Option<HeaderValue>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveResponse;

/// One whole picture, which may have to be drawn first, or data.
pub(crate) struct Whole {
    content: Pin<Box<dyn Future<Output = Content> + Send>>,
    what: What,
    status: StatusCode,
    is_head: bool,
    if_none_match: Vec<HeaderValue>,
    /// It is what it should be, and all of it.
    is_sound: bool,
}

/// What there is, and whether there should be more.
struct Content {
    bytes: Bytes,
    status: StatusCode,
    is_sound: bool,
}

#[derive(Debug, Clone)]
enum What {
    Picture(Format),
    /// By its media type.
    Data(&'static str),
    Page,
}

impl Answer {
    pub(crate) fn stream(
        recipe: Arc<Recipe>,
        viewer: Viewer,
        framing: Framing,
        cookie: Option<HeaderValue>,
    ) -> Self {
        let viewer = Some(viewer);
        Self(State::OfBadge(recipe, Kind::Stream(Stream { viewer, framing, cookie })))
    }

    pub(crate) fn whole(recipe: Arc<Recipe>, whole: Whole) -> Self {
        Self(State::OfBadge(recipe, Kind::Whole(whole)))
    }

    pub(crate) fn redirect(recipe: Arc<Recipe>, location: HeaderValue) -> Self {
        Self(State::OfBadge(recipe, Kind::Redirect(location)))
    }

    pub(crate) fn nothing(recipe: Arc<Recipe>) -> Self {
        Self(State::OfBadge(recipe, Kind::Nothing))
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self(State::Empty(status))
    }

    /// One that there is something to wait for.
    pub(crate) fn later(answer: impl Future<Output = Self> + Send + 'static) -> Self {
        Self(State::Later(Later(Box::pin(answer))))
    }

    /// The same, said to be all there is because there is no place left.
    pub(crate) fn unavailable(mut self) -> Self {
        if let State::OfBadge(_, Kind::Whole(whole)) = &mut self.0 {
            whole.status = StatusCode::SERVICE_UNAVAILABLE;
            whole.if_none_match.clear();
        }
        self
    }

    /// The response. Not to be polled again after it was ready.
    pub(crate) fn poll<B>(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<B>>> {
        let (recipe, kind) = match &mut self.0 {
            State::OfBadge(recipe, kind) => (recipe, kind),
            State::Empty(status) => return Poll::Ready(empty(*status)),
            State::Later(Later(answer)) => {
                *self = task::ready!(answer.as_mut().poll(cx));
                return self.poll(cx);
            }
        };
        let mut response = match kind {
            Kind::Stream(stream) => stream.response(recipe),
            Kind::Whole(whole) => task::ready!(whole.poll(cx)),
            Kind::Redirect(location) => redirect(location.clone()),
            Kind::Nothing => nothing(),
        };
        let is_data = match kind {
            Kind::Stream(stream) => stream.framing.medium() == Medium::Data,
            Kind::Whole(whole) => matches!(whole.what, What::Data(_)),
            Kind::Redirect(_) | Kind::Nothing => false,
        };
        let is_to_be_kept = matches!(kind, Kind::Whole(whole) if whole.is_sound);
        let headers = response.headers_mut();
        if !is_data {
            headers.insert(CORP, recipe.corp());
        } else if !recipe.is_gated {
            insert(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        }
        for (name, value) in &recipe.headers {
            // A stream that a cache keeps is a stream that nobody else gets, and what stands for a picture
            // that failed is not to stay.
            if name != header::CACHE_CONTROL || is_to_be_kept {
                headers.insert(name.clone(), value.clone());
            }
        }
        Poll::Ready(response)
    }
}

impl Stream {
    fn response<B>(&mut self, recipe: &Recipe) -> Response<ResponseBody<B>> {
        // A response that was made already is not made again: an empty one ends at once.
        let Some(viewer) = self.viewer.take() else { return empty(StatusCode::NO_CONTENT) };
        let mut response = Response::new(ResponseBody::live(viewer));
        response.extensions_mut().insert(LiveResponse);
        let headers = response.headers_mut();
        match self.framing.medium() {
            Medium::Picture => {
                headers.insert(header::CONTENT_TYPE, recipe.multipart.content_type());
                insert_common(headers, &recipe.picture.format);
            }
            Medium::Data => {
                insert(headers, header::CONTENT_TYPE, lines::media_type(self.framing));
                insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
            }
            Medium::Words => {
                insert(headers, header::CONTENT_TYPE, HTML);
                insert_page(headers);
            }
        }
        insert(headers, header::CACHE_CONTROL, "no-store, no-transform");
        // Keeps compression layers away, which would cost every viewer a compressor and save
        // nothing. Chromium 156, Firefox 153 and WebKitGTK 2.50 take it for what it says.
        insert(headers, header::CONTENT_ENCODING, "identity");
        insert(headers, ACCEL_BUFFERING, "no");
        if let Some(cookie) = self.cookie.take() {
            headers.insert(header::SET_COOKIE, cookie);
        }
        if self.framing == Framing::Document {
            // In a frame or tab of its own it comes back by itself after a restart of the server.
            insert(headers, header::REFRESH, RELOAD_SECONDS);
        }
        if matches!(
            self.framing,
            Framing::Document | Framing::Page | Framing::InPage | Framing::Reconnecting
        ) {
            // Without chunks, over HTTP/1: so that the end is a regular one even if the server is
            // killed. After a stream that is cut off, Chromium 156 does not load the frame again, and
            // shows no picture any more.
            *response.version_mut() = Version::HTTP_10;
        }
        response
    }
}

impl Whole {
    /// A picture; what `blank` paints where it can't be painted.
    pub(crate) fn picture(
        asked: &Asked,
        format: Format,
        picture: impl Future<Output = Result<Bytes, PaintError>> + Send + 'static,
        blank: impl Future<Output = Result<Bytes, PaintError>> + Send + 'static,
    ) -> Self {
        let content = async {
            let busy = match picture.await {
                Ok(bytes) => return Content { bytes, status: StatusCode::OK, is_sound: true },
                Err(error) => matches!(error, PaintError::Busy),
            };
            let bytes = blank.await.unwrap_or_default();
            let is_all = !busy && !bytes.is_empty();
            let status = if is_all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Content { bytes, status, is_sound: false }
        };
        Self::new(asked, What::Picture(format), content)
    }

    pub(crate) fn data(asked: &Asked, media_type: &'static str, bytes: Bytes) -> Self {
        Self::new(asked, What::Data(media_type), async {
            Content { bytes, status: StatusCode::OK, is_sound: true }
        })
    }

    pub(crate) fn page(asked: &Asked, bytes: Bytes) -> Self {
        Self::new(asked, What::Page, async {
            Content { bytes, status: StatusCode::OK, is_sound: true }
        })
    }

    fn new(
        asked: &Asked,
        what: What,
        content: impl Future<Output = Content> + Send + 'static,
    ) -> Self {
        Self {
            content: Box::pin(content),
            what,
            status: StatusCode::OK,
            is_head: asked.is_head,
            if_none_match: asked.if_none_match.clone(),
            is_sound: false,
        }
    }

    fn poll<B>(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<B>>> {
        let Content { bytes, status, is_sound } = task::ready!(self.content.as_mut().poll(cx));
        if status != StatusCode::OK {
            self.status = status;
            self.if_none_match.clear();
        }
        self.is_sound = is_sound && self.status == StatusCode::OK;
        let etag = etag::of(&bytes);
        let is_known = self.if_none_match.iter().any(|known| etag::names(known, &etag));
        let length = bytes.len();
        let body = if is_known || self.is_head { Bytes::new() } else { bytes };
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
        let media_type = match &self.what {
            What::Picture(format) => {
                insert_common(headers, format);
                format.media_type()
            }
            What::Data(media_type) => {
                insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
                media_type
            }
            What::Page => {
                insert_page(headers);
                HTML
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

fn nothing<B>() -> Response<ResponseBody<B>> {
    let mut response = empty(StatusCode::NO_CONTENT);
    insert(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

fn redirect<B>(location: HeaderValue) -> Response<ResponseBody<B>> {
    let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
    response.headers_mut().insert(header::LOCATION, location);
    insert(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

fn insert_common(headers: &mut HeaderMap, format: &Format) {
    if *format == Format::Svg {
        insert(headers, header::CONTENT_SECURITY_POLICY, SVG_POLICY);
    }
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
}

/// For pages that ask for isolation, too: what it shows is its own.
fn insert_page(headers: &mut HeaderMap) {
    insert(headers, header::CONTENT_SECURITY_POLICY, page::POLICY);
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert(headers, COEP, "require-corp");
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later(..)")
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whole").field("what", &self.what).finish_non_exhaustive()
    }
}
