//! One state of a room, ready to be sent: a picture, data, or words.

use std::sync::Arc;

use bytes::Bytes;

use crate::picture::format::Format;
use crate::stream::framing::Framing;
use crate::stream::lines::Line;
use crate::stream::multipart::Multipart;
use crate::stream::page::Paragraph;
use crate::stream::parts::{Parts, Pieces};

/// One state of a room, ready to be sent in each framing of its medium.
#[derive(Debug)]
pub(crate) enum Frame {
    /// With what it was made from: as long as this is here, nothing else is in its place in memory.
    Picture(Parts, Bytes),
    Data(Line),
    Words(Paragraph),
}

impl Frame {
    /// `None` if the boundary is in the picture, and it can't be written otherwise.
    pub(crate) fn picture(
        multipart: Arc<Multipart>,
        format: Format,
        picture: &Bytes,
    ) -> Option<Self> {
        Some(Self::Picture(Parts::new(multipart, format, picture)?, picture.clone()))
    }

    /// Of a line of JSON.
    pub(crate) fn data(line: &Bytes) -> Self {
        Self::Data(Line::new(line))
    }

    /// Of plain text.
    pub(crate) fn words(text: &Bytes) -> Self {
        Self::Words(Paragraph::new(text))
    }

    /// Whether this is another picture, line or text than that.
    pub(crate) fn shows_other(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Picture(parts, _) => parts.shows_other(bytes),
            Self::Data(line) => line.shows_other(bytes),
            Self::Words(words) => words.shows_other(bytes),
        }
    }

    /// In bytes, of the bare picture, or of what is sent.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Picture(_, picture) => picture.len(),
            Self::Data(line) => line.step(Framing::Lines).len(),
            Self::Words(words) => words.bytes().len(),
        }
    }

    /// For a viewer that has seen nothing yet.
    pub(crate) fn opening(&self, framing: Framing) -> Bytes {
        match self {
            Self::Picture(parts, _) => parts.opening(framing),
            Self::Data(line) => line.opening(framing),
            Self::Words(words) => words.bytes(),
        }
    }

    /// For a viewer that has seen another one: one piece, or two.
    pub(crate) fn step_from(&self, seen: &Self, framing: Framing) -> Pieces {
        match (self, seen) {
            (Self::Picture(parts, _), Self::Picture(seen, _)) => parts.step_from(seen, framing),
            (Self::Data(line), _) => (line.step(framing), None),
            (Self::Words(words), _) => (words.bytes(), None),
            // A screen shows one medium.
            (Self::Picture(parts, _), _) => (parts.opening(framing), None),
        }
    }

    /// For a viewer that has seen this one, and to whom nothing has been sent for a while.
    pub(crate) fn heartbeat(&self, framing: Framing) -> Bytes {
        match self {
            Self::Picture(parts, _) => parts.heartbeat(framing),
            Self::Data(_) => Line::heartbeat(framing),
            Self::Words(_) => Paragraph::heartbeat(),
        }
    }

    /// For a viewer that has seen this one: the end, without saying so.
    pub(crate) fn last_part_open(&self, framing: Framing) -> Bytes {
        match self {
            Self::Picture(parts, _) => parts.last_part_open(framing),
            Self::Data(_) | Self::Words(_) => Bytes::new(),
        }
    }

    /// For a viewer that has seen this one: the end.
    pub(crate) fn closing(&self, framing: Framing) -> Bytes {
        match self {
            Self::Picture(parts, _) => parts.closing(framing),
            Self::Data(_) | Self::Words(_) => Bytes::new(),
        }
    }
}
