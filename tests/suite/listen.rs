//! The server that comes along (`Handle::serve`): who is at the other end, what is set on sockets, who is
//! sent away, and the end.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::common::{
    BROWSER, Client, PATIENCE, Protocol, RawReply, bar_badge, eventually, read_bar, within,
};
use axum::extract::Request;
use axum::routing::get;
use axum::{Extension, Router};
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tower_livebadge::{
    Connection, Handle, LiveBadgeLayer, PeerAddr, RoomHandle, Server, SocketOptions, visitor,
};

const PATH: &str = "/bar.png";

/// A server, and what ends it.
struct Running {
    address: SocketAddr,
    room: RoomHandle,
    handle: Handle,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn start(set_up: impl FnOnce(Server<Router>) -> Server<Router>) -> Running {
    start_with(Router::new(), set_up).await
}

/// With more routes.
async fn start_with(
    routes: Router,
    set_up: impl FnOnce(Server<Router>) -> Server<Router>,
) -> Running {
    let badge = bar_badge().visitors(visitor::peer(PeerAddr::of));
    let badges = LiveBadgeLayer::builder().badge(PATH, badge).build().unwrap();
    let handle = badges.handle();
    let app = Router::new()
        .route("/", get(async |Extension(PeerAddr(peer)): Extension<PeerAddr>| peer.to_string()))
        .route(
            "/panic",
            get(async || {
                if true {
                    panic!("a handler's bug")
                }
            }),
        )
        .merge(routes)
        .layer(badges);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = set_up(handle.serve(listener, app)).with_graceful_shutdown(stopped);
    let ended = tokio::spawn(server.into_future());
    Running { address, room: handle.room_at(PATH).unwrap(), handle, stop, ended }
}

/// A WebSocket's bytes, in short.
#[tokio::test]
async fn upgraded_connections_are_the_applications() {
    let echo = async |request: Request| {
        let upgraded = hyper::upgrade::on(request);
        tokio::spawn(async {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded.await.unwrap()));
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        let head = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
        (StatusCode::SWITCHING_PROTOCOLS, head)
    };
    let running = start_with(Router::new().route("/echo", get(echo)), |server| server).await;
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    // What comes with the request is not HTTP any more, either.
    let request =
        b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nat once, ";
    socket.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("an answer", socket.read_u8()).await.unwrap());
    }
    socket.write_all(b"and later").await.unwrap();
    let mut echoed = [0; 18];
    within("an echo", socket.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"at once, and later");
}

#[tokio::test]
async fn handlers_and_badges_know_who_is_at_the_other_end() {
    let running = start(|server| server).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut client = Client::connect(running.address, protocol).await;
        let peer = client.get("/", &[]).await.bytes().await;
        let peer: SocketAddr = std::str::from_utf8(&peer).unwrap().parse().unwrap();
        assert!(peer.ip().is_loopback() && peer != running.address, "{peer}");
    }
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(RawReply::to(running.address, "GET /bar.png HTTP/1.1", &BROWSER).await);
    }
    eventually("all", || running.room.counts().streams == 3).await;
    assert_eq!(running.room.counts().visitors, 1, "all of one address");
}

#[tokio::test]
async fn a_handler_that_panics_hurts_its_own_connection_alone() {
    let running = start(|server| server).await;
    let mut stream = RawReply::to(running.address, "GET /bar.png HTTP/1.1", &BROWSER).await;
    stream.chunk().await.unwrap();
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    socket.write_all(b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(within("the end", socket.read(&mut [0; 9])).await.unwrap(), 0);
    let mut client = Client::connect(running.address, Protocol::Http1).await;
    client.get("/", &[]).await.bytes().await;
    assert_eq!(running.room.counts().streams, 1);
}

/// Each viewer that reads gets the last picture and the regular end; one that does not is cut off.
#[tokio::test]
async fn it_ends_with_its_streams_and_waits_for_nobody_who_does_not_read() {
    let goodbye = Duration::from_millis(500);
    let running = start(|server| server.shutdown_timeout(goodbye)).await;
    let mut first = RawReply::to(running.address, "GET /bar.png HTTP/1.1", &BROWSER).await;
    let mut client = Client::connect(running.address, Protocol::Http2).await;
    let second = client.get(PATH, &BROWSER).await.into_stream();
    // Half a request: whoever sends it does not go by itself.
    let mut stuck = TcpStream::connect(running.address).await.unwrap();
    stuck.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
    eventually("both", || running.room.counts().streams == 2).await;

    let since = Instant::now();
    running.stop.send(()).unwrap();
    let mut last = Vec::new();
    while let Some(chunk) = first.chunk().await {
        last = chunk;
    }
    assert!(last.ends_with(b"--\r\n"), "the last chunk before the regular end closes");
    let pictures = second.rest().await;
    assert_eq!(read_bar(pictures.last().unwrap()), 2);
    within("the server's end", running.ended).await.unwrap();
    assert!(since.elapsed() < goodbye + PATIENCE / 2);
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody is let in any more");
    assert_eq!(running.room.counts().streams, 0);
}

/// Without being cut off, which would be after an hour.
#[tokio::test]
async fn idle_connections_end_and_what_was_asked_for_is_answered() {
    let (asked, answers) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = {
        let (asked, answers) = (asked.clone(), answers.clone());
        async move || {
            asked.add_permits(1);
            answers.acquire().await.unwrap().forget();
            "an answer"
        }
    };
    let routes = Router::new().route("/now", get(async || "at once")).route("/slow", get(slow));
    let hour = Duration::from_secs(3600);
    let running = start_with(routes, |server| server.shutdown_timeout(hour)).await;
    let address = running.address;

    let (mut idle, mut waiting) = (Vec::new(), Vec::new());
    for protocol in Protocol::BOTH {
        let mut client = Client::connect(address, protocol).await;
        assert_eq!(client.get("/now", &[]).await.bytes().await, "at once");
        idle.push(client);
        waiting.push(tokio::spawn(async move {
            Client::connect(address, protocol).await.get("/slow", &[]).await.bytes().await
        }));
    }
    within("two requests", asked.acquire_many(2)).await.unwrap().forget();
    running.handle.shutdown().await;
    while TcpStream::connect(address).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    answers.add_permits(2);
    for answer in waiting {
        assert_eq!(within("an answer", answer).await.unwrap(), "an answer");
    }
    within("the server's end", running.ended).await.unwrap();
}

#[tokio::test]
async fn the_handles_shutdown_ends_it() {
    let running = start(|server| server).await;
    let mut stream = RawReply::to(running.address, "GET /bar.png HTTP/1.1", &BROWSER).await;
    stream.chunk().await.unwrap();
    let reads = tokio::spawn(async move { while stream.chunk().await.is_some() {} });
    running.handle.shutdown().await;
    within("the server's end", running.ended).await.unwrap();
    within("the stream's end", reads).await.unwrap();
}

#[tokio::test]
async fn to_drop_it_is_to_end_it_at_once() {
    let running = start(|server| server).await;
    let mut stream = RawReply::to(running.address, "GET /bar.png HTTP/1.1", &BROWSER).await;
    stream.chunk().await.unwrap();
    running.ended.abort();
    eventually("nobody", || running.room.counts().streams == 0).await;
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn who_does_not_ask_is_sent_away_and_who_looks_is_not() {
    let running = start(|server| server.header_timeout(Duration::from_millis(300))).await;
    let mut stream = RawReply::to(running.address, "GET /bar.png HTTP/1.1", &BROWSER).await;
    let mut client = Client::connect(running.address, Protocol::Http2).await;
    let streams = client.get(PATH, &BROWSER).await.into_stream();
    for half in [
        &b""[..],
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"P",
        b"PRI * HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01",
    ] {
        let mut socket = TcpStream::connect(running.address).await.unwrap();
        socket.write_all(half).await.unwrap();
        let mut answer = Vec::new();
        // Whatever HTTP/2 says first is said; then it is over.
        within("the end", socket.read_to_end(&mut answer)).await.ok();
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(running.room.counts().streams, 2, "they have asked");
    drop(streams);
    stream.chunk().await.unwrap();
}

/// They are looked at where an application could, too: between the socket and HTTP.
#[tokio::test]
async fn sockets_are_set_up_for_viewers_who_vanish() {
    let (sender, seen) = mpsc::channel();
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge()).build().unwrap();
    let handle = badges.handle();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let look = move |socket: Connection| {
        let options = SockRef::from(socket.get_ref());
        sender.send((options.tcp_nodelay().unwrap(), options.keepalive().unwrap())).unwrap();
        #[cfg(target_os = "linux")]
        {
            assert_eq!(options.tcp_keepalive_time().unwrap(), Duration::from_secs(2));
            // That is for streams: a download may be paused.
            assert_eq!(options.tcp_user_timeout().unwrap(), None);
        }
        async { Ok(socket) }
    };
    let server = handle.serve(listener, badges.into_service());
    let server = server.user_timeout(Duration::from_secs(7)).handshake(look);
    let server = tokio::spawn(server.into_future());
    let mut stream = RawReply::to(address, "GET /bar.png HTTP/1.1", &BROWSER).await;
    stream.chunk().await.unwrap();
    assert_eq!(seen.try_recv(), Ok((true, true)));
    server.abort();
}

#[tokio::test]
async fn options_for_other_servers_are_the_same_and_can_be_left_to_the_system() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let options = SockRef::from(&socket);
    SocketOptions::default().user_timeout(None).prepare(&socket);
    assert!(options.tcp_nodelay().unwrap() && !options.keepalive().unwrap());
    SocketOptions::default().prepare(&socket);
    assert!(options.keepalive().unwrap());
    #[cfg(target_os = "linux")]
    {
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(Duration::from_secs(15)));
        assert_eq!(options.tcp_keepalive_time().unwrap(), Duration::from_secs(5));
        assert_eq!(options.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
        SocketOptions::default().user_timeout(Duration::ZERO).prepare(&socket);
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(Duration::from_secs(1)));
    }
}

/// Linux would end its connection by `TCP_USER_TIMEOUT`, too, because its window stays closed. It is there,
/// and may read on.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_does_not_read_for_long_is_uncounted_and_may_read_on() {
    let heartbeat = Duration::from_millis(100);
    let badges = LiveBadgeLayer::builder().badge(PATH, bar_badge().heartbeat(heartbeat));
    let badges = badges.build().unwrap();
    let handle = badges.handle();
    let room = handle.room_at(PATH).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = handle.serve(listener, badges.into_service());
    let server = tokio::spawn(server.user_timeout(Duration::from_secs(1)).into_future());

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap(); // the least that there is
    let mut socket = socket.connect(address).await.unwrap();
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    eventually("the viewer", || room.counts().streams == 1).await;
    eventually("its leave", || room.counts().streams == 0).await;
    // Longer than the timeout, and than the kernel may take to notice it.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(room.counts().streams, 0);

    let reads =
        tokio::spawn(async move { while socket.read(&mut [0; 4096]).await.unwrap() > 0 {} });
    eventually("its return", || room.counts().streams == 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((room.counts().streams, room.records().await.joins), (1, 1));
    assert!(!reads.is_finished());
    server.abort();
}
