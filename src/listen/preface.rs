//! Which HTTP a client speaks: its first bytes say so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What HTTP/2 begins with (RFC 9113, section 3.4), and no request of HTTP/1.
const OF_HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Most requests of browsers.
const HEAD: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    Http1,
    Http2,
}

/// Reads until it is known what is spoken.
///
/// hyper-util 0.1.21 can do so, too, and hands on what it has read in a piece of its own. hyper 1.12 then
/// has a buffer of 16 KiB rather than 8 for all that follows, which made 6 KB more of each viewer.
pub(crate) async fn read<Io>(mut io: Io) -> io::Result<(Spoken, Begun<Io>)>
where
    Io: AsyncRead + Unpin,
{
    let mut first = BytesMut::with_capacity(HEAD);
    let spoken = loop {
        let has_ended = io.read_buf(&mut first).await? == 0;
        if first.starts_with(OF_HTTP_2) {
            break Spoken::Http2;
        }
        if has_ended || !OF_HTTP_2.starts_with(&first) {
            break Spoken::Http1;
        }
    };
    Ok((spoken, Begun { io, first: Some(first) }))
}

/// A connection that begins with what has been read of it.
#[derive(Debug)]
pub(crate) struct Begun<Io> {
    io: Io,
    first: Option<BytesMut>,
}

impl<Io: AsyncRead + Unpin> AsyncRead for Begun<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut first) = self.first.take() else {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        };
        let fits = first.len().min(buf.remaining());
        buf.put_slice(&first[..fits]);
        first.advance(fits);
        if first.has_remaining() {
            self.first = Some(first);
            return Poll::Ready(Ok(()));
        }
        // In the same piece, see above. After an error there is no more to come, or the same error: it waits
        // for the next read, because this one has given something.
        let _ = Pin::new(&mut self.io).poll_read(cx, buf);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Begun<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    /// What is found out of this, sent in pieces of so many bytes, and all that can then be read.
    async fn begin(sent: &[u8], piece: usize) -> (Spoken, Vec<u8>) {
        let (mut client, server) = duplex(piece);
        let send = async {
            client.write_all(sent).await.unwrap();
            drop(client);
        };
        let receive = async {
            let (spoken, mut begun) = read(server).await.unwrap();
            let mut all = Vec::new();
            begun.read_to_end(&mut all).await.unwrap();
            (spoken, all)
        };
        tokio::join!(send, receive).1
    }

    #[tokio::test]
    async fn the_first_bytes_say_what_is_spoken_and_are_not_lost() {
        let long = [b"GET / HTTP/1.1\r\nCookie: ".as_slice(), &[b'x'; 3 * HEAD]].concat();
        let sent = [
            (Spoken::Http1, b"".as_slice()),
            (Spoken::Http1, b"\0"),
            (Spoken::Http1, b"GET / HTTP/1.1\r\n\r\n"),
            (Spoken::Http1, b"PUT / HTTP/1.1\r\n\r\n"),
            (Spoken::Http1, b"PRI * HTTP/2.0\r\n"),
            (Spoken::Http1, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"),
            (Spoken::Http1, &long),
            (Spoken::Http2, OF_HTTP_2),
            (Spoken::Http2, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ];
        for (spoken, bytes) in sent {
            for piece in [1, 7, OF_HTTP_2.len(), HEAD, 8 * HEAD] {
                assert_eq!(begin(bytes, piece).await, (spoken, bytes.to_vec()), "{piece}");
            }
        }
    }

    /// hyper's buffer would grow by a second one.
    #[tokio::test]
    async fn what_has_come_is_one_piece() {
        let sent = [b'x'; 3 * HEAD];
        let (mut client, server) = duplex(sent.len());
        client.write_all(&sent).await.unwrap();
        let (_, mut begun) = read(server).await.unwrap();
        assert_eq!(begun.read(&mut [0; 8 * HEAD]).await.unwrap(), sent.len());
    }

    #[tokio::test]
    async fn what_came_before_an_error_is_read() {
        let request = b"GET / HTTP/1.1\r\n\r\n";
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let io = tokio_test::io::Builder::new().read(request).read_error(reset()).build();
        let (_, mut begun) = read(io).await.unwrap();
        let mut read = [0; 100];
        assert_eq!(begun.read(&mut read).await.unwrap(), request.len());
        assert_eq!(read[..request.len()], *request);
    }
}
