//! Picture formats: what each is called, and how far it can be kept open on the wire.

use bytes::Bytes;

/// How a badge's pictures are encoded.
///
/// A badge has one format for its life: Chromium 156 goes blank when SVG and raster parts are mixed
/// in one stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// Lossless, and the cheapest stream: heartbeats are 12 bytes in an `<img>`, and whole pictures in a
    /// frame. The default.
    #[default]
    Png,
    /// For clients that know nothing else, such as viewers of cameras. Transparent parts become
    /// white. Heartbeats are 4 bytes in an `<img>`.
    #[cfg(feature = "jpeg")]
    #[non_exhaustive]
    Jpeg {
        /// 1 to 100; 85 is a good choice.
        quality: u8,
    },
    /// Lossless; some pictures get smaller than as PNG. Heartbeats are whole pictures.
    #[cfg(feature = "webp")]
    WebP,
    /// The filled template itself, drawn by the browser with its own fonts. Heartbeats are whole
    /// pictures.
    Svg,
}

/// Length 0, type, CRC: an empty chunk of a private, ancillary type. Decoders skip what they do not
/// know (PNG specification, section 5.4). `beAt` was chosen because its CRC holds neither CR nor
/// LF: a client that looks for a delimiter would hold those back.
const EMPTY_PNG_CHUNK: &[u8] = b"\0\0\0\0beAt@}\">";
/// A comment without text (ITU T.81, section B.2.4.5).
#[cfg(feature = "jpeg")]
const EMPTY_JPEG_COMMENT: &[u8] = &[0xFF, 0xFE, 0, 2];

impl Format {
    /// JPEG of this quality, 1 to 100; 85 is a good choice.
    ///
    /// ```
    /// use tower_livebadge::{Badge, Format};
    ///
    /// let badge = Badge::online().format(Format::jpeg(85));
    /// ```
    #[cfg(feature = "jpeg")]
    pub fn jpeg(quality: u8) -> Self {
        Self::Jpeg { quality: quality.clamp(1, 100) }
    }

    /// The media type.
    pub(crate) fn media_type(&self) -> &'static str {
        match self {
            Self::Png => "image/png",
            #[cfg(feature = "jpeg")]
            Self::Jpeg { .. } => "image/jpeg",
            #[cfg(feature = "webp")]
            Self::WebP => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The most pixels that a picture of this format has from left to right, or from top to bottom.
    pub(crate) fn max_side(&self) -> Option<u32> {
        match self {
            // ITU T.81, section B.2.2.
            #[cfg(feature = "jpeg")]
            Self::Jpeg { .. } => Some(65_535),
            // RFC 9649, section 3.4.
            #[cfg(feature = "webp")]
            Self::WebP => Some(16_384),
            Self::Png | Self::Svg => None,
        }
    }

    /// How many of a picture's first bytes are also those of the next one of the same size and
    /// colour type, and can be sent before it is known.
    pub(crate) fn prefix_len(&self, picture: &[u8]) -> usize {
        match self {
            // The signature (8 bytes) and IHDR (25): PNG specification, sections 5.2 and 11.2.1.
            Self::Png => picture.len().min(33),
            #[cfg(feature = "jpeg")]
            Self::Jpeg { .. } => jpeg_header_len(picture),
            // WebP begins with its length, SVG with its size and soon with what changes.
            #[cfg(feature = "webp")]
            Self::WebP => 0,
            Self::Svg => 0,
        }
    }

    /// What can be put behind the prefix without changing the picture. Formats without a prefix
    /// have no such thing.
    pub(crate) fn heartbeat(&self) -> Option<Bytes> {
        match self {
            Self::Png => Some(Bytes::from_static(EMPTY_PNG_CHUNK)),
            #[cfg(feature = "jpeg")]
            Self::Jpeg { .. } => Some(Bytes::from_static(EMPTY_JPEG_COMMENT)),
            #[cfg(feature = "webp")]
            Self::WebP => None,
            Self::Svg => None,
        }
    }
}

/// Everything before the start of the scan: tables and size (ITU T.81, section B.2.1).
#[cfg(feature = "jpeg")]
fn jpeg_header_len(jpeg: &[u8]) -> usize {
    const START_OF_SCAN: u8 = 0xDA;
    let mut at = 2; // after the start of the image
    while let Some(&[0xFF, marker, high, low]) = jpeg.get(at..at + 4) {
        if marker == START_OF_SCAN {
            return at;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    0
}
