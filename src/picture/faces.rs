//! What the loaded fonts can draw, and how wide it gets: text is shaped here as resvg shapes it, so
//! that what is measured is what is drawn.
//!
//! resvg draws a line in one font as far as that goes. For a single letter which that font lacks it
//! takes another one for the whole line, or none at all where the two don't shape it alike. So a line
//! is cut into runs, each with a font that has all of it.

use std::ops::Range;
use std::sync::Arc;

use harfrust::{Direction, FontRef, ShapeOptions, ShaperData, ShaperInstance, UnicodeBuffer};
use resvg::usvg::FontFamily;
use resvg::usvg::fontdb::{Database, Family, ID, Query, Style, Weight};
use skrifa::bitmap::BitmapData;
use skrifa::instance::{LocationRef, Size};
use skrifa::raw::TableProvider;
use skrifa::{GlyphId, MetadataProvider, Tag};
use unicode_bidi::{BidiInfo, Level};
use unicode_segmentation::UnicodeSegmentation;

use crate::picture::letters::{
    is_blank, is_blank_char, is_emoji_sign, is_ignorable, is_simple, is_spaced,
};
use crate::picture::plans::Plans;

/// All faces of the loaded fonts.
pub(crate) struct Faces {
    database: Arc<Database>,
    faces: Vec<Face>,
    doubtful: Vec<ID>,
}

/// One face, with what is worked out once to shape text in it.
struct Face {
    id: ID,
    family: String,
    shaper: ShaperData,
    plans: Plans,
    units_per_em: f32,
    /// Some of its glyphs are more than outlines; then not all are sure to be drawn.
    has_color: bool,
    is_variable: bool,
    /// All that can be printed of it: what an SVG is written in.
    has_ascii: bool,
}

/// How a text is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lettering {
    pub(crate) families: Vec<FontFamily>,
    /// In CSS pixels.
    pub(crate) size: f32,
    /// Between two letters.
    pub(crate) spacing: f32,
    pub(crate) weight: u16,
    pub(crate) is_italic: bool,
}

/// Letters beside each other, of one face.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// Where they are in the text.
    pub(crate) range: Range<usize>,
    /// The number of the face.
    pub(crate) face: usize,
    /// In CSS pixels, without space behind the last letter.
    pub(crate) width: f32,
}

/// What no font has: a character, in the cluster that it is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) character: char,
    pub(crate) cluster: String,
}

/// A glyph as it is written: where its cluster begins in the text, how far the next one is, and how far it
/// is from its place itself.
pub(crate) struct Glyph {
    pub(crate) at: usize,
    pub(crate) id: GlyphId,
    pub(crate) advance: f32,
    pub(crate) dx: f32,
    pub(crate) dy: f32,
}

impl Faces {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        let ids: Vec<ID> = database.faces().map(|face| face.id).collect();
        let faces: Vec<Face> = ids.into_iter().filter_map(|id| Face::new(&database, id)).collect();
        let doubtful = faces.iter().filter(|face| face.has_color).map(|face| face.id).collect();
        Self { database, faces, doubtful }
    }

    /// Those of whose glyphs some are not drawn.
    pub(crate) fn doubtful(&self) -> &[ID] {
        &self.doubtful
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    /// Whether there is anything in this face that can be drawn.
    pub(crate) fn can_draw(database: &Database, id: ID) -> bool {
        Face::new(database, id).is_some()
    }

    /// How wide a text gets, in CSS pixels.
    pub(crate) fn width(&self, text: &str, lettering: &Lettering) -> f32 {
        let runs = self.runs(text, lettering);
        let between = lettering.spacing * runs.len().saturating_sub(1) as f32;
        runs.iter().map(|run| run.width).sum::<f32>() + between
    }

    /// A text in as few runs as there can be, in the order in which they are seen.
    pub(crate) fn runs(&self, text: &str, lettering: &Lettering) -> Vec<Run> {
        let candidates = self.candidates(lettering);
        let Some(first) = candidates.first() else { return Vec::new() };
        let pieces = if self.is_plain(text, *first) {
            vec![(0..text.len(), *first)]
        } else {
            self.pieces(text, &candidates)
        };
        let run = |(range, face): (Range<usize>, usize)| {
            let width = self.run_width(&text[range.clone()], face, lettering);
            Run { range, face, width }
        };
        pieces.into_iter().map(run).collect()
    }

    /// Everything that no face has.
    pub(crate) fn missing(&self, text: &str) -> Vec<Missing> {
        let all: Vec<usize> = (0..self.faces.len()).collect();
        let is_missing = |cluster: &&str| !all.iter().any(|face| self.has(*face, cluster));
        let clusters = text.graphemes(true).filter(|cluster| !is_blank(cluster));
        let missing = clusters.filter(is_missing).filter_map(|cluster| {
            // If each face has a part of it, it is the first one that is not alone.
            let mut chars = cluster.chars().filter(|c| !is_ignorable(*c));
            let first = chars.next()?;
            let lacks =
                |c: &char| !all.iter().any(|face| self.has(*face, c.encode_utf8(&mut [0; 4])));
            let character = std::iter::once(first).chain(chars).find(lacks).unwrap_or(first);
            Some(Missing { character, cluster: cluster.to_owned() })
        });
        missing.collect()
    }

    /// Whether the letters of this text stand for themselves, one by one, and the face that is asked
    /// for first has them all: then resvg needs no help.
    pub(crate) fn is_plain_in(&self, text: &str, lettering: &Lettering) -> bool {
        let first = self.candidates(lettering).first().copied();
        first.is_some_and(|first| self.is_plain(text, first))
    }

    /// Whether this is so in any face that a text could name.
    pub(crate) fn is_plain_in_all(&self, text: &str) -> bool {
        let is_asked_for = |number: usize| number == 0 || text.contains(&self.faces[number].family);
        let mut numbers = (0..self.faces.len()).filter(|number| is_asked_for(*number));
        numbers.all(|number| self.is_plain(text, number))
    }

    /// The face of such a text, if one of these families is there, and its letters are outlines alone.
    pub(crate) fn plain_face(&self, text: &str, families: &[FontFamily]) -> Option<usize> {
        let families: Vec<Family<'_>> = families.iter().map(family).collect();
        let asked: &[_] = if families.is_empty() { &[Family::Serif] } else { &families };
        let id = self.database.query(&Query { families: asked, ..Query::default() })?;
        let number = self.faces.iter().position(|face| face.id == id)?;
        let face = &self.faces[number];
        (!face.has_color && !face.is_variable && self.is_plain(text, number)).then_some(number)
    }

    /// A plain text, shaped.
    pub(crate) fn glyphs(&self, text: &str, face: usize, size: f32) -> Vec<Glyph> {
        self.shape(text, &self.faces[face], size, 400)
    }

    pub(crate) fn units_per_em(&self, face: usize) -> f32 {
        self.faces[face].units_per_em
    }

    /// Reads in a face's font.
    pub(crate) fn read<T: Default>(&self, face: usize, work: impl FnOnce(&FontRef<'_>) -> T) -> T {
        self.with(&self.faces[face], work)
    }

    /// A face by its number.
    pub(crate) fn id(&self, face: usize) -> Option<ID> {
        self.faces.get(face).map(|face| face.id)
    }

    fn is_plain(&self, text: &str, face: usize) -> bool {
        let face = &self.faces[face];
        let stands_for_itself = |c: char| is_simple(c) || matches!(c, '\n' | '\r' | '\t');
        text.chars().all(stands_for_itself)
            && self.with(face, |font| {
                let map = font.charmap();
                let has = |c: char| map.map(c).is_some();
                let is_drawn = |c| !face.has_color || map.map(c).is_some_and(|id| draws(font, id));
                let is_known = |c: char| face.has_ascii && c.is_ascii();
                text.chars().all(|c| is_known(c) || is_blank_char(c) || (has(c) && is_drawn(c)))
            })
    }

    /// All faces, those that are asked for first.
    fn candidates(&self, lettering: &Lettering) -> Vec<usize> {
        let families = lettering.families.iter().map(family).chain([Family::Serif]);
        let families = families.chain(self.faces.iter().map(|face| Family::Name(&face.family)));
        let mut found = Vec::new();
        for family in families {
            let query = Query {
                families: &[family],
                weight: Weight(lettering.weight),
                style: if lettering.is_italic { Style::Italic } else { Style::Normal },
                ..Query::default()
            };
            let id = self.database.query(&query);
            let number = id.and_then(|id| self.faces.iter().position(|face| face.id == id));
            if let Some(number) = number.filter(|number| !found.contains(number)) {
                found.push(number);
            }
        }
        found
    }

    /// Where the text is cut, and the face of each piece, in the order in which they are seen.
    fn pieces(&self, text: &str, candidates: &[usize]) -> Vec<(Range<usize>, usize)> {
        let bidi = BidiInfo::new(text, Some(Level::ltr()));
        // As resvg does: what comes after a paragraph's end is not drawn.
        let Some(paragraph) = bidi.paragraphs.first() else { return Vec::new() };
        let (levels, directed) = bidi.visual_runs(paragraph, paragraph.range.clone());
        let mut pieces = Vec::new();
        for range in directed {
            let mut here: Vec<(Range<usize>, usize)> = Vec::new();
            for (at, cluster) in text[range.clone()].grapheme_indices(true) {
                let (start, end) = (range.start + at, range.start + at + cluster.len());
                let before = here.last().map(|(_, face)| *face);
                let face = self.choose(cluster, candidates, before);
                match here.last_mut() {
                    Some((last, of)) if *of == face => last.end = end,
                    _ => here.push((start..end, face)),
                }
            }
            if levels[range.start].is_rtl() {
                here.reverse();
            }
            pieces.extend(here);
        }
        // In one face resvg itself finds the order.
        let first = pieces.first().map(|(_, face)| *face);
        match first {
            Some(face) if pieces.iter().all(|(_, of)| *of == face) => {
                vec![(paragraph.range.clone(), face)]
            }
            _ => pieces,
        }
    }

    /// The face of a cluster: the first that has all of it, or else the most.
    fn choose(&self, cluster: &str, candidates: &[usize], before: Option<usize>) -> usize {
        if let Some(before) = before.filter(|_| cluster.chars().all(is_ignorable)) {
            return before;
        }
        let in_color = |face: &&usize| self.faces[**face].has_color;
        let wants_color = cluster.chars().any(is_emoji_sign);
        let colored = candidates.iter().filter(|face| wants_color && in_color(face));
        let ordered = colored.chain(candidates).copied();
        if let Some(face) = ordered.clone().find(|face| self.has(*face, cluster)) {
            return face;
        }
        let has = |face, c: char| self.has(face, c.encode_utf8(&mut [0; 4]));
        let lacks = |face: &usize| cluster.chars().filter(|c| !has(*face, *c)).count();
        ordered.min_by_key(lacks).unwrap_or_default() // of equal ones the first
    }

    /// Whether a face draws all of a cluster.
    fn has(&self, face: usize, cluster: &str) -> bool {
        let face = &self.faces[face];
        let mut chars = cluster.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return is_blank_char(c)
                || self.with(face, |font| {
                    let glyph = font.charmap().map(c);
                    glyph.is_some_and(|id| !face.has_color || draws(font, id))
                });
        }
        let glyphs = self.shape(cluster, face, 16.0, 400);
        glyphs.iter().all(|glyph| glyph.id != GlyphId::NOTDEF)
            && (!face.has_color
                || self.with(face, |font| glyphs.iter().any(|glyph| draws(font, glyph.id))))
    }

    fn run_width(&self, text: &str, face: usize, lettering: &Lettering) -> f32 {
        let face = &self.faces[face];
        let glyphs = self.shape(text, face, lettering.size, lettering.weight);
        let advances: f32 = glyphs.iter().map(|glyph| glyph.advance).sum();
        let mut spaces = 0;
        if lettering.spacing != 0.0 {
            let mut clusters: Vec<usize> = glyphs.iter().map(|glyph| glyph.at).collect();
            clusters.dedup();
            clusters.pop(); // no space behind the last one
            let is_spaced = |at: &&usize| text[**at..].chars().next().is_some_and(is_spaced);
            spaces = clusters.iter().filter(is_spaced).count();
        }
        advances * lettering.size / face.units_per_em + lettering.spacing * spaces as f32
    }

    /// As resvg does it.
    fn shape(&self, text: &str, face: &Face, size: f32, weight: u16) -> Vec<Glyph> {
        let bidi = BidiInfo::new(text, Some(Level::ltr()));
        let Some(paragraph) = bidi.paragraphs.first() else { return Vec::new() };
        let (levels, directed) = bidi.visual_runs(paragraph, paragraph.range.clone());
        self.with(face, |font| {
            let instance = face.is_variable.then(|| {
                let has_sizes = font.axes().get_by_tag(Tag::new(b"opsz")).is_some();
                let sizes = has_sizes.then_some((Tag::new(b"opsz"), size));
                let variations = [(Tag::new(b"wght"), f32::from(weight))];
                ShaperInstance::from_variations(font, variations.into_iter().chain(sizes))
            });
            let shaper = face.shaper.shaper(font).instance(instance.as_ref()).build();
            let mut glyphs = Vec::new();
            for range in directed {
                let mut buffer = UnicodeBuffer::new();
                buffer.push_str(&text[range.clone()]);
                buffer.set_direction(match levels[range.start].is_ltr() {
                    true => Direction::LeftToRight,
                    false => Direction::RightToLeft,
                });
                buffer.guess_segment_properties();
                let plan = (!face.is_variable).then(|| face.plans.plan(&shaper, &buffer));
                let shaped = shaper.shape(buffer, ShapeOptions::new().plan(plan.as_deref()));
                let infos = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
                glyphs.extend(infos.map(|(info, position)| Glyph {
                    at: range.start + info.cluster as usize,
                    id: GlyphId::new(info.glyph_id),
                    advance: position.x_advance as f32,
                    dx: position.x_offset as f32,
                    dy: position.y_offset as f32,
                }));
            }
            glyphs
        })
    }

    fn with<T: Default>(&self, face: &Face, work: impl FnOnce(&FontRef<'_>) -> T) -> T {
        let with_data =
            |data: &[u8], index| FontRef::from_index(data, index).ok().map(|f| work(&f));
        self.database.with_face_data(face.id, with_data).flatten().unwrap_or_default()
    }
}

impl Face {
    /// `None` if nothing of it can be drawn.
    fn new(database: &Database, id: ID) -> Option<Self> {
        let family = database.face(id)?.families.first()?.0.clone();
        let with_data = |data: &[u8], index| {
            let font = FontRef::from_index(data, index).ok()?;
            let has_any = |tables: &[&[u8; 4]]| {
                tables.iter().any(|table| font.data_for_tag(Tag::new(table)).is_some())
            };
            let has_color = has_any(&[b"COLR", b"SVG ", b"CBDT", b"sbix"])
                || !has_any(&[b"glyf", b"CFF ", b"CFF2"]);
            if has_color && !font.charmap().mappings().any(|(_, glyph)| draws(&font, glyph)) {
                return None;
            }
            let units_per_em = font.head().ok()?.units_per_em();
            let map = font.charmap();
            let has = |c: char| map.map(c).is_some_and(|id| !has_color || draws(&font, id));
            Some(Self {
                id,
                family,
                shaper: ShaperData::new(&font),
                plans: Plans::default(),
                // Others are nothing to resvg.
                units_per_em: (16..=16_384).contains(&units_per_em).then_some(units_per_em)?.into(),
                has_color,
                is_variable: !font.axes().is_empty(),
                has_ascii: ('!'..='~').all(has),
            })
        };
        database.with_face_data(id, with_data).flatten()
    }
}

pub(crate) fn family(family: &FontFamily) -> Family<'_> {
    match family {
        FontFamily::Serif => Family::Serif,
        FontFamily::SansSerif => Family::SansSerif,
        FontFamily::Cursive => Family::Cursive,
        FontFamily::Fantasy => Family::Fantasy,
        FontFamily::Monospace => Family::Monospace,
        FontFamily::Named(name) => Family::Name(name),
    }
}

/// Whether resvg leaves a trace of this glyph.
fn draws(font: &FontRef<'_>, glyph: GlyphId) -> bool {
    let is_outline = || {
        let outline = font.outline_glyphs().get(glyph);
        outline.is_some_and(|_| {
            let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
            metrics.bounds(glyph).is_none_or(|bounds| bounds.x_max > bounds.x_min)
        })
    };
    let is_svg = || font.svg().is_ok_and(|svg| matches!(svg.glyph_data(glyph), Ok(Some(_))));
    let is_bitmap = || {
        let image = font.bitmap_strikes().glyph_for_size(Size::unscaled(), glyph);
        cfg!(feature = "images")
            && image.is_some_and(|image| matches!(image.data, BitmapData::Png(_)))
    };
    font.color_glyphs().get(glyph).is_some() || is_svg() || is_bitmap() || is_outline()
}
