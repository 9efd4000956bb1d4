//! What is between a server and its viewers: packets that are lost without a word, proxies, a server that
//! has no file descriptor left, and one that stands still. Examples run as processes of their own. `tests/install`
//! installs the programs; what was measured is printed.
#![cfg(target_os = "linux")]

#[path = "../suite/common/mod.rs"]
mod common;
mod descriptors;
mod loss;
mod missing;
mod pause;
mod program;
mod proxies;
mod road;
mod server;
#[path = "../browsers/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what only other tests need")]
mod support;
mod viewer;

use std::fmt::Display;
use std::io::Write;

/// Not eprintln!, which the test harness keeps to itself while tests pass.
fn say(line: impl Display) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
