//! What tells one visitor from another.

use std::fmt;

/// Whatever tells one visitor from another: a session id, a user name, an address.
///
/// Streams with equal keys are one visitor. A key of nothing, or of blanks alone, is no key: a header
/// or cookie that is there but empty tells nobody from anybody. The layer keeps a key no longer than
/// the request: what it remembers is a keyed hash, whose keys are random, never leave the process, and
/// change every day. A key is never printed: its `Debug` form is redacted.
///
/// ```
/// use tower_livebadge::VisitorKey;
///
/// let key = VisitorKey::new("alice");
/// assert_eq!(key, VisitorKey::new("alice"));
/// assert_eq!(format!("{key:?}"), "VisitorKey(..)");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VisitorKey(Box<[u8]>);

/// What a key is made of, where no closure for visitors has made it: so that a cookie with a user's name
/// in it is not that user.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    Address,
    Cookie,
    /// What the application calls somebody whom nothing else tells apart.
    Name,
}

impl VisitorKey {
    /// A key that equals none from elsewhere: no header can hold what it begins with.
    pub(crate) fn of(source: Source, key: &[u8]) -> Self {
        Self([&[source as u8], key].concat().into())
    }

    /// A key with these bytes.
    pub fn new(key: impl AsRef<[u8]>) -> Self {
        Self(key.as_ref().into())
    }

    /// Whether it tells nobody from anybody.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for VisitorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorKey(..)")
    }
}
