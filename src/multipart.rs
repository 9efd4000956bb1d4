//! The wire: how pictures follow each other inside `multipart/x-mixed-replace`.
//!
//! A browser shows a part only when it knows that the part is over, and what tells it so differs:
//! Firefox takes the delimiter, Chromium and WebKit wait for the *head of the next part*. So the
//! head of the next part is always sent early, and with it the first bytes of the next picture,
//! which never change ([`PREFIX`]). Every viewer always stands inside an open part:
//!
//! ```text
//! opening    1,024 bytes of preamble, --boundary, head, PNG, --boundary, head, PNG[..33]
//! a picture  PNG[33..], --boundary, head, PNG[..33]
//! heartbeat  an empty PNG chunk that decoders skip
//! closing    PNG[33..], --boundary--
//! ```
//!
//! The open part is also why Firefox 153 notices a closed tab within 50 ms on a silent stream, and
//! why a heartbeat costs 12 bytes instead of a whole picture.

use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderValue;

/// How much of a PNG is the same for every picture of one size and colour type: the signature (8
/// bytes) and the IHDR chunk (25 bytes). PNG specification, sections 5.2 and 11.2.1.
pub(crate) const PREFIX: usize = 33;

/// An empty chunk of a private, ancillary type: length 0, type, CRC. Decoders skip what they do
/// not know (PNG specification, section 5.4). `beAt` was chosen because its CRC holds neither CR
/// nor LF: a client that looks for a delimiter would hold those back.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b"\0\0\0\0beAt@}\">");

/// Chromium 156 leaves a cross-origin `<img>` blank until about 1 KiB of the response has come,
/// WebKitGTK 2.50 until 512 bytes have: a preamble, which every multipart reader ignores (RFC 2046,
/// section 5.1.1), lets even a 300-byte picture show at once.
const PREAMBLE: usize = 1024;
const GREETING: &str = "This is a live image: every part replaces the one before. \
    A viewer for multipart/x-mixed-replace shows it; the open connection is the viewer's presence.";

/// The framing of one layer's streams.
#[derive(Debug)]
pub(crate) struct Multipart {
    boundary: String,
}

impl Multipart {
    /// A framing with a boundary that was drawn at random: nothing that a picture contains can
    /// meet it by accident, and nobody can put it into one on purpose.
    pub(crate) fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self { boundary: format!("livebadge-{random:016x}") }
    }

    /// The stream's `Content-Type`. Exactly so: Firefox wants `boundary` in lower case, first and
    /// alone; WebKit wants the type in lower case, and no dashes in front of the boundary.
    pub(crate) fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/x-mixed-replace; boundary={}", self.boundary))
            .expect("a boundary of letters, digits and a dash is a valid header value")
    }

    /// What comes before the first picture.
    pub(crate) fn put_opening(&self, out: &mut BytesMut) {
        out.put_slice(GREETING.as_bytes());
        out.put_bytes(b' ', PREAMBLE - GREETING.len() - 2);
        self.put_next_head(out);
    }

    /// Ends a picture and begins the next part.
    pub(crate) fn put_next_head(&self, out: &mut BytesMut) {
        out.put_slice(b"\r\n--");
        out.put_slice(self.boundary.as_bytes());
        out.put_slice(b"\r\nContent-Type: image/png\r\n\r\n");
    }

    /// Ends a picture and the stream.
    pub(crate) fn put_closing(&self, out: &mut BytesMut) {
        out.put_slice(b"\r\n--");
        out.put_slice(self.boundary.as_bytes());
        out.put_slice(b"--\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_delimiter_ends_the_preamble_after_one_kibibyte() {
        let mut opening = BytesMut::new();
        Multipart::new().put_opening(&mut opening);
        assert_eq!(&opening[PREAMBLE - 2..PREAMBLE + 2], b"\r\n--");
    }

    #[test]
    fn boundaries_differ_between_layers() {
        assert_ne!(Multipart::new().boundary, Multipart::new().boundary);
    }
}
