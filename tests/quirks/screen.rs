//! What is to be seen in a browser's window.

use std::io::Cursor;

use super::colour::{self, Colour};
use super::site::AREA;

/// The largest difference of a channel that is still the same colour.
const SAME: u8 = 12;
/// How many pixels of the screen a CSS pixel gets in each direction.
const SCALE: usize = 2;

/// What is to be seen: so many CSS pixels of this colour, and nothing of the other colours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) colour: Colour,
    pub(crate) area: u32,
}

/// One picture of this colour.
pub(crate) fn one(colour: Colour) -> Sight {
    Sight { colour, area: AREA }
}

impl Sight {
    pub(crate) fn times(self, pictures: u32) -> Self {
        Self { area: self.area * pictures, ..self }
    }

    pub(crate) fn is_on(self, screen: &Screen) -> bool {
        // A browser may soften a picture's edges.
        let slack = self.area / 25;
        let others = colour::ALL.into_iter().filter(|other| *other != self.colour);
        screen.area(self.colour).abs_diff(self.area) <= slack
            && others.map(|other| screen.area(other)).sum::<u32>() <= slack
    }
}

/// One screen pixel of each CSS pixel.
pub(crate) struct Screen(Vec<[u8; 3]>);

impl Screen {
    pub(crate) fn from_png(png: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(
            png::Transformations::normalize_to_color8() | png::Transformations::ALPHA,
        );
        let mut reader = decoder.read_info().expect("a PNG begins with its header");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a screen fits into memory")];
        let info = reader.next_frame(&mut bytes).expect("a PNG is whole");
        assert_eq!(info.color_type, png::ColorType::Rgba, "a screen in colour");
        let row = info.width as usize * 4;
        let rows = bytes.chunks_exact(row).step_by(SCALE);
        let pixels = rows.flat_map(|row| row.chunks_exact(4 * SCALE));
        Self(pixels.map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect())
    }

    /// How many CSS pixels have this colour.
    pub(crate) fn area(&self, Colour([red, green, blue]): Colour) -> u32 {
        let is_like = |pixel: &&[u8; 3]| {
            pixel[0].abs_diff(red) <= SAME
                && pixel[1].abs_diff(green) <= SAME
                && pixel[2].abs_diff(blue) <= SAME
        };
        self.0.iter().filter(is_like).count().try_into().expect("a screen has fewer pixels")
    }
}
