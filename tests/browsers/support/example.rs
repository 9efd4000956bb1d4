//! The crate's examples, built for tests that run them as processes of their own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// The program of one of these examples, all of which are built at the first time.
pub(crate) async fn example(all: &[&str], name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a test knows its file");
    let profile = tests.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
    static BUILT: OnceCell<()> = OnceCell::const_new();
    BUILT.get_or_init(|| build(profile, all)).await;
    profile.join("examples").join(name)
}

/// Always, and not only if they are missing: `cargo test --test browsers` leaves old ones in place.
async fn build(profile: &Path, examples: &[&str]) {
    let target = profile.parent().expect("a profile's folder is inside of target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--all-features", "--target-dir"]).arg(target);
    cargo.args(examples.iter().flat_map(|name| ["--example", name]));
    // What cargo says of this package to its tests; a dependency that asks for it would be built anew.
    let told = std::env::vars_os().map(|(name, _)| name);
    let is_told = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    told.filter(is_told).for_each(|name| {
        cargo.env_remove(name);
    });
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.stdin(Stdio::null()).status().await.expect("cargo runs");
    assert!(status.success(), "the examples are built");
}
