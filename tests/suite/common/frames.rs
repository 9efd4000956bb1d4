//! HTTP/2 on a bare socket, frame by frame, for what no client library would do.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const INITIAL_WINDOW_SIZE: u16 = 4;
const CANCEL: u32 = 8;

/// A connection whose beginning has been said.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    connect_with(address, &[]).await
}

/// The same, by a client that has no room for a body.
pub(crate) async fn connect_without_window(address: SocketAddr) -> TcpStream {
    let setting = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &[0; 4]].concat();
    connect_with(address, &setting).await
}

async fn connect_with(address: SocketAddr, settings: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("the server listens");
    socket.set_nodelay(true).expect("a socket has options");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let hello = [&preface[..], &frame(SETTINGS, 0, 0, settings)].concat();
    socket.write_all(&hello).await.expect("a beginning is taken");
    socket
}

/// A browser's request for a picture. A client's streams are 1, 3, 5, …
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    const GET: u8 = 0x82;
    const HTTP: u8 = 0x86;
    let mut block = vec![GET, HTTP];
    for (name, value) in [(&[4][..], path), (&[1], "x"), (b"\x00\x0Esec-fetch-dest", "image")] {
        let length = u8::try_from(value.len()).expect("a value is short");
        block.extend([name, &[length], value.as_bytes()].concat());
    }
    let whole = 0x4 | 0x1; // the end of the headers, and of the stream
    frame(HEADERS, whole, stream, &block)
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

pub(crate) fn go_away() -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[0; 8])
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads until such a frame of this stream has come.
pub(crate) async fn wait_for(socket: &mut TcpStream, kind: u8, stream: u32) {
    let search = async {
        loop {
            let mut head = [0; 9];
            socket.read_exact(&mut head).await.expect("the connection holds");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            socket.read_exact(&mut payload).await.expect("the connection holds");
            let of = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if (head[3], of) == (kind, stream) {
                break;
            }
        }
    };
    within("a frame", search).await;
}
