//! What tells one visitor from another.

use std::fmt;

/// Whatever tells one visitor from another: a session id, a user name, an address.
///
/// Streams with equal keys are one visitor. A key is held in memory while its visitor is here, and
/// never printed: its `Debug` form is redacted.
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

impl VisitorKey {
    /// A key with these bytes.
    pub fn new(key: impl AsRef<[u8]>) -> Self {
        Self(key.as_ref().into())
    }
}

impl fmt::Debug for VisitorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorKey(..)")
    }
}
