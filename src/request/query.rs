//! A request's query: what the crate itself understands of it, and the rest as it is.

use std::borrow::Cow;

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::request::theme::Theme;
use crate::request::view::{Turn, View};

/// The name of what makes a view's URL its own.
const VIEW: &str = "view";
/// What a picture says to whom it belongs that is shown by a page of ours.
const IN_PAGE: &str = "page";
/// The format that is a page.
pub(crate) const PAGE: &str = "page";
/// What says which kind of answer is wanted, and by whom.
const KINDS: [&str; 5] = ["format", "still", "stream", "uncounted", VIEW];
/// Of the pairs that are the application's, so many are kept, ...
const MAX_PAIRS: usize = 32;
/// ... with names and values of at most so many bytes.
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1024;
/// What can't stand in a header. `http` 1.4 takes 0x7F in a URI, and older ones more.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'#');

/// What a query says. Where it says something twice, the last counts: whatever adds to a URL adds at
/// its end.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Query<'a> {
    text: &'a str,
    /// `theme=dark`
    pub(crate) theme: Option<Theme>,
    /// `scale=3`
    pub(crate) scale: Option<f32>,
    /// `format=png`, by the name that is written.
    pub(crate) format: Option<Cow<'a, str>>,
    /// `still`: one whole picture.
    pub(crate) still: bool,
    /// `stream`: a stream, for programs that can't say so in a header.
    pub(crate) stream: bool,
    /// `uncounted`: to look on without being counted.
    pub(crate) uncounted: bool,
    /// `format=page3`: the page within a page that has ended, within another one, and so on.
    pub(crate) depth: u32,
    /// `uncounted=page`: a picture within a page that is counted itself.
    pub(crate) is_in_page: bool,
    /// `view=…`: the URL is a view's own already.
    pub(crate) view: bool,
    /// `view=…` of an embed that reconnects.
    pub(crate) reconnects: Option<View>,
    others: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Whether an application can give this name a meaning of its own.
pub(crate) fn is_free(name: &str) -> bool {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // Those that will mean something some day are kept free, too.
    const TAKEN: [&str; 9] =
        ["theme", "scale", "format", "still", "stream", "uncounted", VIEW, "lang", "size"];
    is_name && (1..=MAX_NAME).contains(&name.len()) && !TAKEN.contains(&name)
}

impl<'a> Query<'a> {
    /// What a URL has behind its `?`, percent-decoded.
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut query = Self { text, ..Self::default() };
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "theme" => query.theme = Theme::named(&value).or(query.theme),
                "scale" => query.scale = value.parse().ok().or(query.scale),
                "format" => {
                    let depth = value.strip_prefix(PAGE).and_then(|depth| depth.parse().ok());
                    query.depth = depth.unwrap_or_default();
                    query.format = if depth.is_some() { Some(PAGE.into()) } else { Some(value) };
                }
                "still" => query.still = true,
                "stream" => query.stream = true,
                "uncounted" => {
                    query.uncounted = true;
                    query.is_in_page = value == IN_PAGE;
                }
                VIEW => {
                    query.view = true;
                    query.reconnects = View::parse(&value);
                }
                _ => query.keep(name, value),
            }
        }
        query
    }

    /// Whether a view only asks whether it has lost its stream.
    pub(crate) fn only_asks(&self) -> bool {
        self.reconnects.is_some_and(|view| view.turn == Turn::Ask)
    }

    /// The value of a pair that means nothing to the crate itself.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.others.iter().rev().find(|pair| pair.0 == name);
        found.map(|pair| &*pair.1)
    }

    /// The same query with a view of its own, for a `Location`.
    pub(crate) fn with_view(&self, view: u64) -> HeaderValue {
        let text = utf8_percent_encode(self.text, NOT_IN_HEADERS);
        let and = if self.text.is_empty() { "" } else { "&" };
        HeaderValue::try_from(format!("?{text}{and}{VIEW}={view:016x}"))
            .expect("percent-encoded text is visible ASCII")
    }

    /// The query of the picture that a page shows, as it is asked for by the page's: the same style, and nobody
    /// else to be counted. Without a view it is a still.
    pub(crate) fn of_picture(&self, view: Option<u64>) -> String {
        let style = self.without(&KINDS);
        match view {
            Some(view) => format!("?{style}uncounted={IN_PAGE}&{VIEW}={view:016x}"),
            None => format!("?{style}uncounted={IN_PAGE}&still"),
        }
    }

    /// The query of the page that a page shows when it has ended.
    pub(crate) fn of_next_page(&self) -> String {
        format!("?{}format={PAGE}{}", self.without(&["format"]), self.depth.saturating_add(1))
    }

    /// What it is without pairs of these names, to be followed by another pair.
    fn without(&self, names: &[&str]) -> String {
        let is_one = |pair: &&str| {
            let named = form_urlencoded::parse(pair.as_bytes()).next();
            named.is_none_or(|(name, _)| names.contains(&&*name))
        };
        let pairs = self.text.split('&').filter(|pair| !is_one(pair));
        pairs.map(|pair| format!("{}&", utf8_percent_encode(pair, NOT_IN_HEADERS))).collect()
    }

    /// What it is without a view of its own.
    pub(crate) fn without_view(&self) -> String {
        let is_view = |pair: &&str| pair.split('=').next() == Some(VIEW);
        let pairs = self.text.split('&').filter(|pair| !is_view(pair) && !pair.is_empty());
        pairs.collect::<Vec<_>>().join("&")
    }

    fn keep(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        let fits = name.len() <= MAX_NAME && value.len() <= MAX_VALUE;
        if fits && self.others.len() < MAX_PAIRS {
            self.others.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_whole_and_decoded_and_the_last_of_two_counts() {
        let query = Query::parse("theme=dark&scale=3&format=svg&uncounted&still=0&x=a+b%20c");
        assert_eq!((query.theme, query.scale), (Some(Theme::Dark), Some(3.0)));
        assert_eq!(query.format.as_deref(), Some("svg"));
        assert!(query.uncounted && query.still && !query.stream && !query.view);
        assert_eq!(query.get("x"), Some("a b c"));

        let query = Query::parse("theme=dark&theme=light&theme=red&scale=2&scale=x&x=1&x=2");
        assert_eq!((query.theme, query.scale), (Some(Theme::Light), Some(2.0)));
        assert_eq!(query.get("x"), Some("2"));
        assert_eq!(Query::parse("t%68eme=d%61rk").theme, Some(Theme::Dark));

        for other in ["", "&&", "=", "stil", "xstill", "Still", "x=still", "still?", "look"] {
            assert!(!Query::parse(other).still, "{other}");
            assert!(!Query::parse(other).uncounted, "{other}");
        }
    }

    #[test]
    fn a_pages_picture_is_asked_for_as_the_page_is() {
        let query = Query::parse("form%61t=page&theme=dark&label=<a>&stream&view=1&uncounted=x");
        let picture = query.of_picture(Some(7));
        assert_eq!(picture, "?theme=dark&label=%3Ca%3E&uncounted=page&view=0000000000000007");
        let picture = Query::parse(&picture[1..]);
        assert!(
            picture.is_in_page && picture.uncounted && picture.view && picture.format.is_none()
        );
        assert_eq!(picture.get("label"), Some("<a>"));
        assert_eq!(query.of_picture(None), "?theme=dark&label=%3Ca%3E&uncounted=page&still");
        assert_eq!(Query::parse("").of_picture(None), "?uncounted=page&still");
        let next = query.of_next_page();
        assert_eq!(next, "?theme=dark&label=%3Ca%3E&stream&view=1&uncounted=x&format=page1");
        let next = Query::parse(&next[1..]);
        assert_eq!((next.format.as_deref(), next.depth, query.depth), (Some("page"), 1, 0));
        assert_eq!(Query::parse("format=page7").of_next_page(), "?format=page8");
        assert_eq!(Query::parse("format=pages").format.as_deref(), Some("pages"));
        assert!(!Query::parse("uncounted").is_in_page);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let many = format!("{}&still", "x=1&".repeat(1000));
        let query = Query::parse(&many);
        assert_eq!(query.others.len(), MAX_PAIRS);
        assert!(query.still, "what has a meaning is found behind it");
        let long = "x".repeat(MAX_VALUE + 1);
        assert_eq!(Query::parse(&format!("a={long}&{long}=1")).others, []);
    }

    proptest! {
        /// 0x7F in a query once met an `expect`.
        #[test]
        fn any_query_of_a_uri_makes_a_location(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let uri = [b"/badge.png?", &bytes[..]].concat();
            if let Ok(uri) = Uri::from_maybe_shared(bytes::Bytes::from(uri)) {
                let query = Query::parse(uri.query().unwrap_or_default());
                let location = query.with_view(7);
                let location = location.to_str().unwrap();
                let again = Query::parse(&location[1..]);
                prop_assert!(again.view);
                prop_assert_eq!(
                    (again.theme, again.still, again.others),
                    (query.theme, query.still, query.others)
                );
            }
        }

        #[test]
        fn any_text_makes_a_location(text in "\\PC{0,20}[\\x00-\\x20\\x7f-\\u{ff}]{0,5}") {
            let location = Query::parse(&text).with_view(u64::MAX);
            prop_assert!(location.to_str().is_ok_and(|text| text.ends_with("view=ffffffffffffffff")));
        }
    }
}
