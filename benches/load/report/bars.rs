//! One figure of all servers: a bar for each.

use std::path::Path;

use plotters::style::text_anchor::HPos;

use super::paper::{INK, Outcome, Paper, WIDTH, color_of};
use super::table;
use crate::measure::samples::Samples;

const TOP: i32 = 52;
const ROW: i32 = 30;
const BAR: i32 = 20;
const LEFT: i32 = 150;
/// For the number behind the longest bar.
const RIGHT: i32 = 110;

pub(crate) fn draw(
    samples: &Samples,
    case: &str,
    metric: &str,
    title: &str,
    unit: &str,
    file: &Path,
) -> Outcome<()> {
    let kinds = samples.kinds(case);
    let figures: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| Some((kind, samples.median(case, kind, metric)?)))
        .collect();
    let rows = i32::try_from(figures.len())?;
    let most = figures.iter().fold(0.0, |most: f64, (_, value)| most.max(*value));
    let paper = Paper::new(file, TOP + rows * ROW + 10, title)?;
    for ((kind, value), row) in figures.into_iter().zip(0..) {
        let (top, middle) = (TOP + row * ROW, TOP + row * ROW + BAR / 2);
        let length = (value / most * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
        paper.write(&kind.name(), (LEFT - 10, middle), 14, INK, HPos::Right)?;
        paper.fill((LEFT, top), (LEFT + length.max(1), top + BAR), color_of(kind))?;
        let figure = format!("{} {unit}", table::number(value));
        paper.write(&figure, (LEFT + length + 8, middle), 14, INK, HPos::Left)?;
    }
    paper.finish()
}
