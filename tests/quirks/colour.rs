//! Colours that can't be mistaken for each other, nor for anything else in a browser's window.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) [u8; 3]);

pub(crate) const RED: Colour = Colour([224, 32, 32]);
pub(crate) const GREEN: Colour = Colour([32, 160, 32]);
pub(crate) const BLUE: Colour = Colour([32, 64, 224]);
pub(crate) const ORANGE: Colour = Colour([240, 144, 0]);
pub(crate) const ALL: [Colour; 4] = [RED, GREEN, BLUE, ORANGE];

impl Colour {
    pub(crate) fn to_hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// What is seen of it, half transparent, on a page's white.
    pub(crate) fn half_on_white(self) -> Self {
        Self(self.0.map(|channel| channel / 2 + 128))
    }
}
