//! What is done to the servers. In each run every server has its turn, so that whatever else the machine
//! does hits all alike.

mod frames;
mod memory;
mod rooms;

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use crate::client::{Crowd, Outcome};
use crate::measure::process::Server;
use crate::measure::samples::Samples;
use crate::server::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// What a frame costs
    Frames,
    /// What an idle viewer costs
    Memory,
    /// What rooms cost that have one viewer each
    Rooms,
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
    let is_wanted = |this| scenario == this || scenario == Scenario::All;
    for _ in 0..plan.runs {
        if is_wanted(Scenario::Frames) {
            frames::run(plan, samples)?;
        }
        if is_wanted(Scenario::Memory) {
            memory::run(plan, samples)?;
        }
        if is_wanted(Scenario::Rooms) {
            rooms::run(plan, samples)?;
        }
    }
    Ok(())
}

/// So many may wait for their first frame, where a storm is not what is measured.
const AT_ONCE: usize = 100;
const VALUES: &str = "/values.png";

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
