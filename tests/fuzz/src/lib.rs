//! The targets of `tests/suite/any_bytes`, for the fuzzer.

#[path = "../../suite/common"]
#[allow(dead_code, reason = "the tests use more of it")]
mod common {
    pub(crate) mod multipart;
    pub(crate) mod picture;
}
#[path = "../../suite/any_bytes/targets/mod.rs"]
mod targets;

/// Runs the target of this name. It panics if it finds a fault.
pub fn run(name: &str, bytes: &[u8]) {
    let target = targets::ALL.iter().find(|(known, _)| *known == name);
    target.expect("a target of this name").1(bytes);
}
