//! PNG pictures: where they end, whether they are right in every byte, and their pixels.

use std::io::Cursor;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// No test's picture has a larger chunk: a length above it is rubbish.
const MAX_CHUNK: usize = 1 << 24;

/// The pixels of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgba: Vec<u8>,
}

impl Picture {
    pub(crate) fn pixels(&self) -> impl Iterator<Item = [u8; 4]> + '_ {
        self.rgba.chunks_exact(4).map(|pixel| pixel.try_into().expect("four bytes"))
    }
}

/// Decodes exactly one whole PNG.
pub(crate) fn decode(png: &[u8]) -> Picture {
    match length(png) {
        Ok(Some(length)) => assert_eq!(length, png.len(), "bytes after the picture"),
        Ok(None) => panic!("half a picture of {} bytes", png.len()),
        Err(error) => panic!("{error}"),
    }
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::ALPHA | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().expect("a picture's head is valid");
    let mut rgba = vec![0; reader.output_buffer_size().expect("a picture fits into memory")];
    let info = reader.next_frame(&mut rgba).expect("a picture's pixels are valid");
    assert_eq!(info.color_type, png::ColorType::Rgba, "the badge's pictures are in colour");
    reader.finish().expect("a picture's end is valid");
    Picture { width: info.width, height: info.height, rgba }
}

/// The types of a picture's chunks, as far as they are whole.
pub(crate) fn chunk_types(png: &[u8]) -> Vec<[u8; 4]> {
    let mut types = Vec::new();
    let mut at = SIGNATURE.len();
    while let Ok(Some((kind, next))) = chunk(png, at) {
        types.push(kind);
        at = next;
    }
    types
}

/// How long the PNG is that these bytes begin with; `None` if its end has not come yet. An error if
/// they are not the beginning of a PNG whose every CRC is right.
pub(crate) fn length(bytes: &[u8]) -> Result<Option<usize>, String> {
    if !SIGNATURE.starts_with(&bytes[..bytes.len().min(SIGNATURE.len())]) {
        return Err(format!("no PNG signature: {}", bytes[..bytes.len().min(16)].escape_ascii()));
    }
    let mut at = SIGNATURE.len();
    while let Some((kind, next)) = chunk(bytes, at)? {
        let is_first = at == SIGNATURE.len();
        let length = next - at - 12;
        match &kind {
            b"IHDR" if !is_first || length != 13 => return Err("a misplaced IHDR".into()),
            b"IHDR" => {}
            _ if is_first => return Err("a PNG that does not begin with IHDR".into()),
            b"IEND" if length != 0 => return Err("an IEND with something in it".into()),
            b"IEND" => return Ok(Some(next)),
            _ => {}
        }
        at = next;
    }
    Ok(None)
}

/// The type of the chunk at this place, and where the next one is; `None` if it is not whole yet.
fn chunk(bytes: &[u8], at: usize) -> Result<Option<([u8; 4], usize)>, String> {
    let Some(length) = word(bytes, at) else { return Ok(None) };
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_CHUNK {
        return Err(format!("a PNG chunk of {length} bytes"));
    }
    let Some(kind) = word(bytes, at + 4) else { return Ok(None) };
    if !kind.iter().all(u8::is_ascii_alphabetic) {
        return Err(format!("a PNG chunk of type {}", kind.escape_ascii()));
    }
    let end = at + 8 + length;
    let Some(crc) = word(bytes, end) else { return Ok(None) };
    if u32::from_be_bytes(crc) != crc32(&bytes[at + 4..end]) {
        return Err(format!("a wrong CRC in chunk {}", kind.escape_ascii()));
    }
    Ok(Some((kind, end + 4)))
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

/// PNG specification, annex D.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc));
    !bytes.iter().fold(u32::MAX, step)
}
