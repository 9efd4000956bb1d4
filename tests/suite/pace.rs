//! How many pictures viewers get, and when: at once after a quiet time, never more than the pace
//! allows, and the last one always.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{
    BROWSER, Client, Direct, Protocol, RawReply, Server, bar_badge, bar_badge_of, decode,
    eventually, read_bar, serve,
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

/// Not that of the round that is under way: it may not count the newcomer, and takes as long as it takes.
#[tokio::test]
async fn who_comes_while_a_picture_is_being_drawn_is_shown_the_one_before_at_once() {
    let (sender, values) = watch::channel(0u32);
    let badge = slow_badge("value").values(values);
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let service = badges.into_service();
    let mut viewer = Direct::open(&service, PATH, &BROWSER).await;
    assert_eq!(dots(&viewer.next_part().await), 0);
    sleep(Duration::from_millis(200)).await; // quiet: a newcomer would wait for its own round
    sender.send_replace(1);
    for _ in 0..20 {
        tokio::task::yield_now().await; // the painter begins
    }
    let mut newcomer = Direct::open(&service, PATH, &BROWSER).await;
    assert_eq!(dots(&newcomer.next_part().await), 0);
    // Once more: the new one has too many colours for a palette.
    assert_eq!(dots(&newcomer.next_part().await), 0);
    assert_eq!(dots(&newcomer.next_part().await), 1);
}

#[tokio::test]
async fn a_style_that_takes_long_to_draw_does_not_keep_the_others_waiting() {
    if std::thread::available_parallelism().is_ok_and(|threads| threads.get() == 1) {
        return; // then one is drawn after the other
    }
    let (sender, values) = watch::channel(0u32);
    let (badge, paints) =
        (slow_badge("theme == 'dark' and value").values(values), Paints::default());
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).observer(paints.clone());
    let service = badges.build().unwrap().into_service();
    let painted = || paints.0.load(Ordering::Relaxed);
    // Those of the slow style are the more, so it is begun first.
    let (mut dark, mut light) = (Vec::new(), Direct::open(&service, PATH, &BROWSER).await);
    assert_eq!(dots(&light.next_part().await), 0);
    for _ in 0..2 {
        let mut viewer = Direct::open(&service, &format!("{PATH}?theme=dark"), &BROWSER).await;
        assert_eq!(dots(&viewer.next_part().await), 0);
        dark.push(viewer);
    }
    let before = painted();
    sender.send_replace(1);
    assert_eq!(dots(&light.next_part().await), 1);
    assert_eq!(painted(), before + 1, "the other one is being drawn");
    // Nor does it the next time, and then it catches up.
    sender.send_replace(2);
    assert_eq!(dots(&light.next_part().await), 2);
    assert_eq!(painted(), before + 2, "the other one is still being drawn");
    for viewer in &mut dark {
        while dots(&viewer.next_part().await) != 2 {}
    }
}

/// As many black dots as its value says. Where this condition holds, that takes half a second or more.
fn slow_badge(is_slow: &str) -> Badge {
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400">
          {{% if {is_slow} %}}<filter id="f"><feTurbulence baseFrequency=".9" numOctaves="16"
            seed="{{{{ value }}}}"/></filter>
          <rect width="600" height="400" filter="url(#f)"/>{{% endif %}}
          <rect width="600" height="1" fill="#fff"/>
          <rect width="{{{{ value }}}}" height="1" fill="#000"/></svg>"##
    );
    Badge::svg(svg).scale(1.0)
}

fn dots(png: &[u8]) -> usize {
    decode(png).pixels().take(600).filter(|pixel| *pixel == [0, 0, 0, 255]).count()
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
    let badges =
        LiveBadgeLayer::builder().badge(PATH, bar_badge().heartbeat(Duration::from_secs(5)));
    let badges = badges.build().unwrap();
    let request = Request::get(PATH).header("sec-fetch-dest", "image").body(()).unwrap();
    let mut body = badges.into_service().oneshot(request).await.unwrap().into_body();
    let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(next().await.len() >= 520);
    let since = Instant::now();
    for _ in 1..720 {
        assert_eq!(next().await.len(), 12);
    }
    assert!(next().await.len() > 60, "the picture");
    assert_eq!(next().await.len(), 12);
    assert!((720 * 5..=722 * 5).contains(&since.elapsed().as_secs()));
}
