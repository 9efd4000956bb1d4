//! One picture in all the shapes in which it goes over the wire, each made once for all viewers.

use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

use crate::multipart::{Multipart, PREFIX};

/// One encoded picture, ready to be sent.
#[derive(Debug)]
pub(crate) struct Frame {
    multipart: Arc<Multipart>,
    png_len: usize,
    /// The picture, the next part's head, and the prefix of a next picture of the same shape.
    whole: Bytes,
    opening: OnceLock<Bytes>,
    closing: OnceLock<Bytes>,
}

impl Frame {
    pub(crate) fn new(multipart: Arc<Multipart>, png: &[u8]) -> Self {
        debug_assert!(png.len() > PREFIX, "an encoder's PNG has more than a header");
        let mut whole = BytesMut::with_capacity(png.len() + 2 * PREFIX + 64);
        whole.put_slice(png);
        multipart.put_next_head(&mut whole);
        whole.put_slice(&png[..PREFIX]);
        Self {
            multipart,
            png_len: png.len(),
            whole: whole.freeze(),
            opening: OnceLock::new(),
            closing: OnceLock::new(),
        }
    }

    /// For a viewer that has seen nothing yet.
    pub(crate) fn opening(&self) -> Bytes {
        let build = || {
            let mut out = BytesMut::with_capacity(self.whole.len() + 1200);
            self.multipart.put_opening(&mut out);
            out.put_slice(&self.whole);
            out.freeze()
        };
        self.opening.get_or_init(build).clone()
    }

    /// For a viewer whose open part began with `seen`'s prefix: one piece, or two where the
    /// picture's size or colour type has changed. The open part can then only become `seen` once
    /// more; the new picture follows whole.
    ///
    /// Each picture is one piece: WebKitGTK 2.50 shows a broken image when the first piece of one
    /// is 2 or 4 bytes long.
    pub(crate) fn step_from(&self, seen: &Frame) -> (Bytes, Option<Bytes>) {
        if self.prefix() == seen.prefix() {
            (self.whole.slice(PREFIX..), None)
        } else {
            (seen.whole.slice(PREFIX..seen.whole.len() - PREFIX), Some(self.whole.clone()))
        }
    }

    /// For a viewer that has seen this frame: it once more, and the end. All of Chromium 156,
    /// Firefox 153 and WebKitGTK 2.50 keep the picture then; an empty last part would leave a
    /// broken image in WebKit.
    pub(crate) fn closing(&self) -> Bytes {
        let build = || {
            let mut out = BytesMut::with_capacity(self.png_len + 64);
            out.put_slice(&self.whole[PREFIX..self.png_len]);
            self.multipart.put_closing(&mut out);
            out.freeze()
        };
        self.closing.get_or_init(build).clone()
    }

    /// The bare picture.
    pub(crate) fn png(&self) -> Bytes {
        self.whole.slice(..self.png_len)
    }

    fn prefix(&self) -> &[u8] {
        &self.whole[..PREFIX]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(shape: u8, body: &str) -> Vec<u8> {
        let mut png = vec![shape; PREFIX];
        png.extend_from_slice(body.as_bytes());
        png
    }

    fn head(multipart: &Multipart) -> BytesMut {
        let mut head = BytesMut::new();
        multipart.put_next_head(&mut head);
        head
    }

    #[test]
    fn a_step_completes_the_open_part_and_opens_the_next() {
        let multipart = Arc::new(Multipart::new());
        let (one, two) = (png(1, "one"), png(1, "two"));
        let seen = Frame::new(multipart.clone(), &one);
        let next = Frame::new(multipart.clone(), &two);
        let (piece, rest) = next.step_from(&seen);
        assert_eq!(piece, [&two[PREFIX..], &head(&multipart), &two[..PREFIX]].concat());
        assert_eq!(rest, None);
    }

    #[test]
    fn a_new_size_repeats_the_old_picture_and_sends_the_new_one_whole() {
        let multipart = Arc::new(Multipart::new());
        let (small, large) = (png(1, "small"), png(2, "large"));
        let seen = Frame::new(multipart.clone(), &small);
        let next = Frame::new(multipart.clone(), &large);
        let (old, new) = next.step_from(&seen);
        assert_eq!(old, [&small[PREFIX..], &head(&multipart)].concat());
        assert_eq!(new.unwrap(), [&large[..], &head(&multipart), &large[..PREFIX]].concat());
    }
}
