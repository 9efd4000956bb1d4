//! The count is right, whatever order viewers come and go in, and however they go.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::{
    BROWSER, Client, Protocol, RawReply, bar_badge, eventually, read_bar, serve_badge, within,
};
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tower::ServiceExt;
use tower_livebadge::{Badge, Handle, LiveBadgeLayer, VisitorKey};

const PATH: &str = "/rooms/lobby/bar.png";

async fn open(address: SocketAddr) -> RawReply {
    RawReply::to(address, &format!("GET {PATH} HTTP/1.1"), &BROWSER).await
}

fn streams(handle: &Handle) -> usize {
    handle.room_at(PATH).unwrap().counts().streams
}

#[tokio::test]
async fn fifty_viewers_that_come_and_go_at_random_are_counted() {
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", bar_badge()).await;
    let mut random = fastrand::Rng::with_seed(2012);
    let mut open_now = Vec::new();
    for _ in 0..10 {
        for _ in 0..random.usize(1..60) {
            if open_now.len() < 50 && random.f32() < 0.6 {
                open_now.push(open(server.address).await);
            } else if !open_now.is_empty() {
                drop(open_now.swap_remove(random.usize(..open_now.len())));
            }
            assert!(streams(&handle) <= 50, "never more than there can be");
        }
        let there = open_now.len();
        eventually("the right count", || streams(&handle) == there).await;
    }
    open_now.clear();
    eventually("nobody", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn every_way_to_go_is_noticed() {
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", bar_badge()).await;
    let counts = |number| {
        let handle = handle.clone();
        async move { eventually("the count", || streams(&handle) == number).await }
    };

    // HTTP/1: the connection is closed, or reset.
    let viewer = open(server.address).await;
    counts(1).await;
    drop(viewer);
    counts(0).await;
    let socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_zero_linger().unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    let task = tokio::spawn(connection);
    let request = Request::get(PATH).header("sec-fetch-dest", "image").header("host", "x");
    let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    counts(1).await;
    drop(response);
    task.abort();
    counts(0).await;

    // HTTP/2: one stream is reset, or the whole connection goes.
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let first = client.get(PATH, &BROWSER).await;
    let second = client.get(PATH, &BROWSER).await;
    counts(2).await;
    drop(first);
    counts(1).await;
    drop((client, second));
    counts(0).await;
}

/// hyper looks for the end of a connection only while its read buffer is empty, so one stray byte
/// hides a viewer's end from it until something is written (hyper 1.12).
#[tokio::test]
async fn a_viewer_behind_a_stray_byte_is_noticed_by_the_heartbeat() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (server, handle) =
        serve_badge("/rooms/{room}/bar.png", bar_badge().heartbeat(Duration::from_millis(50)))
            .await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\nX");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.read_u8().await.unwrap();
    eventually("the viewer", || streams(&handle) == 1).await;
    drop(socket);
    eventually("nobody", || streams(&handle) == 0).await;
}

#[tokio::test]
async fn a_response_that_is_never_polled_is_never_counted() {
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let service = badges.into_service();
    for _ in 0..100 {
        let request = Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(streams(&handle), 0);
        drop(response);
    }
    assert!(handle.rooms().is_empty());
}

#[tokio::test]
async fn a_burst_of_streams_that_are_reset_at_once_leaves_nobody_behind() {
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", bar_badge()).await;
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    tokio::spawn(connection);
    for _ in 0..500 {
        let request = Request::get(format!("http://{}{PATH}", server.address));
        let request = request.header("sec-fetch-dest", "image");
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        let mut sender = sender.clone();
        let call = tokio::spawn(async move { sender.send_request(request).await.is_ok() });
        tokio::task::yield_now().await;
        call.abort();
    }
    // A viewer who comes afterwards is alone.
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.bar_of(1).await;
    drop((client, viewer));
    eventually("nobody", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn rooms_are_counted_apart_and_named_by_what_the_path_means() {
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", bar_badge()).await;
    let mut open = Vec::new();
    for path in ["/rooms/a%20b/bar.png", "/rooms/a%20%62/bar.png", "/rooms/c/bar.png"] {
        let mut client = Client::connect(server.address, Protocol::Http1).await;
        open.push((client.get(path, &BROWSER).await.into_stream(), client));
    }
    eventually("two in one room", || {
        handle.room_at("/rooms/a%20b/bar.png").unwrap().counts().streams == 2
    })
    .await;
    assert_eq!(handle.room_at("/rooms/c/bar.png").unwrap().counts().streams, 1);
    assert_eq!(handle.room_at("/rooms/d/bar.png").unwrap().counts().streams, 0);
    assert_eq!(handle.rooms().len(), 2);
    drop(open);
    eventually("nobody", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn the_first_picture_counts_its_viewer() {
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", bar_badge().max_rate(1000.0)).await;
    let mut open = Vec::new();
    for number in 1..=20 {
        sleep(Duration::from_millis(3)).await; // the pace allows a picture
        let mut client = Client::connect(server.address, Protocol::Http1).await;
        let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
        let first = read_bar(&viewer.next_part().await);
        open.push((client, viewer));
        // Unless it was the machine that was too slow for a round to have ended in time.
        assert!(first == number || first + 1 == number, "{first} instead of {number}");
    }
    assert_eq!(streams(&handle), 20);
}

#[tokio::test]
async fn visitors_are_people_and_stay_for_their_grace() {
    let badge = bar_badge()
        .leave_grace(Duration::from_millis(400))
        .visitors(|request| request.headers.get("x-user").map(VisitorKey::new));
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", badge).await;
    let counts = || {
        let counts = handle.room_at(PATH).unwrap().counts();
        (counts.streams, counts.visitors)
    };
    let mut clients = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let mut client = Client::connect(server.address, Protocol::Http1).await;
        let reply = client.get(PATH, &[BROWSER[1], ("x-user", user)]).await;
        clients.push((client, reply));
    }
    eventually("three tabs of two people", || counts() == (3, 2)).await;
    drop(clients.remove(2));
    eventually("bob's tab to go", || counts().0 == 2).await;
    eventually("bob to go", || counts() == (2, 1)).await;
    clients.clear();
    eventually("nobody", || handle.rooms().is_empty()).await;
}

#[tokio::test]
async fn a_viewer_that_stops_reading_is_uncounted_and_comes_back() {
    // Noise, so that the pictures are large and fill the buffers in between soon.
    let (sender, noise) = tokio::sync::watch::channel(0u64);
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">
      <filter id="f"><feTurbulence baseFrequency=".9" seed="{{ value }}"/></filter>
      <rect width="400" height="300" filter="url(#f)"/></svg>"##;
    let badge = Badge::svg(svg).scale(1.0).values(noise).heartbeat(Duration::from_millis(100));
    let (server, handle) = serve_badge("/rooms/{room}/bar.png", badge.max_rate(1000.0)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.next_part().await;
    assert_eq!(streams(&handle), 1);

    let painting = tokio::spawn(async move {
        for seed in 1.. {
            sender.send_replace(seed);
            sleep(Duration::from_millis(50)).await;
        }
    });
    eventually("the viewer to be missed", || streams(&handle) == 0).await;
    painting.abort();
    let reading = tokio::spawn(async move { while viewer.read().await {} });
    eventually("the viewer to be back", || streams(&handle) == 1).await;
    reading.abort();
    drop(client);
    eventually("nobody", || handle.rooms().is_empty()).await;
}

/// Paused time moves only while nothing has anything to do, so a room that spins stops it for good.
#[tokio::test(start_paused = true)]
async fn a_room_that_waits_for_somebody_to_come_back_sleeps() {
    use http_body_util::BodyExt;
    let badge = bar_badge().leave_grace(Duration::from_secs(3600));
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let handle = badges.handle();
    let request = Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
    let mut response = badges.into_service().oneshot(request).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    sleep(Duration::from_secs(3599)).await;
    assert_eq!(handle.room_at(PATH).unwrap().counts().visitors, 1);
    sleep(Duration::from_secs(2)).await;
    assert!(handle.rooms().is_empty());
}

/// As in a server that has a runtime for each processor, or tests that share a layer.
#[test]
fn a_room_whose_runtime_is_shut_down_ends_and_can_be_opened_anew() {
    use http_body_util::BodyExt;
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    // Each drives its tasks itself.
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let service = badges.into_service();
    let open = || async {
        let request = Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
        let mut body = service.clone().oneshot(request).await.unwrap().into_body();
        within("the opening", body.frame()).await.unwrap().unwrap();
        body
    };
    let (first, second) = (runtime(), runtime());
    let viewer = first.block_on(open());
    let other = second.block_on(open());
    assert_eq!(streams(&handle), 2);
    // The first viewer's runtime is the one that runs the room.
    drop(first);
    assert_eq!(handle.rooms(), []);
    let rest = second.block_on(within("the end", other.collect())).unwrap().to_bytes();
    assert!(rest.ends_with(b"--\r\n"));

    let late = second.block_on(open());
    assert_eq!(streams(&handle), 1);
    drop(viewer);
    assert_eq!(streams(&handle), 1);
    drop(late);
    second.block_on(eventually("nobody", || handle.rooms().is_empty()));
}
