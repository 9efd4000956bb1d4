//! From a request's head to what it is to get: the live stream, one whole picture, or data.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use crate::badge::data::Data;
use crate::picture::format::Format;
use crate::request::accept;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// What no browser names, but all take.
const STREAM: &str = "multipart/x-mixed-replace";
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// The request headers that [`Reply::for_request`] looks at: a still's `Vary`.
pub(crate) const VARY: &str = "accept, sec-fetch-dest, sec-purpose, purpose, x-moz, user-agent";

/// What a request for a badge gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The live, never-ending stream; its viewer is counted.
    Stream,
    /// One whole picture with `Content-Length` and `ETag`; nobody is counted.
    Still,
    /// The same in another format than the badge's own.
    StillAs(Format),
    /// The count as data; nobody is counted.
    Data(Data),
    /// The inner service's answer, as if there were no badge.
    Inner,
}

impl Reply {
    /// The settings that a badge follows unless it has its own (see
    /// [`Badge::reply`](crate::Badge::reply)).
    ///
    /// A stream goes to whoever shows images and keeps them open, and something whole to everybody
    /// else, in this order:
    ///
    /// 1. `?format=`: `png`, `svg`, `jpeg` and `webp` (with these features) are a still in that
    ///    format, `json`, `shields` and `text` are [`Data`]; `?still` is a still.
    /// 2. `Accept` wants `application/json` or `text/plain` most, from a script or a program: data.
    /// 3. `HEAD`, HTTP/1.0, a prefetch or prerender (`Sec-Purpose`, and the older
    ///    `Purpose` and `X-Moz`), an image proxy or a link preview (by `User-Agent`; they fetch
    ///    one picture and time out on a stream): a still.
    /// 4. `Accept` names `multipart/x-mixed-replace`: a stream.
    /// 5. `Sec-Fetch-Dest` is there, as Chromium, Firefox and WebKit send it to secure origins and
    ///    localhost: a stream for `image`, `document`, `iframe`, `frame`, `object` and `embed`, a
    ///    still for the rest (`empty` is a script's `fetch`).
    /// 6. `Accept` names types of images one by one, and no `image/*`, `*/*` or `text/html`: a still in
    ///    the first of them that there is, or else in the badge's own.
    /// 7. `Accept` names `image/*` or `text/html`: a stream.
    /// 8. Otherwise (curl, wget, scripts, most bots: `*/*` or nothing): a still.
    ///
    /// ```
    /// use http::Request;
    /// use tower_livebadge::Reply;
    ///
    /// let (browser, ()) = Request::get("/online.png")
    ///     .header("accept", "image/avif,image/webp,image/*,*/*;q=0.8")
    ///     .header("sec-fetch-dest", "image")
    ///     .body(())?
    ///     .into_parts();
    /// assert_eq!(Reply::for_request(&browser), Reply::Stream);
    ///
    /// let (curl, ()) = Request::get("/online.png").header("accept", "*/*").body(())?.into_parts();
    /// assert_eq!(Reply::for_request(&curl), Reply::Still);
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn for_request(parts: &Parts) -> Self {
        let accepted = accept::ranges(&parts.headers);
        let any = |prefix| accept::any_starts_with(&accepted, prefix);
        let dest = parts.headers.get(SEC_FETCH_DEST);
        let is_script = dest.is_none_or(|dest| dest == "empty");
        if let Some(reply) = wanted_by_name(parts) {
            return reply;
        }
        if let Some(data) = accepted.first().and_then(|range| data(range)).filter(|_| is_script) {
            return Self::Data(data);
        }
        if wants_one_picture(parts) {
            return Self::Still;
        }
        if any(STREAM) {
            return Self::Stream;
        }
        if let Some(dest) = dest {
            return if shows_images(dest) { Self::Stream } else { Self::Still };
        }
        if !any("image/") && !any("text/html") {
            return Self::Still;
        }
        let takes_all = any("image/*") || any("*/*") || any("text/html");
        if takes_all {
            return Self::Stream;
        }
        accepted.iter().find_map(|range| image(range)).map_or(Self::Still, Self::StillAs)
    }
}

/// Whom a badge sends to a URL of its own for each view, by a redirect to `?view=` and a number.
///
/// Firefox 153 shows a stream that is already open in another tab only after 20 seconds. With a URL
/// of its own for each view it takes as long as in the first tab. Whoever looks is counted once;
/// two images of one URL on one page still share one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OwnUrls {
    /// Firefox, which needs it. The default.
    #[default]
    Firefox,
    /// Every viewer of a stream.
    Everybody,
    /// Nobody: for pages that already give each view a query of its own.
    Nobody,
}

impl OwnUrls {
    /// Whether this request for a stream is to be sent to a URL of its own.
    pub(crate) fn are_due(self, parts: &Parts) -> bool {
        let is_firefox = || contains(&parts.headers, &header::USER_AGENT, &["firefox/"]);
        let wanted = match self {
            Self::Firefox => is_firefox(),
            Self::Everybody => true,
            Self::Nobody => false,
        };
        wanted && !asks_for_stream(parts) && !has_query(parts, VIEW)
    }
}

/// The query parameter that makes a view's URL its own.
pub(crate) const VIEW: &str = "view";

/// Whether a viewer asks not to be counted.
pub(crate) fn only_looks(parts: &Parts) -> bool {
    has_query(parts, "look")
}

/// Whether a program asks for this kind of stream by name, which no browser does.
pub(crate) fn asks_for_stream(parts: &Parts) -> bool {
    accepts(parts, STREAM)
}

/// Whether a browser will make a document of the stream: a tab, a window, a frame. Browsers say so,
/// or, to plain-HTTP servers on other machines, accept HTML, which they don't for an image.
pub(crate) fn is_for_document(parts: &Parts) -> bool {
    match parts.headers.get(SEC_FETCH_DEST) {
        Some(dest) => matches!(dest.as_bytes(), b"document" | b"iframe" | b"frame"),
        None => accepts(parts, "text/html"),
    }
}

/// `?format=png` or `?still`
fn wanted_by_name(parts: &Parts) -> Option<Reply> {
    let mut pairs = parts.uri.query().unwrap_or_default().split('&');
    let named = pairs.find_map(|pair| match pair.strip_prefix("format=")? {
        "json" => Some(Reply::Data(Data::Json)),
        "shields" => Some(Reply::Data(Data::Shields)),
        "text" => Some(Reply::Data(Data::Text)),
        name => image(&format!("image/{name}")).map(Reply::StillAs),
    });
    named.or_else(|| has_query(parts, "still").then_some(Reply::Still))
}

/// The data that a media range means.
fn data(range: &str) -> Option<Data> {
    match &*range.to_ascii_lowercase() {
        "application/json" => Some(Data::Json),
        "text/plain" => Some(Data::Text),
        _ => None,
    }
}

/// The format that a media range means.
fn image(range: &str) -> Option<Format> {
    match &*range.to_ascii_lowercase() {
        "image/png" => Some(Format::Png),
        "image/svg+xml" | "image/svg" => Some(Format::Svg),
        #[cfg(feature = "jpeg")]
        "image/jpeg" | "image/jpg" => Some(Format::Jpeg { quality: 85 }),
        #[cfg(feature = "webp")]
        "image/webp" => Some(Format::WebP),
        _ => None,
    }
}

fn shows_images(dest: &HeaderValue) -> bool {
    let dest = dest.as_bytes();
    matches!(dest, b"image" | b"document" | b"iframe" | b"frame" | b"object" | b"embed")
}

fn accepts(parts: &Parts, range: &str) -> bool {
    accept::any_starts_with(&accept::ranges(&parts.headers), range)
}

fn wants_one_picture(parts: &Parts) -> bool {
    parts.method == Method::HEAD
        // A stream without chunked framing can't be told from a broken one when it ends.
        || parts.version < Version::HTTP_11
        || is_prefetch(&parts.headers)
        || is_proxy_or_preview(&parts.headers)
}

fn has_query(parts: &Parts, name: &str) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// `Sec-Purpose: prefetch;prerender` (Chromium, Firefox); `Purpose: prefetch` and
/// `X-Moz: prefetch` before it was there.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let purposes =
        [SEC_PURPOSE, HeaderName::from_static("purpose"), HeaderName::from_static("x-moz")];
    let says_prefetch = |name| contains(headers, name, &["prefetch", "prerender", "preview"]);
    purposes.iter().any(says_prefetch)
}

/// They fetch one picture: GitHub's camo (which gives up after 10 s) and mail services' proxies,
/// link previews of messengers, and crawlers.
fn is_proxy_or_preview(headers: &HeaderMap) -> bool {
    const NAMES: [&str; 10] = [
        "imageproxy",
        "image proxy",
        "imgproxy",
        "crawler",
        "spider",
        "preview",
        "facebookexternalhit",
        "whatsapp",
        "embedly",
        "slurp",
    ];
    let mut agents =
        headers.get_all(header::USER_AGENT).iter().filter_map(|agent| agent.to_str().ok());
    contains(headers, &header::USER_AGENT, &NAMES) || agents.any(is_bot)
}

/// `Googlebot/2.1`, `Slackbot-LinkExpanding 1.0`, `github-camo (876de43e)`; but not the browsers on
/// phones named Cubot or Camon.
fn is_bot(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase().replace("cubot", "");
    let ends_a_word = |(at, word): (usize, &str)| {
        !agent[at + word.len()..].starts_with(|next: char| next.is_ascii_alphabetic())
    };
    ["bot", "camo"].iter().any(|word| agent.match_indices(word).any(ends_a_word))
}

fn contains(headers: &HeaderMap, name: &HeaderName, any: &[&str]) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.map(str::to_ascii_lowercase).any(|value| any.iter().any(|part| value.contains(part)))
}
