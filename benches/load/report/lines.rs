//! How many have had to wait for how long: a line for each server.

use std::path::Path;

use plotters::style::text_anchor::HPos;

use super::paper::{FAINT, INK, Outcome, Paper, WIDTH, color_of, step_of};
use super::table::{self, HIDDEN};
use crate::measure::samples::Samples;
use crate::scenarios::storm::PERCENTS;

const HEIGHT: i32 = 380;
const TOP: i32 = 56;
const BOTTOM: i32 = HEIGHT - 52;
const LEFT: i32 = 60;
/// For the names.
const RIGHT: i32 = WIDTH - 160;

pub(crate) fn draw(samples: &Samples, case: &str, title: &str, file: &Path) -> Outcome<()> {
    let wait = |kind, percent| samples.median(case, kind, &format!("{HIDDEN}p{percent}"));
    let kinds = samples.kinds(case);
    let most = kinds.iter().filter_map(|kind| wait(*kind, 100)).fold(1.0, f64::max);
    let step = step_of(most / 6.0);
    let end = (most / step).ceil() * step;
    let x = |millis: f64| LEFT + (millis / end * f64::from(RIGHT - LEFT)).round() as i32;
    let y = |percent: u32| BOTTOM - (BOTTOM - TOP) * percent.cast_signed() / 100;

    let paper = Paper::new(file, HEIGHT, title)?;
    for percent in [0, 25, 50, 75, 100] {
        paper.line(vec![(LEFT, y(percent)), (RIGHT, y(percent))], FAINT, 1)?;
        paper.write(&format!("{percent} %"), (LEFT - 8, y(percent)), 13, INK, HPos::Right)?;
    }
    let mut tick = 0.0;
    while tick <= end {
        paper.line(vec![(x(tick), TOP), (x(tick), BOTTOM)], FAINT, 1)?;
        paper.write(&table::whole(tick), (x(tick), BOTTOM + 16), 13, INK, HPos::Center)?;
        tick += step;
    }
    let axis = "milliseconds from connecting to the whole picture";
    paper.write(axis, (i32::midpoint(LEFT, RIGHT), BOTTOM + 38), 13, INK, HPos::Center)?;
    for (kind, row) in kinds.into_iter().zip(0..) {
        let points =
            PERCENTS.iter().filter_map(|percent| Some((x(wait(kind, *percent)?), y(*percent))));
        paper.line(points.collect(), color_of(kind), 3)?;
        let middle = TOP + 8 + row * 24;
        paper.fill((RIGHT + 20, middle - 2), (RIGHT + 40, middle + 2), color_of(kind))?;
        paper.write(&kind.name(), (RIGHT + 48, middle), 14, INK, HPos::Left)?;
    }
    paper.finish()
}
