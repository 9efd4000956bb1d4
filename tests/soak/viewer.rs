//! A viewer on a real socket: it comes, reads, stops reading, reads on, and goes in one way or another.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::book::Gaze;
use crate::line::{Line, Reading, connect};
use crate::server::PATIENCE;

/// How a viewer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// HTTP/1.1: it says that nothing more will be asked, and waits for the connection's end.
    Polite,
    /// HTTP/1.1: the socket is closed, whether or not there is something unread.
    Close,
    /// HTTP/1.1: RST.
    Reset,
    /// HTTP/1.1: a byte that is no request, and the end right behind it.
    Stray,
    /// HTTP/2: RST_STREAM.
    Stream,
    /// HTTP/2: its connection is dropped, with all others that came over it.
    Connection,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Polite => "left politely",
            Self::Close => "closed",
            Self::Reset => "reset",
            Self::Stray => "left behind a stray byte",
            Self::Stream => "reset its stream",
            Self::Connection => "lost its connection",
        }
    }
}

/// What a viewer asks for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) target: String,
    pub(crate) key: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) id: u64,
    pub(crate) room: usize,
    pub(crate) gaze: Gaze,
    /// Over HTTP/2, the number of its connection.
    pub(crate) connection: Option<u64>,
    /// It lets the server send little that it does not read.
    pub(crate) is_narrow: bool,
    /// It has sent bytes that nobody asked for.
    pub(crate) has_strayed: bool,
}

#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) who: Who,
    eyes: Eyes,
}

#[derive(Debug)]
enum Eyes {
    Open(Reading),
    Closed(Line),
}

impl Viewer {
    pub(crate) fn new(who: Who, line: Line) -> Self {
        let eyes = match who.gaze {
            Gaze::Reads => Eyes::Open(Reading::of(line)),
            Gaze::Stopped | Gaze::Deaf => Eyes::Closed(line),
        };
        Self { who, eyes }
    }

    /// Its stream has ended, although nobody has ended it.
    pub(crate) fn was_sent_away(&self) -> bool {
        matches!(&self.eyes, Eyes::Open(reading) if reading.has_ended())
    }

    /// From now on it reads, or does not.
    pub(crate) async fn turn(self, gaze: Gaze) -> Self {
        let who = Who { gaze, ..self.who };
        Self::new(who, self.line().await)
    }

    /// Sends bytes that nobody asked for, and reads on.
    pub(crate) async fn stray(self, bytes: &'static [u8]) -> Self {
        let who = Who { has_strayed: true, ..self.who };
        let mut line = self.line().await;
        if let Line::Socket(socket) = &mut line {
            socket.write_all(bytes).await.expect("a connection holds");
        }
        Self::new(who, line)
    }

    pub(crate) async fn leave(self, way: Way) {
        if way == Way::Connection {
            return; // which is gone already
        }
        let Line::Socket(mut socket) = self.line().await else { return };
        match way {
            Way::Polite => {
                socket.shutdown().await.expect("a connection holds");
                let mut rest = Line::Socket(socket);
                let end = async { while rest.read().await {} };
                timeout(PATIENCE, end).await.expect("a server sees that nobody listens");
            }
            Way::Stray => {
                socket.write_all(b"X").await.expect("a connection holds");
                // So that the end does not come together with it.
                sleep(Duration::from_millis(2)).await;
            }
            Way::Reset => socket.set_zero_linger().expect("a socket can be reset"),
            Way::Close | Way::Stream | Way::Connection => {}
        }
    }

    async fn line(self) -> Line {
        let line = match self.eyes {
            Eyes::Open(reading) => reading.stop().await,
            Eyes::Closed(line) => Some(line),
        };
        line.unwrap_or_else(|| panic!("its stream has ended by itself: {:?}", self.who))
    }
}

/// Over HTTP/1.1, on a connection of its own. The answer's head has come when this returns; hyper has
/// then polled the body, too.
pub(crate) async fn see(address: SocketAddr, wish: &Wish, is_narrow: bool) -> Line {
    let mut socket = connect(address, is_narrow).await;
    let beginning = timeout(PATIENCE, begin(&mut socket, wish)).await;
    let beginning = beginning.expect("a stream begins in time").expect("a connection holds");
    let text = String::from_utf8_lossy(&beginning).to_lowercase();
    let is_stream = text.starts_with("http/1.1 200") && text.contains("multipart/x-mixed-replace");
    assert!(is_stream, "{wish:?}: {text}");
    Line::Socket(socket)
}

/// Asks, and reads the answer's head, at least.
async fn begin(socket: &mut TcpStream, wish: &Wish) -> io::Result<Vec<u8>> {
    socket.write_all(request(wish).as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let has_head = answer.windows(4).any(|bytes| bytes == b"\r\n\r\n");
        if has_head || socket.read_buf(&mut answer).await? == 0 {
            return Ok(answer);
        }
    }
}

pub(crate) fn request(Wish { target, key }: &Wish) -> String {
    let user = key.map(|key| format!("x-user: {key}\r\n")).unwrap_or_default();
    format!("GET {target} HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n{user}\r\n")
}
