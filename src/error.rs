//! What can go wrong: when the layer is built, and when a picture is painted.

use std::error::Error;
use std::io;

/// Why a layer could not be built. The message names the badge and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A path that no request can have, or that the path syntax does not allow.
    #[error("badge {path:?}: {reason}")]
    Path {
        /// The badge's path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two badges for the same requests.
    #[error(
        "badge {path:?}: its path conflicts with the badge at {with:?}; \
         a request could mean either, so change or remove one of them"
    )]
    PathConflict {
        /// The badge's path.
        path: String,
        /// The path of the badge that was there before.
        with: String,
    },
    /// There is no such badge whose rooms could be shown.
    #[error(
        "badge {path:?}: it can't show the rooms of {wanted:?}; that must be the path of another \
         badge with the same parameters and with rooms of its own"
    )]
    RoomsOf {
        /// The badge's path.
        path: String,
        /// The path that it wants the rooms of.
        wanted: String,
    },
    /// There is no such badge whose rooms could be added up.
    #[error(
        "badge {path:?}: it can't show the total of {wanted:?}; that must be the path of another \
         badge with rooms of its own, and a total has no rooms_of"
    )]
    TotalOf {
        /// The badge's path.
        path: String,
        /// The path that it wants the total of.
        wanted: String,
    },
    /// A setting out of its range.
    #[error("badge {path:?}: {setting} {reason}")]
    Setting {
        /// The badge's path.
        path: String,
        /// The builder's verb.
        setting: &'static str,
        /// What it takes.
        reason: &'static str,
    },
    /// The template is not one.
    #[error("badge {path:?}: the template can't be read: {source}")]
    Template {
        /// The badge's path.
        path: String,
        /// What the template engine says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The template has a slot that nothing fills.
    #[error(
        "badge {path:?}: nothing fills the slot {slot:?}; correct its name, give the badge such a \
         value with Badge::values, or write it as text (known slots: {})",
        known.join(", ")
    )]
    UnknownSlot {
        /// The badge's path.
        path: String,
        /// The slot's name.
        slot: String,
        /// The names that would have been right.
        known: Vec<String>,
    },
    /// Two things fill the same slot.
    #[error("badge {path:?}: two values would fill the slot {slot:?}; rename one of them")]
    SlotTaken {
        /// The badge's path.
        path: String,
        /// The slot's name.
        slot: String,
    },
    /// The filled template can't be drawn.
    #[error("badge {path:?}: the template can't be drawn: {source}")]
    Paint {
        /// The badge's path.
        path: String,
        /// Why not.
        source: PaintError,
    },
    /// There is no font of that family; the text would be drawn in another one or vanish.
    #[error(
        "badge {path:?}: no font of the family {families:?} is loaded; add one with \
         LiveBadgeLayerBuilder::font, or end the list with a generic family such as sans-serif"
    )]
    FontFamily {
        /// The badge's path.
        path: String,
        /// The families that the template asks for.
        families: String,
    },
    /// There is text, and no font at all.
    #[error(
        "badge {path:?}: there is text in it, and no font is loaded; add one with \
         LiveBadgeLayerBuilder::font, or enable the feature embedded-font"
    )]
    NoFont {
        /// The badge's path.
        path: String,
    },
    /// No font that is loaded can draw a character of the template.
    #[error(
        "badge {path:?}: no font that is loaded has {character:?}{}; add one with \
         LiveBadgeLayerBuilder::font, draw it as a path, or use another character",
        part_of(*character, cluster)
    )]
    Glyph {
        /// The badge's path.
        path: String,
        /// The character.
        character: char,
        /// What it is seen as a part of: an emoji that is written as several characters, a letter with
        /// its accents.
        cluster: String,
    },
    /// A look's colour is none when the look is tried.
    #[error(
        "badge {path:?}: its {setting} becomes {color:?}; a look's colour is an opaque one of CSS or \
         one of shields.io's by its name"
    )]
    Color {
        /// The badge's path.
        path: String,
        /// The look's verb.
        setting: &'static str,
        /// What it becomes.
        color: String,
    },
    /// The template refers to an image. Templates never read files, networks or `data:` URLs.
    #[error(
        "badge {path:?}: the template refers to the image {href:?}, and templates never load \
         anything; draw it inline with SVG shapes"
    )]
    Image {
        /// The badge's path.
        path: String,
        /// What it refers to.
        href: String,
    },
    /// There is no image of that name.
    #[error(
        "badge {path:?}: there is no image {name:?}; add it with LiveBadgeLayerBuilder::image, or \
         correct its name (known images: {})",
        known.join(", ")
    )]
    UnknownImage {
        /// The badge's path.
        path: String,
        /// What it is called in the template.
        name: String,
        /// The names that would have been right.
        known: Vec<String>,
    },
    /// What was added as an image can't be one.
    #[error("the image {name:?} {reason}")]
    NamedImage {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The data of a font can't be used.
    #[error("the font number {position} (from 0) {reason}")]
    Font {
        /// Which one, in the order in which they were added.
        position: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Names a cluster that is more than the character.
fn part_of(character: char, cluster: &str) -> String {
    if cluster.chars().eq([character]) { String::new() } else { format!(", a part of {cluster:?}") }
}

/// Why a picture could not be painted. Viewers keep the last good one meanwhile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PaintError {
    /// A slot could not be filled: a value is missing, or not of the kind that the template needs.
    #[error("the template can't be filled: {0}")]
    Fill(#[source] Box<dyn Error + Send + Sync>),
    /// The filled template is not SVG.
    #[error("the filled template is not SVG: {0}")]
    Svg(#[source] Box<dyn Error + Send + Sync>),
    /// The filled template has a document type, whose entities could take all memory.
    #[error("SVG with <!DOCTYPE is refused; remove the declaration, SVG needs none")]
    Doctype,
    /// The filled template is too long.
    #[error("the filled template has {bytes} bytes, more than {limit}; simplify it")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest one that is drawn.
        limit: usize,
    },
    /// The picture is too large.
    #[error(
        "a picture of {width} x {height} has more than {limit} pixels; \
         make width and height of the <svg> smaller, or lower Badge::scale"
    )]
    TooLarge {
        /// In pixels, after scaling.
        width: u32,
        /// In pixels, after scaling.
        height: u32,
        /// The largest product of the two that is drawn.
        limit: u64,
    },
    /// The picture is too wide, or too high, for its format.
    #[error(
        "a picture of {width} x {height} has a side of more than {limit} pixels, which its format \
         can't hold; make it smaller, lower Badge::scale, or take Format::Png"
    )]
    TooWide {
        /// In pixels, after scaling.
        width: u32,
        /// In pixels, after scaling.
        height: u32,
        /// The longest side that the format can hold.
        limit: u32,
    },
    /// The picture could not be encoded.
    #[error("the picture can't be encoded: {0}")]
    Encode(#[source] Box<dyn Error + Send + Sync>),
    /// A value's own code, or the drawing library, panicked.
    #[error("painting the picture panicked")]
    Panicked,
    /// Too many single pictures wait to be drawn already. Streams are never refused for that.
    #[error("too many pictures wait to be drawn")]
    Busy,
    /// No thread could be started to draw on.
    #[error("no thread to draw on: {0}")]
    Thread(#[source] io::Error),
}
