//! The stream as a browser gets it that makes a document of it: in a tab, a window or a frame.

use std::time::Duration;

use crate::common::{Client, LiveStream, Protocol, Server, bar_badge_of, decode, read_bar, serve};
use tokio::sync::watch;
use tower_livebadge::{Handle, LiveBadgeLayer};

const PATH: &str = "/badge.png";
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
/// To a plain-HTTP server on another machine, a browser says no more than that.
const SAFARI: (&str, &str) =
    ("user-agent", "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.4 Safari/605.1.15");

async fn serve_value(heartbeat: Duration) -> (Server, Handle, watch::Sender<u32>) {
    let (value, receiver) = watch::channel(0);
    let badge = bar_badge_of("value").values(receiver).max_rate(1000.0).heartbeat(heartbeat);
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let handle = badges.handle();
    (serve(badges.into_service()).await, handle, value)
}

async fn open(server: &Server, protocol: Protocol, headers: &[(&str, &str)]) -> LiveStream {
    let mut client = Client::connect(server.address, protocol).await;
    client.get(PATH, headers).await.into_stream()
}

#[tokio::test]
async fn nothing_of_the_next_picture_is_sent_early() {
    let (server, _, value) = serve_value(Duration::from_secs(3600)).await;
    let dests = ["document", "iframe", "frame"].map(|dest| vec![PAGE, ("sec-fetch-dest", dest)]);
    for headers in dests.iter().chain([&vec![PAGE, SAFARI]]) {
        for protocol in Protocol::BOTH {
            value.send_replace(0);
            let mut stream = open(&server, protocol, headers).await;
            while read_bar(&stream.next_part().await) != 0 {}
            for number in 1..=20 {
                assert_eq!(stream.parser.open_part(), Some(&[][..]));
                value.send_replace(number);
                assert_eq!(read_bar(&stream.next_part().await), number as usize);
            }
        }
    }
}

#[tokio::test]
async fn a_heartbeat_is_the_picture_once_more() {
    let (server, _, value) = serve_value(Duration::from_millis(10)).await;
    for protocol in Protocol::BOTH {
        let mut stream = open(&server, protocol, &[PAGE, SAFARI]).await;
        let picture = stream.next_part().await;
        for _ in 0..5 {
            assert_eq!(stream.next_part().await, picture);
            assert_eq!(stream.parser.open_part(), Some(&[][..]));
        }
        value.send_modify(|value| *value += 1);
        let next = *value.borrow() as usize;
        stream.bar_of(next).await;
    }
}

#[tokio::test]
async fn the_end_is_the_picture_once_more() {
    for protocol in Protocol::BOTH {
        let (server, handle, _value) = serve_value(Duration::from_secs(3600)).await;
        let mut stream = open(&server, protocol, &[PAGE, SAFARI]).await;
        let picture = decode(&stream.next_part().await);
        let (_, rest) = tokio::join!(handle.shutdown(), stream.rest());
        assert_eq!(rest.iter().map(|png| decode(png)).collect::<Vec<_>>(), [picture]);
    }
}
