//! Clients over HTTP/1 and HTTP/2.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::multipart::{Parser, boundary_of};
use super::{read_bar, within};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// With prior knowledge, without TLS.
    Http2,
}

impl Protocol {
    pub(crate) const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// One connection. It is closed when this and all replies that came over it are dropped; over
/// HTTP/2, dropping a reply resets its stream alone.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    sender: Sender,
    connection: Arc<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, protocol: Protocol) -> Self {
        let socket = TcpStream::connect(address).await.expect("the server listens");
        Self::over(socket, address, protocol).await
    }

    /// Over a connection that is made already, such as one that is encrypted.
    pub(crate) async fn over(
        socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: SocketAddr,
        protocol: Protocol,
    ) -> Self {
        let io = TokioIo::new(socket);
        let (sender, task) = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.expect("HTTP/1 works");
                (Sender::Http1(sender), tokio::spawn(async { connection.await.unwrap_or(()) }))
            }
            Protocol::Http2 => {
                let handshake = http2::handshake(TokioExecutor::new(), io).await;
                let (sender, connection) = handshake.expect("HTTP/2 works");
                (Sender::Http2(sender), tokio::spawn(async { connection.await.unwrap_or(()) }))
            }
        };
        Self { address, sender, connection: Arc::new(AbortOnDropHandle::new(task)) }
    }

    pub(crate) async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::GET, path, headers).await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Reply {
        let host = self.address.to_string();
        let (uri, host) = match self.sender {
            Sender::Http1(_) => (path.to_owned(), Some(host)),
            Sender::Http2(_) => (format!("http://{host}{path}"), None),
        };
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).expect("a test's request is valid");
        let response = within("a response's head", async {
            match &mut self.sender {
                Sender::Http1(sender) => sender.send_request(request).await,
                Sender::Http2(sender) => sender.send_request(request).await,
            }
        });
        let (parts, body) = response.await.expect("a request is answered").into_parts();
        let connection = self.connection.clone();
        let (status, version, headers) = (parts.status, parts.version, parts.headers);
        Reply { status, version, headers, body, connection }
    }
}

/// A response whose body may still come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    connection: Arc<AbortOnDropHandle<()>>,
}

impl Reply {
    /// A header's only value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("a header is text"));
        assert!(values.next().is_none(), "{name} is there more than once");
        value
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("multipart/"))
    }

    /// The whole body; its end must be regular.
    pub(crate) async fn bytes(self) -> Bytes {
        let body = within("a body's end", self.body.collect()).await;
        body.expect("a body ends in the regular way").to_bytes()
    }

    /// The body as it comes, whatever it holds.
    pub(crate) fn into_bytes(self) -> RawBody {
        RawBody { body: self.body, _connection: self.connection }
    }

    pub(crate) fn into_stream(self) -> LiveStream {
        assert_eq!(self.status, StatusCode::OK);
        let boundary = boundary_of(self.header("content-type").unwrap_or_default());
        let parser = Parser::new(boundary);
        LiveStream {
            parser,
            parts: VecDeque::new(),
            version: self.version,
            body: self.body,
            _connection: self.connection,
        }
    }
}

/// A body of which nothing is known.
#[derive(Debug)]
pub(crate) struct RawBody {
    body: Incoming,
    _connection: Arc<AbortOnDropHandle<()>>,
}

impl RawBody {
    /// What comes next; `None` at the regular end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        Some(self.try_next().await?.expect("the body has no error"))
    }

    /// The same over a connection that may break.
    pub(crate) async fn try_next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        let frame = self.body.frame().await?;
        Some(frame.map(|frame| frame.into_data().expect("the body has no trailers")))
    }
}

/// A stream whose every byte is checked.
#[derive(Debug)]
pub(crate) struct LiveStream {
    pub(crate) parser: Parser,
    parts: VecDeque<Vec<u8>>,
    version: Version,
    body: Incoming,
    _connection: Arc<AbortOnDropHandle<()>>,
}

impl LiveStream {
    /// The next picture.
    pub(crate) async fn next_part(&mut self) -> Vec<u8> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return part;
            }
            assert!(self.read().await, "the stream has ended");
        }
    }

    /// The first picture of which this is true. Those before it are skipped: a viewer may be shown
    /// the picture from before a change, if that came less than a moment ago.
    pub(crate) async fn part_where(&mut self, is_it: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let search = async {
            loop {
                let part = self.next_part().await;
                if is_it(&part) {
                    return part;
                }
            }
        };
        within("the picture", search).await
    }

    /// Skips pictures until a bar shows this number.
    pub(crate) async fn bar_of(&mut self, number: usize) {
        self.part_where(|part| read_bar(part) == number).await;
    }

    /// Reads more bytes, which may complete some parts or none; false at the regular end.
    pub(crate) async fn read(&mut self) -> bool {
        let Some(frame) = within("more of the stream", self.body.frame()).await else {
            return false;
        };
        let frame = frame.expect("the stream has no error");
        let bytes = frame.into_data().expect("the stream has no trailers");
        self.parts.extend(self.parser.push(&bytes).unwrap_or_else(|error| panic!("{error}")));
        true
    }

    /// Everything that is left, to the regular end of a stream that has been closed.
    pub(crate) async fn rest(mut self) -> Vec<Vec<u8>> {
        while self.read().await {}
        assert!(self.parser.is_closed(), "the stream ended without its closing delimiter");
        // hyper takes some resets for an end; over HTTP/1 it says for itself what is none.
        let is_regular = self.version != Version::HTTP_2 || self.body.is_end_stream();
        assert!(is_regular, "the stream was reset");
        self.parts.into()
    }
}
