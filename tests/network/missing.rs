//! What may not be on a machine, and is left out there.

use super::say;

/// Whether programs are on this machine, given with the Debian packages that have them. If not, says
/// so loudly, and in CI fails.
pub(crate) fn are_there(what: &str, programs: &[(&str, &str)]) -> bool {
    let missing = programs.iter().find(|(program, _)| !is_there(program));
    let Some((program, package)) = missing else { return true };
    let why = format!("no {program} here (Debian package {package}; see tests/install)");
    assert!(std::env::var_os("CI").is_none(), "{what} can't be tested: there is {why}");
    leave_out(what, &format!("there is {why}"));
    false
}

pub(crate) fn leave_out(what: &str, why: &str) {
    say(format_args!("\nWARNING: {what} WAS LEFT OUT, {why}\n"));
}

/// Debian has some in folders that are in nobody's path but root's.
fn is_there(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|folder| folder.join(program).is_file())
}
