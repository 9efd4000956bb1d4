//! What kind of program a `User-Agent` shows.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use http::{HeaderMap, HeaderValue, header};

/// What a program shows itself to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// It fetches one picture: an image proxy, a link preview, a crawler.
    Fetcher,
    /// A browser that shows streams, by its engine: Chrome, Edge, Opera, web views on Android.
    Chromium,
    Firefox,
    /// Safari, and every browser on an iPhone.
    WebKit,
    /// Anything else, or nothing.
    Other,
}

impl Program {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut signs = Signs::default();
        let lines = headers.get_all(header::USER_AGENT).into_iter();
        // As bytes: one beyond ASCII, as in a phone's name, makes no browser something else.
        lines.for_each(|line| signs.read(line.as_bytes()));
        let Signs { is_fetcher, no_streams, is_firefox, is_webkit, is_chrome } = signs;
        match () {
            () if is_fetcher => Self::Fetcher,
            () if no_streams => Self::Other,
            () if is_firefox => Self::Firefox,
            () if is_webkit && is_chrome => Self::Chromium,
            () if is_webkit => Self::WebKit,
            () => Self::Other,
        }
    }

    /// Whether this is a browser that loads lazy frames when they are laid out, rather than at once: Chrome 77,
    /// Firefox 121, Safari 16.4 and later.
    pub(crate) fn has_lazy_frames(self, headers: &HeaderMap) -> bool {
        let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        let agent = String::from_utf8_lossy(agent);
        let from = |name: &str, major: u32, minor: u32| {
            let version = agent.split(name).nth(1).unwrap_or_default();
            let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
            let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
            (next(), next()) >= (major, minor)
        };
        match self {
            Self::Chromium => from("Chrome/", 77, 0),
            Self::Firefox => from("Firefox/", 121, 0),
            Self::WebKit => from("Version/", 16, 4),
            Self::Fetcher | Self::Other => false,
        }
    }

    /// Whether it shows streams, and in the way of a browser.
    pub(crate) fn is_browser(self) -> bool {
        matches!(self, Self::Chromium | Self::Firefox | Self::WebKit)
    }
}

/// They fetch one picture: GitHub's camo (which gives up after 10 s) and mail services' proxies,
/// link previews of messengers, crawlers, programs that print pages; mail and office programs, which
/// have a browser's engine and wait for the end of a picture. Whatever calls itself a bot need not be
/// named.
const FETCHERS: [&str; 27] = [
    "imageproxy",
    "image proxy",
    "imgproxy",
    "mailproxy",
    "crawler",
    "spider",
    "preview",
    "prerender",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-external",
    "whatsapp",
    "embedly",
    "iframely",
    "slurp",
    "inspectiontool",
    "lighthouse",
    "mastodon/",
    "cardyb",
    "pinterest/0",
    "vkshare",
    "wkhtmlto",
    "outlook",
    "ms-office",
    "msoffice",
    "microsoft office",
    "thunderbird/",
];

/// Internet Explorer, and Edge as it was before it was a Chromium.
const NO_STREAMS: [&str; 3] = ["msie ", "trident/", " edge/"];

/// Names of engines, and what bots call themselves.
const OTHERS: [&str; 5] = ["firefox/", "applewebkit/", "chrome/", "bot", "camo"];

/// Finds all of these at once, in whatever case: each for itself, they took a tenth of what a viewer's coming costs.
static NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let names = FETCHERS.iter().chain(&NO_STREAMS).chain(&OTHERS);
    let built = AhoCorasick::builder().ascii_case_insensitive(true).build(names);
    built.expect("few names, all of them short")
});

/// What is found in a `User-Agent`.
#[derive(Debug, Default)]
struct Signs {
    is_fetcher: bool,
    no_streams: bool,
    is_firefox: bool,
    is_webkit: bool,
    is_chrome: bool,
}

impl Signs {
    fn read(&mut self, agent: &[u8]) {
        for found in NAMES.find_overlapping_iter(agent) {
            let name = found.pattern().as_usize();
            if name < FETCHERS.len() {
                self.is_fetcher = true;
            } else if name < FETCHERS.len() + NO_STREAMS.len() {
                self.no_streams = true;
            } else {
                match OTHERS[name - FETCHERS.len() - NO_STREAMS.len()] {
                    "firefox/" => self.is_firefox = true,
                    "applewebkit/" => self.is_webkit = true,
                    "chrome/" => self.is_chrome = true,
                    _ => self.is_fetcher |= is_bot(&agent[..found.start()], &agent[found.end()..]),
                }
            }
        }
    }
}

/// Whether "bot" or "camo" between these is what a bot calls itself: `Googlebot/2.1`, `Slackbot-LinkExpanding 1.0`,
/// `github-camo (876de43e)`; but not the browsers on phones named Cubot or Camon.
fn is_bot(before: &[u8], after: &[u8]) -> bool {
    let is_phone = before.len() >= 2 && before[before.len() - 2..].eq_ignore_ascii_case(b"cu");
    !is_phone && !after.first().is_some_and(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lazy_frames_are_those_of_browsers_that_are_not_old() {
        for (agent, is_lazy) in [
            (
                "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                true,
            ),
            (
                "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/76.0.9 Safari/537.36",
                false,
            ),
            ("Mozilla/5.0 (X11; rv:153.0) Gecko/20100101 Firefox/153.0", true),
            ("Mozilla/5.0 (X11; rv:115.0) Gecko/20100101 Firefox/115.0", false),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/16.4 Safari/605.1.15", true),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/16.3 Safari/605.1.15", false),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/26 Safari/605.1.15", true),
            ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148", false),
            ("curl/8", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, agent.parse().unwrap())]);
            assert_eq!(Program::of(&headers).has_lazy_frames(&headers), is_lazy, "{agent}");
        }
    }
}
