//! How many pictures viewers get, and when: at once after a quiet time, never more than the pace
//! allows, and the last one always.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{
    BROWSER, Client, Protocol, RawReply, Server, bar_badge, bar_badge_of, eventually, read_bar,
    serve,
};
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tower_livebadge::{Badge, Handle, LiveBadgeLayer, Observer, Paint};

const PATH: &str = "/bar.png";

/// Counts the rounds that drew something.
#[derive(Clone, Default)]
struct Paints(Arc<AtomicUsize>);

impl Observer for Paints {
    fn on_paint(&self, _: &Paint) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

async fn serve_badge(badge: Badge) -> (Server, Handle, Paints) {
    let paints = Paints::default();
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).observer(paints.clone());
    let badges = badges.build().unwrap();
    let handle = badges.handle();
    (serve(badges.into_service()).await, handle, paints)
}

async fn http2(server: &Server) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let socket = TcpStream::connect(server.address).await.unwrap();
    let io = TokioIo::new(socket);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// As many pictures as there can be in this time, at ten per second: the first at once.
fn allowed(since: Instant) -> usize {
    2 + (since.elapsed().as_millis() / 100) as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_and_joins_cost_the_others_no_more_than_the_pace() {
    let (server, handle, _) = serve_badge(bar_badge()).await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.bar_of(1).await;

    let since = Instant::now();
    let storm = tokio::spawn({
        let mut sender = http2(&server).await;
        let address = server.address;
        async move {
            for number in 0..500u32 {
                let request = Request::get(format!("http://{address}{PATH}"))
                    .header("sec-fetch-dest", "image");
                let response = sender.send_request(request.body(Empty::new()).unwrap());
                if number % 2 == 0 {
                    drop(response.await); // joined, perhaps seated, and gone
                } else {
                    drop(response); // reset at once
                }
                sleep(Duration::from_millis(4)).await;
            }
        }
    });
    let mut pictures = 0;
    while !storm.is_finished() {
        tokio::select! {
            _ = viewer.next_part() => pictures += 1,
            () = sleep(Duration::from_millis(20)) => {}
        }
        assert!(pictures <= allowed(since), "{pictures} pictures in {:?}", since.elapsed());
    }
    eventually("the others to be gone", || handle.room_at(PATH).unwrap().counts().streams == 1)
        .await;
    // The last state is never lost, if a picture showed another one.
    sleep(Duration::from_millis(150)).await;
    let mut another = Client::connect(server.address, Protocol::Http1).await;
    another.get(PATH, &BROWSER).await.into_stream().bar_of(2).await;
    viewer.bar_of(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_joins_a_second_are_shown_at_the_pace_and_right_in_the_end() {
    let (server, handle, paints) = serve_badge(bar_badge()).await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.bar_of(1).await;
    let (since, before) = (Instant::now(), paints.0.load(Ordering::Relaxed));
    let joins = tokio::spawn({
        let address = server.address;
        async move {
            let mut open = Vec::new();
            for _ in 0..400 {
                open.push(RawReply::to(address, &format!("GET {PATH} HTTP/1.1"), &BROWSER).await);
                sleep(Duration::from_millis(4)).await;
            }
            open
        }
    });
    let mut pictures = 0;
    loop {
        let bar = read_bar(&viewer.next_part().await);
        pictures += 1;
        assert!(pictures <= allowed(since), "{pictures} pictures in {:?}", since.elapsed());
        if bar == 401 {
            break;
        }
    }
    let painted = paints.0.load(Ordering::Relaxed) - before;
    assert!(painted <= allowed(since), "{painted} drawn for all 400 viewers");
    drop(joins.await.unwrap());
    viewer.bar_of(1).await;
    assert_eq!(handle.room_at(PATH).unwrap().counts().streams, 1);
}

#[tokio::test]
async fn a_burst_of_changes_is_two_pictures_the_first_and_the_last() {
    let (sender, values) = watch::channel(0usize);
    let (server, ..) = serve_badge(bar_badge_of("value").values(values).max_rate(2.0)).await;
    let mut client = Client::connect(server.address, Protocol::Http1).await;
    let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
    viewer.bar_of(0).await;
    sleep(Duration::from_millis(600)).await; // quiet: the pace allows a picture
    let since = Instant::now();
    sender.send_replace(1);
    assert_eq!(read_bar(&viewer.next_part().await), 1);
    let leading = since.elapsed();
    for number in 2..=20 {
        sender.send_replace(number);
        tokio::task::yield_now().await;
    }
    assert_eq!(read_bar(&viewer.next_part().await), 20);
    // Not a promise about speed, but about order: the first did not wait for the interval's end.
    assert!(leading < since.elapsed());
    assert!(since.elapsed() >= Duration::from_millis(450), "the second kept its distance");
}

#[tokio::test]
async fn one_drawing_serves_every_viewer() {
    let (sender, values) = watch::channel(0usize);
    let (server, _, paints) = serve_badge(bar_badge_of("value").values(values)).await;
    let mut client = Client::connect(server.address, Protocol::Http2).await;
    let mut viewers = Vec::new();
    for _ in 0..50 {
        let mut viewer = client.get(PATH, &BROWSER).await.into_stream();
        viewer.bar_of(0).await;
        viewers.push(viewer);
    }
    assert_eq!(paints.0.load(Ordering::Relaxed), 1, "who comes changes nothing in the picture");
    sender.send_replace(7);
    for viewer in &mut viewers {
        viewer.bar_of(7).await;
    }
    assert_eq!(paints.0.load(Ordering::Relaxed), 2);
}

/// What browsers keep of an open part is bounded: after 720 heartbeats the picture is sent anew.
#[tokio::test(start_paused = true)]
async fn an_hour_of_silence_is_heartbeats_and_then_the_picture_once_more() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let request = Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
    let mut body = badges.into_service().oneshot(request).await.unwrap().into_body();
    let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(next().await.len() > 1024);
    let since = Instant::now();
    for _ in 1..720 {
        assert_eq!(next().await.len(), 12);
    }
    assert!(next().await.len() > 60, "the picture");
    assert_eq!(next().await.len(), 12);
    assert!((720 * 5..=722 * 5).contains(&since.elapsed().as_secs()));
}
