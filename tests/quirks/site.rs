//! A site with live pictures, in this process, so that a test says what they show.

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::map_response;
use axum::response::{Html, Response};
use axum::routing::get;
use futures_util::StreamExt;
use http::{StatusCode, header};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;
use tower_http::compression::CompressionLayer;
use tower_livebadge::{Badge, Format, Handle, Join, LiveBadgeLayer, Observer, Paint};

use super::colour::{Colour, RED};
use super::serve::{self, Transport};

/// Of every page. WebKitGTK 2.50 paints a page for the first time when it is laid out and there is
/// something to see, or when all is loaded: without this, a page of nothing but streams of fixed sizes
/// stayed white in one of ten loads on a busy machine, and a screenshot of it was waited for in vain.
/// With it in none of 40.
const TEXT: &str = "This page says something, as pages do that people visit. What they read takes more \
    than two hundred letters, which is what one browser counts before it believes that there is \
    anything to be seen, and it is below the pictures, which are what all this is about.";

/// A rectangle of one colour.
const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="{{ width }}" height="80">
  <rect width="{{ width }}" height="80" fill="{{ fill }}" fill-opacity="{{ opacity }}"/>
</svg>"#;
/// The same with speckles that nobody can see: the longer the room's name is, the more bytes the picture has.
const SPECKLED: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="{{ width }}" height="80">
  <rect width="{{ width }}" height="80" fill="{{ fill }}" fill-opacity="{{ opacity }}"/>
  {% for n in range(9 * (params.room | length)) -%}
  <rect x="{{ (n * n * 7 + n * 53) % 119 }}" y="{{ (n * n * 13 + n * 29) % 79 }}" width="1" height="1" fill="{{ n % 2 and '#fff' or '#000' }}" fill-opacity="0.0{{ (n * n + n) % 7 // 2 + 1 }}"/>
  {%- endfor %}
</svg>"#;
pub(crate) const WIDTH: u32 = 120;
pub(crate) const HEIGHT: u32 = 80;
/// Of a picture of this width, in CSS pixels.
pub(crate) const AREA: u32 = WIDTH * HEIGHT;

/// The longest time between heartbeats that a badge can have: nothing pushes a picture out that the
/// browser holds back, and nothing but the browser says that somebody went.
const SILENT: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Look {
    fill: String,
    width: u32,
    opacity: f32,
}

impl Look {
    pub(crate) fn new(fill: Colour, width: u32, opacity: f32) -> Self {
        Self { fill: fill.to_hex(), width, opacity }
    }
}

/// What is outside of the badges' layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Compression,
    /// Compression, and something that takes away the mark that keeps it off the streams.
    ForcedCompression,
    /// Something that takes the queries away.
    NoQueries,
    /// Something that knows how many bodies are open.
    Counting,
}

/// A site that is not there yet.
#[derive(Debug)]
pub(crate) struct Plan {
    pages: Vec<(&'static str, String)>,
    scripts: Vec<(&'static str, &'static str)>,
    /// Pages show nothing of others that does not allow it.
    is_isolated: bool,
    heartbeat: Duration,
    around: Around,
    format: Format,
    /// 0 is some free one.
    port: u16,
}

impl Plan {
    pub(crate) fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// In the place of a site that is gone.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    pub(crate) fn page(mut self, path: &'static str, body: impl AsRef<str>) -> Self {
        let style =
            "<style>body { margin: 0 } img, input { display: block } p { clear: both }</style>";
        let body = body.as_ref();
        let html = format!("<!DOCTYPE html><title>{path}</title>{style}{body}<p>{TEXT}</p>");
        self.pages.push((path, html));
        self
    }

    pub(crate) fn script(mut self, path: &'static str, script: &'static str) -> Self {
        self.scripts.push((path, script));
        self
    }

    pub(crate) fn isolated(mut self) -> Self {
        self.is_isolated = true;
        self
    }

    pub(crate) fn counting_bodies(mut self) -> Self {
        self.around = Around::Counting;
        self
    }

    pub(crate) fn without_queries(mut self) -> Self {
        self.around = Around::NoQueries;
        self
    }

    /// Silent, unless this says otherwise.
    pub(crate) fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every;
        self
    }

    pub(crate) fn compressed(mut self) -> Self {
        self.around = Around::Compression;
        self
    }

    pub(crate) fn compressed_by_force(mut self) -> Self {
        self.around = Around::ForcedCompression;
        self
    }

    /// Shows red at first. Where a page says EMBED there is the badge's snippet.
    pub(crate) async fn serve(self, transport: Transport) -> Site {
        let (look, looks) = watch::channel(Look::new(RED, WIDTH, 1.0));
        let log = Arc::new(Log::default());
        let badge = |svg| {
            let badge = Badge::svg(svg).values(looks.clone()).heartbeat(self.heartbeat);
            // One picture pixel is one CSS pixel.
            badge.format(self.format.clone()).scale(1.0).max_rate(1000.0).page_text("{{ fill }}")
        };
        let badges = LiveBadgeLayer::builder()
            .badge("/live.png", badge(SVG))
            .badge("/rooms/{room}", badge(SVG))
            .badge("/speckled/{room}", badge(SPECKLED))
            .observer(Told(log.clone()))
            .build()
            .expect("the badge is right");
        let handle = badges.handle();

        let room = handle.room("/live.png", &[]).expect("a badge is there");
        let snippet = room.embed("/live.png").img();
        let policy = if self.is_isolated { "require-corp" } else { "unsafe-none" };
        let mut app = Router::new();
        for (path, html) in self.pages {
            let page = Html(html.replace("EMBED", &snippet));
            let head = [("cross-origin-embedder-policy", policy)];
            app = app.route(path, get(move || async move { (head, page) }));
        }
        for (path, script) in self.scripts {
            let head = [(header::CONTENT_TYPE, "text/javascript")];
            app = app.route(path, get(move || async move { (head, script) }));
        }
        let app = match self.around {
            Around::Nothing => app.layer(badges),
            Around::Compression => app.layer(badges).layer(CompressionLayer::new()),
            Around::ForcedCompression => {
                let force = ServiceBuilder::new().layer(CompressionLayer::new().gzip(true));
                app.layer(badges).layer(force.map_response(unmarked))
            }
            Around::Counting => {
                let log = log.clone();
                let counted = move |response: Response| {
                    let open = log.open.clone();
                    ready(response.map(|body| {
                        let pieces = body.into_data_stream();
                        // As long as the body is there, so is its share.
                        Body::from_stream(pieces.inspect(move |_| _ = Arc::strong_count(&open)))
                    }))
                };
                app.layer(badges).layer(map_response(counted))
            }
            Around::NoQueries => app.layer(badges).layer(MapRequestLayer::new(without_query)),
        };
        let listener = bind(self.port).await;
        let port = listener.local_addr().expect("a listener has a port").port();
        let server = AbortOnDropHandle::new(tokio::spawn(serve::serve(listener, app, transport)));
        Site { scheme: transport.scheme(), port, look, handle, log, _server: server }
    }
}

/// A port is taken until the listener before has been dropped.
pub(crate) async fn bind(port: u16) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// As something would do that knows nothing of live pictures.
fn unmarked(mut response: Response) -> Response {
    response.headers_mut().remove(header::CONTENT_ENCODING);
    response
}

/// As some CDNs do.
fn without_query(mut request: Request) -> Request {
    *request.uri_mut() = request.uri().path().parse().expect("a path is a URI");
    request
}

/// A running site. It ends on drop, with all connections.
#[derive(Debug)]
pub(crate) struct Site {
    scheme: &'static str,
    pub(crate) port: u16,
    look: watch::Sender<Look>,
    pub(crate) handle: Handle,
    log: Arc<Log>,
    _server: AbortOnDropHandle<()>,
}

impl Site {
    pub(crate) fn plan() -> Plan {
        Plan {
            pages: Vec::new(),
            scripts: Vec::new(),
            is_isolated: false,
            heartbeat: SILENT,
            around: Around::Nothing,
            format: Format::Png,
            port: 0,
        }
    }

    /// One page, with this in its body.
    pub(crate) async fn of(body: impl AsRef<str>, transport: Transport) -> Self {
        Self::plan().page("/", body).serve(transport).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)
    }

    /// The same, and another site for a browser.
    pub(crate) fn url_by_name(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.port)
    }

    /// Changes all pictures. Returns when that was.
    pub(crate) fn show(&self, colour: Colour) -> Instant {
        self.look_like(Look::new(colour, WIDTH, 1.0))
    }

    pub(crate) fn look_like(&self, look: Look) -> Instant {
        self.look.send_replace(look);
        Instant::now()
    }

    /// How many streams are open now.
    pub(crate) fn streams(&self) -> usize {
        self.handle.rooms().iter().map(|room| room.counts.streams).sum()
    }

    /// How many bodies are open, also of those who are not counted.
    pub(crate) fn bodies(&self) -> usize {
        Arc::strong_count(&self.log.open) - 1
    }

    /// How many streams have been opened so far.
    pub(crate) fn joins(&self) -> usize {
        self.log.joins.load(Ordering::SeqCst)
    }

    /// The size of the picture that was painted last.
    pub(crate) fn picture_bytes(&self) -> usize {
        self.all_picture_bytes().last().copied().unwrap_or_default()
    }

    /// The same of all that have been painted, in their order.
    pub(crate) fn all_picture_bytes(&self) -> Vec<usize> {
        self.log.picture_bytes.lock().expect("no panic").clone()
    }
}

/// Answers as one whose server is away.
#[derive(Debug)]
pub(crate) struct Proxy {
    asked: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn at(port: u16) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let answer = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            ready(StatusCode::BAD_GATEWAY)
        };
        let app = Router::new().fallback(answer);
        let listener = bind(port).await;
        Self {
            asked,
            _server: AbortOnDropHandle::new(tokio::spawn(serve::serve(
                listener,
                app,
                Transport::H1,
            ))),
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct Log {
    /// Each open body has a share.
    open: Arc<()>,
    joins: AtomicUsize,
    picture_bytes: Mutex<Vec<usize>>,
}

struct Told(Arc<Log>);

impl Observer for Told {
    fn on_join(&self, _: &Join) {
        self.0.joins.fetch_add(1, Ordering::SeqCst);
    }

    fn on_paint(&self, paint: &Paint) {
        self.0.picture_bytes.lock().expect("no panic").push(paint.bytes);
    }
}
