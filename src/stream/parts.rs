//! One picture in all the shapes in which it goes over the wire, each made once for all viewers.

use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

use crate::picture::format::Format;
use crate::stream::framing::Framing;
use crate::stream::multipart::Multipart;

/// One encoded picture, ready to be sent.
#[derive(Debug)]
pub(crate) struct Parts {
    multipart: Arc<Multipart>,
    format: Format,
    picture_len: usize,
    prefix_len: usize,
    /// The picture, the next part's head, and the prefix of a next picture of the same shape.
    whole: Bytes,
    opening: OnceLock<Bytes>,
    closing: OnceLock<Bytes>,
    strict: OnceLock<Bytes>,
}

/// What is to be sent: one piece, or two.
pub(crate) type Pieces = (Bytes, Option<Bytes>);

impl Parts {
    /// `None` if the boundary is in the picture, and it can't be written otherwise.
    pub(crate) fn new(multipart: Arc<Multipart>, format: Format, picture: &[u8]) -> Option<Self> {
        if !multipart.is_met_by(picture) {
            return Some(Self::of(multipart, format, picture));
        }
        // In a picture of pixels it is chance, of one in 2^64 for each byte.
        let avoided = (format == Format::Svg).then(|| multipart.avoided_by(picture))?;
        Some(Self::of(multipart, format, &avoided))
    }

    fn of(multipart: Arc<Multipart>, format: Format, picture: &[u8]) -> Self {
        let prefix_len = format.prefix_len(picture);
        let mut whole = BytesMut::with_capacity(picture.len() + prefix_len + 96);
        whole.put_slice(picture);
        multipart.put_next_head(&mut whole, format.media_type());
        whole.put_slice(&picture[..prefix_len]);
        Self {
            multipart,
            format,
            picture_len: picture.len(),
            prefix_len,
            whole: whole.freeze(),
            opening: OnceLock::new(),
            closing: OnceLock::new(),
            strict: OnceLock::new(),
        }
    }

    /// For a viewer that has seen nothing yet.
    pub(crate) fn opening(&self, framing: Framing) -> Bytes {
        let build = || {
            // The prefix is not sent to everybody.
            let following = self.whole.len() - self.prefix_len;
            let mut out = BytesMut::with_capacity(following + 600);
            self.multipart.put_opening(&mut out, self.format.media_type(), following);
            out.put_slice(&self.whole);
            out.freeze()
        };
        let Some(ahead) = self.ahead(framing) else { return self.strict_part() };
        let opening = self.opening.get_or_init(build);
        opening.slice(..opening.len() - self.prefix_len + ahead)
    }

    /// For a viewer whose open part began with `seen`'s prefix: one piece, or two where the
    /// picture's size or colour type has changed. The open part can then only become `seen` once
    /// more; the new picture follows whole.
    ///
    /// Each picture is one piece: WebKitGTK 2.50 shows a broken image when the first piece of one
    /// is 2 or 4 bytes long.
    pub(crate) fn step_from(&self, seen: &Parts, framing: Framing) -> Pieces {
        if framing == Framing::Open && self.prefix() != seen.prefix() {
            let end = seen.whole.len() - seen.prefix_len;
            return (seen.whole.slice(seen.prefix_len..end), Some(self.whole.clone()));
        }
        let piece = match self.ahead(framing) {
            Some(ahead) => self.whole.slice(ahead..self.whole.len() - self.prefix_len + ahead),
            None => self.strict_part(),
        };
        (piece, None)
    }

    /// For a viewer that has seen this frame, and to whom nothing has been sent for a while.
    pub(crate) fn heartbeat(&self, framing: Framing) -> Bytes {
        match (framing, self.format.heartbeat()) {
            (Framing::Open, Some(heartbeat)) => heartbeat,
            _ => self.step_from(self, framing).0,
        }
    }

    /// For a viewer that has seen this frame: it once more, and the end. All of Chromium 156,
    /// Firefox 153 and WebKitGTK 2.50 keep the picture then; an empty last part would leave a
    /// broken image in WebKit.
    pub(crate) fn closing(&self, framing: Framing) -> Bytes {
        let closing = || {
            let mut out = BytesMut::with_capacity(self.picture_len + 64);
            out.put_slice(&self.whole[..self.picture_len]);
            out.put_slice(b"\r\n");
            self.multipart.put_closing(&mut out);
            out.freeze()
        };
        let closing = self.closing.get_or_init(closing);
        // Where no part is open, what came last has ended its line.
        closing.slice(self.ahead(framing).unwrap_or(self.picture_len + 2)..)
    }

    /// For a viewer that has seen this frame: it once more, and an empty part. Firefox 153 keeps the picture then,
    /// too, but not the stream as something that it has got whole.
    pub(crate) fn last_part_open(&self, framing: Framing) -> Bytes {
        let step = self.step_from(self, framing).0;
        let ahead = if framing == Framing::Open { self.prefix_len } else { 0 };
        step.slice(..step.len() - ahead)
    }

    /// Whether this is another picture than that.
    pub(crate) fn shows_other(&self, picture: &[u8]) -> bool {
        self.whole[..self.picture_len] != *picture
    }

    /// The bare picture.
    pub(crate) fn picture(&self) -> Bytes {
        self.whole.slice(..self.picture_len)
    }

    /// How much of the next picture is sent ahead, behind its head; `None` where that is not sent, either.
    fn ahead(&self, framing: Framing) -> Option<usize> {
        match framing {
            Framing::Open => Some(self.prefix_len),
            Framing::Document | Framing::InPage | Framing::Reconnecting => Some(0),
            _ => None,
        }
    }

    fn strict_part(&self) -> Bytes {
        let build = || {
            let mut out = BytesMut::with_capacity(self.picture_len + 128);
            self.multipart.put_strict_part(&mut out, self.format.media_type(), &self.picture());
            out.freeze()
        };
        self.strict.get_or_init(build).clone()
    }

    fn prefix(&self) -> &[u8] {
        &self.whole[..self.prefix_len]
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PREFIX: usize = 33;

    fn png(shape: u8, body: &str) -> Vec<u8> {
        let mut png = vec![shape; PREFIX];
        png.extend_from_slice(body.as_bytes());
        png
    }

    fn head(multipart: &Multipart) -> BytesMut {
        let mut head = BytesMut::new();
        multipart.put_next_head(&mut head, "image/png");
        head
    }

    #[test]
    fn a_step_completes_the_open_part_and_opens_the_next() {
        let multipart = Arc::new(Multipart::new(HeaderValue::from_static("cross-origin")));
        let (one, two) = (png(1, "one"), png(1, "two"));
        let seen = Parts::new(multipart.clone(), Format::Png, &one).unwrap();
        let next = Parts::new(multipart.clone(), Format::Png, &two).unwrap();
        let (piece, rest) = next.step_from(&seen, Framing::Open);
        assert_eq!(piece, [&two[PREFIX..], &head(&multipart), &two[..PREFIX]].concat());
        assert_eq!(rest, None);
    }

    #[test]
    fn a_new_size_repeats_the_old_picture_and_sends_the_new_one_whole() {
        let multipart = Arc::new(Multipart::new(HeaderValue::from_static("cross-origin")));
        let (small, large) = (png(1, "small"), png(2, "large"));
        let seen = Parts::new(multipart.clone(), Format::Png, &small).unwrap();
        let next = Parts::new(multipart.clone(), Format::Png, &large).unwrap();
        let (old, new) = next.step_from(&seen, Framing::Open);
        assert_eq!(old, [&small[PREFIX..], &head(&multipart)].concat());
        assert_eq!(new.unwrap(), [&large[..], &head(&multipart), &large[..PREFIX]].concat());
    }

    /// What a client writes into a picture, it could otherwise end with.
    #[test]
    fn no_frame_has_the_boundary_in_its_picture() {
        let multipart = Arc::new(Multipart::new(HeaderValue::from_static("cross-origin")));
        let type_ = multipart.content_type();
        let boundary = type_.to_str().unwrap().split("boundary=").nth(1).unwrap();
        let text = format!("<svg>{boundary}</svg>");
        let new = |format| Parts::new(multipart.clone(), format, text.as_bytes());
        let picture = new(Format::Svg).unwrap().picture();
        assert!(!multipart.is_met_by(&picture));
        assert_eq!(picture, text.replacen('l', "&#108;", 1).as_bytes());
        assert!(new(Format::Png).is_none());
    }

    #[test]
    fn a_frame_knows_another_picture() {
        let multipart = Arc::new(Multipart::new(HeaderValue::from_static("cross-origin")));
        let (one, two) = (png(1, "one"), png(1, "two"));
        let frame = Parts::new(multipart, Format::Png, &one).unwrap();
        assert!(!frame.shows_other(&one) && frame.shows_other(&two));
        assert!(frame.shows_other(&one[..PREFIX]) && frame.shows_other(b""));
    }
}
