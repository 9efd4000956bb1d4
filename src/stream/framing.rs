//! For whom a stream is framed, and what is in it.

/// For whom a stream is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// A browser that shows an image: the next part always stands open, with what is known of it.
    Open,
    /// A browser that makes a document of the stream, in a tab or an `<iframe>`: no more than the
    /// next part's head. Firefox 153 begins a new document with the first byte of a part, and for
    /// as long as the part is open it is an empty one.
    Document,
    /// Programs that ask for `multipart/x-mixed-replace` by name (ffmpeg, GStreamer, OpenCV): no
    /// preamble, whole parts with their length, nothing open.
    Strict,
    /// A script's `EventSource`: an event for each change (HTML, section 9.2).
    Events,
    /// Shells and scripts: a line of JSON for each change.
    Lines,
}

/// What a stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Medium {
    Picture,
    Data,
}

impl Framing {
    pub(crate) fn medium(self) -> Medium {
        match self {
            Self::Open | Self::Document | Self::Strict => Medium::Picture,
            Self::Events | Self::Lines => Medium::Data,
        }
    }
}
