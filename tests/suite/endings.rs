//! However a client ends, on whatever protocol, its viewer has joined once and leaves once. How long
//! that took is printed: `cargo test --test suite endings -- --nocapture`.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::common::{BROWSER, Client, Protocol, Site, bar_badge, bar_badge_of, frames, within};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tower_livebadge::Badge;

const BEAT: Duration = Duration::from_millis(200);
/// Less than what lies between two changes.
const MOMENT: Duration = Duration::from_millis(10);

/// How a client ends: what it does, and what stays open of it.
type Ending = fn(TcpStream) -> Option<TcpStream>;

/// These have the same meaning in both protocols.
const OF_SOCKETS: [(&str, Ending); 3] = [("FIN", fin), ("RST", rst), ("half-close", half_close)];

const OF_HTTP2: [(&str, Ending); 4] = [
    ("RST_STREAM", |socket| write(socket, &frames::reset(1))),
    ("GOAWAY, FIN", |socket| write(socket, &frames::go_away()).and_then(fin)),
    ("GOAWAY, RST", |socket| write(socket, &frames::go_away()).and_then(rst)),
    ("RST_STREAM, FIN", |socket| write(socket, &frames::reset(1)).and_then(fin)),
];

fn fin(socket: TcpStream) -> Option<TcpStream> {
    // The kernel makes a reset of it if something has come that was not read.
    while let Ok(1..) = socket.try_read(&mut [0; 4096]) {}
    None
}

fn rst(socket: TcpStream) -> Option<TcpStream> {
    socket.set_zero_linger().unwrap();
    None
}

/// It stays open for reading.
fn half_close(socket: TcpStream) -> Option<TcpStream> {
    SockRef::from(&socket).shutdown(Shutdown::Write).unwrap();
    Some(socket)
}

fn write(socket: TcpStream, bytes: &[u8]) -> Option<TcpStream> {
    assert_eq!(socket.try_write(bytes).unwrap(), bytes.len());
    Some(socket)
}

/// A badge that is silent, and one that changes all the time until the other half is dropped.
fn badges() -> [(&'static str, Badge, Option<AbortOnDropHandle<()>>); 2] {
    let (sender, value) = watch::channel(0);
    let changing = tokio::spawn(async move {
        for value in (0..100).cycle() {
            sender.send_replace(value);
            sleep(Duration::from_millis(20)).await;
        }
    });
    let changes = bar_badge_of("value").values(value).max_rate(100.0);
    let changing = AbortOnDropHandle::new(changing);
    [("idle", bar_badge(), None), ("changing", changes, Some(changing))]
}

/// A viewer who has read nothing yet, though something has come.
async fn open(site: &Site, protocol: Protocol) -> TcpStream {
    let address = site.server.address;
    let (mut socket, request) = match protocol {
        Protocol::Http1 => (TcpStream::connect(address).await.unwrap(), http1_request()),
        Protocol::Http2 => (frames::connect(address).await, frames::get(1, Site::PATH)),
    };
    socket.write_all(&request).await.unwrap();
    site.joined(1).await;
    within("a picture", socket.readable()).await.unwrap();
    socket
}

/// A viewer who has read what has come.
async fn look(site: &Site, protocol: Protocol) -> TcpStream {
    let mut socket = open(site, protocol).await;
    let mut come = [0; 64 * 1024];
    while let Ok(Ok(1..)) = timeout(MOMENT, socket.read(&mut come)).await {}
    socket
}

fn http1_request() -> Vec<u8> {
    format!("GET {} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n", Site::PATH).into()
}

#[tokio::test]
async fn whoever_closes_leaves_once() {
    for (kind, badge, _changing) in badges() {
        let site = Site::start(badge).await;
        for protocol in Protocol::BOTH {
            let more = match protocol {
                Protocol::Http1 => &[][..],
                Protocol::Http2 => &OF_HTTP2,
            };
            for (name, ending) in OF_SOCKETS.iter().chain(more) {
                let socket = look(&site, protocol).await;
                let since = Instant::now();
                let rest = ending(socket);
                site.all_leave(1, &format!("{protocol:?}, {kind}, {name}"), since).await;
                drop(rest);
            }
            let socket = open(&site, protocol).await;
            let since = Instant::now();
            drop(socket);
            let what = format!("{protocol:?}, {kind}, close with unread data");
            site.all_leave(1, &what, since).await;
        }
    }
}

/// hyper does not look for the end of an HTTP/1 connection while something stands unread before it
/// (hyper 1.12), so only a write tells it.
#[tokio::test]
async fn whoever_closes_behind_unread_bytes_leaves_by_the_heartbeat() {
    let site = Site::start(bar_badge().heartbeat(BEAT)).await;
    for (what, bytes) in [("a stray byte", b"X".to_vec()), ("a second request", http1_request())] {
        for (name, ending) in OF_SOCKETS {
            let mut socket = look(&site, Protocol::Http1).await;
            socket.write_all(&bytes).await.unwrap();
            sleep(BEAT / 4).await; // it is read
            let since = Instant::now();
            let rest = ending(socket);
            // Half of a connection may go on for ever, and does here.
            drop(rest);
            let what = format!("Http1, heartbeats of {BEAT:?}, {what}, {name}");
            site.all_leave(1, &what, since).await;
        }
    }
}

/// HTTP/2 asks a body for its first bytes before it knows whether there is room for them.
#[tokio::test]
async fn whoever_has_no_window_leaves_once() {
    let endings = OF_SOCKETS.iter().chain(&OF_HTTP2);
    for (kind, badge, _changing) in badges() {
        let site = Site::start(badge).await;
        for (name, ending) in endings.clone() {
            let mut socket = frames::connect_without_window(site.server.address).await;
            socket.write_all(&frames::get(1, Site::PATH)).await.unwrap();
            site.joined(1).await;
            let since = Instant::now();
            let rest = ending(socket);
            site.all_leave(1, &format!("Http2, {kind}, window 0, {name}"), since).await;
            drop(rest);
        }
    }
}

#[tokio::test]
async fn requests_that_are_reset_in_the_same_breath_count_nobody_twice() {
    let site = Site::start(bar_badge()).await;
    let mut socket = frames::connect(site.server.address).await;
    let streams = (0..300).map(|number| 2 * number + 1);
    let burst: Vec<u8> =
        streams.flat_map(|id| [frames::get(id, Site::PATH), frames::reset(id)].concat()).collect();
    let since = Instant::now();
    socket.write_all(&burst).await.unwrap();
    // The server has soon had enough, and closes.
    let mut rest = Vec::new();
    within("the connection's end", socket.read_to_end(&mut rest)).await.ok();
    let joins = site.book.joins();
    site.all_leave(joins, &format!("Http2, 300 reset at once, {joins} joined"), since).await;
}

#[tokio::test]
async fn hundreds_that_look_and_are_reset_leave_once_each() {
    const VIEWERS: u32 = 200;
    let site = Site::start(bar_badge()).await;
    let mut socket = frames::connect(site.server.address).await;
    let since = Instant::now();
    for id in (0..VIEWERS).map(|number| 2 * number + 1) {
        socket.write_all(&frames::get(id, Site::PATH)).await.unwrap();
        // Told by the book: the connection's window does not suffice for a picture for each.
        site.joined(id.div_ceil(2) as usize).await;
        socket.write_all(&frames::reset(id)).await.unwrap();
    }
    site.all_leave(VIEWERS as usize, "Http2, 200 that look, one after another", since).await;

    let mut client = Client::connect(site.server.address, Protocol::Http1).await;
    let mut viewer = client.get(Site::PATH, &BROWSER).await.into_stream();
    viewer.bar_of(1).await;
}
