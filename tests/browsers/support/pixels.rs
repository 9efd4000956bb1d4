//! Pictures as pixels, and whether one is to be seen in another.

use std::io::Cursor;

/// Red, green, blue, alpha.
type Pixel = [u8; 4];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pixels {
    width: usize,
    height: usize,
    pixels: Vec<Pixel>,
}

impl Pixels {
    pub(crate) fn from_png(png: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(
            png::Transformations::normalize_to_color8() | png::Transformations::ALPHA,
        );
        let mut reader = decoder.read_info().expect("a PNG begins with its header");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a picture fits into memory")];
        let info = reader.next_frame(&mut bytes).expect("a PNG is whole");
        assert_eq!(info.color_type, png::ColorType::Rgba, "a picture in colour");
        let pixels = bytes.chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect();
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    /// The largest difference of a channel between `picture` and what is seen with its upper left
    /// corner at `(left, top)`, give or take a pixel: browsers round an image's place to whole
    /// pixels, each in its own way. 0 is the same picture; another digit makes more than 100.
    pub(crate) fn difference(&self, picture: &Self, (left, top): (usize, usize)) -> u8 {
        let around = |at: usize| [at, at.saturating_sub(1), at + 1];
        let places = around(left).into_iter().flat_map(|x| around(top).map(move |y| (x, y)));
        places.fold(u8::MAX, |least, place| self.difference_at(picture, place, least))
    }

    /// Red, green and blue at a place, as `#rrggbb`.
    pub(crate) fn colour(&self, x: usize, y: usize) -> String {
        let [red, green, blue, _] = self.at(x, y);
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The difference at this very place, or `most`, if it is more.
    fn difference_at(&self, picture: &Self, (left, top): (usize, usize), most: u8) -> u8 {
        if left + picture.width > self.width || top + picture.height > self.height {
            return most;
        }
        // A page's margin is its background, which is seen where the picture is transparent.
        let background = self.at(0, top);
        let mut difference = 0;
        for y in 0..picture.height {
            for x in 0..picture.width {
                let expected = over(picture.at(x, y), background);
                let seen = self.at(left + x, top + y);
                for channel in 0..3 {
                    difference = difference.max(seen[channel].abs_diff(expected[channel]));
                }
            }
            if difference >= most {
                return most;
            }
        }
        difference
    }

    fn at(&self, x: usize, y: usize) -> Pixel {
        self.pixels[y * self.width + x]
    }
}

fn over(front: Pixel, back: Pixel) -> Pixel {
    if front[3] == u8::MAX {
        return front;
    }
    let alpha = u32::from(front[3]);
    let mixed = |channel: usize| {
        let sum = u32::from(front[channel]) * alpha + u32::from(back[channel]) * (255 - alpha);
        u8::try_from((sum + 127) / 255).expect("a mean of two bytes is a byte")
    };
    [mixed(0), mixed(1), mixed(2), 255]
}
