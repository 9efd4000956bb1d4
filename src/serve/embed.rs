//! Snippets that put a badge into a page, a forum post or a README.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::picture::raster::Size;
use crate::serve::reconnecting;

/// What a URL can't hold, and what lists of URLs in HTML are split at.
const BLANKS: &AsciiSet = &CONTROLS.add(b' ');
/// What would end a URL in Markdown or BBCode.
const BRACKETS: &AsciiSet =
    &BLANKS.add(b'(').add(b')').add(b'[').add(b']').add(b'<').add(b'>').add(b'\\');

/// Snippets that show one badge, from [`RoomHandle::embed`](crate::RoomHandle::embed).
///
/// | snippet | where | what it costs |
/// | --- | --- | --- |
/// | [`iframe`](Self::iframe) | wherever a frame can stand: the first choice | The picture and words that can be read aloud, searched and copied. Every browser lets go of it as soon as the page is left. Comes back by itself after a restart or an outage of the server. Over HTTP/1.1 it holds two connections ([`page_picture`](crate::Badge::page_picture)). |
/// | [`img`](Self::img) | where only an image can stand | Loaded when it is about to be seen, and counted from then on. Chromium lets go of a page that was left only after a minute. After a restart of the server the last picture stays until the page is loaded again. |
/// | [`reconnecting`](Self::reconnecting) | pages of your own, without a frame | As `img`, and comes back by itself after a restart or an outage. For pages that are made anew for each view. |
/// | [`picture`](Self::picture) | pages with a dark theme | As `img`. |
/// | [`bbcode`](Self::bbcode) | forums | As `img`, at one pixel per CSS pixel, because a forum states no size. |
/// | [`markdown`](Self::markdown) | READMEs, wikis | A still where pictures are fetched by a proxy, as GitHub does. |
///
/// ```
/// # use tower_livebadge::{Badge, LiveBadgeLayer};
/// # let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
/// let room = badges.handle().room("/online.png", &[])?;
/// let embed = room.embed("https://example.com/online.png");
/// assert_eq!(
///     embed.alt("how many are online").img(),
///     r#"<img src="https://example.com/online.png" width="88" height="20" alt="how many are online" loading="lazy">"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    url: String,
    alt: String,
    /// In CSS pixels.
    width: u32,
    height: u32,
    has_any_width: bool,
    /// The size of its page, if it has one, in CSS pixels.
    page: Option<(u32, u32)>,
}

impl Embed {
    /// `has_any_width` is said of a picture that is as wide as what it shows.
    pub(crate) fn new(url: &str, size: Size, has_any_width: bool) -> Self {
        let (width, height) = size.in_pixels(1.0);
        let url = utf8_percent_encode(url, BLANKS).to_string();
        Self { url, alt: "live badge".to_owned(), width, height, has_any_width, page: None }
    }

    /// The same with a page of this size, in CSS pixels.
    pub(crate) fn with_page(self, size: (u32, u32)) -> Self {
        Self { page: Some(size), ..self }
    }

    /// What is read to people who can't see the picture.
    ///
    /// Default: "live badge".
    pub fn alt(mut self, alt: impl Into<String>) -> Self {
        self.alt = alt.into();
        self
    }

    /// HTML: an image.
    ///
    /// Its size is stated, so that nothing moves when it comes; of a [`Look`](crate::Look) that is
    /// as wide as its text, only the height.
    ///
    /// It is lazy: otherwise a page is never quite loaded for WebKit while a picture in it streams, and
    /// its scripts wait for `load` in vain.
    pub fn img(&self) -> String {
        let Self { width, height, .. } = self;
        let (url, alt) = (escape(&self.url), escape(&self.alt));
        let width = if self.has_any_width { String::new() } else { format!(r#"width="{width}" "#) };
        format!(r#"<img src="{url}" {width}height="{height}" alt="{alt}" loading="lazy">"#)
    }

    /// HTML: a frame with the picture and, in a line of 20 CSS pixels below it, the newest words, which
    /// screen readers read, and which can be searched and copied
    /// ([`Badge::page_text`](crate::Badge::page_text)).
    ///
    /// It is as wide as the picture, at least 180 CSS pixels, and does not grow: use it with a look of a fixed
    /// [`width`](crate::Look::width), or state another one. A badge of
    /// [`pictures_only`](crate::Badge::pictures_only) has no words; its frame shows the bare stream.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer};
    /// # let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    /// let embed = badges.handle().room("/online.png", &[])?.embed("/online.png");
    /// assert_eq!(
    ///     embed.alt("how many are online").iframe(),
    ///     r#"<iframe src="/online.png?format=page" width="180" height="40" title="how many are online" loading="lazy" scrolling="no" style="border:0"></iframe>"#,
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iframe(&self) -> String {
        let (url, (width, height)) = match self.page {
            Some(size) => (self.with_query("format=page"), size),
            None => (self.url.clone(), (self.width, self.height)),
        };
        let (url, alt) = (escape(&url), escape(&self.alt));
        format!(
            r#"<iframe src="{url}" width="{width}" height="{height}" title="{alt}" loading="lazy" scrolling="no" style="border:0"></iframe>"#
        )
    }

    /// HTML: an image in an inline SVG that comes back by itself after a restart or an outage of the server, within
    /// half a minute, without a script and without a frame.
    ///
    /// It is for a page that is made anew for each view, and not kept by a cache: each call draws a number at
    /// random, by which the server knows whether the view has its stream. Every 18 to 25 seconds the page asks, while
    /// it is seen, and gets 204 if so. Of those who share one number, one comes back; to the others it is an
    /// [`img`](Self::img).
    ///
    /// After an outage, a view holds a second, uncounted stream for some 10 seconds. In WebKitGTK 2.50 it comes back once,
    /// later not always, and a picture that was cut off is broken until then.
    ///
    /// For a look of a fixed [`width`](crate::Look::width); and for one server, or several of which a viewer always
    /// meets the same.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer};
    /// # let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    /// let embed = badges.handle().room("/online.png", &[])?.embed("/online.png").alt("how many are online");
    /// let page = || format!("<!DOCTYPE html><title>Hello</title>{}", embed.reconnecting());
    /// assert_ne!(page(), page());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconnecting(&self) -> String {
        let url = |pair: &str| escape(&self.with_query(pair));
        reconnecting::svg(url, (self.width, self.height), &escape(&self.alt))
    }

    /// HTML: an image for light pages and one for dark ones.
    pub fn picture(&self) -> String {
        let dark = escape(&self.with_query("theme=dark"));
        let img = self.img();
        format!(
            r#"<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">{img}</picture>"#
        )
    }

    /// BBCode, for forums.
    pub fn bbcode(&self) -> String {
        format!("[img]{}[/img]", without_brackets(&self.with_query("scale=1")))
    }

    /// Markdown.
    pub fn markdown(&self) -> String {
        let mut alt = String::new();
        for character in self.alt.chars() {
            match character {
                _ if character.is_control() => alt.push(' '),
                _ if character.is_ascii_punctuation() => alt.extend(['\\', character]),
                _ => alt.push(character),
            }
        }
        format!("![{alt}]({})", without_brackets(&self.with_query("scale=1")))
    }

    /// The URL with one pair more in its query, which stands before its fragment.
    fn with_query(&self, pair: &str) -> String {
        let (url, fragment) = self.url.split_at(self.url.find('#').unwrap_or(self.url.len()));
        let separator = match url.rsplit_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{url}{separator}{pair}{fragment}")
    }
}

/// How much of a URL says on which server it is.
fn authority_len(url: &str) -> usize {
    let path = url.find(['/', '?', '#']).unwrap_or(url.len());
    // A colon in front of the first slash is a scheme's.
    let is_whole = url[..path].ends_with(':') && url[path..].starts_with("//");
    let start = if is_whole { path } else { 0 };
    let Some(authority) = url[start..].strip_prefix("//") else { return 0 };
    url.len() - authority.len() + authority.find(['/', '?', '#']).unwrap_or(authority.len())
}

/// Without what would end it in Markdown or BBCode; an IPv6 address keeps its brackets.
fn without_brackets(url: &str) -> String {
    let (authority, rest) = url.split_at(authority_len(url));
    format!("{authority}{}", utf8_percent_encode(rest, BRACKETS))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 120.5, height: 20.0 };

    fn of(url: &str) -> Embed {
        Embed::new(url, SIZE, false)
    }

    #[test]
    fn snippets_are_escaped_and_state_the_size() {
        let embed = of("/a.png?x=1").alt("\"<N>\" [online]");
        let alt = "&quot;&lt;N>&quot; [online]";
        assert_eq!(
            embed.img(),
            format!(r#"<img src="/a.png?x=1" width="121" height="20" alt="{alt}" loading="lazy">"#)
        );
        assert!(embed.picture().contains(r#"srcset="/a.png?x=1&amp;theme=dark""#));
        assert!(embed.picture().contains(r#"loading="lazy""#));
        assert!(embed.iframe().contains(r#"loading="lazy""#));
        assert!(embed.iframe().contains(r#"src="/a.png?x=1" width="121""#));
        let frame = embed.clone().with_page((180, 40)).iframe();
        assert!(frame.contains(r#"src="/a.png?x=1&amp;format=page" width="180" height="40""#));
        let any_width = Embed::new("/a.png", SIZE, true);
        assert_eq!(
            any_width.img(),
            r#"<img src="/a.png" height="20" alt="live badge" loading="lazy">"#
        );
        assert_eq!(embed.bbcode(), "[img]/a.png?x=1&scale=1[/img]");
        assert_eq!(embed.markdown(), r#"![\"\<N\>\" \[online\]](/a.png?x=1&scale=1)"#);
    }

    #[test]
    fn a_query_stands_before_the_fragment() {
        for (url, with_query) in [
            ("/a.png", "/a.png?scale=1"),
            ("/a.png?", "/a.png?scale=1"),
            ("/a.png?x=1", "/a.png?x=1&scale=1"),
            ("/a.png#x", "/a.png?scale=1#x"),
            ("/a.png?x=1#x?y", "/a.png?x=1&scale=1#x?y"),
            ("/a.png#x?y", "/a.png?scale=1#x?y"),
        ] {
            assert_eq!(of(url).bbcode(), format!("[img]{with_query}[/img]"));
        }
    }

    #[test]
    fn a_rooms_name_ends_no_snippet() {
        let embed = of("http://[::1]:80/rooms/a(b) [c]\\<d>\n/x.png").alt("a](b)\n`c` *d*");
        let url = "http://[::1]:80/rooms/a%28b%29%20%5Bc%5D%5C%3Cd%3E%0A/x.png?scale=1";
        assert_eq!(embed.bbcode(), format!("[img]{url}[/img]"));
        assert_eq!(embed.markdown(), format!(r"![a\]\(b\) \`c\` \*d\*]({url})"));
        let dark = "http://[::1]:80/rooms/a(b)%20[c]\\&lt;d>%0A/x.png?theme=dark";
        assert!(embed.picture().contains(&format!(r#"srcset="{dark}""#)), "{}", embed.picture());
    }
}
