//! Live images in a plain `<img>`, from any Tower service, with no JavaScript.
//!
//! ```no_run
//! use axum::{Router, response::Html, routing::get};
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
//!     .route("/", get(Html(r#"<img src="/online.png">"#)))
//!     .layer(badges); // last
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! # #[cfg(feature = "hyper")]
//! handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c()).await;
//! # Ok(())
//! # }
//! ```
//!
//! The page shows how many people are looking at it, and the number changes while they come and go.
//!
//! `serve` is of the feature `hyper`. It is `axum::serve` for responses that never end: it notices viewers
//! who vanished without a word, and ends the streams at the end. With any other server, set
//! `SocketOptions`, and call [`Handle::shutdown`] when it stops.
//!
//! # Where to find what
//!
//! | to | there is |
//! | --- | --- |
//! | build a layer | [`LiveBadgeLayer`], [`LiveBadgeLayerBuilder`]; [`BuildError`], [`BuildErrorKind`], [`TemplatePlace`] say what is wrong |
//! | write a badge | [`Badge`]: its slots, values, limits and pace; [`Format`] |
//! | take a ready look | [`Look`], [`Badge::online`] |
//! | count people | [`Badge::visitors`] with the keys of [`visitor`], [`VisitorKey`]; [`VisitorCookie`], [`SameSite`] |
//! | show who is there | [`Badge::named`]; [`Look::people`], [`Look::sentence`] |
//! | look at rooms | [`Handle`], [`RoomHandle`], [`RoomError`]; [`Params`], [`Counts`], [`RoomCounts`], [`Records`], [`Days`], [`Changes`], [`Change`] |
//! | decide who gets what | [`Reply`], [`Data`], [`UnknownRoom`], [`WhenFull`], [`OwnUrls`] |
//! | show it in a page | [`RoomHandle::embed`], [`Embed`] |
//! | hear what happens | [`Observer`] with [`Join`], [`Leave`], [`LeaveReason`], [`Occupied`], [`Vacated`], [`Paint`], [`PaintFailure`], [`Refused`], [`Refusal`]; [`PaintError`]; [`LiveResponse`] |
//! | serve it | `Handle::serve`, `Server`, `Connection`, `SocketOptions`, `reserve_descriptors` (feature `hyper`); [`PeerAddr`] |
//! | keep totals | [`Store`], or [`SharedStore`] with [`Batch`] for several nodes: [`RoomKey`], [`Totals`], [`StoreError`]; `FileStore` (feature `store`), `RedisStore` (feature `redis`) |
//! | name a type | [`LiveBadge`], [`ResponseFuture`], [`ResponseBody`], [`NotFound`] |
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
//! The source is a house with a floor for each of these. Who is upstairs may call downstairs, never the
//! other way round:
//!
//! ```text
//! src/
//! ┌───────────┬──────────────────────────────────────────────────────────────────┐
//! │ lib.rs    │ this page, and what is public                                    │
//! ├───────────┼──────────────────────────────────────────────────────────────────┤
//! │ listen/   │ a listener in, an ended server out (feature `hyper`)             │
//! │ serve/    │ request in, response out: layer, service, bodies, handles        │
//! │ room/     │ one live picture being watched: admission, seats, the painter    │
//! │ badge/    │ what the application asked for, checked; who gets what           │
//! │ stream/   │ the wire, and the stage with the newest frame                    │
//! │ picture/  │ from numbers to encoded pixels: templates, looks, fonts, drawing │
//! │ observe/  │ what is told to the outside: hooks and metrics                   │
//! │ presence/ │ who is in a room, and what the numbers have been                 │
//! │ request/  │ what a request says: its head, read once                         │
//! ├───────────┼──────────────────────────────────────────────────────────────────┤
//! │ error.rs  │ what can go wrong                                                │
//! └───────────┴──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # The nouns
//!
//! | | |
//! | --- | --- |
//! | *badge* | The recipe for a path: an SVG template, what fills its slots, who counts, how often it may change. [`Badge`] |
//! | *room* | One live picture being watched. `/online.png` has one, `/rooms/{room}/online.png` one for every value. It is opened for its first viewer and freed after its last. [`RoomHandle`] |
//! | *stream* | An open response body: a tab, a window, an embedded image. |
//! | *visitor* | A person, as far as a [`VisitorKey`] can tell one from another. [`visitor`] |
//! | *look* | A ready template with its settings, such as shields.io's flat. [`Look`] |
//! | *style* | How a page asks for a picture: `?theme=dark&scale=3`, and [slots](Badge::query_slot) that its URL fills. All styles of a room have one count. |
//! | *still* | One whole picture, for whoever can't show a stream. Never counted. [`Reply`] |
//! | *data* | The count as JSON or text, on the same URL. [`Data`] |
//! | *handle* | What the application holds: rooms, changes, shutdown. [`Handle`] |
//!
//! # Where the layer goes
//!
//! **Last, on the outermost router**, after all routes and the fallback:
//!
//! ```
//! # use axum::{Router, routing::get};
//! # let badges = tower_livebadge::LiveBadgeLayer::builder().build()?;
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .fallback(|| async { "nothing here" })
//!     .layer(badges);
//! # Ok::<(), tower_livebadge::BuildError>(())
//! ```
//!
//! A layer elsewhere may see nothing, and nothing says so: the badge is a 404, or whatever the
//! application answers to paths that it does not know. With axum 0.8:
//!
//! | written | `/online.png` is |
//! | --- | --- |
//! | `.layer(badges)` after all else | the badge |
//! | `.layer(badges).layer(other)` | the badge: layers outside of it are fine, see below |
//! | `.route_layer(badges)` | 404: it sees routes alone |
//! | `.layer(badges).fallback(f)` | `f`'s answer: what is added later is not covered |
//! | `.layer(badges).route("/online.png", …)` | that route's answer, for the same reason |
//! | `.nest("/api", inner.layer(badges))` | 404, also at `/api/online.png`: a nested router has no fallback of its own |
//! | `.layer(badges).merge(other)` | 404: `other` brings a fallback of its own; merge first |
//! | `.nest_service("/badges", badges.into_service())` | at `/badges/online.png` |
//!
//! To notice: [`Handle::is_reached`] says whether a request for any badge has come through the layer, which
//! is a test of one line; and if pages came through and no badge was ever asked for,
//! [`Handle::shutdown`] writes a warning to the log.
//!
//! **Layers outside of this one** see an endless response. Most don't mind:
//!
//! | layer | |
//! | --- | --- |
//! | authentication | Fine: who is refused does not reach the badge. What it puts into the request tells visitors apart ([`visitor::extension`]). |
//! | compression | Leaves streams alone: they are marked `Content-Encoding: identity`. `NotLive` (feature `tower-http`) doesn't need that mark. |
//! | tracing, metrics, counts of requests under way | A stream is one request that lasts as long as somebody looks. [`LiveResponse`] in the response's extensions tells them apart. |
//! | CORS, `TimeoutLayer`, limits of request bodies, `NormalizePathLayer` | Fine: they are done when the response begins. An `<img crossorigin>` needs the CORS layer outside. |
//! | `ResponseBodyTimeoutLayer` | Needs a timeout that is longer than the [heartbeat](Badge::heartbeat). |
//! | `ResponseBodyDeadlineLayer` | Cuts every stream: put it inside. |
//! | `SetResponseHeaderLayer::overriding` | Must not replace `Cache-Control`, `Content-Type` or `Content-Encoding`: put it inside, or take `if_not_present`. |
//! | limits of concurrency | End with the response's head, so they don't bound streams: [`max_viewers`](LiveBadgeLayerBuilder::max_viewers) does. |
//! | what rewrites paths | The badge sees the path as it then is. |
//!
//! **Layers inside of it** never see a request for a badge. Where the application's own login or list of
//! rooms is to decide, make the badge [`gated`](Badge::gated): the inner service is asked first.
//!
//! **Other places:** [`LiveBadgeLayer::into_service`] mounts the badges on a route, and
//! [`RoomHandle::respond`] answers from inside a handler.
//!
//! # How wrong the count can be
//!
//! A viewer who closes the tab is gone within milliseconds, because the server drops the response
//! body. One who vanishes without a word (a train in a tunnel) is noticed when the operating system
//! gives up on the connection: within half a minute with `Handle::serve` or `SocketOptions`, `reserve_descriptors` (feature `hyper`),
//! after a quarter of an hour by default. A layer can't set that: it never sees the socket. A connection
//! that is open but no longer read is noticed by the layer itself, once the buffers in between are full.
//! [Guarantees](docs::guarantees) has every bound with the test that proves it.
//!
//! Chromium keeps the page that was left alive for "back" for up to a minute, and with it the
//! stream, so a visitor who follows a link is counted for that long, unless the badge is in a frame
//! ([`Embed::iframe`]). A tab that is open but hidden is counted: what is counted is open pages.
//!
//! # Limitations
//!
//! - Needs a Tokio runtime with time enabled, where responses are polled.
//! - HTTP/1.1 browsers open six connections to a host. Six live images on one page leave none for
//!   anything else; HTTP/2, or a host name of its own for badges, has no such limit.
//! - HTTP/1.0 clients get a still. A proxy may be one: nginx needs `proxy_http_version 1.1`.
//! - No browser reconnects an `<img>` by itself when a server has been restarted. A frame does
//!   ([`Embed::iframe`]), and so does an image in an inline SVG ([`Embed::reconnecting`]).
//! - Templates are part of the program. Values are escaped and bounded, but a template can be
//!   written that takes very long to draw; don't accept templates from strangers.
//! - Counts are per process, unless there are other [nodes](LiveBadgeLayerBuilder::nodes). Totals are in memory, unless a [store](LiveBadgeLayerBuilder::store) keeps them.
//!
//! Every limit with its number is in [`docs/LIMITS.md`](docs::limits).
//!
//! # More
//!
//! [Guarantees](docs::guarantees), [deploying](docs::deploy) (proxies, addresses, sockets), [troubleshooting](docs::troubleshooting),
//! [limits](docs::limits), [privacy](docs::privacy), [comparison](docs::compare), [design](docs::design).
//!
//! # Features
//!
//! - `embedded-font` (default): DejaVu Sans inside the binary (0.8 MB), so that text is drawn on
//!   machines without fonts. Without it, add one with [`LiveBadgeLayerBuilder::font`].
//! - `hyper`: a server that is set up for endless responses (`Handle::serve`), and what it sets on sockets
//!   and makes ready for thousands of them, for other servers (`SocketOptions`, `reserve_descriptors`).
//! - `store` (default): a file that keeps totals, so that they go on after a restart (`FileStore`). Pure Rust.
//! - `redis`: counts and totals over several nodes by Redis or Valkey (`RedisBus`, `RedisStore`).
//! - `jpeg`, `webp`: these as [`Format`]s.
//! - `images`: the application's own PNG and JPEG images in templates and as logos
//!   (`LiveBadgeLayerBuilder::image`, `Look::logo_image`), and fonts whose letters are bitmaps, as most
//!   emoji fonts have them.
//! - `plurals`: the template filter `plural`, by Unicode's CLDR.
//! - `time`: the template filters `date`, `until` and `since`, and the looks `Look::clock` and
//!   `Look::digital_clock`. The time zones are inside the binary (0.2 MB): those of the machine may be
//!   missing, as in containers, or be others.
//! - `tower-http`: the predicate `NotLive`, by which `tower_http`'s compression leaves streams
//!   alone whatever their headers say.
//! - `metrics`: gauges and counters for the recorders of the crate
//!   [`metrics`](https://docs.rs/metrics), all with the label `badge` (its path): `livebadge_viewers`
//!   (open streams), `livebadge_visitors`, `livebadge_rooms`; `livebadge_renders_total`,
//!   `livebadge_render_seconds`, `livebadge_cache_hits_total`; `livebadge_frames_total`,
//!   `livebadge_bytes_total`, `livebadge_heartbeats_total` (what goes to streams),
//!   `livebadge_stills_total` (data, too); `livebadge_refusals_total`, also with the label `reason`; and, without a label, `livebadge_nodes_connected` (1 or 0)
//!   and `livebadge_nodes_peers`, each second, where there are other nodes. A recorder
//!   that is installed after a badge was first asked for gets nothing of it.

// On docs.rs, what needs a feature says so.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used)]

mod badge;
mod error;
#[cfg(feature = "hyper")]
mod listen;
mod nodes;
mod observe;
mod picture;
mod presence;
mod request;
mod room;
mod serve;
mod store;
mod stream;
mod sync;

/// The guides of `docs/`, for whoever reads this in a browser.
#[cfg(doc)]
pub mod docs {
    #[doc = include_str!("../docs/COMPARE.md")]
    pub mod compare {}
    #[doc = include_str!("../docs/DEPLOY.md")]
    pub mod deploy {}
    #[doc = include_str!("../docs/DESIGN.md")]
    pub mod design {}
    #[doc = include_str!("../docs/GUARANTEES.md")]
    pub mod guarantees {}
    #[doc = include_str!("../docs/LIMITS.md")]
    pub mod limits {}
    #[doc = include_str!("../docs/PRIVACY.md")]
    pub mod privacy {}
    #[doc = include_str!("../docs/SERVING_MANY.md")]
    pub mod serving_many {}
    #[doc = include_str!("../docs/TROUBLESHOOTING.md")]
    pub mod troubleshooting {}
}

/// Keeps the README's snippets true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub use badge::builder::Badge;
pub use badge::data::Data;
pub use badge::own_urls::OwnUrls;
pub use badge::reply::Reply;
pub use badge::settings::{UnknownRoom, WhenFull};
pub use error::{BuildError, BuildErrorKind, PaintError, TemplatePlace};
#[cfg(feature = "hyper")]
pub use listen::connection::Connection;
#[cfg(feature = "hyper")]
pub use listen::descriptors::reserve_descriptors;
#[cfg(feature = "hyper")]
pub use listen::server::Server;
#[cfg(feature = "hyper")]
pub use listen::sockets::SocketOptions;
pub use nodes::bus::{Bus, BusError, BusFuture};
pub use nodes::health::{NodesHealth, PeerHealth};
pub use nodes::local::LocalBus;
#[cfg(feature = "redis")]
pub use nodes::redis::RedisBus;
pub use nodes::value::SharedValue;
pub use nodes::wire::Wire;
pub use observe::observer::{
    Join, Leave, NodesChange, Observer, Occupied, Paint, PaintFailure, Refusal, Refused, Stale,
    Vacated,
};
pub use picture::format::Format;
pub use picture::look::Look;
pub use presence::counts::{Counts, RoomCounts};
pub use presence::days::Days;
pub use presence::leaving::LeaveReason;
pub use presence::records::Records;
pub use presence::totals::Totals;
pub use request::cookie::{SameSite, VisitorCookie};
pub use request::key::VisitorKey;
pub use request::params::Params;
pub use request::peer::PeerAddr;
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
pub use store::contract::{Batch, RoomKey, SharedStore, Store, StoreError};
#[cfg(feature = "store")]
pub use store::file::FileStore;
#[cfg(feature = "store")]
pub use store::file::error::FileStoreError;
#[cfg(feature = "redis")]
pub use store::redis::RedisStore;
#[cfg(feature = "redis")]
pub use store::redis::server::RedisUrlError;
