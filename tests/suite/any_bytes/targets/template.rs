//! A template: it is refused when it is built, or drawn.

use std::time::Duration;

use http::{Request, StatusCode};
use tower_livebadge::{Badge, LiveBadgeLayer};

use super::{App, block_on, is_sound};

/// Longer ones find nothing that these don't.
const MAX_BYTES: usize = 4096;

/// The bytes are the template.
pub(crate) fn any_template_is_drawn_or_refused(bytes: &[u8]) {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_BYTES)]);
    let badge = Badge::svg(text).scale(1.0).query_slot("label", "online");
    let badge = badge.leave_grace(Duration::ZERO);
    let badges = match LiveBadgeLayer::builder().badge("/{room}.png", badge).build() {
        Ok(badges) => badges,
        Err(error) => {
            let told = error.to_string();
            assert!(told.contains("/{room}.png"), "{told}");
            return;
        }
    };
    let app = App { handle: badges.handle(), service: badges.into_service() };
    for query in ["", "?format=svg", "?theme=dark&label=%3C&scale=2", "?format=text"] {
        let request = Request::get(format!("/a.png{query}")).body(());
        let (parts, body) = block_on(app.whole(request.expect("a right request")));
        assert_eq!(parts.status, StatusCode::OK, "{query}");
        is_sound(&parts, &body);
    }
}
