//! `multipart/x-mixed-replace`: a picture is complete when the delimiter behind it has come.

use memchr::memmem;

use super::Malformed;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// A chunk's length, its type, and the checksum behind its data.
const CHUNK: usize = 4 + 4 + 4;

#[derive(Debug)]
pub(crate) struct Parts {
    delimiter: Box<[u8]>,
    place: Place,
    pending: Vec<u8>,
    /// Up to here there is no delimiter in what is pending.
    searched: usize,
}

#[derive(Debug, PartialEq)]
enum Place {
    Preamble,
    Head,
    Picture,
}

impl Parts {
    pub(crate) fn new(boundary: &str) -> Self {
        // A delimiter includes the end of the line before; the first has none before it.
        let delimiter = format!("\r\n--{boundary}").into_bytes().into();
        Self { delimiter, place: Place::Preamble, pending: b"\r\n".into(), searched: 0 }
    }

    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        seen: &mut impl FnMut(u32),
    ) -> Result<(), Malformed> {
        self.pending.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = self.step(from, seen)? {
            from = end;
            self.searched = end;
        }
        self.pending.drain(..from);
        self.searched -= from;
        Ok(())
    }

    /// Where the next thing begins, if this one is complete.
    fn step(
        &mut self,
        from: usize,
        seen: &mut impl FnMut(u32),
    ) -> Result<Option<usize>, Malformed> {
        let rest = &self.pending[from..];
        if self.place == Place::Head {
            if rest.starts_with(b"--") {
                return Err(Malformed("the end of a stream that has none"));
            }
            let Some(end) = memmem::find(rest, b"\r\n\r\n") else { return Ok(None) };
            if !rest.starts_with(b"\r\nContent-Type: image/png\r\n") {
                return Err(Malformed("a part that is no picture"));
            }
            self.place = Place::Picture;
            return Ok(Some(from + end + 4));
        }
        let Some(at) = memmem::find(&self.pending[self.searched..], &self.delimiter) else {
            self.searched = from.max((self.pending.len() + 1).saturating_sub(self.delimiter.len()));
            return Ok(None);
        };
        let end = self.searched + at;
        if self.place == Place::Picture {
            seen(fingerprint(&self.pending[from..end])?);
        }
        self.place = Place::Head;
        Ok(Some(end + self.delimiter.len()))
    }
}

/// The checksum of the last of the pixels, of a picture that is whole.
fn fingerprint(png: &[u8]) -> Result<u32, Malformed> {
    let mut chunks = png.strip_prefix(SIGNATURE).ok_or(Malformed("something that is no PNG"))?;
    let mut fingerprint = None;
    let mut is_first = true;
    while let Some(length) = chunks.first_chunk() {
        let length = u32::from_be_bytes(*length) as usize + CHUNK;
        let (chunk, rest) =
            chunks.split_at_checked(length).ok_or(Malformed("a PNG that is cut off"))?;
        let type_ = &chunk[4..8];
        if is_first != (type_ == b"IHDR") {
            return Err(Malformed("a PNG that does not begin with its header"));
        }
        if type_ == b"IEND" {
            return fingerprint.filter(|_| rest.is_empty()).ok_or(Malformed("a PNG with no end"));
        } else if type_ == b"IDAT" {
            fingerprint = chunk.last_chunk().copied().map(u32::from_be_bytes);
        }
        (is_first, chunks) = (false, rest);
    }
    Err(Malformed("a PNG without an end"))
}
