//! What comes from a server, read strictly: whatever is not exactly as it must be is an error.

mod chunks;
mod events;
mod parts;
mod response;

use std::error::Error;
use std::fmt;

use self::events::Events;
use self::parts::Parts;
pub(crate) use self::response::Response;

/// What is wrong with what a server sent.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server sent {}", self.0)
    }
}

impl Error for Malformed {}

/// A body, as its type says.
#[derive(Debug)]
pub(crate) enum Body {
    Parts(Parts),
    Events(Events),
}

impl Body {
    pub(crate) fn new(content_type: &str) -> Result<Self, Malformed> {
        if content_type == "text/event-stream" {
            return Ok(Self::Events(Events::default()));
        }
        let boundary = content_type.strip_prefix("multipart/x-mixed-replace; boundary=");
        let boundary = boundary.ok_or(Malformed("a type that is no stream's"))?;
        Ok(Self::Parts(Parts::new(boundary)))
    }

    /// Tells each frame that is now complete, by a number that differs between pictures.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        seen: &mut impl FnMut(u32),
    ) -> Result<(), Malformed> {
        match self {
            Self::Parts(parts) => parts.feed(bytes, seen),
            Self::Events(events) => events.feed(bytes, seen),
        }
    }
}
