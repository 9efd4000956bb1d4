//! What a viewer costs the server's memory, who sees nothing new.

use std::time::Duration;

use super::{AT_ONCE, Plan, VALUES, crowd_of};
use crate::client::Outcome;
use crate::measure::samples::Samples;
use crate::server::Kind;

/// For whatever is made for the first of them.
const FIRST: usize = 10;
const CHANGES: u32 = 10;
const EVERY: Duration = Duration::from_millis(100);

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    let viewers = plan.fitting(plan.viewers.unwrap_or(5000));
    for kind in plan.kinds(|kind| !kind.is_h2()) {
        one(plan, kind, viewers, 1, samples)?;
    }
    for streams_a_connection in [100, 10] {
        for kind in plan.kinds(Kind::is_h2) {
            one(plan, kind, viewers, streams_a_connection, samples)?;
        }
    }
    Ok(())
}

fn one(
    plan: &Plan<'_>,
    kind: Kind,
    viewers: usize,
    streams_a_connection: usize,
    samples: &mut Samples,
) -> Outcome<()> {
    let mut server = plan.start(kind)?;
    let mut crowd = crowd_of(kind, &server, streams_a_connection)?;
    let path = |_| VALUES.to_owned();
    crowd.join(FIRST, AT_ONCE, &path)?;
    crowd.look_on(EVERY * 5, EVERY, &mut |_| server.change())?;
    let before = server.memory()?;
    crowd.join(viewers, AT_ONCE, &path)?;
    crowd.look(Duration::from_secs(1))?;
    let idle = server.memory()?;
    crowd.look_on(EVERY * CHANGES, EVERY, &mut |_| server.change())?;
    crowd.look(Duration::from_secs(1))?;
    let used = server.memory()?;

    let case = if kind.is_h2() {
        format!("memory: {viewers} viewers; {streams_a_connection} a connection")
    } else {
        format!("memory: {viewers} viewers")
    };
    samples.add(&case, kind, "bytes a viewer", (idle - before) / viewers as f64)?;
    samples.add(&case, kind, "after ten frames", (used - before) / viewers as f64)?;
    Ok(())
}
