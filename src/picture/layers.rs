//! Pictures in layers, one upon the other: what is below is the same in many pictures, such as a badge's
//! ground and its label, and need not be drawn anew for every number.
//!
//! A template says where they begin. Each is whole without the others, so that to draw them one after the
//! other is to draw them all.

use std::borrow::Cow;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use resvg::tiny_skia::Pixmap;

/// Where a layer begins, among the root's children.
const MARK: &str = "<!--livebadge layer-->";
/// A flat badge's ground takes 25 KB, and as much again with its label.
const CACHE_BYTES: u64 = 2 * 1024 * 1024;
const CACHED: usize = 64;

/// An SVG by its layers.
pub(crate) struct Stack<'a> {
    svg: &'a str,
    /// Where the root begins to have children.
    head: usize,
    /// Where each layer ends.
    ends: Vec<usize>,
}

impl<'a> Stack<'a> {
    /// As one layer.
    pub(crate) fn whole(svg: &'a str) -> Self {
        Self { svg, head: 0, ends: vec![svg.len()] }
    }

    /// As the layers that it says it has. What makes all of them one, such as opacity, leaves but one.
    pub(crate) fn of(svg: &'a str) -> Self {
        let mut starts = svg.match_indices(MARK).map(|(at, _)| at);
        match starts.next() {
            Some(head) if !svg[..head].contains("opacity") => {
                Self { svg, head, ends: starts.chain([svg.len()]).collect() }
            }
            _ => Self::whole(svg),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A layer alone, as an SVG.
    pub(crate) fn layer(&self, number: usize) -> Cow<'a, str> {
        if self.len() == 1 {
            return self.svg.into();
        }
        let start = if number == 0 { self.head } else { self.ends[number - 1] };
        let (head, layer) = (&self.svg[..self.head], &self.svg[start..self.ends[number]]);
        let end = if self.ends[number] == self.svg.len() { "" } else { "</svg>" };
        [head, layer, end].concat().into()
    }
}

/// A memory of layers that others were drawn upon.
#[derive(Debug)]
pub(crate) struct Layers(Cache<Below, Pixmap, Bytewise>);

/// All text up to a layer's end, and the scale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Below(String, u32);

impl Below {
    fn of(stack: &Stack<'_>, number: usize, scale: f32) -> Self {
        Self(stack.svg[..stack.ends[number]].to_owned(), scale.to_bits())
    }
}

impl Layers {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(CACHED, CACHE_BYTES, Bytewise))
    }

    /// The highest layer that is known, with all below it, and how many these are. The last one is never.
    pub(crate) fn known(&self, stack: &Stack<'_>, scale: f32) -> Option<(Pixmap, usize)> {
        let below = (0..stack.len() - 1).rev();
        let known = |number| Some((self.0.get(&Below::of(stack, number, scale))?, number + 1));
        below.into_iter().find_map(known)
    }

    /// Remembers what has been drawn so far, unless it is all.
    pub(crate) fn keep(&self, stack: &Stack<'_>, number: usize, scale: f32, drawn: &Pixmap) {
        if number + 1 < stack.len() {
            self.0.insert(Below::of(stack, number, scale), drawn.clone());
        }
    }
}

/// Weighs pixels with their text.
#[derive(Debug, Clone)]
struct Bytewise;

impl Weighter<Below, Pixmap> for Bytewise {
    fn weight(&self, below: &Below, drawn: &Pixmap) -> u64 {
        (below.0.len() + drawn.data().len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_is_an_svg_of_its_own() {
        let svg = "<svg width='1'><!--livebadge layer--><a/><!--livebadge layer--><b/></svg>";
        let stack = Stack::of(svg);
        assert_eq!(stack.len(), 2);
        assert_eq!(stack.layer(0), "<svg width='1'><!--livebadge layer--><a/></svg>");
        assert_eq!(stack.layer(1), "<svg width='1'><!--livebadge layer--><b/></svg>");
    }

    #[test]
    fn what_is_one_thing_is_one_layer() {
        for svg in [
            "<svg><a/></svg>",
            "<svg opacity='.5'><!--livebadge layer--><a/><!--livebadge layer--></svg>",
        ] {
            let stack = Stack::of(svg);
            assert_eq!((stack.len(), stack.layer(0)), (1, svg.into()));
        }
    }

    #[test]
    fn the_highest_known_layer_is_found_and_none_of_another_picture() {
        let layers = Layers::new();
        let svg = |last| {
            format!(
                "<svg><!--livebadge layer--><a/><!--livebadge layer--><b/><!--livebadge layer-->{last}</svg>"
            )
        };
        let (one, other) = (svg("<c/>"), svg("<d/>"));
        let pixmap = |width| Pixmap::new(width, 1).unwrap();
        (0..3).for_each(|number| {
            layers.keep(&Stack::of(&one), number, 2.0, &pixmap(number as u32 + 1))
        });
        let known = |svg: &str, scale| layers.known(&Stack::of(svg), scale);
        assert_eq!(known(&one, 2.0), Some((pixmap(2), 2)));
        assert_eq!(known(&other, 2.0), Some((pixmap(2), 2)));
        assert_eq!(known(&other, 1.0), None);
        assert_eq!(known(&other.replace("<b/>", "<e/>"), 2.0), Some((pixmap(1), 1)));
        assert_eq!(known(&other.replace("<a/>", "<e/>"), 2.0), None);
    }
}
