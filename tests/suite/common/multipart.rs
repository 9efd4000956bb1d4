//! A reader of the stream that accepts nothing but what the stream is meant to be.
//!
//! ```text
//! stream    = line of printable ASCII, delimiter, part, *( delimiter, part ), closing
//! delimiter = CRLF "--" boundary
//! part      = CRLF "Content-Type: image/png" CRLF
//!             "Cross-Origin-Resource-Policy: cross-origin" CRLF CRLF, one PNG
//! closing   = delimiter "--" CRLF
//! ```
//!
//! A PNG ends where its IEND says, and nowhere may the boundary stand but in a delimiter: so no
//! byte of a stream can have two meanings.

use super::picture;

const TYPE: &str = "multipart/x-mixed-replace; boundary=";
const HEAD: &[u8] =
    b"\r\nContent-Type: image/png\r\nCross-Origin-Resource-Policy: cross-origin\r\n\r\n";
const HEAD_OF_GATED: &[u8] =
    b"\r\nContent-Type: image/png\r\nCross-Origin-Resource-Policy: same-site\r\n\r\n";
/// What lets pages of all sites show a part.
pub(crate) const CORP: &str = "Cross-Origin-Resource-Policy: cross-origin\r\n";
const CLOSE: &[u8] = b"--\r\n";
/// Signature and IHDR: what is sent of a picture before it is there.
pub(crate) const PREFIX: usize = 33;
pub(crate) const HEARTBEAT: &[u8] = b"\0\0\0\0beAt@}\">";

/// The boundary of a stream with exactly this content type.
pub(crate) fn boundary_of(content_type: &str) -> &str {
    let boundary = content_type.strip_prefix(TYPE).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_valid = boundary.bytes().all(is_plain) && (1..=70).contains(&boundary.len());
    assert!(is_valid && !boundary.starts_with('-'), "Content-Type: {content_type}");
    boundary
}

#[derive(Debug)]
pub(crate) struct Parser {
    boundary: Vec<u8>,
    delimiter: Vec<u8>,
    place: Place,
    /// What has come of the place's bytes.
    pending: Vec<u8>,
    preamble: Option<usize>,
    /// Whole, but browsers do not know that before the next head has come.
    finished: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Preamble,
    AfterDelimiter,
    Part,
    Closed,
}

impl Parser {
    pub(crate) fn new(boundary: &str) -> Self {
        Self {
            boundary: boundary.into(),
            delimiter: format!("\r\n--{boundary}").into(),
            place: Place::Preamble,
            pending: Vec::new(),
            preamble: None,
            finished: None,
        }
    }

    /// Takes the stream's next bytes. Returns the parts that every browser knows to be complete
    /// now: the next part's head, or the end, has come too.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        self.pending.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while self.step(&mut parts)? {}
        Ok(parts)
    }

    /// What has come of the part that is open; nothing, unless a head is the last thing before it.
    pub(crate) fn open_part(&self) -> Option<&[u8]> {
        (self.place == Place::Part).then_some(&self.pending)
    }

    /// How many heartbeats have come in the open part, in which nothing but the next picture's
    /// beginning may stand with them.
    pub(crate) fn heartbeats(&self) -> usize {
        let open = self.open_part().expect("a part is open");
        assert!(open.len() >= PREFIX, "an open part without a picture's beginning");
        let mut beats = open[PREFIX..].chunks(HEARTBEAT.len());
        assert!(beats.all(|beat| beat == HEARTBEAT), "open part: {}", open.escape_ascii());
        (open.len() - PREFIX) / HEARTBEAT.len()
    }

    /// The length of what came before the first delimiter.
    pub(crate) fn preamble(&self) -> Option<usize> {
        self.preamble
    }

    /// Whether the stream has had its closing delimiter.
    pub(crate) fn is_closed(&self) -> bool {
        self.place == Place::Closed
    }

    /// Passes what is whole; returns whether there may be more.
    fn step(&mut self, parts: &mut Vec<Vec<u8>>) -> Result<bool, String> {
        let passed = match self.place {
            Place::Preamble => self.pass_preamble()?,
            Place::AfterDelimiter => self.pass_head_or_close(parts)?,
            Place::Part => self.pass_part()?,
            Place::Closed if self.pending.is_empty() => None,
            Place::Closed => return Err(self.error("bytes after the closing delimiter")),
        };
        let Some((length, place)) = passed else { return Ok(false) };
        self.pending.drain(..length);
        self.place = place;
        Ok(true)
    }

    fn pass_preamble(&mut self) -> Result<Option<(usize, Place)>, String> {
        let is_printable = |byte: &&u8| matches!(byte, b' '..=b'~');
        let length = self.pending.iter().take_while(is_printable).count();
        if !self.comes(length, &self.delimiter)? {
            return Ok(None);
        }
        self.has_no_boundary(length)?;
        self.preamble = Some(length);
        Ok(Some((length + self.delimiter.len(), Place::AfterDelimiter)))
    }

    fn pass_head_or_close(
        &mut self,
        parts: &mut Vec<Vec<u8>>,
    ) -> Result<Option<(usize, Place)>, String> {
        // There must be a part before the end.
        let (expected, place) = match (self.pending.first(), &self.finished) {
            (Some(b'-'), Some(_)) => (CLOSE, Place::Closed),
            _ if self.pending.starts_with(HEAD_OF_GATED) => (HEAD_OF_GATED, Place::Part),
            _ => (HEAD, Place::Part),
        };
        if !self.comes(0, expected)? {
            return Ok(None);
        }
        parts.extend(self.finished.take());
        Ok(Some((expected.len(), place)))
    }

    fn pass_part(&mut self) -> Result<Option<(usize, Place)>, String> {
        let length = picture::length(&self.pending).map_err(|error| self.error(&error))?;
        let Some(length) = length else {
            self.has_no_boundary(self.pending.len())?;
            return Ok(None);
        };
        self.has_no_boundary(length)?;
        if !self.comes(length, &self.delimiter)? {
            return Ok(None);
        }
        self.finished = Some(self.pending[..length].to_vec());
        Ok(Some((length + self.delimiter.len(), Place::AfterDelimiter)))
    }

    /// Whether these bytes are there; an error if they can't be what comes.
    fn comes(&self, at: usize, expected: &[u8]) -> Result<bool, String> {
        let there = &self.pending[at..];
        let there = &there[..there.len().min(expected.len())];
        match expected.strip_prefix(there) {
            Some(missing) => Ok(missing.is_empty()),
            None => Err(self.error(&format!("{} instead of {}", Text(there), Text(expected)))),
        }
    }

    fn has_no_boundary(&self, length: usize) -> Result<(), String> {
        let mut windows = self.pending[..length].windows(self.boundary.len());
        if windows.any(|window| window == self.boundary) {
            return Err(self.error("the boundary outside of a delimiter"));
        }
        Ok(())
    }

    fn error(&self, what: &str) -> String {
        format!("{what}, at {:?}, in {}", self.place, Text(&self.pending))
    }
}

/// Bytes for a person to read.
struct Text<'a>(&'a [u8]);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.0[..self.0.len().min(200)];
        write!(f, "\"{}\" ({} bytes)", shown.escape_ascii(), self.0.len())
    }
}
