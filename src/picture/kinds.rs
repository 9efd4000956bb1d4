//! Which kind of PNG a badge's pictures are, by their size.
//!
//! What is sent of the next picture before it is there says its kind. Where that changes, the old picture is
//! sent once more: it must not go to and fro where numbers have 250 colours now, and 260 then. So once one
//! was too much for a palette, those of the same size have none.

use std::sync::Arc;

use quick_cache::sync::Cache;

/// Sizes are as many as widths of texts. One that is forgotten is learned again.
const REMEMBERED: usize = 1024;
/// Width and height, and the colour type, in a PNG: sections 5.2 and 11.2.1 of its specification.
const SIZE: std::ops::Range<usize> = 16..24;
const COLOR_TYPE: usize = 25;
const INDEXED: u8 = 3;

/// For the badges of a layer, by their paths.
#[derive(Debug)]
pub(crate) struct Kinds {
    without_palette: Cache<(Arc<str>, [u8; 8]), ()>,
}

impl Kinds {
    pub(crate) fn new() -> Self {
        Self { without_palette: Cache::new(REMEMBERED) }
    }

    /// Whether a picture of this size may have a palette.
    pub(crate) fn may_be_indexed(&self, path: &Arc<str>, width: u32, height: u32) -> bool {
        self.may_have_palette(path, (u64::from(width) << 32 | u64::from(height)).to_be_bytes())
    }

    /// Whether this is not of the kind that has turned out to be too small. Other formats have but one kind.
    pub(crate) fn fits(&self, path: &Arc<str>, picture: &[u8]) -> bool {
        let size = size(picture).filter(|_| is_indexed(picture));
        size.is_none_or(|size| self.may_have_palette(path, size))
    }

    fn may_have_palette(&self, path: &Arc<str>, size: [u8; 8]) -> bool {
        self.without_palette.get(&(path.clone(), size)).is_none()
    }

    /// A picture has been made.
    pub(crate) fn learn(&self, path: &Arc<str>, picture: &[u8]) {
        if let Some(size) = size(picture).filter(|_| !is_indexed(picture)) {
            self.without_palette.insert((path.clone(), size), ());
        }
    }
}

fn size(picture: &[u8]) -> Option<[u8; 8]> {
    let is_png = picture.starts_with(b"\x89PNG");
    picture.get(SIZE).filter(|_| is_png).and_then(|size| size.try_into().ok())
}

fn is_indexed(picture: &[u8]) -> bool {
    picture.get(COLOR_TYPE) == Some(&INDEXED)
}
