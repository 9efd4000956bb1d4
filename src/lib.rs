//! Live images in a plain `<img>`, from any Tower service, with no JavaScript.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use tower_livebadge::{Badge, LiveBadgeLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let badges = LiveBadgeLayer::builder()
//!     .badge("/online.png", Badge::online())
//!     .build()?; // every mistake is found here
//! let handle = badges.handle();
//!
//! let app = Router::new()
//!     .route("/", get(|| async { axum::response::Html(r#"<img src="/online.png">"#) }))
//!     .layer(badges); // last
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app)
//!     .with_graceful_shutdown(async move {
//!         tokio::signal::ctrl_c().await.ok();
//!         handle.shutdown().await; // ends the streams, which would never end
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! The page shows how many people are looking at it, and the number changes while they come and go.
//!
//! # The picture
//!
//! An IP camera streams its pictures as `multipart/x-mixed-replace`: one response that never ends,
//! in which every part replaces the one before. The same is done here with a picture of a number.
//! The open response *is* the visitor's presence, and the picture *is* the live count. It works
//! where scripts can't go: in forum signatures, blogs, status pages, read-only dashboards.
//!
//! ```text
//! presence ──count──▶ painter ──frame──▶ stage ──bytes──▶ every open body
//!     ▲                                                        │
//!     └───────────── the body is dropped: leave ◀──────────────┘
//! ```
//!
//! One thing changes a number, one task per room turns it into a picture (once, for all viewers),
//! one place holds the newest picture, and response bodies take it from there. The latest wins:
//! nothing queues, and a slow viewer skips what it missed.
//!
//! # The nouns
//!
//! | | |
//! | --- | --- |
//! | *badge* | The recipe for a path: an SVG template, what fills its slots, who counts, how often it may change. [`Badge`] |
//! | *room* | One live picture being watched. `/online.png` has one, `/rooms/{room}/online.png` one for every value. It is opened for its first viewer and freed after its last. |
//! | *stream* | An open response body: a tab, a window, an embedded image. |
//! | *visitor* | A person, as far as a [`VisitorKey`] can tell one from another. [`visitor`] |
//! | *look* | A ready template with its settings, such as shields.io's flat. [`Look`] |
//! | *style* | Light or dark, and the scale: `?theme=dark&scale=3`. All styles of a room have one count. |
//! | *still* | One whole picture, for whoever can't show a stream. Never counted. [`Reply`] |
//! | *data* | The count as JSON or text, on the same URL. [`Data`] |
//! | *handle* | What the application holds: counts, changes, answers, shutdown. [`Handle`] |
//!
//! # Where the layer goes
//!
//! **Last, on the outermost router**, so that it is the first to see a request:
//!
//! ```
//! # use axum::{Router, routing::get};
//! # use tower_http::{compression::CompressionLayer, trace::TraceLayer};
//! # let badges = tower_livebadge::LiveBadgeLayer::builder().build()?;
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(CompressionLayer::new())
//!     .layer(TraceLayer::new_for_http())
//!     .layer(badges); // outermost
//! # Ok::<(), tower_livebadge::BuildError>(())
//! ```
//!
//! - axum's `Router::layer` sees requests for paths that have no route; `route_layer`, or a `layer`
//!   on a router that is nested later, does not, and the badge is a 404. A router that is added
//!   after `.layer(badges)` is not covered by it either.
//! - Layers outside of this one see an endless response. Compression leaves it alone (it is marked
//!   `Content-Encoding: identity`); `tower_http`'s `ResponseBodyTimeoutLayer` cuts it unless its
//!   timeout is longer than the [heartbeat](Badge::heartbeat), and `ResponseBodyDeadlineLayer`
//!   always does.
//! - An application that wants its own login or its own list of rooms to decide makes the badge
//!   [`gated`](Badge::gated): the inner service is asked first.
//! - Other places: [`LiveBadgeLayer::into_service`] mounts the badges on a route, and
//!   [`Handle::respond`] answers from inside a handler.
//!
//! # How wrong the count can be
//!
//! A viewer who closes the tab is gone within milliseconds, because the server drops the response
//! body. One who vanishes without a word (a train in a tunnel) is noticed when the operating system
//! gives up on the connection, which by default takes a quarter of an hour. Who needs better sets
//! `TCP_USER_TIMEOUT` and keep-alive on accepted sockets, or HTTP/2 pings on the server; then it is
//! seconds. A layer can't: it never sees the socket. A connection that is open but no longer read is
//! noticed by the layer itself, once the buffers in between are full.
//!
//! Chromium keeps the page that was left alive for "back" for up to a minute, and with it the
//! stream, so a visitor who follows a link is counted for that long, unless the badge is in a frame
//! ([`Embed::iframe`]).
//!
//! # Limitations
//!
//! - Needs a Tokio runtime with time enabled, where responses are polled.
//! - HTTP/1.1 browsers open six connections to a host. Six live images on one page leave none for
//!   anything else; HTTP/2, or a host name of its own for badges, has no such limit.
//! - HTTP/1.0 clients get a still. A proxy may be one: nginx needs `proxy_http_version 1.1`.
//! - No browser reconnects an `<img>` by itself when a server has been restarted. A frame does, in
//!   Chromium and Firefox: [`Embed::iframe`].
//! - Templates are part of the program. Values are escaped and bounded, but a template can be
//!   written that takes very long to draw; don't accept templates from strangers.
//! - Counts are per process.
//!
//! # Features
//!
//! - `embedded-font` (default): DejaVu Sans inside the binary (0.8 MB), so that text is drawn on
//!   machines without fonts. Without it, add one with [`LiveBadgeLayerBuilder::font`].
//! - `jpeg`, `webp`: these as [`Format`]s.
//! - `plurals`: the template filter `plural`, by Unicode's CLDR.
//! - `tower-http`: the predicate `NotLive`, by which `tower_http`'s compression leaves streams
//!   alone whatever their headers say.
//! - `metrics`: gauges and counters for the recorders of the crate
//!   [`metrics`](https://docs.rs/metrics), all with the label `badge` (its path): `livebadge_viewers`
//!   (open streams), `livebadge_visitors`, `livebadge_rooms`; `livebadge_renders_total`,
//!   `livebadge_render_seconds`, `livebadge_cache_hits_total`; `livebadge_frames_total`,
//!   `livebadge_bytes_total`, `livebadge_heartbeats_total` (what goes to streams),
//!   `livebadge_stills_total` (data, too); `livebadge_refusals_total`, also with the label `reason`. A recorder
//!   that is installed after a badge was first asked for gets nothing of it.

// On docs.rs, what needs a feature says so.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used)]

mod badge;
mod error;
mod observe;
mod picture;
mod presence;
mod request;
mod room;
mod serve;
mod stream;

pub use badge::builder::Badge;
pub use badge::data::Data;
pub use badge::own_urls::OwnUrls;
pub use badge::reply::Reply;
pub use badge::settings::{UnknownRoom, WhenFull};
pub use error::{BuildError, BuildErrorKind, PaintError, TemplatePlace};
pub use observe::observer::{Join, Leave, Observer, Paint, PaintFailure, Refusal, Refused};
pub use picture::format::Format;
pub use picture::look::Look;
pub use presence::counts::{Counts, Records, RoomCounts};
pub use request::cookie::{SameSite, VisitorCookie};
pub use request::key::VisitorKey;
pub use request::params::Params;
pub use request::visitor;
pub use serve::answer::LiveResponse;
pub use serve::body::ResponseBody;
#[cfg(feature = "tower-http")]
pub use serve::compression::NotLive;
pub use serve::embed::Embed;
pub use serve::handle::{Change, Changes, Handle};
pub use serve::layer::{LiveBadgeLayer, LiveBadgeLayerBuilder};
pub use serve::not_found::NotFound;
pub use serve::room_handle::{RoomError, RoomHandle};
pub use serve::service::{LiveBadge, ResponseFuture};
