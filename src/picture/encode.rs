//! From pixels to a file: the only file that names the encoders.

use std::error::Error;
use std::io;

use bytes::Bytes;
use png::{BitDepth, ColorType, Compression, Encoder, Filter, chunk};
use resvg::tiny_skia::Pixmap;

use crate::picture::deflate;
use crate::picture::format::Format;
use crate::picture::palette::Indexed;

type EncodeError = Box<dyn Error + Send + Sync>;

/// With more pixels for each colour, a picture is mostly repetition: it pays to look for the best way to say
/// so. That makes "flat-square", "for-the-badge" and the sparkline 4 to 20 % smaller, and takes four times as
/// long. "flat", with its gradients, would save 2 %.
const REPEATED_PIXELS_EACH: usize = 64;
/// More would take more than two milliseconds, and is no badge.
const MOST_REPEATED: usize = 64 * 1024;

/// Everybody who looks gets these bytes, and they are made once: few matter more than fast. What is in few
/// colours becomes PNG with a palette, if it may.
pub(crate) fn encode(
    pixmap: Pixmap,
    format: &Format,
    may_be_indexed: bool,
) -> Result<Bytes, EncodeError> {
    let (width, height) = (pixmap.width(), pixmap.height());
    if matches!(format, Format::Png | Format::Svg)
        && may_be_indexed
        && let Some(indexed) = Indexed::of(pixmap.pixels())
    {
        return indexed_png(&indexed, width, height);
    }
    let pixels = Pixels::from(pixmap);
    match format {
        // SVG is never drawn; what stands for it is drawn as PNG.
        Format::Png | Format::Svg => png(&pixels, width, height),
        #[cfg(feature = "jpeg")]
        Format::Jpeg { quality } => jpeg(pixels, width, height, *quality),
        #[cfg(feature = "webp")]
        Format::WebP => webp(&pixels, width, height),
    }
}

/// Without an alpha channel that says nothing: a tenth less in PNG.
enum Pixels {
    Rgb(Vec<u8>),
    Rgba(Vec<u8>),
}

impl From<Pixmap> for Pixels {
    fn from(pixmap: Pixmap) -> Self {
        let pixels = pixmap.take_demultiplied();
        if pixels.chunks_exact(4).all(|pixel| pixel[3] == u8::MAX) {
            Self::Rgb(pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect())
        } else {
            Self::Rgba(pixels)
        }
    }
}

/// Eight bits for each pixel, even if fewer would do: one with a colour more must not be of another kind, and
/// no ready look has less than 17.
fn indexed_png(indexed: &Indexed, width: u32, height: u32) -> Result<Bytes, EncodeError> {
    let Indexed { colors, pixels } = indexed;
    let mut png = Vec::new();
    let mut encoder = Encoder::new(io::Cursor::new(&mut png), width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(colors.iter().flat_map(|color| &color[..3]).copied().collect::<Vec<_>>());
    let alphas: Vec<u8> =
        colors.iter().map(|color| color[3]).filter(|alpha| *alpha < 255).collect();
    if !alphas.is_empty() {
        encoder.set_trns(alphas);
    }
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    let is_small = pixels.len() <= MOST_REPEATED;
    if is_small && pixels.len() >= REPEATED_PIXELS_EACH * colors.len() {
        const NO_FILTER: &[u8] = &[0];
        let row = width as usize;
        let rows = pixels.chunks_exact(row).flat_map(|row| [NO_FILTER, row]);
        let rows: Vec<u8> = rows.flatten().copied().collect();
        writer.write_chunk(chunk::IDAT, &deflate::zlib(&rows, row + 1))?;
    } else {
        writer.write_image_data(pixels)?;
    }
    writer.finish()?;
    Ok(kept(png))
}

/// A picture is kept for long; while it was written, twice its place was taken.
fn kept(mut picture: Vec<u8>) -> Bytes {
    picture.shrink_to_fit();
    picture.into()
}

fn png(pixels: &Pixels, width: u32, height: u32) -> Result<Bytes, EncodeError> {
    let (color, pixels) = match pixels {
        Pixels::Rgb(pixels) => (ColorType::Rgb, pixels),
        Pixels::Rgba(pixels) => (ColorType::Rgba, pixels),
    };
    let mut png = Vec::new();
    let mut encoder = Encoder::new(io::Cursor::new(&mut png), width, height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    // For flat shapes and small text, filters cost bytes: "online | 0" takes 1,900, and 2,101 with them.
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(kept(png))
}

#[cfg(feature = "jpeg")]
fn jpeg(pixels: Pixels, width: u32, height: u32, quality: u8) -> Result<Bytes, EncodeError> {
    let rgb = match pixels {
        Pixels::Rgb(pixels) => pixels,
        Pixels::Rgba(pixels) => pixels.chunks_exact(4).flat_map(on_white).collect(),
    };
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, quality);
    // Small text in colour suffers from subsampling; and the tables must be the same every time.
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder.set_optimized_huffman_tables(false);
    let (width, height) = (width.try_into()?, height.try_into()?);
    encoder.encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(kept(jpeg))
}

#[cfg(feature = "jpeg")]
fn on_white(pixel: &[u8]) -> [u8; 3] {
    let alpha = u32::from(pixel[3]);
    let blend = |channel: u8| ((u32::from(channel) * alpha + 255 * (255 - alpha)) / 255) as u8;
    [blend(pixel[0]), blend(pixel[1]), blend(pixel[2])]
}

#[cfg(feature = "webp")]
fn webp(pixels: &Pixels, width: u32, height: u32) -> Result<Bytes, EncodeError> {
    let (color, pixels) = match pixels {
        Pixels::Rgb(pixels) => (image_webp::ColorType::Rgb8, pixels),
        Pixels::Rgba(pixels) => (image_webp::ColorType::Rgba8, pixels),
    };
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp).encode(pixels, width, height, color)?;
    Ok(kept(webp))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use resvg::tiny_skia::PremultipliedColorU8;

    use super::*;

    /// What a decoder that believes nothing makes of it.
    fn decode(png: &[u8]) -> (ColorType, Vec<u8>) {
        let mut decoder = png::Decoder::new(io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::ALPHA);
        decoder.ignore_checksums(false);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        reader.finish().unwrap();
        (reader.info().color_type, pixels)
    }

    fn color(nth: u32) -> PremultipliedColorU8 {
        let [a, b, c, _] = nth.wrapping_mul(0x9E37_79B1).to_be_bytes();
        let alpha = if nth.is_multiple_of(3) { a | b | c } else { 255 };
        PremultipliedColorU8::from_rgba(a & alpha, b & alpha, c & alpha, alpha).unwrap()
    }

    /// Runs of these colours, and rows that are as one before.
    fn pixmap(width: u32, height: u32, runs: &[(u32, u8)], again: u32) -> Pixmap {
        let mut pixmap = Pixmap::new(width, height).unwrap();
        let runs = runs
            .iter()
            .cycle()
            .flat_map(|(nth, length)| std::iter::repeat_n(color(*nth), usize::from(*length) + 1));
        pixmap.pixels_mut().iter_mut().zip(runs).for_each(|(pixel, color)| *pixel = color);
        let row = width as usize;
        for nth in (1..height).filter(|nth| nth % (again + 1) > 0) {
            let from = (nth - 1) as usize * row;
            pixmap.pixels_mut().copy_within(from..from + row, from + row);
        }
        pixmap
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn every_pixel_is_as_it_was_drawn(
            (width, height) in (1..300_u32, 1..90_u32),
            runs in proptest::collection::vec((0..400_u32, 0..60_u8), 1..400),
            again in 0..5_u32,
        ) {
            let pixmap = pixmap(width, height, &runs, again);
            let drawn = pixmap.clone().take_demultiplied();
            for may_be_indexed in [true, false] {
                let png = encode(pixmap.clone(), &Format::Png, may_be_indexed).unwrap();
                let (kind, pixels) = decode(&png);
                prop_assert!(may_be_indexed || kind != ColorType::Indexed);
                prop_assert!(pixels == drawn);
            }
        }
    }

    #[test]
    fn what_has_few_colours_has_a_palette() {
        for (colors, expected) in [(1, true), (2, true), (255, true), (256, true), (257, false)] {
            let runs: Vec<_> = (1..=colors).map(|nth| (nth * 3 + 1, 0)).collect();
            let png = encode(pixmap(257, 60, &runs, 4), &Format::Png, true).unwrap();
            let (kind, _) = decode(&png);
            assert_eq!(kind == ColorType::Indexed, expected, "{colors}");
        }
    }
}
