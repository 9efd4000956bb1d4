//! A badge whose pixels are its number.

use std::time::Duration;

use tower_livebadge::Badge;

use super::picture::decode;

/// The largest number that a bar can show.
pub(crate) const WIDEST: u32 = 1024;
const HEIGHT: u32 = 2;
const WHITE: [u8; 4] = [255; 4];
const BLACK: [u8; 4] = [0, 0, 0, 255];

/// A white bar on black, as many pixels wide as there are streams.
pub(crate) fn bar_badge() -> Badge {
    bar_badge_of("streams")
}

/// A white bar on black, as many pixels wide as this slot's value.
///
/// It is silent for an hour: a wake-up that is lost must not be made up for by the next heartbeat.
pub(crate) fn bar_badge_of(slot: &str) -> Badge {
    bar_look_of(slot).heartbeat(Duration::from_secs(3600))
}

/// The same, for the rooms of another badge.
pub(crate) fn bar_look_of(slot: &str) -> Badge {
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDEST}" height="{HEIGHT}">
          <rect width="{WIDEST}" height="{HEIGHT}" fill="#000"/>
          <rect width="{{{{ {slot} }}}}" height="{HEIGHT}" fill="#fff"/>
        </svg>"##
    );
    Badge::svg(svg).scale(1.0)
}

/// The number that a bar shows; every pixel must be as it should.
pub(crate) fn read_bar(png: &[u8]) -> usize {
    let picture = decode(png);
    assert_eq!((picture.width, picture.height), (WIDEST, HEIGHT), "a bar's size");
    let pixels: Vec<[u8; 4]> = picture.pixels().collect();
    let first = &pixels[..WIDEST as usize];
    let bar = first.iter().take_while(|pixel| **pixel == WHITE).count();
    for row in pixels.chunks_exact(WIDEST as usize) {
        assert!(row[..bar].iter().all(|pixel| *pixel == WHITE), "a hole in a bar of {bar}");
        assert!(row[bar..].iter().all(|pixel| *pixel == BLACK), "a spot beside a bar of {bar}");
    }
    bar
}
