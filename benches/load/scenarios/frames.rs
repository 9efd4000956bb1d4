//! What a frame costs the server's processor: everybody sees a new picture ten times a second.

use std::time::Duration;

use super::{Plan, crowd_of, join_after_all_is_drawn};
use crate::client::Outcome;
use crate::measure::samples::Samples;
use crate::server::Kind;

const EVERY: Duration = Duration::from_millis(100);
const STREAMS_A_CONNECTION: usize = 100;

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    for viewers in plan.viewers.map_or(vec![2000, 5000], |viewers| vec![viewers]) {
        let viewers = plan.fitting(viewers);
        for kind in plan.kinds(|kind| !kind.is_h2() || viewers <= 2000) {
            one(plan, kind, viewers, samples)?;
        }
    }
    Ok(())
}

fn one(plan: &Plan<'_>, kind: Kind, viewers: usize, samples: &mut Samples) -> Outcome<()> {
    let mut server = plan.start(kind)?;
    let mut crowd = crowd_of(kind, &server, STREAMS_A_CONNECTION)?;
    join_after_all_is_drawn(&mut crowd, &mut server, viewers)?;
    crowd.look_on(EVERY * 5, EVERY, &mut |_| server.change())?;
    crowd.look(EVERY * 3)?;

    let (frames, before) = (crowd.tally(|tally| tally.frames), server.usage()?);
    let mut changes = 0;
    crowd.look_on(plan.seconds(5, 2), EVERY, &mut |_| {
        changes += 1;
        server.change()
    })?;
    crowd.look(EVERY * 3)?;
    let used = server.usage()?.since(before);
    let frames = (crowd.tally(|tally| tally.frames) - frames) as f64;

    let case = format!("frames: {viewers} viewers");
    samples.add(&case, kind, "CPU us a frame", used.cpu_us / frames)?;
    samples.add(&case, kind, "of it outside of the kernel", used.own_us() / frames)?;
    samples.add(&case, kind, "% of frames seen", frames / (changes * viewers) as f64 * 100.0)?;
    Ok(())
}
