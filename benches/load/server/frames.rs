//! What is written, made once: what a server should not do for each viewer anew.

use bytes::Bytes;

pub(crate) const CONTENT_TYPE: &str = "multipart/x-mixed-replace; boundary=frame";
/// What begins a part.
pub(crate) const PART: &str = "--frame\r\nContent-Type: image/png\r\n\r\n";

/// Each picture with the delimiter behind it and the head of the next part, without which no browser
/// would show it.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    frames: Vec<Bytes>,
    openings: Vec<Bytes>,
}

impl Frames {
    pub(crate) fn new(pictures: &[Vec<u8>]) -> Self {
        let frame =
            |picture: &Vec<u8>| [picture, "\r\n".as_bytes(), PART.as_bytes()].concat().into();
        let frames: Vec<Bytes> = pictures.iter().map(frame).collect();
        let opening = |frame: &Bytes| [PART.as_bytes(), frame].concat().into();
        Self { openings: frames.iter().map(opening).collect(), frames }
    }

    /// What is to be seen after so many changes.
    pub(crate) fn after(&self, changes: usize) -> Bytes {
        self.frames[changes % self.frames.len()].clone()
    }

    /// The same for one who has just come.
    pub(crate) fn opening(&self, changes: usize) -> Bytes {
        self.openings[changes % self.openings.len()].clone()
    }
}
