//! For whom a stream is framed, and what is in it.

/// A document keeps what it hides. After so many changes it begins anew.
const MAX_PAGE_STEPS: u32 = 10_000;

/// For whom a stream is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// A browser that shows an image: the next part always stands open, with what is known of it.
    Open,
    /// A browser that makes a document of the stream, in a tab or an `<iframe>`: no more than the
    /// next part's head. Firefox 153 begins a new document with the first byte of a part, and for
    /// as long as the part is open it is an empty one.
    Document,
    /// A browser that shows an image within a page of ours, which leaves with the page: no more than the next
    /// part's head, too. If the server is killed, Chromium 156 keeps the picture then. Firefox 153
    /// keeps it anyway, and lets go of a closed tab's only from an open part (`tests/quirks`, "a frame's page on
    /// another site"): it gets that.
    InPage,
    /// A browser that shows an image in an embed that reconnects: as in a page of ours. Firefox 153 gets an open
    /// part here, too.
    Reconnecting,
    /// Programs that ask for `multipart/x-mixed-replace` by name (ffmpeg, GStreamer, OpenCV): no
    /// preamble, whole parts with their length, nothing open.
    Strict,
    /// A script's `EventSource`: an event for each change (HTML, section 9.2).
    Events,
    /// Shells and scripts: a line of JSON for each change.
    Lines,
    /// A frame that shows the picture and the newest words: an HTML document that never ends.
    Page,
}

/// What a stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Medium {
    Picture,
    Data,
    Words,
}

impl Framing {
    pub(crate) fn medium(self) -> Medium {
        match self {
            Self::Open | Self::Document | Self::InPage | Self::Reconnecting | Self::Strict => {
                Medium::Picture
            }
            Self::Events | Self::Lines => Medium::Data,
            Self::Page => Medium::Words,
        }
    }

    /// Every how many heartbeats it gets one, where those are whole pictures. A page has its own.
    pub(crate) fn beats_each(self) -> u32 {
        match self {
            Self::InPage => 6,
            Self::Reconnecting => 3,
            _ => 1,
        }
    }

    /// After how many changes a stream ends, to begin anew.
    pub(crate) fn max_steps(self) -> Option<u32> {
        (self == Self::Page).then_some(MAX_PAGE_STEPS)
    }
}
