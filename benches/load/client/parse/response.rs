//! A response of HTTP/1.1: a head, then chunks.

use super::chunks::Chunks;
use super::{Body, Malformed};

const MAX_HEAD: usize = 8192;

#[derive(Debug)]
pub(crate) enum Response {
    /// As far as it has come.
    Head(Vec<u8>),
    Streaming {
        chunks: Chunks,
        body: Body,
    },
}

impl Response {
    pub(crate) fn new() -> Self {
        Self::Head(Vec::new())
    }

    /// Tells each frame that is now complete.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        seen: &mut impl FnMut(u32),
    ) -> Result<(), Malformed> {
        match self {
            Self::Streaming { chunks, body } => {
                chunks.feed(bytes, &mut |data| body.feed(data, seen))
            }
            Self::Head(head) => {
                head.extend_from_slice(bytes);
                let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") else {
                    return if head.len() < MAX_HEAD {
                        Ok(())
                    } else {
                        Err(Malformed("an endless head"))
                    };
                };
                let body = body_of(&head[..end])?;
                let rest = head.split_off(end + 4);
                *self = Self::Streaming { chunks: Chunks::default(), body };
                self.feed(&rest, seen)
            }
        }
    }
}

fn body_of(head: &[u8]) -> Result<Body, Malformed> {
    let head = std::str::from_utf8(head).map_err(|_| Malformed("a head that is no text"))?;
    let mut lines = head.split("\r\n");
    if lines.next() != Some("HTTP/1.1 200 OK") {
        return Err(Malformed("no 200 OK"));
    }
    let (mut is_chunked, mut body) = (false, None);
    for line in lines {
        let (name, value) =
            line.split_once(':').ok_or(Malformed("a line that is no header field"))?;
        if name.eq_ignore_ascii_case("content-type") {
            body = Some(Body::new(value.trim())?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = value.trim() == "chunked";
        }
    }
    body.filter(|_| is_chunked).ok_or(Malformed("no chunked body with a type"))
}
