//! What fills a slot: text, wherever it stands, and nothing else.

use std::cell::RefCell;

use http::Request;
use serde::Serialize;
use tokio::sync::watch;
use tower_livebadge::Badge;

use super::{App, block_on, is_sound};
use crate::common::picture::decode;

/// Whatever is drawn of the value is kept to the lower half.
const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">
  <clipPath id="low"><rect y="20" width="60" height="20"/></clipPath>
  <rect width="60" height="40" fill="#000"/>
  <g clip-path="url(#low)"><text class="{{ value }}" y="34" font-size="12" fill='#fff'
    data-value='{{ value }}' data-safe="{{ value | upper }}">{{ value }}</text></g>
</svg>"##;

#[derive(Serialize)]
struct Slot {
    value: serde_json::Value,
}

struct Shown {
    app: App,
    slot: watch::Sender<Slot>,
    /// How many of each of XML's own characters are the template's.
    markup: [usize; 4],
}

/// The bytes are the value: as JSON if they are that, and otherwise as text.
pub(crate) fn any_value_is_text(bytes: &[u8]) {
    thread_local!(static SHOWN: RefCell<Option<Shown>> = const { RefCell::new(None) });
    let value = serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into());
    SHOWN.with_borrow_mut(|shown| shown.get_or_insert_with(Shown::new).show(value));
}

impl Shown {
    fn new() -> Self {
        let (slot, receiver) = watch::channel(Slot { value: "".into() });
        let app = App::new("/value.png", Badge::svg(SVG).scale(1.0).values(receiver));
        let mut shown = Self { app, slot, markup: [0; 4] };
        shown.markup = markup(&shown.body("svg"));
        shown
    }

    fn show(&self, value: serde_json::Value) {
        self.slot.send_replace(Slot { value });
        assert_eq!(markup(&self.body("svg")), self.markup, "more markup than the template's");
        let picture = decode(&self.body("png"));
        let mut upper = picture.pixels().take(60 * 20);
        assert!(upper.all(|pixel| pixel == [0, 0, 0, 255]), "more than text was drawn");
    }

    fn body(&self, format: &str) -> Vec<u8> {
        let request = Request::get(format!("/value.png?format={format}")).body(());
        let (parts, body) = block_on(self.app.whole(request.expect("a right request")));
        assert_eq!(parts.status, 200);
        is_sound(&parts, &body);
        body.to_vec()
    }
}

fn markup(svg: &[u8]) -> [usize; 4] {
    [b'<', b'>', b'"', b'\''].map(|wanted| svg.iter().filter(|byte| **byte == wanted).count())
}
