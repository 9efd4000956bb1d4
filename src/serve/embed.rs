//! Snippets that put a badge into a page, a forum post or a README.

use crate::picture::raster::Size;

/// Snippets that show one badge, from [`Handle::embed`](crate::Handle::embed).
///
/// | snippet | where | what it costs |
/// | --- | --- | --- |
/// | [`img`](Self::img) | any page | After a restart of the server the last picture stays until the page is loaded again. |
/// | [`iframe`](Self::iframe) | pages that allow frames | Comes back by itself in Chromium and Firefox, 4 s after the stream has ended; and Chromium lets go of it as soon as the page is left, rather than after a minute. |
/// | [`picture`](Self::picture) | pages with a dark theme | As `img`. |
/// | [`bbcode`](Self::bbcode) | forums | As `img`, at one pixel per CSS pixel, because a forum states no size. |
/// | [`markdown`](Self::markdown) | READMEs, wikis | A still where pictures are fetched by a proxy, as GitHub does. |
///
/// ```
/// # use tower_livebadge::{Badge, LiveBadgeLayer};
/// # let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
/// let embed = badges.handle().embed("https://example.com/online.png").expect("a badge is there");
/// assert_eq!(
///     embed.alt("how many are online").img(),
///     r#"<img src="https://example.com/online.png" width="88" height="20" alt="how many are online">"#,
/// );
/// # Ok::<(), tower_livebadge::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    url: String,
    alt: String,
    /// In CSS pixels.
    width: u32,
    height: u32,
    has_any_width: bool,
}

impl Embed {
    /// `has_any_width` is said of a picture that is as wide as what it shows.
    pub(crate) fn new(url: &str, size: Size, has_any_width: bool) -> Self {
        let (width, height) = size.in_pixels(1.0);
        Self { url: url.to_owned(), alt: "live badge".to_owned(), width, height, has_any_width }
    }

    /// What is read to people who can't see the picture. Default: "live badge".
    pub fn alt(mut self, alt: impl Into<String>) -> Self {
        self.alt = alt.into();
        self
    }

    /// HTML: an image. Its size is stated, so that nothing moves when it comes; of a
    /// [`Look`](crate::Look) that is as wide as its text, only the height.
    pub fn img(&self) -> String {
        let Self { width, height, .. } = self;
        let (url, alt) = (escape(&self.url), escape(&self.alt));
        if self.has_any_width {
            return format!(r#"<img src="{url}" height="{height}" alt="{alt}">"#);
        }
        format!(r#"<img src="{url}" width="{width}" height="{height}" alt="{alt}">"#)
    }

    /// HTML: the stream in a frame of its own. A frame has one size: use it with a look of a fixed
    /// [`width`](crate::Look::width).
    pub fn iframe(&self) -> String {
        let Self { width, height, .. } = self;
        let (url, alt) = (escape(&self.url), escape(&self.alt));
        format!(
            r#"<iframe src="{url}" width="{width}" height="{height}" title="{alt}" loading="lazy" scrolling="no" style="border:0"></iframe>"#
        )
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
        format!("[img]{}[/img]", self.with_query("scale=1"))
    }

    /// Markdown.
    pub fn markdown(&self) -> String {
        let alt = self.alt.replace(['[', ']', '\n'], " ");
        format!("![{alt}]({})", self.with_query("scale=1"))
    }

    fn with_query(&self, pair: &str) -> String {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{separator}{pair}", self.url)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippets_are_escaped_and_state_the_size() {
        let size = Size { width: 120.5, height: 20.0 };
        let embed = Embed::new("/a.png?x=1", size, false).alt("\"<N>\" [online]");
        let alt = "&quot;&lt;N>&quot; [online]";
        assert_eq!(
            embed.img(),
            format!(r#"<img src="/a.png?x=1" width="121" height="20" alt="{alt}">"#)
        );
        assert!(embed.picture().contains(r#"srcset="/a.png?x=1&amp;theme=dark""#));
        assert!(embed.iframe().contains(r#"loading="lazy""#));
        let any_width = Embed::new("/a.png", size, true);
        assert_eq!(any_width.img(), r#"<img src="/a.png" height="20" alt="live badge">"#);
        assert_eq!(embed.bbcode(), "[img]/a.png?x=1&scale=1[/img]");
        assert_eq!(embed.markdown(), "![\"<N>\"  online ](/a.png?x=1&scale=1)");
    }
}
