//! The chunked coding, without its extensions and trailers, which nobody here sends.

use super::Malformed;

#[derive(Debug, Default)]
pub(crate) struct Chunks {
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Within the line that says the size.
    Size {
        digits: u32,
        size: usize,
    },
    /// After that line's carriage return.
    SizeEnd(usize),
    Data(usize),
    DataEnd,
    DataEndFeed,
}

impl Default for Place {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Chunks {
    /// Hands the data on that is in these bytes.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        data: &mut impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        while let [byte, rest @ ..] = bytes {
            self.place = match self.place {
                Place::Data(left) => {
                    let (here, rest) = bytes.split_at(left.min(bytes.len()));
                    data(here)?;
                    bytes = rest;
                    if here.len() == left { Place::DataEnd } else { Place::Data(left - here.len()) }
                }
                _ => {
                    bytes = rest;
                    self.place.after(*byte)?
                }
            };
        }
        Ok(())
    }
}

impl Place {
    fn after(&self, byte: u8) -> Result<Self, Malformed> {
        match (self, byte) {
            (Self::Size { digits: 1.., size }, b'\r') => Ok(Self::SizeEnd(*size)),
            (Self::Size { digits: digits @ 0..8, size }, byte) => {
                let digit =
                    char::from(byte).to_digit(16).ok_or(Malformed("a size of no number"))?;
                Ok(Self::Size { digits: digits + 1, size: size * 16 + digit as usize })
            }
            (Self::SizeEnd(0), _) => Err(Malformed("the end of a stream that has none")),
            (Self::SizeEnd(size), b'\n') => Ok(Self::Data(*size)),
            (Self::DataEnd, b'\r') => Ok(Self::DataEndFeed),
            (Self::DataEndFeed, b'\n') => Ok(Self::default()),
            _ => Err(Malformed("a chunk that is none")),
        }
    }
}
