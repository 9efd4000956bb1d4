//! What a request's head says, read once: whatever decides about a request looks at this.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use crate::request::accept::Accept;
use crate::request::program::Program;
use crate::request::query::Query;

const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// `Sec-Purpose: prefetch;prerender` (Chromium, Firefox); `Purpose: prefetch` and
/// `X-Moz: prefetch` before it was there.
const PURPOSES: [HeaderName; 3] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-moz"),
];
const CLIENT: [HeaderName; 6] = [
    header::HOST,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
    header::REFERER,
    HeaderName::from_static("x-forwarded-for"),
    header::FORWARDED,
];

/// What a request's head says.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: Query<'a>,
    pub(crate) accept: Accept<'a>,
    /// For what it is to be had; not told by programs that are no browsers, nor by browsers to plain
    /// HTTP servers on other machines.
    pub(crate) destination: Option<Destination>,
    /// A page's own image, style or script, rather than a script's `fetch` (`Sec-Fetch-Mode`).
    pub(crate) is_no_cors: bool,
    /// By `User-Agent`.
    pub(crate) program: Program,
    /// Nobody looks at the answer yet.
    pub(crate) is_prefetch: bool,
    /// The answer is to have no body.
    pub(crate) is_head: bool,
    /// Older than HTTP/1.1, which began to tell a body's end from a broken connection.
    pub(crate) is_old: bool,
    pub(crate) if_none_match: Vec<&'a HeaderValue>,
    headers: &'a HeaderMap,
}

/// What a browser says that it wants something for (`Sec-Fetch-Dest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// An image, wherever in a page.
    Image,
    /// A document of its own: a tab, a window, a frame.
    Document,
    /// An `<object>` or an `<embed>`.
    Object,
    /// Nothing that is told: a script's `fetch`, a download.
    Empty,
    /// Nothing that can be a picture.
    Other,
}

impl<'a> Head<'a> {
    pub(crate) fn read(parts: &'a Parts) -> Self {
        let headers = &parts.headers;
        Self {
            path: parts.uri.path(),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            accept: Accept::read(headers),
            destination: headers.get(DESTINATION).map(Destination::named),
            is_no_cors: headers.get(MODE).is_some_and(|mode| mode == "no-cors"),
            program: Program::of(headers),
            is_prefetch: is_prefetch(headers),
            is_head: parts.method == Method::HEAD,
            is_old: parts.version < Version::HTTP_11,
            if_none_match: headers.get_all(header::IF_NONE_MATCH).into_iter().collect(),
            headers,
        }
    }

    /// Whether what is lazy in a page of ours waits until it is laid out.
    pub(crate) fn has_lazy_frames(&self) -> bool {
        self.program.has_lazy_frames(self.headers)
    }

    /// What is the same in two requests of one browser, as far as it goes.
    pub(crate) fn client(&self) -> [Option<&'a HeaderValue>; 6] {
        CLIENT.map(|name| self.headers.get(name))
    }
}

impl Destination {
    fn named(name: &HeaderValue) -> Self {
        match name.as_bytes() {
            b"image" => Self::Image,
            b"document" | b"iframe" | b"frame" => Self::Document,
            b"object" | b"embed" => Self::Object,
            b"empty" => Self::Empty,
            _ => Self::Other,
        }
    }
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    PURPOSES.iter().flat_map(|name| headers.get_all(name)).any(|value| {
        let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        ["prefetch", "prerender", "preview"].iter().any(|purpose| value.contains(purpose))
    })
}
