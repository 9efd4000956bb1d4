//! The fonts that templates may use, and a watch on what they ask for in vain.
//!
//! A machine's own fonts are never used: a container has none, and its text would vanish.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use resvg::usvg::fontdb::{self, Database, Family, Query, Source};
use resvg::usvg::{FallbackSelectionFn, FontFamily, FontResolver, FontSelectionFn};

use crate::picture::faces::{self, Faces, Lettering};
use crate::picture::lines;
use crate::picture::template::Line;

/// A set of fonts.
pub(crate) struct Fonts {
    database: Arc<Database>,
    default_family: String,
    pub(crate) faces: Faces,
}

/// The data of the font at this position can't be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) position: usize,
    pub(crate) reason: &'static str,
}

impl Fonts {
    /// The embedded font, if that feature is on, and these. The first one is also every generic
    /// family (`serif`, `monospace`, …): resvg draws nothing for a generic family that is not set.
    pub(crate) fn new(fonts: Vec<Vec<u8>>) -> Result<Self, Unusable> {
        let mut database = Database::new();
        #[cfg(feature = "embedded-font")]
        database.load_font_source(Source::Binary(Arc::new(dejavu::sans::regular())));
        for (position, font) in fonts.into_iter().enumerate() {
            let reason = reason_against(&font);
            let ids = database.load_font_source(Source::Binary(Arc::new(font)));
            if ids.is_empty() {
                return Err(Unusable { position, reason });
            }
            if !ids.into_iter().any(|id| Faces::can_draw(&database, id)) {
                return Err(Unusable { position, reason: NO_OUTLINES });
            }
        }
        // Without those that would leave holes.
        let of_no_use = |id: &fontdb::ID| !Faces::can_draw(&database, *id);
        let of_no_use: Vec<_> = database.faces().map(|face| face.id).filter(of_no_use).collect();
        of_no_use.into_iter().for_each(|id| database.remove_face(id));
        Ok(Self::of(database))
    }

    /// All faces of these.
    pub(crate) fn of(mut database: Database) -> Self {
        let first = database.faces().next().and_then(|variant| variant.families.first());
        let default_family = first.map(|(name, _)| name.clone()).unwrap_or_default();
        database.set_serif_family(&default_family);
        database.set_sans_serif_family(&default_family);
        database.set_cursive_family(&default_family);
        database.set_fantasy_family(&default_family);
        database.set_monospace_family(&default_family);
        let database = Arc::new(database);
        Self { faces: Faces::new(database.clone()), database, default_family }
    }

    /// There is nothing to write with.
    pub(crate) fn is_empty(&self) -> bool {
        self.database.is_empty()
    }

    /// What text without a `font-family` is drawn in.
    pub(crate) fn default_family(&self) -> &str {
        &self.default_family
    }

    pub(crate) fn database(&self) -> Arc<Database> {
        self.database.clone()
    }

    /// Whether one of these families is loaded.
    pub(crate) fn has_any_family(&self, families: &str) -> bool {
        let families = svgtypes::parse_font_families(families).unwrap_or_default();
        is_any_loaded(&self.database, &families)
    }

    /// How wide a line is drawn, in CSS pixels.
    pub(crate) fn width_of(&self, line: &Line) -> f32 {
        let lettering = Lettering {
            families: svgtypes::parse_font_families(&line.family).unwrap_or_default(),
            size: line.size as f32 / 1000.0,
            spacing: line.spacing as f32 / 1000.0,
            weight: 400,
            is_italic: false,
        };
        self.faces.width(&line.text, &lettering)
    }
}

const NO_OUTLINES: &str = "has no letters that can be drawn, as it has them as bitmaps; enable the \
                           feature images, or take a font with outlines";

/// What to say of data that turns out to be no font.
fn reason_against(data: &[u8]) -> &'static str {
    if data.starts_with(b"wOFF") || data.starts_with(b"wOF2") {
        "is a web font (WOFF), which is packed; convert it to TTF or OTF"
    } else {
        "is no TrueType or OpenType font; give LiveBadgeLayerBuilder::font the bytes of a .ttf or .otf file"
    }
}

/// Finds fonts for resvg, and reports the families of which there is none.
pub(crate) fn resolver<'a>(
    faces: &'a Faces,
    report: impl Fn(String) + Send + Sync + 'a,
) -> FontResolver<'a> {
    // The text that is being laid out has been cut into runs: resvg asks for all fonts of a text,
    // then for what to do about letters that these lack.
    let is_cut = Arc::new(AtomicBool::new(false));
    FontResolver {
        select_font: select(faces, report, is_cut.clone()),
        select_fallback: select_fallback(faces, is_cut),
    }
}

fn select<'a>(
    faces: &'a Faces,
    report: impl Fn(String) + Send + Sync + 'a,
    is_cut: Arc<AtomicBool>,
) -> FontSelectionFn<'a> {
    let select = FontResolver::default_font_selector();
    Box::new(move |font, database| {
        let face = match font.families() {
            [FontFamily::Named(name)] => lines::face_of(name).and_then(|face| faces.id(face)),
            _ => None,
        };
        is_cut.store(face.is_some(), Ordering::Relaxed);
        if face.is_some() {
            return face;
        }
        if !is_any_loaded(database, font.families()) {
            let names: Vec<String> = font.families().iter().map(ToString::to_string).collect();
            report(names.join(", "));
        }
        select(font, database)
    })
}

/// A font for what the selected one lacks. A run has the best one already. For what is laid out letter
/// by letter, resvg draws all of a text in a font that has all of it: not in one whose digits are blank.
fn select_fallback<'a>(faces: &'a Faces, is_cut: Arc<AtomicBool>) -> FallbackSelectionFn<'a> {
    let select = FontResolver::default_fallback_selector();
    Box::new(move |character, used, database| {
        if is_cut.load(Ordering::Relaxed) {
            return None;
        }
        let used = [used, faces.doubtful()].concat();
        select(character, &used, database)
    })
}

/// Without the last resort that resvg's own selection has: the default family.
fn is_any_loaded(database: &Database, families: &[FontFamily]) -> bool {
    let families: Vec<Family<'_>> = families.iter().map(faces::family).collect();
    let query = Query { families: &families, ..Query::default() };
    database.query(&query).is_some()
}

/// Without the fonts' data: 700 KB.
impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faces = self.database.faces().map(|variant| &variant.post_script_name);
        f.debug_list().entries(faces).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(font: Vec<u8>, says: &str) {
        let fonts = vec![epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec(), font];
        let Unusable { position, reason } = Fonts::new(fonts).unwrap_err();
        assert_eq!(position, 1);
        assert!(reason.contains(says), "{reason} does not say {says}");
    }

    #[test]
    fn a_font_that_can_not_be_used_is_refused() {
        assert_refused(b"no font".to_vec(), "TrueType");
        assert_refused(Vec::new(), "TrueType");
        for magic in [b"wOFF", b"wOF2"] {
            let webfont = [&magic[..], &[0; 100]].concat();
            assert_refused(webfont, "convert it to TTF or OTF");
        }
    }

    /// As if its letters were bitmaps of a kind that nobody draws.
    #[test]
    fn a_font_without_outlines_is_refused() {
        let mut font = epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec();
        let tables = usize::from(u16::from_be_bytes([font[4], font[5]]));
        for table in font[12..12 + tables * 16].chunks_exact_mut(16) {
            if table.starts_with(b"glyf") {
                table[..4].copy_from_slice(b"zzzz");
            }
        }
        assert_refused(font, "images");
    }

    #[test]
    fn without_fonts_there_are_none() {
        let fonts = Fonts::of(Database::new());
        assert!(fonts.is_empty());
        let line = Line { text: "a".into(), family: "serif".into(), size: 11_000, spacing: 0 };
        assert_eq!(fonts.width_of(&line), 0.0);
    }
}
