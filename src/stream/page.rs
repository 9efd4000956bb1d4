//! The newest words of a page that never ends, in the shape in which they go over the wire.

use bytes::Bytes;

/// In an HTML document that is still being read, the last radio button of a group that is checked is the only
/// one that is. So whatever words came before are hidden by the next ones, also for whoever missed some. All
/// of Chromium 156, Firefox 153 and WebKitGTK 2.50 show them within 30 ms (`tests/quirks`, "a frame's page"). A
/// rule for each change does, too, but grows Chromium by 14 KB each.
const BEFORE: &str = "<input type=radio name=n checked hidden><p>";
const AFTER: &str = "</p>";

/// What nobody sees, and what adds no node to the document.
const HEARTBEAT: &[u8] = b"\n";

/// Makes the document begin anew when it has ended.
pub(crate) const RENEWAL: &[u8] = b"<meta http-equiv=refresh content=0>";

/// Words, ready to be sent.
#[derive(Debug)]
pub(crate) struct Paragraph(Bytes);

impl Paragraph {
    /// Of plain text.
    pub(crate) fn new(text: &Bytes) -> Self {
        let text = escape(&String::from_utf8_lossy(text));
        Self([BEFORE, &text, AFTER].concat().into())
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    pub(crate) fn heartbeat() -> Bytes {
        Bytes::from_static(HEARTBEAT)
    }

    pub(crate) fn shows_other(&self, text: &[u8]) -> bool {
        let shown = &self.0[BEFORE.len()..self.0.len() - AFTER.len()];
        shown != escape(&String::from_utf8_lossy(text)).as_bytes()
    }
}

/// Text as HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_and_hide_those_before() {
        let words = Paragraph::new(&Bytes::from_static(b"<b>&amp; 5"));
        let bytes = "<input type=radio name=n checked hidden><p>&lt;b>&amp;amp; 5</p>";
        assert_eq!(words.bytes(), bytes);
        assert!(!words.shows_other(b"<b>&amp; 5") && words.shows_other(b"<b>&amp; 6"));
    }
}
