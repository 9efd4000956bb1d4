//! What kind of program a `User-Agent` shows.

use http::{HeaderMap, header};

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
        let lines = headers.get_all(header::USER_AGENT).into_iter();
        // One byte beyond ASCII, as in a phone's name, makes no browser something else.
        let agents = lines.map(|line| String::from_utf8_lossy(line.as_bytes()));
        Self::named(&agents.collect::<Vec<_>>().join(" ").to_ascii_lowercase())
    }

    /// By its name in lower case.
    fn named(agent: &str) -> Self {
        if FETCHERS.iter().any(|name| agent.contains(name)) || is_bot(agent) {
            Self::Fetcher
        } else if NO_STREAMS.iter().any(|name| agent.contains(name)) {
            Self::Other
        } else if agent.contains("firefox/") {
            Self::Firefox
        } else if agent.contains("applewebkit/") {
            if agent.contains("chrome/") { Self::Chromium } else { Self::WebKit }
        } else {
            Self::Other
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

/// `Googlebot/2.1`, `Slackbot-LinkExpanding 1.0`, `github-camo (876de43e)`; but not the browsers on
/// phones named Cubot or Camon.
fn is_bot(agent: &str) -> bool {
    let agent = agent.replace("cubot", "");
    let ends_a_word = |(at, word): (usize, &str)| {
        !agent[at + word.len()..].starts_with(|next: char| next.is_ascii_alphabetic())
    };
    ["bot", "camo"].iter().any(|word| agent.match_indices(word).any(ends_a_word))
}
