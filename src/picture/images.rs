//! The application's own images inside of templates: `<image href="image:NAME" …/>`.
//!
//! They are looked at when the layer is built. Nothing else that a template refers to is ever loaded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

#[cfg(feature = "images")]
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
#[cfg(feature = "images")]
use resvg::usvg::roxmltree::Document;
use resvg::usvg::{ImageHrefResolver, ImageKind};

/// What a name begins with in a template.
const SCHEME: &str = "image:";

/// Images by their names.
#[derive(Default)]
pub(crate) struct Images {
    images: BTreeMap<String, Image>,
}

struct Image {
    media_type: &'static str,
    data: Arc<Vec<u8>>,
}

impl Images {
    /// The names of all.
    pub(crate) fn names(&self) -> Vec<String> {
        self.images.keys().cloned().collect()
    }

    /// SVG for a browser, which can't ask for what a name stands for: with the images inside.
    #[cfg(feature = "images")]
    pub(crate) fn inline(&self, svg: &str) -> Bytes {
        if !svg.contains(SCHEME) {
            return Bytes::copy_from_slice(svg.as_bytes());
        }
        // It has been drawn from by now, so it is right.
        let document = Document::parse(svg);
        let elements = document.iter().flat_map(Document::descendants);
        let hrefs = elements.flat_map(|node| node.attributes()).filter(|of| of.name() == "href");
        let mut inlined = String::with_capacity(svg.len());
        let mut at = 0;
        for href in hrefs {
            let image = name_in(href.value()).and_then(|name| self.images.get(name));
            if let Some(Image { media_type, data }) = image {
                let (range, data) = (href.range_value(), STANDARD.encode(&**data));
                inlined += &svg[at..range.start];
                inlined += &format!("data:{media_type};base64,{data}");
                at = range.end;
            }
        }
        inlined += &svg[at..];
        inlined.into()
    }

    /// Without images there is nothing to do.
    #[cfg(not(feature = "images"))]
    pub(crate) fn inline(&self, svg: &str) -> Bytes {
        Bytes::copy_from_slice(svg.as_bytes())
    }

    fn kind(&self, name: &str) -> Option<ImageKind> {
        let Image { media_type, data } = self.images.get(name)?;
        Some(match *media_type {
            "image/png" => ImageKind::PNG(data.clone()),
            _ => ImageKind::JPEG(data.clone()),
        })
    }
}

/// The name in an `href`, if it is one of ours.
pub(crate) fn name_in(href: &str) -> Option<&str> {
    href.strip_prefix(SCHEME)
}

/// Finds named images for resvg, and reports all else that a template refers to.
pub(crate) fn resolver<'a>(
    images: &'a Images,
    report: impl Fn(String) + Clone + Send + Sync + 'a,
) -> ImageHrefResolver<'a> {
    let on_data = report.clone();
    ImageHrefResolver {
        resolve_data: Box::new(move |mime, _, _| {
            on_data(format!("data:{mime}"));
            None
        }),
        resolve_string: Box::new(move |href, _| {
            let found = name_in(href).and_then(|name| images.kind(name));
            if found.is_none() {
                report(href.to_owned());
            }
            found
        }),
    }
}

#[cfg(feature = "images")]
mod adding {
    use std::io::Cursor;

    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;

    use super::{Arc, Image, Images};

    /// What every picture that shows it decodes anew.
    const MAX_BYTES: usize = 1024 * 1024;
    const MAX_PIXELS: usize = 1_000_000;
    const TOO_MANY_PIXELS: &str =
        "has more than 1,000,000 pixels; scale it down to what is shown of it";
    const BROKEN: &str = "can't be decoded; save it anew as PNG or JPEG";

    impl Images {
        /// Adds an image, if it is one. The error says what to do.
        pub(crate) fn add(&mut self, name: &str, data: Vec<u8>) -> Result<(), &'static str> {
            let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || !name.chars().all(is_fit) {
                return Err(
                    "has a name that can't be written in a template; take letters, digits, -, _ and .",
                );
            }
            if data.len() > MAX_BYTES {
                return Err("has more than 1 MiB; scale it down to what is shown of it");
            }
            let media_type = if data.starts_with(b"\x89PNG\r\n\x1a\n") {
                check_png(&data)?;
                "image/png"
            } else if data.starts_with(b"\xFF\xD8\xFF") {
                check_jpeg(&data)?;
                "image/jpeg"
            } else {
                return Err("is neither PNG nor JPEG; convert it to one of these");
            };
            let image = Image { media_type, data: Arc::new(data) };
            match self.images.insert(name.to_owned(), image) {
                None => Ok(()),
                Some(_) => Err("is there twice; give one of them another name"),
            }
        }
    }

    fn check_png(data: &[u8]) -> Result<(), &'static str> {
        let mut reader = png::Decoder::new(Cursor::new(data)).read_info().map_err(|_| BROKEN)?;
        let pixels = u64::from(reader.info().width) * u64::from(reader.info().height);
        if pixels > MAX_PIXELS as u64 {
            return Err(TOO_MANY_PIXELS);
        }
        let mut pixels = vec![0; reader.output_buffer_size().ok_or(TOO_MANY_PIXELS)?];
        reader.next_frame(&mut pixels).map(|_| ()).map_err(|_| BROKEN)
    }

    fn check_jpeg(data: &[u8]) -> Result<(), &'static str> {
        let mut decoder = JpegDecoder::new(ZCursor::new(data));
        decoder.decode_headers().map_err(|_| BROKEN)?;
        let (width, height) = decoder.dimensions().ok_or(BROKEN)?;
        if width * height > MAX_PIXELS {
            return Err(TOO_MANY_PIXELS);
        }
        decoder.decode().map(|_| ()).map_err(|_| BROKEN)
    }
}

/// Without the data.
impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.images.keys()).finish()
    }
}
