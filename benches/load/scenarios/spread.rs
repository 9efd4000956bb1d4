//! How long after a change a crowd sees it: from the order to the server until the frame is read.

use std::time::Duration;

use super::{Plan, crowd_of, join_after_all_is_drawn};
use crate::client::Outcome;
use crate::measure::percentiles::percentile;
use crate::measure::samples::Samples;

const VIEWERS: usize = 5000;
/// Enough for the slowest to have served all.
const EVERY: Duration = Duration::from_millis(500);

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    let viewers = plan.fitting(plan.viewers.unwrap_or(VIEWERS));
    for kind in plan.kinds(|kind| !kind.is_h2()) {
        let mut server = plan.start(kind)?;
        let mut crowd = crowd_of(kind, &server, 1)?;
        join_after_all_is_drawn(&mut crowd, &mut server, viewers)?;
        crowd.look(EVERY)?;
        crowd.tally(|tally| tally.late.clear());
        crowd.look_on(plan.seconds(5, 2), EVERY, &mut |_| server.change())?;
        crowd.look(EVERY)?;

        let late: Vec<f64> = crowd.tally(|tally| tally.late.iter().map(super::millis).collect());
        let case = format!("spread: {viewers} viewers");
        for (metric, percent) in [("first ms", 0.0), ("p50 ms", 50.0), ("p99 ms", 99.0)] {
            samples.add(&case, kind, metric, percentile(&late, percent))?;
        }
    }
    Ok(())
}
