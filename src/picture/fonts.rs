//! The fonts that templates may use, and a watch on what they ask for in vain.
//!
//! A machine's own fonts are never used: a container has none, and its text would vanish.

use std::fmt;
use std::sync::Arc;

use resvg::usvg::fontdb::{self, Database, Family, Query, Source};
use resvg::usvg::{FallbackSelectionFn, Font, FontFamily, FontResolver, FontSelectionFn};

/// A set of fonts.
pub(crate) struct Fonts {
    database: Arc<Database>,
    default_family: String,
}

/// The data of the font at this position is no font.
#[derive(Debug)]
pub(crate) struct NotAFont(pub(crate) usize);

impl Fonts {
    /// The embedded font, if that feature is on, and these. The first one is also every generic
    /// family (`serif`, `monospace`, …): resvg draws nothing for a generic family that is not set.
    pub(crate) fn new(fonts: Vec<Vec<u8>>) -> Result<Self, NotAFont> {
        let mut database = Database::new();
        #[cfg(feature = "embedded-font")]
        database.load_font_source(Source::Binary(Arc::new(dejavu::sans::regular())));
        for (position, font) in fonts.into_iter().enumerate() {
            if database.load_font_source(Source::Binary(Arc::new(font))).is_empty() {
                return Err(NotAFont(position));
            }
        }
        let first = database.faces().next().and_then(|variant| variant.families.first());
        let default_family = first.map(|(name, _)| name.clone()).unwrap_or_default();
        database.set_serif_family(&default_family);
        database.set_sans_serif_family(&default_family);
        database.set_cursive_family(&default_family);
        database.set_fantasy_family(&default_family);
        database.set_monospace_family(&default_family);
        Ok(Self { database: Arc::new(database), default_family })
    }

    /// What text without a `font-family` is drawn in.
    pub(crate) fn default_family(&self) -> &str {
        &self.default_family
    }

    pub(crate) fn database(&self) -> Arc<Database> {
        self.database.clone()
    }
}

/// Finds a font, and reports the families of which there is none.
pub(crate) fn select<'a>(report: impl Fn(String) + Send + Sync + 'a) -> FontSelectionFn<'a> {
    let select = FontResolver::default_font_selector();
    Box::new(move |font, database| {
        if !has_any_family(database, font) {
            let names: Vec<String> = font.families().iter().map(ToString::to_string).collect();
            report(names.join(", "));
        }
        select(font, database)
    })
}

/// Finds a font that has a character which the selected one lacks, and reports the characters that
/// none has.
pub(crate) fn select_fallback<'a>(
    report: impl Fn(char) + Send + Sync + 'a,
) -> FallbackSelectionFn<'a> {
    let select = FontResolver::default_fallback_selector();
    Box::new(move |character, used, database| {
        let found = select(character, used, database);
        if found.is_none() {
            report(character);
        }
        found
    })
}

/// Without the last resort that resvg's own selection has: the default family.
fn has_any_family(database: &Database, font: &Font) -> bool {
    let families: Vec<Family<'_>> = font.families().iter().map(family).collect();
    let query = Query { families: &families, ..Query::default() };
    database.query(&query).is_some()
}

fn family(family: &FontFamily) -> Family<'_> {
    match family {
        FontFamily::Serif => Family::Serif,
        FontFamily::SansSerif => Family::SansSerif,
        FontFamily::Cursive => Family::Cursive,
        FontFamily::Fantasy => Family::Fantasy,
        FontFamily::Monospace => Family::Monospace,
        FontFamily::Named(name) => fontdb::Family::Name(name),
    }
}

/// Without the fonts' data: 700 KB.
impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faces = self.database.faces().map(|variant| &variant.post_script_name);
        f.debug_list().entries(faces).finish()
    }
}
