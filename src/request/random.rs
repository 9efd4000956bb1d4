//! Numbers that nobody can guess.

use std::hash::Hasher;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher24;

/// What makes a keyed hash unpredictable.
pub(crate) type Secret = [u8; 16];

/// Drawn with the first layer: whoever asks later, at a request, asks nobody else.
static SOURCE: LazyLock<Source> = LazyLock::new(|| Source {
    secret: secret().expect("the operating system has random numbers"),
    drawn: AtomicU64::new(0),
});

struct Source {
    secret: Secret,
    drawn: AtomicU64,
}

/// A new secret; `None` if the operating system has none to give.
pub(crate) fn secret() -> Option<Secret> {
    let mut secret = Secret::default();
    getrandom::fill(&mut secret).ok().map(|()| secret)
}

/// Another one each time: a keyed hash of a counter. A layer draws one when it is built.
pub(crate) fn random() -> u64 {
    let mut hasher = SipHasher24::new_with_key(&SOURCE.secret);
    hasher.write_u64(SOURCE.drawn.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_differ() {
        let numbers: HashSet<u64> = (0..10_000).map(|_| random()).collect();
        assert_eq!(numbers.len(), 10_000);
        assert_ne!(secret(), secret());
    }
}
