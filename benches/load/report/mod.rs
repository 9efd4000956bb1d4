//! What was measured, for people: tables, and pictures of those that say the most.

mod bars;
mod lines;
mod paper;
pub(crate) mod table;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::measure::samples::Samples;

pub(crate) fn write(samples: &Samples, folder: &Path) -> Result<(), Box<dyn Error>> {
    let tables = table::all(samples);
    println!("\n{tables}");
    fs::write(folder.join("tables.md"), tables)?;
    let file = |name: &str| folder.join(name);
    let case = |scenario: &str| samples.cases().into_iter().find(|case| case.starts_with(scenario));
    if let Some(case) = case("frames") {
        let title = format!("Processor time for a frame, {}", of(case));
        bars::draw(samples, case, "CPU us a frame", &title, "µs", &file("frames.svg"))?;
    }
    if let Some(case) = case("memory") {
        let title = format!("Memory of a viewer, {}", of(case));
        bars::draw(samples, case, "bytes a viewer", &title, "bytes", &file("memory.svg"))?;
    }
    if let Some(case) = case("spread") {
        let title = format!("A change is seen by 99 of 100, {}", of(case));
        bars::draw(samples, case, "p99 ms", &title, "ms", &file("spread.svg"))?;
    }
    if let Some(case) = case("storm") {
        let title = format!("First picture in a storm, {}", of(case));
        lines::draw(samples, case, &title, &file("storm.svg"))?;
    }
    Ok(())
}

/// A case without its scenario.
fn of(case: &str) -> &str {
    case.split_once(": ").map_or(case, |(_, of)| of)
}
