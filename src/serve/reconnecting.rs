//! A picture in an inline SVG that comes back by itself, without a script and without a frame.

use crate::request::random::random;
use crate::request::view::{Turn, View};

/// In seconds: every how many a view asks whether it has lost its stream, and when it does so first.
const PERIOD: (f64, f64) = (18.0, 25.0);
const FIRST: (f64, f64) = (11.0, 25.0);

/// The snippet, of attributes that have been escaped; `url` gives one with a pair more in its query.
///
/// Three images in one place. The first is lazy, and all that there is as long as all goes well. The second asks,
/// hidden, now and then, and gets 204 while the server has a stream of this view. If it gets a picture, the stream
/// has been lost, and the server is there again: it is shown, and a second later, the third asks for the stream
/// anew, to be shown instead.
///
/// What makes an image ask is a second with an `href` that is nothing, set by the clock of SVG: when it has its own
/// again, it asks once; WebKitGTK 2.50 asks for its own also when the second begins (`tests/quirks`, "an outage of
/// an embed that reconnects"). A busy browser does not look at the clock much more often. An `href` that the clock sets
/// for good is asked for by Chromium 156 with every frame of the screen while the server answers with an error, and
/// by WebKit never.
///
/// Firefox 153 and WebKit don't ask again for what they have got whole. So whoever asks gets a stream, too, uncounted,
/// and lets go of it when it is time to ask again.
pub(crate) fn svg(url: impl Fn(&str) -> String, size: (u32, u32), alt: &str) -> String {
    let view = View::draw();
    let src = |turn| url(&format!("view={}", view.with_turn(turn)));
    let (first, ask, again) = (src(Turn::First), src(Turn::Ask), src(Turn::Again));
    let (width, height) = size;
    let area = format!("width=\"{width}\" height=\"{height}\"");
    let [old, question, new, clock, found] =
        ["old", "ask", "new", "clock", "found"].map(|name| format!("{name}{:x}", view.id));
    let begin = chance(FIRST);
    let ticks =
        [1.5, 2.0, 2.5, 3.0, 3.5, 4.0].map(|after| format!("{clock}.begin+{after}s")).join(";");
    let period = chance(PERIOD);
    let set = |target: &str, what: &str| format!("<set href=\"#{target}\" attributeName={what}/>");
    // What is set for good has no end: one that has passed would keep it from beginning.
    let sets = [
        set(
            &question,
            &format!(
                "\"href\" to=\"data:,\" dur=\"1s\" begin=\"{begin:.1}s;{clock}.begin+{period:.1}s\" id=\"{clock}\""
            ),
        ),
        // Firefox 153 says `load` for every picture of a stream: only the first counts.
        set(
            &question,
            &format!(
                "\"visibility\" to=\"visible\" begin=\"{question}.load\" dur=\"11s\" restart=\"whenNotActive\" id=\"{found}\""
            ),
        ),
        set(
            &question,
            &format!("\"href\" to=\"data:,\" dur=\"1s\" begin=\"{found}.begin+10s\""),
        ),
        set(&new, &format!("\"href\" to=\"data:,\" dur=\"1s\" begin=\"{found}.begin+1s\"")),
        set(&new, &format!("\"visibility\" to=\"visible\" begin=\"{new}.load\"")),
        set(&new, &format!("\"visibility\" to=\"hidden\" begin=\"{found}.begin\"")),
        // What begins by an event is not seen by WebKitGTK 2.50 before something begins or ends that it knew of: so
        // something does, and does nothing.
        set(&question, &format!("\"opacity\" to=\"1\" dur=\"0.25s\" begin=\"{ticks}\"")),
        set(&old, &format!("\"display\" to=\"none\" begin=\"{new}.load\"")),
    ]
    .concat();
    let image = |id: &str, src: &str| {
        format!(
            "<image id=\"{id}\" {area} preserveAspectRatio=\"xMinYMin\" href=\"{src}\" visibility=\"hidden\"/>"
        )
    };
    format!(
        "<svg {area} role=\"img\" aria-label=\"{alt}\"><foreignObject id=\"{old}\" {area}><img src=\"{first}\" \
         height=\"{height}\" alt=\"\" loading=\"lazy\" style=\"display:block\"></foreignObject>{}{}{sets}</svg>",
        image(&new, &again),
        image(&question, &ask),
    )
}

/// All that have been loaded at the same moment don't ask at the same moment.
fn chance((from, to): (f64, f64)) -> f64 {
    from + (to - from) * (random() as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_page() -> String {
        svg(|pair| format!("/a.png?{pair}"), (120, 20), "online")
    }

    #[test]
    fn every_page_is_a_view_of_its_own() {
        let view = |html: &str| html.split("view=").nth(1).unwrap()[..24].to_owned();
        let (one, other) = (of_page(), of_page());
        assert_ne!(view(&one), view(&other));
        assert_eq!(one.matches(&view(&one)).count(), 3);
        assert!(View::parse(&view(&one)).is_some());
        assert!(one.len() < 2500, "{}", one.len());
    }

    /// Whoever has lost a stream asks within half a minute, and 5,000 that were loaded in one second don't
    /// come back in one.
    #[test]
    fn pages_ask_each_at_its_own_time() {
        let times: Vec<(f64, f64)> = (0..5000)
            .map(|_| {
                let html = of_page();
                let begin = html.split("dur=\"1s\" begin=\"").nth(1).unwrap();
                let (first, rest) = begin.split_once("s;").unwrap();
                let period = rest.split(".begin+").nth(1).unwrap().split('s').next().unwrap();
                (first.parse().unwrap(), period.parse().unwrap())
            })
            .collect();
        assert!(times.iter().all(|(first, period)| *first <= 25.0 && *period <= 25.0));
        // Of an outage that ends so many seconds after all were loaded.
        for end in [0.0, 30.0, 60.0, 300.0, 3600.0] {
            let mut seconds = [0; 30];
            for (first, period) in &times {
                let rounds = ((end - first) / period).ceil().max(0.0);
                seconds[(first + rounds * period - end) as usize] += 1;
            }
            let most = seconds.iter().max().unwrap();
            assert!(*most < 500, "{most} in one second, {end} s after they were loaded");
            println!("{end} s: {most} in the busiest second");
        }
    }
}
