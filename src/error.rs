//! What can go wrong: when the layer is built, and when a picture is painted.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a layer could not be built: which badge it is about, and what to do.
///
/// `Debug` says the same as `Display`, followed by the causes, so that a `main` that ends with it
/// shows what to do:
///
/// ```
/// use tower_livebadge::{Badge, BuildErrorKind, LiveBadgeLayer};
///
/// let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online().scale(0.0)).build();
/// let error = badges.unwrap_err();
/// assert_eq!(format!("{error:?}"), r#"badge "/online.png": scale takes 0.1 to 8"#);
/// assert_eq!(error.path(), Some("/online.png"));
/// assert!(matches!(error.kind(), BuildErrorKind::Setting { setting: "scale", .. }));
/// ```
pub struct BuildError {
    path: Option<String>,
    kind: Box<BuildErrorKind>,
}

/// What has been checked, or what is wrong with it.
pub(crate) type Checked<T> = Result<T, Box<BuildErrorKind>>;

impl BuildError {
    /// A mistake of the badge at this path.
    pub(crate) fn of(path: &str, kind: impl Into<Box<BuildErrorKind>>) -> Self {
        Self { path: Some(path.to_owned()), kind: kind.into() }
    }

    /// A mistake of the layer as a whole.
    pub(crate) fn of_layer(kind: BuildErrorKind) -> Self {
        Self { path: None, kind: Box::new(kind) }
    }

    /// The path of the badge that it is about; `None` if that is the layer as a whole, as with
    /// fonts.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// What is wrong.
    pub fn kind(&self) -> &BuildErrorKind {
        &self.kind
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "badge {path:?}: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(self, f)
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// What is wrong with a badge or a layer that could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A path that no request can have, or that the path syntax does not allow.
    #[error("{reason}")]
    #[non_exhaustive]
    Path {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two badges for the same requests.
    #[error(
        "its path conflicts with the badge at {with:?}; a request could mean either, so change or \
         remove one of them"
    )]
    #[non_exhaustive]
    PathConflict {
        /// The path of the badge that was there before.
        with: String,
    },
    /// There is no such badge whose rooms could be shown.
    #[error(
        "it can't show the rooms of {wanted:?}; that must be the path of another badge with the \
         same parameters and with rooms of its own{}",
        did_you_mean(nearest)
    )]
    #[non_exhaustive]
    RoomsOf {
        /// The path that it wants the rooms of.
        wanted: String,
        /// A badge's path that is nearly the same.
        nearest: Option<String>,
    },
    /// There is no such badge whose rooms could be added up.
    #[error(
        "it can't show the total of {wanted:?}; that must be the path of another badge with rooms \
         of its own{}",
        did_you_mean(nearest)
    )]
    #[non_exhaustive]
    TotalOf {
        /// The path that it wants the total of.
        wanted: String,
        /// A badge's path that is nearly the same.
        nearest: Option<String>,
    },
    /// A setting out of its range.
    #[error("{setting} {reason}")]
    #[non_exhaustive]
    Setting {
        /// The builder's verb.
        setting: &'static str,
        /// What it takes.
        reason: &'static str,
    },
    /// Two settings of which one would do nothing.
    #[error("{setting} has no effect beside {beside}: {reason}")]
    #[non_exhaustive]
    Contradiction {
        /// The builder's verb that would have no effect.
        setting: &'static str,
        /// The one that makes it so.
        beside: &'static str,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// An example for a parameter that the path does not have.
    #[error(
        "the path has no parameter {param:?} to give an example for (its parameters: {}){}",
        listed(known),
        did_you_mean(nearest)
    )]
    #[non_exhaustive]
    UnknownParam {
        /// Its name.
        param: String,
        /// The names that would have been right.
        known: Vec<String>,
        /// The one of them that is nearly the same.
        nearest: Option<String>,
    },
    /// The template is not one.
    #[error("{at} can't be read: {reason}")]
    #[non_exhaustive]
    Template {
        /// Where it stops being one.
        at: TemplatePlace,
        /// What the template engine says.
        reason: String,
    },
    /// The template has a slot that nothing fills.
    #[error(
        "{at}: nothing fills the slot {slot:?}{}; correct its name, give the badge such a value \
         with Badge::values, or write it as text (known slots: {})",
        did_you_mean(nearest),
        listed(known)
    )]
    #[non_exhaustive]
    UnknownSlot {
        /// Where it is used first.
        at: TemplatePlace,
        /// The slot's name.
        slot: String,
        /// The names that would have been right.
        known: Vec<String>,
        /// The one of them that is nearly the same.
        nearest: Option<String>,
    },
    /// The template uses a filter or a test that there is not.
    #[error("{at}: there is no {what} {name:?}{}{}", did_you_mean(nearest), with_feature(feature))]
    #[non_exhaustive]
    UnknownName {
        /// Where it is used.
        at: TemplatePlace,
        /// `filter` or `test`.
        what: &'static str,
        /// The name.
        name: String,
        /// One that there is and that is nearly the same.
        nearest: Option<String>,
        /// The feature of this crate that would bring it.
        feature: Option<&'static str>,
    },
    /// Two things fill the same slot.
    #[error(
        "{} would fill the slot {slot:?}; rename that value's field",
        if *is_built_in { "a value of the application and the badge itself" } else { "two values" }
    )]
    #[non_exhaustive]
    SlotTaken {
        /// The slot's name.
        slot: String,
        /// It is one that every badge has.
        is_built_in: bool,
    },
    /// The template can't be filled.
    #[error("{at} can't be filled: {reason} (tried with {tried}){}", hint(advice))]
    #[non_exhaustive]
    Fill {
        /// Where it fails.
        at: TemplatePlace,
        /// What the template engine says.
        reason: String,
        /// What the slots were filled with.
        tried: String,
        /// What to do, where that is known.
        advice: Option<&'static str>,
    },
    /// The filled template is not well-formed.
    #[error("{at}: the filled template is not SVG: {reason} (tried with {tried})")]
    #[non_exhaustive]
    Svg {
        /// Where the text comes from that is wrong.
        at: TemplatePlace,
        /// What the parser says.
        reason: String,
        /// What the slots were filled with.
        tried: String,
    },
    /// The filled template has something that would not be drawn.
    #[error("{at}: {what} {reason} (tried with {tried})")]
    #[non_exhaustive]
    Undrawn {
        /// Where that comes from.
        at: TemplatePlace,
        /// What it is: an element, an attribute, a reference, a colour.
        what: String,
        /// Why, and what to do.
        reason: String,
        /// What the slots were filled with.
        tried: String,
    },
    /// The filled template can't be drawn.
    #[error(transparent)]
    #[non_exhaustive]
    Paint {
        /// Why not.
        source: PaintError,
    },
    /// There is no font of that family; the text would be drawn in another one or vanish.
    #[error(
        "{at}: no font of the family {families:?} is loaded; add one with \
         LiveBadgeLayerBuilder::font, or end the list with a generic family such as sans-serif"
    )]
    #[non_exhaustive]
    FontFamily {
        /// Where it is written first.
        at: TemplatePlace,
        /// The families that the template asks for.
        families: String,
    },
    /// There is text, and no font at all.
    #[error(
        "there is text in it, and no font is loaded; add one with LiveBadgeLayerBuilder::font, or \
         enable the feature embedded-font"
    )]
    NoFont,
    /// No font that is loaded can draw a character of the template.
    #[error(
        "{at}: no font that is loaded has {character:?}{}; add one with \
         LiveBadgeLayerBuilder::font, draw it as a path, or use another character",
        part_of(*character, cluster)
    )]
    #[non_exhaustive]
    Glyph {
        /// Where it is written first, if it is.
        at: TemplatePlace,
        /// The character.
        character: char,
        /// What it is seen as a part of: an emoji that is written as several characters, a letter with
        /// its accents.
        cluster: String,
    },
    /// A look's colour is none when the look is tried.
    #[error(
        "its {setting} becomes {color:?}; a look's colour is an opaque one of CSS or one of \
         shields.io's by its name"
    )]
    #[non_exhaustive]
    Color {
        /// The look's verb.
        setting: &'static str,
        /// What it becomes.
        color: String,
    },
    /// The template refers to an image. Templates never read files, networks or `data:` URLs.
    #[error(
        "{at} refers to the image {href:?}, and templates never load anything; draw it inline with \
         SVG shapes"
    )]
    #[non_exhaustive]
    Image {
        /// Where it is written first.
        at: TemplatePlace,
        /// What it refers to.
        href: String,
    },
    /// There is no image of that name.
    #[error(
        "{at}: there is no image {name:?}{}; add it with LiveBadgeLayerBuilder::image, or correct its \
         name (known images: {})",
        did_you_mean(nearest),
        listed(known)
    )]
    #[non_exhaustive]
    UnknownImage {
        /// Where it is written first, if it is.
        at: TemplatePlace,
        /// What it is called in the template.
        name: String,
        /// The known one that is most like it.
        nearest: Option<String>,
        /// The names that would have been right.
        known: Vec<String>,
    },
    /// What was added as an image can't be one.
    #[error("the image {name:?} {reason}")]
    #[non_exhaustive]
    NamedImage {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store can't be used.
    #[error("the store of totals can't be used: {reason}")]
    #[non_exhaustive]
    Store {
        /// Why not.
        #[source]
        reason: Box<dyn Error + Send + Sync>,
    },
    /// There can be no thread that speaks with the other nodes.
    #[error("the other nodes can't be spoken with: {reason}")]
    #[non_exhaustive]
    Nodes {
        /// Why not.
        #[source]
        reason: std::io::Error,
    },
    /// So long a lease makes no sense.
    #[error("lease is {lease:?}; it takes 3 seconds to an hour")]
    #[non_exhaustive]
    Lease {
        /// What was asked for.
        lease: std::time::Duration,
    },
    /// There is no such time zone.
    #[error("time_zone: {reason}")]
    #[non_exhaustive]
    TimeZone {
        /// What would be one.
        reason: String,
    },
    /// The data of a font can't be used.
    #[error("the font number {position} (from 0) {reason}")]
    #[non_exhaustive]
    Font {
        /// Which one, in the order in which they were added.
        position: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Where in a template something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplatePlace {
    /// Of which text: `the template`, or a look's own, such as `the look's message`.
    pub text: String,
    /// The line in that text as it is written, from 1. `None` if it is not known.
    pub line: Option<usize>,
    /// What is written there, if that is known.
    pub expression: Option<String>,
}

impl fmt::Display for TemplatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        match &self.expression {
            Some(expression) => write!(f, ", {expression}"),
            None => Ok(()),
        }
    }
}

/// Names a cluster that is more than the character.
fn part_of(character: char, cluster: &str) -> String {
    if cluster.chars().eq([character]) { String::new() } else { format!(", a part of {cluster:?}") }
}

/// Why a picture could not be painted.
///
/// Viewers keep the last good one meanwhile.
///
/// `Debug` says the same as `Display`, followed by the causes.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PaintError {
    /// A slot could not be filled: a value is missing, or not of the kind that the template needs.
    #[error("the template can't be filled")]
    Fill(#[source] Box<dyn Error + Send + Sync>),
    /// The filled template is not SVG.
    #[error("the filled template is not SVG")]
    Svg(#[source] Box<dyn Error + Send + Sync>),
    /// The filled template has a document type, whose entities could take all memory.
    #[error("SVG with <!DOCTYPE is refused; remove the declaration, SVG needs none")]
    Doctype,
    /// The filled template is too long.
    #[error("the filled template has {bytes} bytes, more than {limit}; simplify it")]
    #[non_exhaustive]
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
    #[non_exhaustive]
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
    #[error("the picture can't be encoded")]
    Encode(#[source] Box<dyn Error + Send + Sync>),
    /// The picture holds the boundary that separates pictures on the wire.
    #[error("the picture holds the stream's boundary")]
    Boundary,
    /// A value's own code, or the drawing library, panicked.
    #[error("painting the picture panicked")]
    Panicked,
    /// Too many single pictures wait to be drawn already. Streams are never refused for that.
    #[error("too many pictures wait to be drawn")]
    Busy,
    /// No thread could be started to draw on.
    #[error("no thread to draw on")]
    Thread(#[source] io::Error),
}

impl fmt::Debug for PaintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(self, f)
    }
}

/// What went wrong, and why, down to the root.
fn write_with_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.try_for_each(|cause| write!(f, ": {cause}"))
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn with_feature(feature: &Option<&str>) -> String {
    let advice =
        |name: &&str| format!(" without the feature {name:?} of tower-livebadge; enable it");
    feature.as_ref().map(advice).unwrap_or_default()
}

fn hint(advice: &Option<&str>) -> String {
    advice.map(|advice| format!("; {advice}")).unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
