//! All that was measured: a line for each figure, in a file that later runs can add to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;

use super::percentiles::median;
use crate::server::Kind;

const FILE: &str = "samples.csv";

#[derive(Debug)]
pub(crate) struct Samples {
    all: Vec<Sample>,
    file: File,
}

#[derive(Debug)]
struct Sample {
    /// A scenario with its numbers.
    case: String,
    kind: Kind,
    metric: String,
    value: f64,
}

impl Samples {
    pub(crate) fn open(folder: &Path, keep: bool) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let before =
            if keep { std::fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        let all = before.lines().filter_map(Sample::read).collect();
        let file =
            OpenOptions::new().create(true).append(keep).write(true).truncate(!keep).open(path)?;
        Ok(Self { all, file })
    }

    pub(crate) fn add(
        &mut self,
        case: &str,
        kind: Kind,
        metric: &str,
        value: f64,
    ) -> io::Result<()> {
        let sample = Sample { case: case.to_owned(), kind, metric: metric.to_owned(), value };
        println!("{case:<44} {:<16} {metric:<24} {value:.2}", kind.name());
        writeln!(self.file, "{case},{},{metric},{value}", kind.name())?;
        self.all.push(sample);
        Ok(())
    }

    /// In the order in which they came.
    pub(crate) fn cases(&self) -> Vec<&str> {
        distinct(self.all.iter().map(|sample| &*sample.case))
    }

    pub(crate) fn metrics(&self, case: &str) -> Vec<&str> {
        distinct(self.all.iter().filter(|sample| sample.case == case).map(|sample| &*sample.metric))
    }

    pub(crate) fn kinds(&self, case: &str) -> Vec<Kind> {
        let there = |kind: &Kind| self.all.iter().any(|s| s.case == case && s.kind == *kind);
        Kind::value_variants().iter().copied().filter(there).collect()
    }

    /// The median of all runs.
    pub(crate) fn median(&self, case: &str, kind: Kind, metric: &str) -> Option<f64> {
        let is_it = |s: &&Sample| s.case == case && s.kind == kind && s.metric == metric;
        let values: Vec<f64> = self.all.iter().filter(is_it).map(|sample| sample.value).collect();
        (!values.is_empty()).then(|| median(&values))
    }
}

impl Sample {
    fn read(line: &str) -> Option<Self> {
        let [case, kind, metric, value] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        Some(Self {
            case: case.to_owned(),
            kind: Kind::from_str(kind, false).ok()?,
            metric: metric.to_owned(),
            value: value.parse().ok()?,
        })
    }
}

fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}
