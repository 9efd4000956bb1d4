//! As many viewers as there are descriptors, and a new picture each second.

use std::time::Duration;

use super::{Plan, crowd_of, join_after_all_is_drawn};
use crate::client::Outcome;
use crate::measure::samples::Samples;
use crate::server::Kind;

const VIEWERS: usize = 19_900;
const EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    let viewers = plan.fitting(plan.viewers.unwrap_or(VIEWERS));
    for kind in plan.kinds(|kind| {
        matches!(kind, Kind::Hyper | Kind::Axum | Kind::Livebadge | Kind::LivebadgeServe)
    }) {
        let mut server = plan.start(kind)?;
        let mut crowd = crowd_of(kind, &server, 1)?;
        join_after_all_is_drawn(&mut crowd, &mut server, viewers)?;
        crowd.look(EVERY)?;
        let (frames, memory) = (crowd.tally(|tally| tally.frames), server.memory()?);
        let (mut changes, used) = (0, server.usage()?);
        crowd.look_on(plan.seconds(60, 10), EVERY, &mut |_| {
            changes += 1;
            server.change()
        })?;
        crowd.look(EVERY)?;
        let used = server.usage()?.since(used);
        let frames = (crowd.tally(|tally| tally.frames) - frames) as f64;

        let case = format!("hold: {viewers} viewers");
        samples.add(
            &case,
            kind,
            "% of frames seen",
            frames / (changes * viewers) as f64 * 100.0,
        )?;
        samples.add(&case, kind, "CPU us a frame", used.cpu_us / frames)?;
        samples.add(&case, kind, "MB at the beginning", memory / 1e6)?;
        samples.add(&case, kind, "MB at the end", server.memory()? / 1e6)?;
    }
    Ok(())
}
