//! An accepted socket that knows whether what is written to it flows.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::listen::sockets::SocketOptions;
use crate::request::pulse::Pulse;

/// An accepted connection: what a [handshake](crate::Server::handshake) is given.
///
/// It reads and writes as the socket does. What it adds is for live streams over HTTP/1.1: it notices when
/// what is written does not flow, because the viewer does not read or has vanished. The viewer is then
/// uncounted in time, and one that does not read but is there keeps its connection, which
/// `TCP_USER_TIMEOUT` would end.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    options: SocketOptions,
    pulse: Pulse,
    /// A live stream has begun, and the socket is set for it.
    is_live: bool,
    is_stuck: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, options: SocketOptions) -> Self {
        options.prepare(&socket);
        Self { socket, options, pulse: Pulse::default(), is_live: false, is_stuck: false }
    }

    /// The socket.
    pub fn get_ref(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    fn is_about_to_write(&mut self) {
        if !self.is_live && self.pulse.is_watched() {
            self.is_live = true;
            self.options.prepare_for_stream(&self.socket);
        }
    }

    fn has_written(&mut self, is_stuck: bool) {
        if self.is_live && self.is_stuck != is_stuck {
            self.is_stuck = is_stuck;
            self.options.be_patient(&self.socket, is_stuck);
            self.pulse.set_stuck(is_stuck);
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
        self.is_about_to_write();
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.has_written(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_about_to_write();
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.has_written(written.is_pending());
        written
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
