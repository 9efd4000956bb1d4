//! What rooms cost that have one viewer each, and what the same viewers cost in one room.

use std::time::{Duration, Instant};

use super::{AT_ONCE, DRAWING, Plan};
use crate::client::{Crowd, Outcome};
use crate::measure::samples::Samples;
use crate::pictures;
use crate::server::Kind;
use crate::server::control::Order;

/// All rooms change once in so many steps, and so often.
const STEPS: usize = 100;
const EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    let viewers = plan.fitting(plan.viewers.unwrap_or(10_000));
    let fit = |kind| matches!(kind, Kind::Hyper | Kind::Livebadge | Kind::LivebadgeServe);
    for kind in plan.kinds(fit) {
        for has_rooms in [true, false] {
            counted(plan, kind, viewers, has_rooms, samples)?;
            changing(plan, kind, viewers, has_rooms, samples)?;
        }
    }
    Ok(())
}

/// Pictures of the count.
fn counted(
    plan: &Plan<'_>,
    kind: Kind,
    viewers: usize,
    has_rooms: bool,
    samples: &mut Samples,
) -> Outcome<()> {
    let server = plan.start(kind)?;
    let mut crowd = Crowd::h1(server.address)?;
    crowd.join(1, 1, &|_| "/rooms/first/online.png".to_owned())?;
    let path = |viewer| path(viewer, has_rooms, "online.png");
    let (before, used, begun) = (server.memory()?, server.usage()?, Instant::now());
    crowd.join(viewers, AT_ONCE, &path)?;
    let (took, used) = (begun.elapsed(), server.usage()?.since(used));
    crowd.look(Duration::from_secs(1))?;
    let memory = server.memory()? - before;
    let (time, idle) = (plan.seconds(20, 5), server.usage()?);
    crowd.look(time)?;
    let idle = server.usage()?.since(idle);

    let case = case(viewers, has_rooms);
    let count = viewers as f64;
    samples.add(&case, kind, "bytes a viewer", memory / count)?;
    samples.add(&case, kind, "joins a second", count / took.as_secs_f64())?;
    samples.add(&case, kind, "CPU us a join", used.cpu_us / count)?;
    samples.add(&case, kind, "% of a core idle", idle.cpu_us / time.as_secs_f64() / 1e4)?;
    Ok(())
}

/// Pictures of a value, which changes in each room once a second.
fn changing(
    plan: &Plan<'_>,
    kind: Kind,
    viewers: usize,
    has_rooms: bool,
    samples: &mut Samples,
) -> Outcome<()> {
    let mut server = plan.start(kind)?;
    let mut crowd = Crowd::h1(server.address)?;
    let path = |viewer| path(viewer, has_rooms, "values.png");
    crowd.join(1, 1, &path)?;
    // Every picture once, so that all are drawn.
    let first = if has_rooms { Order::ChangeRooms(0..1) } else { Order::Change };
    let all = DRAWING * u32::try_from(pictures::NUMBERS.len())?;
    crowd.look_on(all, DRAWING, &mut |_| server.tell(&first))?;
    crowd.join(viewers - 1, AT_ONCE, &path)?;
    let every = if has_rooms { EVERY / STEPS as u32 } else { EVERY };
    let order = |step: usize| match has_rooms {
        true => Order::ChangeRooms(
            viewers * (step % STEPS) / STEPS..viewers * (step % STEPS + 1) / STEPS,
        ),
        false => Order::Change,
    };
    // Not measured: whatever is done at the first change alone.
    crowd.look_on(EVERY * 2, every, &mut |step| server.tell(&order(step)))?;
    crowd.look(EVERY / 2)?;
    let (frames, before) = (crowd.tally(|tally| tally.frames), server.usage()?);
    crowd.look_on(plan.seconds(5, 2), every, &mut |step| server.tell(&order(step)))?;
    crowd.look(EVERY / 2)?;
    let used = server.usage()?.since(before);
    let frames = crowd.tally(|tally| tally.frames) - frames;
    samples.add(&case(viewers, has_rooms), kind, "CPU us a frame", used.cpu_us / frames as f64)?;
    Ok(())
}

fn path(viewer: usize, has_rooms: bool, picture: &str) -> String {
    if has_rooms { format!("/rooms/{viewer}/{picture}") } else { format!("/{picture}") }
}

fn case(viewers: usize, has_rooms: bool) -> String {
    let place = if has_rooms { "a room each" } else { "one room" };
    format!("rooms: {viewers} viewers; {place}")
}
