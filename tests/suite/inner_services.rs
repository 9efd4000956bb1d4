//! The inner service is left as it is: what reaches it, what comes from it, and what it must not be.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use crate::common::{BROWSER, Client, PATIENCE, Protocol, bar_badge, read_bar, serve, within};
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_livebadge::{Badge, LiveBadgeLayer, Reply};

const PATH: &str = "/bar.png";

fn badges(badge: Badge) -> LiveBadgeLayer {
    LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap()
}

fn browser(path: &str) -> http::request::Builder {
    Request::get(path).header(BROWSER[1].0, BROWSER[1].1)
}

/// Data that is no `Bytes` and in two pieces, borrowed from outside, on one thread only; an error
/// and trailers of its own.
struct OddBody<'a> {
    pieces: Vec<&'a [u8]>,
    ending: Option<Result<HeaderMap, OddError>>,
    _not_send: PhantomData<Rc<()>>,
}

#[derive(Debug, PartialEq)]
struct OddError;

impl<'a> Body for OddBody<'a> {
    type Data = bytes::buf::Chain<&'a [u8], &'a [u8]>;
    type Error = OddError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, OddError>>> {
        if let Some(piece) = self.pieces.pop() {
            let (one, two) = piece.split_at(piece.len() / 2);
            return Poll::Ready(Some(Ok(Frame::data(one.chain(two)))));
        }
        Poll::Ready(self.ending.take().map(|ending| ending.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.ending.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[tokio::test]
async fn an_odd_body_passes_unharmed_through_a_service_that_is_not_send() {
    let text = String::from("hello");
    let trailers = HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("x"))]);
    let local = Rc::new(());
    let inner = service_fn(|request: Request<&str>| {
        let (pieces, local) = (vec![text.as_bytes()], local.clone());
        let ending = if *request.body() == "fail" { Err(OddError) } else { Ok(trailers.clone()) };
        async move {
            drop(local);
            let ending = Some(ending);
            Ok::<_, OddError>(Response::new(OddBody { pieces, ending, _not_send: PhantomData }))
        }
    });
    let service = badges(bar_badge()).layer(inner);

    let response = service.clone().oneshot(Request::new("pass")).await.unwrap();
    let body = response.into_body();
    assert_eq!(body.size_hint().exact(), Some(5));
    let mut body = pin!(body);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    assert!(!body.is_end_stream());
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
    assert!(body.is_end_stream());

    let response = service.clone().oneshot(Request::new("fail")).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap_err(), OddError);

    let response = service.oneshot(browser(PATH).body("badge").unwrap()).await.unwrap();
    let first = pin!(response.into_body()).frame().await.unwrap().unwrap();
    assert!(first.into_data().unwrap().len() >= 520);
}

#[tokio::test]
async fn bytes_are_passed_on_without_a_copy() {
    let data = Bytes::from(vec![7; 1000]);
    let start = data.as_ptr();
    let inner = service_fn(|_: Request<()>| {
        let data = data.clone();
        async { Ok::<_, Infallible>(Response::new(Full::new(data))) }
    });
    let response = badges(bar_badge()).layer(inner).oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().as_ptr(), start);
}

/// Needs to be told that it is ready before every call, as tower's contract says.
#[derive(Default)]
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { is_ready: false, calls: self.calls.clone() }
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<Empty<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without having been ready");
        self.calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err("its own error"))
    }
}

#[tokio::test]
async fn readiness_and_errors_are_the_inner_services_own() {
    let strict = Strict::default();
    let calls = strict.calls.clone();
    let mut service = badges(bar_badge().gated(true)).layer(strict);
    for path in ["/", PATH, "/other", PATH] {
        let ready = ServiceExt::<Request<()>>::ready(&mut service).await.unwrap();
        let request = browser(path).body(()).unwrap();
        assert_eq!(ready.call(request).await.unwrap_err(), "its own error");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    // Not ready is not ready, also for what the layer would answer.
    let never = tower::limit::ConcurrencyLimit::new(Strict::default(), 0);
    let mut service = badges(bar_badge()).layer(never);
    let ready = ServiceExt::<Request<()>>::ready(&mut service);
    assert!(tokio::time::timeout(PATIENCE / 100, ready).await.is_err());
}

#[tokio::test]
async fn other_methods_and_paths_reach_the_inner_service_untouched() {
    let inner = service_fn(|request: Request<String>| async move {
        let (parts, body) = request.into_parts();
        let mut response = Response::new(Full::<Bytes>::from(format!(
            "{} {} {:?} {body}",
            parts.method,
            parts.uri,
            parts.extensions.get::<u32>()
        )));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        Ok::<_, Infallible>(response)
    });
    let badge = bar_badge().reply(|request| match request.headers.get("x-pass") {
        Some(_) => Reply::Inner,
        None => Reply::for_request(request),
    });
    let service = badges(badge).layer(inner);
    let cases = [
        (Method::POST, "/bar.png?x=1", "no"),
        (Method::OPTIONS, "/bar.png", "no"),
        (Method::GET, "/bar.png/", "no"),
        (Method::GET, "/BAR.png", "no"),
        (Method::GET, "/bar.pn", "no"),
        (Method::GET, "/bar.png", "x-pass"),
    ];
    for (method, uri, header) in cases {
        let request = Request::builder().method(method.clone()).uri(uri).header(header, "1");
        let request = request.extension(42u32).body("body".to_owned()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, format!("{method} {uri} Some(42) body"));
    }
}

#[tokio::test]
async fn a_gated_badge_is_shown_to_whom_the_application_lets_in() {
    use axum::http::header::SET_COOKIE;
    use axum::routing::get;
    let app = axum::Router::new().route(
        "/rooms/{room}/bar.png",
        get(|headers: HeaderMap, axum::extract::Path(room): axum::extract::Path<String>| async move {
            match (headers.contains_key("authorization"), room.as_str()) {
                (true, "lobby") => Ok(([(SET_COOKIE, "session=renewed")], "not seen")),
                (true, _) => Err((StatusCode::NOT_FOUND, "no such room")),
                _ => Err((StatusCode::UNAUTHORIZED, "who are you?")),
            }
        }),
    );
    let badges = LiveBadgeLayer::builder()
        .badge("/rooms/{room}/bar.png", bar_badge().gated(true))
        .build()
        .unwrap();
    let handle = badges.handle();
    let server = serve(app.layer(badges)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let member = [BROWSER[1], ("authorization", "me")];

    let reply = client.get("/rooms/lobby/bar.png", &BROWSER).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.bytes().await, "who are you?");
    let reply = client.get("/rooms/cellar/bar.png", &member).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert!(handle.rooms().is_empty());

    let reply = client.get("/rooms/lobby/bar.png", &member).await;
    assert_eq!(reply.header("set-cookie"), Some("session=renewed"));
    reply.into_stream().bar_of(1).await;
    let reply = client.get("/rooms/lobby/bar.png?still", &member).await;
    assert_eq!(reply.header("content-type"), Some("image/png"));
}

#[tokio::test]
async fn a_handler_can_answer_with_a_badge_that_has_no_path() {
    use axum::extract::{Path, Request, State};
    use axum::response::IntoResponse;
    let badges = LiveBadgeLayer::builder()
        .badge("/other.png", bar_badge())
        .unrouted("articles/{id}", bar_badge())
        .build()
        .unwrap();
    let handle = badges.handle();
    let answer = |State(badges): State<tower_livebadge::Handle>,
                  Path(slug): Path<String>,
                  request: Request| async move {
        let (parts, _) = request.into_parts();
        match badges.room_at(&format!("{slug}/42")) {
            Ok(room) => room.respond(&parts).await.into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        }
    };
    let app = axum::Router::new()
        .route("/{slug}/readers.png", axum::routing::get(answer))
        .with_state(handle.clone());
    let server = serve(app.layer(badges)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    client.get("/articles/readers.png", &BROWSER).await.into_stream().bar_of(1).await;
    let mut viewer = client.get("/articles/readers.png", &BROWSER).await.into_stream();
    viewer.bar_of(1).await;
    assert_eq!(handle.room_at("articles/42").unwrap().counts().streams, 1);
    let still = client.get("/articles/readers.png", &[("accept", "*/*")]).await.bytes().await;
    assert_eq!(read_bar(&still), 1);
    let unknown = client.get("/nothing/readers.png", &BROWSER).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    // Not even by a path that reads the same.
    let unknown = client.get("/articles/42", &BROWSER).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_badges_are_a_service_of_their_own() {
    let badges = badges(bar_badge());
    let app = axum::Router::new()
        .nest_service("/badges", badges.clone().into_service())
        .route_service("/bar.png", badges.into_service());
    let server = serve(app).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut one = client.get("/badges/bar.png", &BROWSER).await.into_stream();
    one.bar_of(1).await;
    let mut two = client.get("/bar.png", &BROWSER).await.into_stream();
    two.bar_of(2).await;
    within("the other's picture", one.bar_of(2)).await;
    assert_eq!(client.get("/badges/none", &BROWSER).await.status, StatusCode::NOT_FOUND);
}
