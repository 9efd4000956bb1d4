//! Versions of what is answered whole (RFC 9110, section 8.8.3).

use std::hash::Hasher;

use http::HeaderValue;
use siphasher::sip128::{Hasher128, SipHasher24};

/// The version of these bytes: the same on every node, after every restart, and with every release of
/// Rust, because the hash is named and its key fixed.
pub(crate) fn of(bytes: &[u8]) -> HeaderValue {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    let etag = format!("\"{:032x}\"", u128::from(hasher.finish128()));
    HeaderValue::try_from(etag).expect("quoted hexadecimal digits are a valid header value")
}

/// Whether an `If-None-Match` names this tag (RFC 9110, section 13.1.2: by weak comparison).
pub(crate) fn names(if_none_match: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(list), Ok(etag)) = (if_none_match.to_str(), etag.to_str()) else { return false };
    let mut tags = list.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_same_everywhere() {
        let etag = of(b"a picture");
        assert_eq!(etag, "\"701d314bd0d2edd3c2253488e06d18b7\"");
        assert_ne!(etag, of(b"another one"));
        for (list, is_named) in [
            (etag.to_str().unwrap(), true),
            (&format!("\"x\", W/{}", etag.to_str().unwrap()), true),
            ("*", true),
            ("\"x\"", false),
            ("", false),
        ] {
            assert_eq!(names(&HeaderValue::from_str(list).unwrap(), &etag), is_named, "{list}");
        }
    }
}
