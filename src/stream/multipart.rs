//! The wire: how pictures follow each other inside `multipart/x-mixed-replace`.
//!
//! A browser shows a part only when it knows that the part is over, and what tells it so differs:
//! Firefox takes the delimiter, Chromium and WebKit wait for the *head of the next part*. So the
//! head of the next part is always sent early, and with it the first bytes of the next picture, if
//! they are always the same (for PNG, 33 of them). Every viewer always stands inside an open part:
//!
//! ```text
//! opening    a preamble, --boundary, head, PNG, --boundary, head, PNG[..33]
//! a picture  PNG[33..], --boundary, head, PNG[..33]
//! heartbeat  an empty PNG chunk that decoders skip
//! closing    PNG[33..], --boundary--
//! ```
//!
//! The open part is also why Firefox 153 notices a closed tab within 50 ms on a silent stream, and
//! why a heartbeat costs 12 bytes instead of a whole picture. Other programs want whole parts with
//! their length ([`Framing::Strict`](crate::stream::framing::Framing)).

use bytes::{BufMut, BytesMut};
use http::{HeaderName, HeaderValue};

use crate::request::random::random;

/// What every multipart reader ignores (RFC 2046, section 5.1.1), and Chromium 156 takes for an image: it leaves
/// an `<img>` of another site blank until it has seen 1,024 bytes or the magic of an image. PNG's own would do
/// worse than none: then it never shows anything (`tests/quirks`, "sizes on another site").
const MAGIC: &[u8] = b"GIF89a";
/// WebKitGTK 2.50 shows nothing before it has got more than 512 bytes.
const LEAST: usize = 520;

/// Whose pages may show a picture. WebKitGTK 2.50 looks for it in each part's head as well, where a page
/// asks for isolation (COEP: `tests/browsers`).
pub(crate) const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The framing of one badge's streams.
#[derive(Debug)]
pub(crate) struct Multipart {
    boundary: String,
    /// Of the whole stream. Exactly so: Firefox wants `boundary` in lower case, first and alone; WebKit wants the
    /// type in lower case, and no dashes in front of the boundary.
    content_type: HeaderValue,
    corp: HeaderValue,
}

impl Multipart {
    /// A framing with a boundary that was drawn at random: nothing that a picture contains can
    /// meet it by accident, and nobody can put it into one on purpose.
    pub(crate) fn new(corp: HeaderValue) -> Self {
        let boundary = format!("livebadge-{:016x}", random());
        let content_type = format!("multipart/x-mixed-replace; boundary={boundary}");
        let content_type = HeaderValue::try_from(content_type)
            .expect("a boundary of letters, digits and a dash is a valid header value");
        Self { boundary, content_type, corp }
    }

    /// Whether the boundary is in there: it must not be in any picture, wherever in it.
    ///
    /// Every client can read the boundary in its response's head, and text that it then brings into
    /// a picture, such as a name, is in SVG as it is.
    pub(crate) fn is_met_by(&self, picture: &[u8]) -> bool {
        self.occurrences(picture).next().is_some()
    }

    /// The same SVG with its first letter written as a number wherever the boundary is in there.
    pub(crate) fn avoided_by(&self, svg: &[u8]) -> Vec<u8> {
        let mut avoided = Vec::with_capacity(svg.len() + 16);
        let mut from = 0;
        for at in self.occurrences(svg) {
            avoided.extend_from_slice(&svg[from..at]);
            avoided.extend_from_slice(b"&#108;"); // "l", with which it begins
            from = at + 1;
        }
        avoided.extend_from_slice(&svg[from..]);
        avoided
    }

    fn occurrences(&self, picture: &[u8]) -> impl Iterator<Item = usize> {
        memchr::memmem::find_iter(picture, self.boundary.as_bytes())
    }

    fn put_part_head(&self, out: &mut BytesMut, media_type: &str) {
        self.put_delimiter(out);
        out.put_slice(
            format!("\r\nContent-Type: {media_type}\r\nCross-Origin-Resource-Policy: ").as_bytes(),
        );
        out.put_slice(self.corp.as_bytes());
        out.put_slice(b"\r\n");
    }

    /// The stream's `Content-Type`.
    pub(crate) fn content_type(&self) -> HeaderValue {
        self.content_type.clone()
    }

    /// What comes before the first picture, behind whose beginning there is so much.
    pub(crate) fn put_opening(&self, out: &mut BytesMut, media_type: &str, following: usize) {
        let mut head = BytesMut::new();
        self.put_next_head(&mut head, media_type);
        out.put_slice(MAGIC);
        out.put_bytes(b' ', LEAST.saturating_sub(MAGIC.len() + head.len() + following));
        out.put_slice(&head);
    }

    /// Ends a picture and begins the next part.
    pub(crate) fn put_next_head(&self, out: &mut BytesMut, media_type: &str) {
        out.put_slice(b"\r\n");
        self.put_part_head(out, media_type);
        out.put_slice(b"\r\n");
    }

    /// A whole part.
    pub(crate) fn put_strict_part(&self, out: &mut BytesMut, media_type: &str, picture: &[u8]) {
        self.put_part_head(out, media_type);
        out.put_slice(format!("Content-Length: {}\r\n\r\n", picture.len()).as_bytes());
        out.put_slice(picture);
        out.put_slice(b"\r\n");
    }

    /// Ends the stream, at the beginning of a line.
    pub(crate) fn put_closing(&self, out: &mut BytesMut) {
        self.put_delimiter(out);
        out.put_slice(b"--\r\n");
    }

    fn put_delimiter(&self, out: &mut BytesMut) {
        out.put_slice(b"--");
        out.put_slice(self.boundary.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multipart() -> Multipart {
        Multipart::new(HeaderValue::from_static("cross-origin"))
    }

    #[test]
    fn a_preamble_is_as_long_as_it_must_be() {
        let opening = |following: usize| {
            let mut opening = BytesMut::new();
            multipart().put_opening(&mut opening, "image/png", following);
            assert!(opening.starts_with(b"GIF89a") && opening.ends_with(b"\r\n\r\n"));
            opening.len()
        };
        let head = opening(LEAST) - MAGIC.len();
        for following in [0, 1, 60, 300, 406, 407, 408, 520, 9000] {
            let least = LEAST.max(MAGIC.len() + head + following);
            assert_eq!(opening(following) + following, least, "{following}");
        }
    }

    #[test]
    fn boundaries_differ_between_badges() {
        assert_ne!(multipart().boundary, multipart().boundary);
    }

    #[test]
    fn a_boundary_within_svg_is_written_otherwise() {
        let multipart = multipart();
        let boundary = multipart.boundary.clone();
        for text in [
            format!("<t>\r\n--{boundary}--\r\n</t>"),
            format!("<t>{boundary}{boundary}</t>"),
            format!("<t a='{boundary}'/>"),
        ] {
            assert!(multipart.is_met_by(text.as_bytes()));
            let avoided = multipart.avoided_by(text.as_bytes());
            assert!(!multipart.is_met_by(&avoided));
            // XML means the same by both.
            let avoided = String::from_utf8(avoided).unwrap();
            assert_eq!(avoided.replace("&#108;", "l"), text);
        }
        assert!(!multipart.is_met_by(&boundary.as_bytes()[1..]));
        assert!(!multipart.is_met_by(b""));
    }
}
