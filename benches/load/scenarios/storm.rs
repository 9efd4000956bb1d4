//! How soon ten thousand who come at once see something: one picture for all, or, with this crate alone, how
//! many they are, which changes with each of them and is shown to all who are there.

use std::time::Duration;

use super::{Plan, VALUES, crowd_of};
use crate::client::Outcome;
use crate::measure::machine;
use crate::measure::percentiles::percentile;
use crate::measure::samples::Samples;
use crate::report::table::HIDDEN;
use crate::server::Kind;

const VIEWERS: usize = 10_000;
/// After so long without a frame, everybody has the last one.
const QUIET: Duration = Duration::from_millis(500);
const MAX_PAUSES: usize = 40;
/// For the plot of how many have had to wait for how long.
pub(crate) const PERCENTS: [u32; 14] = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100];

const COUNT: &str = "/online.png";

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    let viewers = plan.fitting(plan.viewers.unwrap_or(VIEWERS));
    let case = format!("storm: {viewers} viewers at once");
    for kind in plan.kinds(|kind| !kind.is_h2() && kind != Kind::Sse) {
        one(plan, kind, viewers, (&case, VALUES), samples)?;
    }
    let case = format!("{case}; a picture of how many");
    for kind in plan.kinds(|kind| kind.counts() && !kind.is_h2()) {
        one(plan, kind, viewers, (&case, COUNT), samples)?;
    }
    Ok(())
}

fn one(
    plan: &Plan<'_>,
    kind: Kind,
    viewers: usize,
    (case, path): (&str, &str),
    samples: &mut Samples,
) -> Outcome<()> {
    let server = plan.start(kind)?;
    let mut crowd = crowd_of(kind, &server, 1)?;
    let path = |_| path.to_owned();
    // Whatever is made for the first of them.
    crowd.join(1, 1, &path)?;
    crowd.look(QUIET)?;
    let (before, used) = (crowd.tally(|tally| tally.frames), server.usage()?);

    let turned_away = machine::turned_away();
    crowd.join(viewers - 1, usize::MAX, &path)?;
    let (mut frames, mut pauses) = (0, 0);
    while crowd.tally(|tally| std::mem::replace(&mut frames, tally.frames) != tally.frames) {
        crowd.look(QUIET)?;
        pauses += 1;
        if pauses > MAX_PAUSES {
            return Err("frames without an end".into());
        }
    }
    if !crowd.tally(|tally| tally.is_alike()) {
        return Err("not everybody has the last picture".into());
    }

    let first: Vec<f64> = crowd.tally(|tally| tally.first[1..].iter().map(super::millis).collect());
    let used = server.usage()?.since(used);
    samples.add(case, kind, "first frame p50 ms", percentile(&first, 50.0))?;
    samples.add(case, kind, "p99 ms", percentile(&first, 99.0))?;
    samples.add(case, kind, "frames a join", (frames - before) as f64 / first.len() as f64)?;
    samples.add(case, kind, "CPU us a join", used.cpu_us / first.len() as f64)?;
    if let (Some(before), Some(after)) = (turned_away, machine::turned_away()) {
        samples.add(case, kind, "no room to wait", after - before)?;
    }
    samples.add(case, kind, "reset", crowd.tally(|tally| tally.refused) as f64)?;
    for percent in PERCENTS {
        let metric = format!("{HIDDEN}p{percent}");
        samples.add(case, kind, &metric, percentile(&first, percent.into()))?;
    }
    Ok(())
}
