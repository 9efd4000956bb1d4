//! One state of a room as a line of text, in the shapes in which it goes over the wire.

use bytes::Bytes;

use crate::stream::framing::Framing;

/// After how many milliseconds a browser asks again when its stream has ended, such as by a restart. Its
/// own choice would be 3 s (Chromium 156) or 5 s (Firefox 153).
const RETRY: &str = "retry: 2000\n\n";
/// The same for whom there is no place.
const RETRY_LATER: &str = "retry: 10000\n\n";

/// A line of text, ready to be sent.
#[derive(Debug)]
pub(crate) struct Line {
    line: Bytes,
    event: Bytes,
    first_event: Bytes,
}

impl Line {
    /// Of JSON, which has no line ends.
    pub(crate) fn new(text: &Bytes) -> Self {
        let text = String::from_utf8_lossy(text);
        debug_assert!(!text.contains(['\n', '\r']), "{text}");
        let event = format!("data: {text}\n\n");
        Self {
            line: format!("{text}\n").into(),
            first_event: [RETRY, &event].concat().into(),
            event: event.into(),
        }
    }

    /// For a viewer that has seen nothing yet.
    pub(crate) fn opening(&self, framing: Framing) -> Bytes {
        match framing {
            Framing::Lines => self.line.clone(),
            _ => self.first_event.clone(),
        }
    }

    /// For a viewer that has seen something.
    pub(crate) fn step(&self, framing: Framing) -> Bytes {
        match framing {
            Framing::Lines => self.line.clone(),
            _ => self.event.clone(),
        }
    }

    /// All there is, for whom there is no place.
    pub(crate) fn alone(&self, framing: Framing) -> Bytes {
        match framing {
            Framing::Lines => self.line.clone(),
            _ => [RETRY_LATER.as_bytes(), &self.event].concat().into(),
        }
    }

    /// What readers skip: a comment, or an empty line.
    pub(crate) fn heartbeat(framing: Framing) -> Bytes {
        Bytes::from_static(if framing == Framing::Lines { b"\n" } else { b":\n\n" })
    }

    pub(crate) fn shows_other(&self, text: &[u8]) -> bool {
        self.line[..self.line.len() - 1] != *text
    }
}

pub(crate) fn media_type(framing: Framing) -> &'static str {
    match framing {
        Framing::Lines => "application/x-ndjson",
        _ => "text/event-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_event_or_a_line() {
        let line = Line::new(&Bytes::from_static(b"{\"n\":1}"));
        let (events, lines) = (Framing::Events, Framing::Lines);
        assert_eq!(line.opening(events), "retry: 2000\n\ndata: {\"n\":1}\n\n");
        assert_eq!(line.step(events), "data: {\"n\":1}\n\n");
        assert_eq!(line.alone(events), "retry: 10000\n\ndata: {\"n\":1}\n\n");
        for bytes in [line.opening(lines), line.step(lines), line.alone(lines)] {
            assert_eq!(bytes, "{\"n\":1}\n");
        }
        assert!(!line.shows_other(b"{\"n\":1}") && line.shows_other(b"{\"n\":2}"));
    }
}
