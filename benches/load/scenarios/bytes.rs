//! What goes over the wire to one viewer: for the first picture with all that is around it, for the next
//! one, and while nothing changes.

use std::time::Duration;

use super::{Plan, VALUES, crowd_of};
use crate::client::Outcome;
use crate::measure::samples::Samples;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: f64 = 60.0;

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    for kind in plan.kinds(|kind| !kind.is_h2()) {
        let mut server = plan.start(kind)?;
        let mut crowd = crowd_of(kind, &server, 1)?;
        crowd.join(1, 1, &|_| VALUES.to_owned())?;
        // Everything that comes within a second is the beginning.
        crowd.look(SECOND)?;
        let opening = crowd.tally(|tally| tally.bytes);
        crowd.look_on(SECOND, SECOND, &mut |_| server.change())?;
        let step = crowd.tally(|tally| tally.bytes) - opening;
        let time = plan.seconds(60, 10);
        crowd.look(time)?;
        let idle = crowd.tally(|tally| tally.bytes) - opening - step;

        let case = "bytes on the wire";
        samples.add(case, kind, "opening", opening as f64)?;
        samples.add(case, kind, "step", step as f64)?;
        samples.add(case, kind, "idle minute", idle as f64 * MINUTE / time.as_secs_f64())?;
    }
    Ok(())
}
