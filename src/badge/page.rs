//! The beginning of a page that shows the picture and the newest words, for an `<iframe>`.

use bytes::Bytes;

use crate::badge::recipe::Recipe;
use crate::request::query::Query;
use crate::request::theme::Theme;

/// In CSS pixels: of the line of words below the picture.
pub(crate) const LINE_HEIGHT: u32 = 20;
/// Of the whole page, at least: some 25 letters.
pub(crate) const MIN_WIDTH: u32 = 180;

/// Nothing runs in it, nothing is loaded but the picture, and every site may show it.
pub(crate) const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; \
    base-uri 'none'; form-action 'none'";

/// Browsers show nothing of a document before so many bytes have come (WebKitGTK 2.50 wants 512).
const MIN_BYTES: usize = 1024;

/// A form, so that Firefox brings no earlier state of its buttons back on a reload.
const WORDS: &str = "<form autocomplete=off role=status aria-live=polite>";

/// What comes before the words. Without a view, the picture is a still.
pub(crate) fn head(recipe: &Recipe, query: &Query<'_>, view: Option<u64>) -> Bytes {
    let scheme = query.theme.map_or("light dark", Theme::name);
    let mut head = format!(
        "<!DOCTYPE html><html><head><meta charset=utf-8><title>live</title><style>\
         :root{{color-scheme:{scheme}}}body{{margin:0;font:13px/{LINE_HEIGHT}px sans-serif}}\
         img{{display:block;max-width:100%}}p{{display:none;margin:0;overflow:hidden;\
         white-space:nowrap;text-overflow:ellipsis}}input:checked+p{{display:block}}</style></head><body>"
    );
    if recipe.settings.page_picture {
        head += &picture(recipe, query, view);
    }
    if let Some(missing) = MIN_BYTES.checked_sub(head.len() + "<!---->".len() + WORDS.len()) {
        head += &format!("<!--{}-->", " ".repeat(missing));
    }
    (head + WORDS).into()
}

/// The size of a page whose picture has this one, in CSS pixels.
pub(crate) fn size(recipe: &Recipe) -> (u32, u32) {
    let (width, height) = recipe.size.in_pixels(1.0);
    let height = if recipe.settings.page_picture { height } else { 0 };
    (width.max(MIN_WIDTH), height + LINE_HEIGHT)
}

/// Its words are in the page: for whoever can't see it, there is no need to be told of it.
fn picture(recipe: &Recipe, query: &Query<'_>, view: Option<u64>) -> String {
    let (width, height) = recipe.size.in_pixels(1.0);
    let width = if recipe.has_any_width { String::new() } else { format!(" width={width}") };
    let src = escape(&query.of_picture(view));
    let img = format!("<img src=\"{src}\"{width} height={height} alt=\"\">");
    if !recipe.is_themed || query.theme.is_some() {
        return img;
    }
    let dark = src.replacen('?', "?theme=dark&amp;", 1);
    format!(
        "<picture><source srcset=\"{dark}\" media=\"(prefers-color-scheme:dark)\">{img}</picture>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}
