//! Who came today: a token of each visitor, under a secret that lasts for one day.

use std::fmt;
use std::hash::Hasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use siphasher::sip::SipHasher24;

use crate::presence::calendar::is_another;
use crate::request::key::VisitorKey;
use crate::request::random::{Secret, secret};

/// Makes a token of a visitor's key: the same all day, and another one on every day.
pub(crate) struct Tokens {
    of_day: Mutex<OfDay>,
}

#[derive(Clone, Copy)]
pub(crate) struct OfDay {
    pub(crate) day: u64,
    pub(crate) secret: Secret,
}

impl Tokens {
    pub(crate) fn new(day: u64) -> Self {
        let secret = secret().expect("the operating system has random numbers");
        Self { of_day: Mutex::new(OfDay { day, secret }) }
    }

    pub(crate) fn token(&self, key: &VisitorKey, today: u64) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.of(today).secret);
        hasher.write(key.as_bytes());
        hasher.finish()
    }

    /// What a store is to keep today.
    pub(crate) fn of(&self, today: u64) -> OfDay {
        let mut of_day = self.of_day();
        if is_another(of_day.day, today) {
            of_day.day = today;
            match secret() {
                Some(secret) => of_day.secret = secret,
                None => tracing::warn!(
                    "the operating system has no random numbers: the day's secret stays"
                ),
            }
        }
        *of_day
    }

    /// A store had one of this day already: who came before a restart, or to another node, is the same.
    pub(crate) fn adopt(&self, kept: OfDay) {
        let mut of_day = self.of_day();
        if of_day.day == kept.day {
            *of_day = kept;
        }
    }

    fn of_day(&self) -> MutexGuard<'_, OfDay> {
        self.of_day.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lasts_for_its_day() {
        let (tokens, anna) = (Tokens::new(7), VisitorKey::new("anna"));
        let today = tokens.token(&anna, 7);
        assert_eq!(tokens.token(&anna, 7), today);
        assert_ne!(tokens.token(&VisitorKey::new("ben"), 7), today);
        // A clock that is set back a little over midnight.
        assert_eq!(tokens.token(&anna, 6), today);
        assert_ne!(tokens.token(&anna, 8), today);
        assert_ne!(tokens.token(&anna, 7), tokens.token(&anna, 5));
    }

    #[test]
    fn what_a_store_has_kept_of_the_day_goes_on() {
        let (before, after, anna) = (Tokens::new(7), Tokens::new(7), VisitorKey::new("anna"));
        after.adopt(before.of(7));
        assert_eq!(after.token(&anna, 7), before.token(&anna, 7));
        let of_yesterday = before.of(7);
        after.token(&anna, 8);
        after.adopt(of_yesterday);
        assert_eq!(after.of(8).day, 8);
        assert_ne!(after.token(&anna, 8), before.token(&anna, 7));
    }
}
