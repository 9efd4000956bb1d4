//! Makes what is measured on a shared machine repeatable: a core for each process, and descriptors.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const LOAD_CORE: usize = 1;

/// Keeps this process, with all threads and processes that it will begin, on one core.
pub(crate) fn stay_on(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Whether there is a core for each of the two.
pub(crate) fn has_cores() -> io::Result<bool> {
    let there = sched_getaffinity(None)?;
    Ok(there.is_set(SERVER_CORE) && there.is_set(LOAD_CORE))
}

/// As many as the system lets this process have; how many.
pub(crate) fn raise_descriptors() -> io::Result<usize> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.and_then(|maximum| maximum.try_into().ok()).unwrap_or(usize::MAX))
}

/// How often a listener has had no room for who came, since the machine was started: whoever it was tries
/// again after a second.
pub(crate) fn turned_away() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split(' ').position(|name| name == "ListenDrops")?;
    values.split(' ').nth(at)?.parse().ok()
}
