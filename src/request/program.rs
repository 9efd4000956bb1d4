//! What kind of program a `User-Agent` shows.

use http::{HeaderMap, header};

/// What a program shows itself to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// It fetches one picture: an image proxy, a link preview, a crawler.
    Fetcher,
    Firefox,
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
        } else if agent.contains("firefox/") {
            Self::Firefox
        } else {
            Self::Other
        }
    }
}

/// They fetch one picture: GitHub's camo (which gives up after 10 s) and mail services' proxies,
/// link previews of messengers, and crawlers.
const FETCHERS: [&str; 10] = [
    "imageproxy",
    "image proxy",
    "imgproxy",
    "crawler",
    "spider",
    "preview",
    "facebookexternalhit",
    "whatsapp",
    "embedly",
    "slurp",
];

/// `Googlebot/2.1`, `Slackbot-LinkExpanding 1.0`, `github-camo (876de43e)`; but not the browsers on
/// phones named Cubot or Camon.
fn is_bot(agent: &str) -> bool {
    let agent = agent.replace("cubot", "");
    let ends_a_word = |(at, word): (usize, &str)| {
        !agent[at + word.len()..].starts_with(|next: char| next.is_ascii_alphabetic())
    };
    ["bot", "camo"].iter().any(|word| agent.match_indices(word).any(ends_a_word))
}
