//! The beginning of a page that shows the picture and the newest words, for an `<iframe>`.

use std::fmt::Write;

use bytes::Bytes;

use crate::badge::recipe::Recipe;
use crate::request::head::Head;
use crate::request::query::Query;
use crate::request::random::random;
use crate::request::theme::Theme;

/// In CSS pixels: of the line of words below the picture.
pub(crate) const LINE_HEIGHT: u32 = 20;
/// Of the whole page, at least: some 25 letters.
const MIN_WIDTH: u32 = 180;

/// Nothing runs in it, nothing is loaded but pictures and the page that follows, and every site may show it.
/// In a frame with `sandbox`, WebKitGTK 2.50 takes no picture for the frame's own.
pub(crate) const POLICY: &str = "default-src 'none'; img-src 'self' http: https:; frame-src 'self'; \
    style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Browsers show nothing of a document before so many bytes have come (WebKitGTK 2.50 wants 512).
const MIN_BYTES: usize = 1024;

/// A form, so that Firefox brings no earlier state of its buttons back on a reload.
const WORDS: &str = "<form autocomplete=off role=status aria-live=polite>";

/// How often a page looks whether the server is back, and how much longer it waits each time: for a day in all,
/// and an outage is over for it at the latest when it has lasted half as long again.
const TRIES: u32 = 29;
const GROWTH: f64 = 1.4;
/// In seconds: when it looks first, at the earliest and at the latest, and after which time once more.
const FIRST_TRY: (f64, f64) = (2.0, 8.0);
const SECOND_TRY: (f64, f64) = (2.4, 3.6);
/// Firefox 153 shows no more than ten frames within each other.
const MAX_DEPTH: u32 = 7;

/// What comes before the words of a page that goes on.
pub(crate) fn live(recipe: &Recipe, head: &Head<'_>) -> Bytes {
    let query = &head.query;
    let picture = picture(recipe, query, Some(random()));
    // Counted from the end. If the server is not there by then, a browser shows its error, and stays.
    const REFRESH: &str = "<meta http-equiv=refresh content=4>";
    if query.depth >= MAX_DEPTH || !head.has_lazy_frames() {
        return document(query, REFRESH, &picture);
    }
    // Nothing is lazy where scripts are switched off (HTML, section 2.5.7), as they are in a frame with
    // `sandbox`: there, all this is a comment.
    let healing = healing(query);
    let healing = format!("<noscript>{REFRESH}<!--</noscript>{healing}<noscript>--></noscript>");
    document(query, "", &(healing + &picture))
}

/// The same of a page that ends.
pub(crate) fn whole(recipe: &Recipe, query: &Query<'_>) -> Bytes {
    document(query, "<meta http-equiv=refresh content=30>", &picture(recipe, query, None))
}

/// The size of a page, in CSS pixels.
pub(crate) fn size(recipe: &Recipe) -> (u32, u32) {
    let (width, height) = recipe.size.in_pixels(1.0);
    let height = if recipe.settings.page_picture { height } else { 0 };
    (width.max(MIN_WIDTH), height + LINE_HEIGHT)
}

fn document(query: &Query<'_>, refresh: &str, body: &str) -> Bytes {
    let scheme = query.theme.map_or("light dark", Theme::name);
    // It lies on the page before it.
    let background = if query.depth > 0 { ";background:canvas" } else { "" };
    let mut html = format!(
        "<!DOCTYPE html><html><head><meta charset=utf-8><title>live</title>{refresh}<style>\
         :root{{color-scheme:{scheme}{background}}}body{{margin:0;font:13px/{LINE_HEIGHT}px sans-serif}}\
         img{{display:block;max-width:100%}}p{{display:none;margin:0;overflow:hidden;white-space:nowrap;\
         text-overflow:ellipsis}}input:checked+p{{display:block}}svg,iframe{{position:fixed;top:0;left:0;\
         width:100%;height:100%;border:0}}.t{{visibility:hidden;width:9px;height:9px}}</style></head><body>{body}"
    );
    if let Some(missing) = MIN_BYTES.checked_sub(html.len() + "<!---->".len() + WORDS.len()) {
        html += &format!("<!--{}-->", " ".repeat(missing));
    }
    (html + WORDS).into()
}

/// What makes a page come back by itself after an outage, however it has ended.
///
/// The clock of SVG in a document stands still as long as that is being read, and begins to run when it ends
/// (Chromium 156, Firefox 153, WebKitGTK 2.50: `tests/quirks`, "an outage"). Then one hidden image after the
/// other is laid out, and so asked for; the next some time after the one before has failed. When one comes,
/// the server is there: a new page is laid out, in the place of what this one shows. Until then its last
/// picture and words are to be seen.
///
/// An image whose `href` is set by that clock would do without the layout. But if it fails, Chromium 156 asks
/// for it again with every frame of the screen, 200 times a second.
fn healing(query: &Query<'_>) -> String {
    // Its own: Firefox 153 and WebKitGTK 2.50 don't ask for what an earlier page has got.
    let still = escape(&format!("{}&try={:x}.", query.of_picture(None), random()));
    let page = escape(&query.of_next_page());
    let chance = |(from, to): (f64, f64)| from + (to - from) * (random() as f64 / u64::MAX as f64);
    // All that have ended at the same moment don't ask at the same moment.
    let (first, mut pause) = (chance(FIRST_TRY), chance(SECOND_TRY));
    let mut svg = format!("<svg role=none>{}", attempt(1, &still, &format!("{first:.1}s")));
    let mut loaded = String::from("t1.load");
    for number in 2..=TRIES {
        let begin = format!("t{}.error+{pause:.1}s", number - 1);
        svg += &attempt(number, &still, &begin);
        write!(loaded, ";t{number}.load").ok(); // a string takes everything
        pause *= GROWTH;
    }
    svg + &format!(
        "<set href=#new attributeName=display to=inline begin=\"{loaded}\"/>\
         <set href=#old attributeName=display to=none begin=\"{loaded}\"/>\
         <foreignObject id=new width=100% height=100% display=none>\
         <iframe src=\"{page}\" loading=lazy></iframe></foreignObject>\
         <foreignObject id=old width=100% height=100%>"
    )
}

/// The clock only finds what stands in front of it.
fn attempt(number: u32, still: &str, begin: &str) -> String {
    format!(
        "<foreignObject id=a{number} width=9 height=9 display=none><img id=t{number} class=t alt=\"\" \
         loading=lazy src=\"{still}{number}\"></foreignObject>\
         <set href=#a{number} attributeName=display to=inline begin=\"{begin}\"/>"
    )
}

/// Its words are in the page: for whoever can't see it, there is no need to be told of it. Without a view it
/// is a still.
fn picture(recipe: &Recipe, query: &Query<'_>, view: Option<u64>) -> String {
    if !recipe.settings.page_picture {
        return String::new();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever comes back does so before it has lasted about half as long again, and not all at once.
    #[test]
    fn pages_look_for_the_server_for_a_day_each_at_its_own_time() {
        let times = || {
            let html = healing(&Query::parse("format=page&theme=dark"));
            let begins =
                html.split("begin=\"").skip(1).filter(|begin| !begin.starts_with("t1.load"));
            let pauses = begins.map(|begin| {
                let pause = begin.split('"').next().unwrap().rsplit('+').next().unwrap();
                pause.strip_suffix('s').unwrap().parse::<f64>().unwrap()
            });
            pauses.collect::<Vec<f64>>()
        };
        let pages: Vec<_> = (0..1000).map(|_| times()).collect();
        for pauses in &pages {
            assert_eq!(pauses.len(), 29);
            let mut since = 0.0;
            for pause in pauses {
                assert!(*pause <= 10.0 || *pause <= since * 0.52, "{pause} s after {since} s");
                since += pause;
            }
            assert!(since > 20.0 * 3600.0, "{since} s");
        }
        // Of 10,000 none more than 2,500 in a second.
        for second in 2..8 {
            let first = pages.iter().filter(|pauses| pauses[0] as u32 == second).count();
            assert!((80..=250).contains(&first), "{first} of 1000 in second {second}");
        }
    }
}
