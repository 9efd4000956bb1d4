//! Requests that make nobody a viewer.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::line::{Connection, connect};
use crate::server::PATIENCE;
use crate::viewer::{Wish, request};

const HEAD: &[u8] = b"HEAD /online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n";
/// None of them gets a stream; some get no answer.
const HOSTILE: [&[u8]; 10] = [
    b"GET /online.png HTT",
    b"GET /online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: im",
    b"GET /rooms/%00/online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n",
    b"GET /rooms/%ff%fe/online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n",
    b"GET /online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\nx-user\x00: 1\r\n\r\n",
    b"POST /online.png HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\r\n...",
    HEAD,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\xff\xff\x09\x09\x00\x00\x00\x01",
    b"\0\r\n\r\n",
];

/// The answer to a request, as its status and its body.
pub(crate) async fn ask(address: SocketAddr, target: &str) -> (u16, Vec<u8>) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut answer = exchange(address, request.as_bytes(), false).await;
    let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).parse();
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a whole head");
    (status.expect("a status"), answer.split_off(head + 4))
}

/// A picture that is whole, although a blank one where too many wait for their stills.
pub(crate) async fn look(address: SocketAddr, target: &str) {
    let (status, png) = ask(address, &format!("{target}?still")).await;
    let is_whole = png.starts_with(b"\x89PNG") && png.ends_with(b"IEND\xae\x42\x60\x82");
    let is_good = is_whole && [200, 503].contains(&status);
    assert!(is_good, "{target}: {status}, with {} bytes", png.len());
}

/// Nothing comes of it.
pub(crate) async fn attack(address: SocketAddr, nth: usize) {
    let bytes = HOSTILE[nth % HOSTILE.len()];
    let answer = exchange(address, bytes, true).await;
    let text = String::from_utf8_lossy(&answer);
    assert!(bytes == HEAD || !text.contains("x-mixed-replace"), "{text}");
}

/// Asks for a stream, and is gone before or while it is answered.
pub(crate) async fn give_up(address: SocketAddr, wish: Wish, patience: usize, is_rude: bool) {
    let mut socket = connect(address, false).await;
    socket.write_all(request(&wish).as_bytes()).await.expect("a connection holds");
    for _ in 0..patience {
        yield_now().await;
    }
    if is_rude {
        socket.set_zero_linger().expect("a socket can be reset");
    }
}

/// The same over HTTP/2.
pub(crate) fn give_up_over(
    connection: &Connection,
    wish: &Wish,
    patience: usize,
) -> impl Future<Output = ()> + use<> {
    let answer = connection.ask(&wish.target, wish.key);
    async move {
        let waiting = async {
            for _ in 0..patience {
                yield_now().await;
            }
        };
        tokio::select! {
            biased;
            answer = answer => drop(answer.expect("a connection holds")),
            () = waiting => {}
        }
    }
}

/// Sends bytes, and reads until the server closes the connection.
async fn exchange(address: SocketAddr, bytes: &[u8], is_all: bool) -> Vec<u8> {
    let mut socket = connect(address, false).await;
    let mut answer = Vec::new();
    let exchange = async {
        // It may be closed before all is sent.
        socket.write_all(bytes).await.ok();
        if is_all {
            socket.shutdown().await.ok();
        }
        socket.read_to_end(&mut answer).await.ok();
    };
    timeout(PATIENCE, exchange).await.expect("a server closes in time");
    answer
}
