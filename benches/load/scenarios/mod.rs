//! What is done to the servers. In each run every server has its turn, so that whatever else the machine
//! does hits all alike.

mod bytes;
mod frames;
mod hold;
mod memory;
mod rooms;
mod spread;
pub(crate) mod storm;

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use crate::client::{Crowd, Outcome};
use crate::measure::process::Server;
use crate::measure::samples::Samples;
use crate::pictures;
use crate::server::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// What a frame costs
    Frames,
    /// What an idle viewer costs
    Memory,
    /// How soon ten thousand who come at once see something, with a picture of how many they are
    Storm,
    /// How long after a change the last of a crowd sees it
    Spread,
    /// As many viewers as there are descriptors, for a minute
    Hold,
    /// What rooms cost that have one viewer each
    Rooms,
    /// What goes over the wire
    Bytes,
    All,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) viewers: Option<usize>,
    pub(crate) runs: usize,
    pub(crate) is_quick: bool,
    /// Only these, if there are any.
    pub(crate) only: Vec<Kind>,
    pub(crate) descriptors: usize,
    pub(crate) pictures: &'a Path,
}

pub(crate) fn run(scenario: Scenario, plan: &Plan<'_>, samples: &mut Samples) -> Outcome<()> {
    type Run = fn(&Plan<'_>, &mut Samples) -> Outcome<()>;
    let all: [(Scenario, Run); 7] = [
        (Scenario::Frames, frames::run),
        (Scenario::Memory, memory::run),
        (Scenario::Storm, storm::run),
        (Scenario::Spread, spread::run),
        (Scenario::Hold, hold::run),
        (Scenario::Rooms, rooms::run),
        (Scenario::Bytes, bytes::run),
    ];
    for _ in 0..plan.runs {
        for (this, run) in all {
            if scenario == this || scenario == Scenario::All {
                run(plan, samples)?;
            }
        }
    }
    Ok(())
}

/// So many may wait for their first frame, where a storm is not what is measured.
const AT_ONCE: usize = 100;
const VALUES: &str = "/values.png";
/// More than it takes to draw a picture.
const DRAWING: Duration = Duration::from_millis(20);

impl Plan<'_> {
    fn kinds(&self, fit: impl Fn(Kind) -> bool) -> Vec<Kind> {
        let is_wanted = |kind: &Kind| self.only.is_empty() || self.only.contains(kind);
        let all = Kind::value_variants().iter().copied();
        all.filter(|kind| is_wanted(kind) && fit(*kind)).collect()
    }

    fn start(&self, kind: Kind) -> Outcome<Server> {
        Server::start(kind, self.pictures)
    }

    fn seconds(&self, long: u64, quick: u64) -> Duration {
        Duration::from_secs(if self.is_quick { quick } else { long })
    }

    /// As many viewers with a connection each as descriptors allow.
    fn fitting(&self, viewers: usize) -> usize {
        viewers.min(self.descriptors.saturating_sub(100))
    }
}

/// Whoever comes to one server.
fn crowd_of(kind: Kind, server: &Server, streams_a_connection: usize) -> Outcome<Crowd> {
    if kind.is_h2() {
        Crowd::h2(server.address, streams_a_connection)
    } else {
        Crowd::h1(server.address)
    }
}

/// Nothing that follows is drawn for the first time.
fn join_after_all_is_drawn(crowd: &mut Crowd, server: &mut Server, viewers: usize) -> Outcome<()> {
    let path = |_| VALUES.to_owned();
    crowd.join(1, 1, &path)?;
    let all = DRAWING * u32::try_from(pictures::NUMBERS.len())?;
    crowd.look_on(all, DRAWING, &mut |_| server.change())?;
    crowd.join(viewers - 1, AT_ONCE, &path)
}

fn millis(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
