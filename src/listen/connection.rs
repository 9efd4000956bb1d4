//! An accepted socket that knows whether what is written to it flows.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::listen::sockets::{self, SocketOptions};
use crate::request::pulse::Pulse;

/// An accepted connection: what a [handshake](crate::Server::handshake) is given.
///
/// It reads and writes as the socket does. What it adds is for live streams over HTTP/1.1: it notices when
/// what is written does not flow, because the viewer does not read or has vanished. The viewer is then
/// uncounted in time, and one that does not read but is there keeps its connection for a while, which
/// `TCP_USER_TIMEOUT` would end.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    options: SocketOptions,
    pulse: Pulse,
    /// A live stream is on it, and the socket is set for that.
    is_live: bool,
    stuck_since: Option<Instant>,
    is_patient: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, options: SocketOptions) -> Self {
        options.prepare_for_answers(&socket);
        let pulse = Pulse::new(options.patience());
        Self { socket, options, pulse, is_live: false, stuck_since: None, is_patient: false }
    }

    /// The socket.
    pub fn get_ref(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Writes, if a stream's bytes would not have to wait.
    fn poll_to_write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let is_live = self.pulse.is_watched();
        if self.is_live != is_live {
            self.is_live = is_live;
            self.options.prepare_for_stream(&self.socket, is_live);
        }
        if !is_live {
            return write(Pin::new(&mut self.socket), cx);
        }
        let written = match sockets::poll_sent(&self.socket, cx) {
            Poll::Ready(Ok(())) => write(Pin::new(&mut self.socket), cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.has_tried_to_write(written.is_pending());
        written
    }

    fn has_tried_to_write(&mut self, is_stuck: bool) {
        if !is_stuck {
            if self.stuck_since.take().is_some() {
                self.pulse.set_stuck(None);
            }
        } else if self.stuck_since.is_none() {
            self.stuck_since = Some(Instant::now());
            self.pulse.set_stuck(self.stuck_since);
        }
        // Not at once: whoever has vanished is ended by the kernel meanwhile, if it is quicker.
        let waits = self.stuck_since.map(|since| since.elapsed());
        let is_patient = waits.is_some_and(|waits| waits >= self.options.patience() / 2);
        if self.is_patient != is_patient {
            self.is_patient = is_patient;
            self.options.be_patient(&self.socket, is_patient);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_to_write(cx, |socket, cx| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_to_write(cx, |socket, cx| socket.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
