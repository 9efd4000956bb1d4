//! HTTP/1 on a bare socket, where the framing can be seen.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::within;

/// A response of which each byte is looked at.
#[derive(Debug)]
pub(crate) struct RawReply {
    /// Status line and headers, without the empty line.
    pub(crate) head: String,
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl RawReply {
    /// Sends a request line such as `GET / HTTP/1.1` and headers, and reads the response's head.
    pub(crate) async fn to(address: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = format!("{line}\r\nhost: {address}\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        socket.write_all(format!("{request}\r\n").as_bytes()).await.expect("a request is taken");
        let mut reply = Self { head: String::new(), socket, buffer: Vec::new() };
        let head = reply.take_through(b"\r\n\r\n").await;
        reply.head = String::from_utf8(head).expect("a head is text");
        reply
    }

    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// A header's only value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(key, _)| *key == name).map(|(_, value)| value);
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there more than once");
        value
    }

    /// The next chunk of a chunked body; `None` for the last one, which is empty.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.take_through(b"\r\n").await).expect("a size is text");
        let is_hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hex, "a chunk without extensions has a size alone: {size:?}");
        let size = usize::from_str_radix(&size, 16).expect("a size in hexadecimal digits");
        while self.buffer.len() < size + 2 {
            assert!(self.read().await > 0, "the connection ended inside a chunk");
        }
        let chunk: Vec<u8> = self.buffer.drain(..size).collect();
        let end: Vec<u8> = self.buffer.drain(..2).collect();
        assert_eq!(end, b"\r\n", "a chunk's end");
        (size > 0).then_some(chunk)
    }

    /// The next bytes of a body that says its length.
    pub(crate) async fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.read().await > 0, "the connection ended inside a body");
        }
        self.buffer.drain(..length).collect()
    }

    /// Everything until the server closes the connection.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        while self.read().await > 0 {}
        self.buffer
    }

    /// Whatever has come and has not been looked at.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer
    }

    async fn take_through(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let taken = self.buffer.drain(..at).collect();
                self.buffer.drain(..end.len());
                return taken;
            }
            assert!(self.read().await > 0, "the connection ended early");
        }
    }

    async fn read(&mut self) -> usize {
        let read = self.socket.read_buf(&mut self.buffer);
        within("more of a response", read).await.expect("the connection holds")
    }
}

/// Sends bytes that need not be requests, each on a connection of its own, at the same time. Returns
/// them with what comes back until there is so much silence.
pub(crate) async fn send_all(
    address: SocketAddr,
    requests: impl IntoIterator<Item = Vec<u8>>,
    silence: Duration,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let send = |request: Vec<u8>| async move {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        // It may be closed before all is sent.
        socket.write_all(&request).await.ok();
        let mut answer = Vec::new();
        while let Ok(Ok(1..)) = timeout(silence, socket.read_buf(&mut answer)).await {}
        (request, answer)
    };
    requests.into_iter().map(send).collect::<JoinSet<_>>().join_all().await
}
