//! From a request's head to what it is to get: the live stream, one whole picture, data, or a page.

use http::request::Parts;

use crate::badge::data::Data;
use crate::picture::format::Format;
use crate::request::head::{Destination, Head};
use crate::request::program::Program;
use crate::stream::framing::Framing;

/// What no browser names, but all take.
const STREAM: &str = "multipart/x-mixed-replace";

/// The request headers that [`Reply::for_request`] looks at: a still's `Vary`.
pub(crate) const VARY: &str =
    "accept, sec-fetch-dest, sec-fetch-mode, sec-purpose, purpose, x-moz, user-agent";

/// What a request for a badge gets.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The same data as [`Data::Json`], one server-sent event for each change: live, and its viewer is
    /// counted. For `new EventSource("/online.png")`.
    Events,
    /// The same, one line of JSON for each change, and an empty one as heartbeat: for shells and scripts.
    Lines,
    /// The picture and the newest words in one HTML document that never ends, for an `<iframe>` (see
    /// [`Embed::iframe`](crate::Embed::iframe)): live, and its viewer is counted, once.
    Page,
    /// The inner service's answer, as if there were no badge.
    Inner,
}

impl Reply {
    /// The settings that a badge follows unless it has its own (see
    /// [`Badge::reply`](crate::Badge::reply)).
    ///
    /// A stream goes to browsers, which show it, and to whoever asks for it; everybody else gets
    /// something whole. In this order:
    ///
    /// 1. `?format=`: `png`, `svg`, `jpeg` and `webp` (with these features) are a still in that
    ///    format, `json`, `shields` and `text` are [`Data`], `events` and `lines` are live data, `page`
    ///    (or `html`) is the live [`Page`](Self::Page); `?still` is a still.
    /// 2. `Accept` wants `application/json` or `text/plain` most, from a script or a program: data; or
    ///    `text/event-stream`: live data.
    /// 3. `HEAD`, HTTP/1.0, a prefetch or prerender (`Sec-Purpose`, and the older
    ///    `Purpose` and `X-Moz`), an image proxy, a link preview, a crawler, a mail or office program (by
    ///    `User-Agent`; they fetch one picture and time out on a stream): a still.
    /// 4. `Accept` names `multipart/x-mixed-replace`, or the query says `?stream`: a stream.
    /// 5. `Sec-Fetch-Dest` is there, as browsers send it to secure origins and localhost: a stream
    ///    for `image`, `document`, `iframe`, `frame`, `object` and `embed`; for `empty`, if a service
    ///    worker passes an image on (`Sec-Fetch-Mode: no-cors`, and `Accept` names images) in Chromium or
    ///    Firefox (WebKit shows no stream that comes through a worker). A still for the rest.
    /// 6. `Accept` names types of images one by one, and no `image/*`, `*/*` or `text/html`: a still in
    ///    the first of them that there is, or else in the badge's own.
    /// 7. `Accept` names images or `text/html`, and `User-Agent` shows the engine of a browser: a
    ///    stream. That is a browser at a plain-HTTP server on another machine, or one from before
    ///    `Sec-Fetch-Dest`.
    /// 8. Otherwise a still.
    ///
    /// | who | gets |
    /// | --- | --- |
    /// | Chromium, Edge, Firefox, Safari and their kin: an `<img>`, a tab, a frame, an `<object>` | stream |
    /// | the same over plain HTTP, on phones, in web views | stream |
    /// | an `<img>` through a service worker: Chromium, Firefox; Safari | stream; still |
    /// | a script's `fetch`, a download, a prefetch, a favicon | still |
    /// | Internet Explorer, the old Edge | still |
    /// | curl, wget, Java, Python, Go, Node, OkHttp, .NET, whatever images they accept | still |
    /// | GitHub's camo, Gmail, Yahoo Mail, Outlook, Word, Slack, Discord, Mastodon, Bluesky, search engines | still |
    /// | ffmpeg, GStreamer, OpenCV, VLC, camera hubs: with `?stream`, or that `Accept` | stream of whole parts |
    /// | the same without | still |
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
        Self::for_head(&Head::read(parts))
    }

    /// The same, of a head that has been read.
    pub(crate) fn for_head(head: &Head<'_>) -> Self {
        let accepts = |prefix| head.accept.any(prefix);
        let is_script = head.destination.is_none_or(|dest| dest == Destination::Empty);
        if let Some(reply) = wanted_by_name(head) {
            return reply;
        }
        let wants_data = is_script && !head.query.stream;
        if let Some(reply) = head.accept.ranges().next().and_then(data).filter(|_| wants_data) {
            return reply;
        }
        if wants_it_whole(head) {
            return Self::Still;
        }
        if asks_for_stream(head) {
            return Self::Stream;
        }
        match head.destination {
            Some(Destination::Image | Destination::Document | Destination::Object) => Self::Stream,
            Some(Destination::Empty) if passes_an_image_on(head) => Self::Stream,
            Some(Destination::Empty | Destination::Other) => Self::Still,
            None if !accepts("image/") && !accepts("text/html") => Self::Still,
            None if accepts("image/*") || accepts("*/*") || accepts("text/html") => {
                if head.program.is_browser() { Self::Stream } else { Self::Still }
            }
            None => head.accept.ranges().find_map(image).map_or(Self::Still, Self::StillAs),
        }
    }
}

/// How a stream for this request is framed.
pub(crate) fn framing(reply: &Reply, head: &Head<'_>) -> Framing {
    match reply {
        Reply::Events => Framing::Events,
        Reply::Lines => Framing::Lines,
        Reply::Page => Framing::Page,
        _ => of_pictures(head),
    }
}

/// How a stream of pictures for this request is framed.
pub(crate) fn of_pictures(head: &Head<'_>) -> Framing {
    let is_browser = head.destination.is_some() || head.program.is_browser();
    if names_stream(head) || head.query.stream && !is_browser {
        Framing::Strict
    } else if head.query.is_in_page && head.program != Program::Firefox {
        Framing::InPage
    } else if head.query.reconnects.is_some() && head.program != Program::Firefox {
        Framing::Reconnecting
    } else if is_for_document(head) {
        Framing::Document
    } else {
        Framing::Open
    }
}

/// Whether a browser will make a document of the stream: a tab, a window, a frame. Browsers say so,
/// or, to plain-HTTP servers on other machines, accept HTML, which they don't for an image.
fn is_for_document(head: &Head<'_>) -> bool {
    match head.destination {
        Some(destination) => destination == Destination::Document,
        None => head.accept.any("text/html"),
    }
}

/// Whether a service worker passes a page's image on, by `fetch(event.request)`: Chromium 156, Firefox
/// 153 and WebKitGTK 2.50 then say `empty`, but leave the image's `no-cors` and `Accept` as they are.
/// A script's own `fetch` says `cors`, or accepts anything; a download says `navigate`.
///
/// WebKitGTK 2.50 shows a broken image for a stream that comes through a worker, and holds it open.
fn passes_an_image_on(head: &Head<'_>) -> bool {
    let shows_it = matches!(head.program, Program::Chromium | Program::Firefox);
    head.is_no_cors && head.accept.any("image/") && shows_it
}

fn asks_for_stream(head: &Head<'_>) -> bool {
    names_stream(head) || head.query.stream
}

/// Whether a program asks for this kind of stream by name, which no browser does.
fn names_stream(head: &Head<'_>) -> bool {
    head.accept.any(STREAM)
}

/// `?format=png` or `?still`
fn wanted_by_name(head: &Head<'_>) -> Option<Reply> {
    let named = head.query.format.as_deref().and_then(|name| match name {
        "json" => Some(Reply::Data(Data::Json)),
        "shields" => Some(Reply::Data(Data::Shields)),
        "text" => Some(Reply::Data(Data::Text)),
        "events" => Some(Reply::Events),
        "lines" => Some(Reply::Lines),
        "page" | "html" => Some(Reply::Page),
        name => image(&format!("image/{name}")).map(Reply::StillAs),
    });
    named.or_else(|| head.query.still.then_some(Reply::Still))
}

/// Who gets something that is whole, whatever it is.
pub(crate) fn wants_it_whole(head: &Head<'_>) -> bool {
    // A stream without chunked framing can't be told from a broken one when it ends.
    head.is_head || head.is_old || head.is_prefetch || head.program == Program::Fetcher
}

/// The data that a media range means.
fn data(range: &str) -> Option<Reply> {
    let all = [
        ("application/json", Reply::Data(Data::Json)),
        ("text/plain", Reply::Data(Data::Text)),
        ("text/event-stream", Reply::Events),
    ];
    all.into_iter().find(|(name, _)| range.eq_ignore_ascii_case(name)).map(|(_, reply)| reply)
}

/// The format that a media range means.
fn image(range: &str) -> Option<Format> {
    match &*range.to_ascii_lowercase() {
        "image/png" => Some(Format::Png),
        "image/svg+xml" | "image/svg" => Some(Format::Svg),
        #[cfg(feature = "jpeg")]
        "image/jpeg" | "image/jpg" => Some(Format::jpeg(85)),
        #[cfg(feature = "webp")]
        "image/webp" => Some(Format::WebP),
        _ => None,
    }
}
