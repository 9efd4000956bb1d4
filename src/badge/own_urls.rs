//! Who is sent to a URL of its own for each view, and how that ends where it can't work.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use siphasher::sip::SipHasher13;
use tokio::time::Instant;

use crate::badge::reply;
use crate::request::head::Head;
use crate::request::program::Program;
use crate::request::random::random;
use crate::stream::framing::Framing;

/// Whom a badge sends to a URL of its own for each view, by a redirect to `?view=` and a number.
///
/// Firefox 153 shows a stream that is already open in another tab only after 20 seconds. With a URL
/// of its own for each view it takes as long as in the first tab. Whoever looks is counted once;
/// two images of one URL on one page still share one stream.
///
/// Who comes back without that query, because something in front of the server takes queries away,
/// gets the stream at the second request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OwnUrls {
    /// Firefox, which needs it. The default.
    #[default]
    Firefox,
    /// Every viewer of a stream.
    Everybody,
    /// Nobody: for pages that already give each view a query of its own.
    Nobody,
}

impl OwnUrls {
    /// Whether this request for a stream is to be sent to a URL of its own.
    pub(crate) fn are_due(&self, head: &Head<'_>) -> bool {
        let wanted = match self {
            Self::Firefox => head.program == Program::Firefox,
            Self::Everybody => true,
            Self::Nobody => false,
        };
        // Programs that only read streams have no tabs, and may not follow.
        wanted && !head.query.view && reply::of_pictures(head) != Framing::Strict
    }
}

/// Who has been sent away lately and has not come back: who comes without its query is not sent away
/// again, or Firefox would go round in circles where something in front of the server takes queries
/// away, and show nothing at the end.
///
/// A redirect's target can't tell (its query is what is lost), and a cookie would not come back to
/// images on other sites. So what is compared is whatever is the same in two requests of one browser.
/// Another one may be alike; all that it loses is this once its own URL. What is remembered is a
/// number, for seconds, of so many at most.
#[derive(Debug)]
pub(crate) struct Detours {
    /// Nobody can find out from a number what it stands for, nor make two requests alike.
    key: (u64, u64),
    begun: Mutex<VecDeque<(u64, Instant)>>,
}

impl Default for Detours {
    fn default() -> Self {
        Self { key: (random(), random()), begun: Mutex::default() }
    }
}

impl Detours {
    /// Longer than a way to the server and back.
    const LIFE: Duration = Duration::from_secs(5);
    const MAX: usize = 256;

    /// Whether it is to be sent away now: not, if it was just now.
    pub(crate) fn begins(&self, head: &Head<'_>) -> bool {
        let is_on_its_way = self.ends(head);
        let mut detours = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_on_its_way {
            detours.truncate(Self::MAX - 1);
            detours.push_front((self.traits(head), Instant::now()));
        }
        !is_on_its_way
    }

    /// It has come back. Whether it had been sent away.
    pub(crate) fn ends(&self, head: &Head<'_>) -> bool {
        let (traits, now) = (self.traits(head), Instant::now());
        let mut detours = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        detours.retain(|(_, since)| now.duration_since(*since) < Self::LIFE);
        let found = detours.iter().position(|detour| detour.0 == traits);
        found.and_then(|at| detours.remove(at)).is_some()
    }

    /// A number for what is the same in two requests of one browser for one URL.
    fn traits(&self, head: &Head<'_>) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        (head.path, head.query.without_view(), head.client()).hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http::request::Parts;

    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let start = Request::get(uri).header("user-agent", "Firefox/153.0");
        let request =
            headers.iter().fold(start, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn begins(detours: &Detours, uri: &str, headers: &[(&str, &str)]) -> bool {
        detours.begins(&Head::read(&request(uri, headers)))
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_without_a_query_is_not_sent_away_again() {
        let detours = Detours::default();
        assert!(begins(&detours, "/a", &[]));
        assert!(!begins(&detours, "/a", &[]));
        assert!(begins(&detours, "/a", &[]), "the next view");
        tokio::time::advance(Detours::LIFE).await;
        assert!(begins(&detours, "/a", &[]), "the one before went somewhere else");
    }

    #[tokio::test(start_paused = true)]
    async fn others_are_others() {
        let detours = Detours::default();
        for (uri, headers) in [
            ("/a", &[][..]),
            ("/b", &[]),
            ("/a?theme=dark", &[]),
            ("/a", &[("referer", "http://x/")]),
            ("/a", &[("accept-language", "fr")]),
            ("/a", &[("x-forwarded-for", "1.1.1.1")]),
            ("/a", &[("forwarded", "for=1.1.1.1")]),
            ("/a", &[("host", "x")]),
        ] {
            assert!(begins(&detours, uri, headers), "{uri} {headers:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_as_it_should_may_be_sent_away_again() {
        let detours = Detours::default();
        for (uri, back) in [
            ("/a", "/a?view=1"),
            ("/a?", "/a?view=1"),
            ("/a?x=1&theme=dark", "/a?x=1&theme=dark&view=1"),
            ("/a?x=%7F", "/a?x=%7F&view=1"),
        ] {
            for _ in 0..3 {
                assert!(begins(&detours, uri, &[]), "{uri}");
                assert!(detours.ends(&Head::read(&request(back, &[]))), "{back}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_remembered() {
        let detours = Detours::default();
        for number in 0..10_000 {
            assert!(begins(&detours, &format!("/{number}"), &[]));
        }
        assert_eq!(detours.begun.lock().unwrap().len(), Detours::MAX);
        assert!(!begins(&detours, "/9999", &[]));
    }
}
