//! Tables in Markdown: the median of all runs, and how it compares with plain hyper.

use std::fmt::Write;

use crate::measure::samples::Samples;
use crate::server::Kind;

/// Details that are for plots.
pub(crate) const HIDDEN: &str = "~";

pub(crate) fn all(samples: &Samples) -> String {
    let mut out = String::new();
    for case in samples.cases() {
        let metrics = samples.metrics(case);
        let shown: Vec<&str> =
            metrics.into_iter().filter(|metric| !metric.starts_with(HIDDEN)).collect();
        let _ = writeln!(out, "**{case}**\n\n| server | {} |", shown.join(" | "));
        let _ = writeln!(out, "|{}", " --- |".repeat(shown.len() + 1));
        for kind in samples.kinds(case) {
            let cells: Vec<String> =
                shown.iter().map(|metric| cell(samples, case, kind, metric)).collect();
            let _ = writeln!(out, "| `{}` | {} |", kind.name(), cells.join(" | "));
        }
        out.push('\n');
    }
    out
}

fn cell(samples: &Samples, case: &str, kind: Kind, metric: &str) -> String {
    let Some(value) = samples.median(case, kind, metric) else { return String::new() };
    let base = kind.baseline();
    match samples.median(case, base, metric).filter(|base| *base > 0.0) {
        // It is a ratio.
        Some(_) if metric.contains('%') => number(value),
        Some(of_base) if kind != base => format!("{} ({:.2} x)", number(value), value / of_base),
        _ => number(value),
    }
}

/// With three digits that count, or as many as it has before the point.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => whole(value),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// In groups of three digits.
pub(crate) fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
