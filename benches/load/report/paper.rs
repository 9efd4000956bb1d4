//! What plots are drawn on and with.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::server::Kind;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) const WIDTH: i32 = 720;
pub(crate) const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
pub(crate) const FAINT: RGBColor = RGBColor(0xd8, 0xde, 0xe4);

pub(crate) struct Paper<'a>(DrawingArea<SVGBackend<'a>, Shift>);

impl<'a> Paper<'a> {
    /// White, because a page may be dark, and with a title.
    pub(crate) fn new(file: &'a Path, height: i32, title: &str) -> Outcome<Self> {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let paper = Self(SVGBackend::new(file, size).into_drawing_area());
        paper.0.fill(&WHITE)?;
        paper.write(title, (20, 26), 18, INK, HPos::Left)?;
        Ok(paper)
    }

    pub(crate) fn write(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        color: RGBColor,
        side: HPos,
    ) -> Outcome<()> {
        let style =
            ("sans-serif", size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
        Ok(self.0.draw(&Text::new(text, at, style))?)
    }

    pub(crate) fn fill(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) -> Outcome<()> {
        Ok(self.0.draw(&Rectangle::new([from, to], color.filled()))?)
    }

    pub(crate) fn line(&self, points: Vec<(i32, i32)>, color: RGBColor, width: u32) -> Outcome<()> {
        Ok(self.0.draw(&PathElement::new(points, color.stroke_width(width)))?)
    }

    pub(crate) fn finish(self) -> Outcome<()> {
        Ok(self.0.present()?)
    }
}

/// This crate's are green, as its badges are.
pub(crate) fn color_of(kind: Kind) -> RGBColor {
    match kind {
        Kind::Limit => RGBColor(0xaf, 0xb8, 0xc1),
        Kind::Hyper | Kind::HyperH2 => RGBColor(0x57, 0x60, 0x6a),
        Kind::Axum => RGBColor(0x21, 0x8b, 0xff),
        Kind::Sse => RGBColor(0xa4, 0x75, 0xf9),
        Kind::Livebadge | Kind::LivebadgeH2 => RGBColor(0x2d, 0xa4, 0x4e),
        Kind::LivebadgeServe => RGBColor(0x1a, 0x7f, 0x37),
        Kind::LivebadgeAxum => RGBColor(0x6f, 0xdd, 0x8b),
    }
}

/// A round number that is at least so much.
pub(crate) fn step_of(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|of| of * power)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(least)
}
