//! Whatever ends a viewer from the server's side, it has joined once and leaves once: panics, tasks
//! that are aborted, runtimes that are shut down, and what layers outside of this one do.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crate::common::{
    BROWSER, Client, Protocol, Site, bar_badge, eventually, frames, panics, within,
};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, map_response};
use axum::response::Response;
use axum::routing::get;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::sleep;
use tower_http::timeout::{ResponseBodyTimeoutLayer, TimeoutLayer};
use tower_livebadge::LeaveReason;

const BEAT: Duration = Duration::from_millis(100);

/// A viewer on a bare connection, over HTTP/2 on stream 1.
async fn look(site: &Site, protocol: Protocol, path: &str) -> TcpStream {
    let address = site.server.address;
    let (mut socket, request) = match protocol {
        Protocol::Http1 => {
            let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n");
            (TcpStream::connect(address).await.unwrap(), head.into())
        }
        Protocol::Http2 => (frames::connect(address).await, frames::get(1, path)),
    };
    socket.write_all(&request).await.unwrap();
    socket
}

/// Waits for the server to close a connection.
async fn is_closed(mut socket: TcpStream) {
    let end = async { while let Ok(1..) = socket.read(&mut [0; 4096]).await {} };
    within("the connection's end", end).await;
}

/// A body that begins well.
async fn breaks() -> Body {
    let parts = futures_util::stream::iter(["it ", "breaks"]).map(|part| match part {
        "breaks" => panic!("a body's bug, which must not matter"),
        part => Ok::<_, Infallible>(part),
    });
    Body::from_stream(parts)
}

#[tokio::test]
async fn panics_elsewhere_on_the_connection_leave_a_viewer_where_it_is() {
    async fn panics() {
        panic!("a handler's bug, which must not matter");
    }
    let app = Router::new().route("/panics", get(panics)).route("/breaks", get(breaks));
    let site = Site::within(bar_badge(), app, |app| app).await;
    let mut socket = look(&site, Protocol::Http2, Site::PATH).await;
    frames::wait_for(&mut socket, frames::DATA, 1).await;
    site.joined(1).await;
    for (stream, path) in [(3, "/panics"), (5, "/breaks")] {
        socket.write_all(&frames::get(stream, path)).await.unwrap();
        frames::wait_for(&mut socket, frames::RST_STREAM, stream).await;
    }
    assert_eq!((site.streams(), site.book.leaves()), (1, 0));

    // It is shown what changes, too.
    let other = look(&site, Protocol::Http1, Site::PATH).await;
    site.joined(2).await;
    frames::wait_for(&mut socket, frames::DATA, 1).await;
    let since = Instant::now();
    drop((socket, other));
    site.all_leave(2, "both protocols, after panics elsewhere", since).await;
}

/// The second picture is too much for what the application has put round the body.
async fn break_if_asked(request: Request, next: Next) -> Response {
    let is_asked = request.uri().query() == Some("break");
    let mut frames = 0;
    next.run(request).await.map(|body| {
        Body::new(body.map_frame(move |frame| {
            frames += 1;
            assert!(!is_asked || frames < 2, "a layer's bug, which must not matter");
            frame
        }))
    })
}

/// HTTP/1 loses the connection by it, HTTP/2 a stream.
#[tokio::test]
async fn a_panic_round_a_viewers_body_ends_that_viewer_alone() {
    let broken = format!("{}?break", Site::PATH);
    let site =
        Site::within(bar_badge(), Router::new(), |app| app.layer(from_fn(break_if_asked))).await;
    let http1 = look(&site, Protocol::Http1, &broken).await;
    site.joined(1).await;
    let mut http2 = look(&site, Protocol::Http2, &broken).await;
    is_closed(http1).await;
    site.joined(2).await;
    frames::wait_for(&mut http2, frames::DATA, 1).await;
    http2.write_all(&frames::get(3, Site::PATH)).await.unwrap();
    frames::wait_for(&mut http2, frames::RST_STREAM, 1).await;
    site.joined(3).await;
    eventually("the broken ones to go", || site.book.leaves() == 2).await;
    assert_eq!(site.streams(), 1);

    // The other one on the same connection is shown who comes.
    let late = look(&site, Protocol::Http1, Site::PATH).await;
    site.joined(4).await;
    frames::wait_for(&mut http2, frames::DATA, 3).await;
    let since = Instant::now();
    drop((http2, late));
    site.all_leave(4, "both protocols, panics in a body", since).await;
}

#[tokio::test]
async fn a_connection_whose_task_is_aborted_takes_its_viewers_with_it() {
    for protocol in Protocol::BOTH {
        let site = Site::start(bar_badge()).await;
        let viewer = look(&site, protocol, Site::PATH).await;
        site.joined(1).await;
        let since = Instant::now();
        site.server.stop();
        site.all_leave(1, &format!("{protocol:?}, task aborted"), since).await;
        is_closed(viewer).await;
    }
}

#[test]
fn a_runtime_that_is_shut_down_takes_its_viewers_with_it_and_another_one_goes_on() {
    panics::watch();
    let (first, second) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let mut site = first.block_on(Site::start(bar_badge()));
    let viewers = second.block_on(async {
        let viewers = Protocol::BOTH.map(|protocol| look(&site, protocol, Site::PATH));
        let viewers = futures_util::future::join_all(viewers).await;
        site.joined(2).await;
        viewers
    });
    drop(first);
    assert_eq!(site.handle.rooms(), []);
    assert_eq!(site.streams(), 0);
    site.book.clear();

    second.block_on(async {
        for viewer in viewers {
            is_closed(viewer).await;
        }
        site.start_anew().await;
        for protocol in Protocol::BOTH {
            let mut client = Client::connect(site.server.address, protocol).await;
            let mut viewer = client.get(Site::PATH, &BROWSER).await.into_stream();
            viewer.bar_of(1).await;
            let since = Instant::now();
            drop((client, viewer));
            site.all_leave(1, &format!("{protocol:?}, in another runtime"), since).await;
        }
    });
    assert_eq!(panics::count(), 0, "see above");
}

#[tokio::test]
async fn a_time_limit_for_responses_is_none_for_streams() {
    let limit = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, BEAT);
    let site = Site::within(bar_badge(), Router::new(), |app| app.layer(limit)).await;
    for protocol in Protocol::BOTH {
        let viewer = look(&site, protocol, Site::PATH).await;
        site.joined(1).await;
        sleep(3 * BEAT).await;
        assert_eq!((site.streams(), site.book.leaves()), (1, 0));
        let since = Instant::now();
        drop(viewer);
        site.all_leave(1, &format!("{protocol:?}, within a time limit"), since).await;
    }
}

#[tokio::test]
async fn a_time_limit_for_responses_ends_a_wait_at_a_gate_where_nobody_is_counted() {
    let limit = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, BEAT);
    let gate = Router::new().route(Site::PATH, get(std::future::pending::<()>));
    let badge = bar_badge().gated(true);
    let site = Site::within(badge, gate, |app| app.layer(limit)).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(site.server.address, protocol).await;
        let reply = client.get(Site::PATH, &BROWSER).await;
        assert_eq!(reply.status, StatusCode::REQUEST_TIMEOUT);
    }
    site.all_leave(0, "at a gate", Instant::now()).await;
}

#[tokio::test]
async fn a_time_limit_for_silence_cuts_streams_whose_heartbeat_is_slower() {
    for protocol in Protocol::BOTH {
        let silent = ResponseBodyTimeoutLayer::new(BEAT);
        let site = Site::within(bar_badge(), Router::new(), |app| app.layer(silent)).await;
        let mut viewer = look(&site, protocol, Site::PATH).await;
        site.joined(1).await;
        let since = Instant::now();
        if protocol == Protocol::Http2 {
            frames::wait_for(&mut viewer, frames::RST_STREAM, 1).await;
        }
        site.all_leave(1, &format!("{protocol:?}, silent for {BEAT:?}"), since).await;
        drop(viewer);

        let patient = ResponseBodyTimeoutLayer::new(20 * BEAT);
        let badge = bar_badge().heartbeat(BEAT);
        let site = Site::within(badge, Router::new(), |app| app.layer(patient)).await;
        let _viewer = look(&site, protocol, Site::PATH).await;
        site.joined(1).await;
        sleep(25 * BEAT).await;
        assert_eq!((site.streams(), site.book.leaves()), (1, 0), "the heartbeat is in time");
    }
}

#[tokio::test]
async fn a_response_that_is_thrown_away_before_it_is_sent_never_joins() {
    async fn throw_away(_: Response) -> StatusCode {
        StatusCode::IM_A_TEAPOT
    }
    let site =
        Site::within(bar_badge(), Router::new(), |app| app.layer(map_response(throw_away))).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(site.server.address, protocol).await;
        for _ in 0..20 {
            let reply = client.get(Site::PATH, &BROWSER).await;
            assert_eq!(reply.status, StatusCode::IM_A_TEAPOT);
            reply.bytes().await;
        }
    }
    site.all_leave(0, "thrown away", Instant::now()).await;
}

/// Nothing tells that such a body is gone, but that it takes no heartbeat.
#[tokio::test]
async fn a_body_that_is_leaked_leaves_after_three_heartbeats() {
    async fn leak(response: Response) -> StatusCode {
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        std::mem::forget(body);
        StatusCode::IM_A_TEAPOT
    }
    let badge = bar_badge().heartbeat(BEAT);
    let site = Site::within(badge, Router::new(), |app| app.layer(map_response(leak))).await;
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(site.server.address, protocol).await;
        let since = Instant::now();
        assert_eq!(client.get(Site::PATH, &BROWSER).await.status, StatusCode::IM_A_TEAPOT);
        let what = format!("{protocol:?}, leaked, heartbeats of {BEAT:?}");
        site.all_leave_as(LeaveReason::Stalled, 1, &what, since).await;
    }
}
