//! What must hold for all badges of a layer together: whose paths, rooms and totals are whose.

use matchit::{InsertError, Router};

use crate::badge::builder::Badge;
use crate::badge::nearest::nearest;
use crate::error::{BuildError, BuildErrorKind};
use crate::request::params;

/// A badge at its path.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) badge: Badge,
    pub(crate) access: Access,
}

/// Who reaches a badge by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Requests,
    HandleOnly,
}

/// Where each badge is among them, by its path.
pub(crate) fn paths(badges: &[Entry]) -> Result<Router<usize>, BuildError> {
    let mut paths = Router::new();
    for (number, Entry { path, access, .. }) in badges.iter().enumerate() {
        check_path(path, *access)?;
        paths.insert(path, number).map_err(|error| path_error(path, error))?;
    }
    Ok(paths)
}

/// For each badge the one whose rooms it shows.
pub(crate) fn hosts(badges: &[Entry]) -> Result<Vec<usize>, BuildError> {
    let host = |(number, Entry { path, badge, .. }): (usize, &Entry)| {
        let Some(wanted) = &badge.rooms_of else { return Ok(number) };
        let is_host = |other: &Entry| {
            other.badge.rooms_of.is_none() && params::names(path) == params::names(&other.path)
        };
        find(badges, wanted, is_host).map_err(|nearest| {
            BuildError::of(path, BuildErrorKind::RoomsOf { wanted: wanted.clone(), nearest })
        })
    };
    badges.iter().enumerate().map(host).collect()
}

/// The badges that show a total, each with the badge whose rooms it is of.
pub(crate) fn totalled(badges: &[Entry]) -> Result<Vec<(usize, usize)>, BuildError> {
    let mut totalled = Vec::new();
    for (number, Entry { path, badge, .. }) in badges.iter().enumerate() {
        let Some(wanted) = &badge.total_of else { continue };
        let is_host =
            |other: &Entry| other.badge.rooms_of.is_none() && other.badge.total_of.is_none();
        let of = find(badges, wanted, is_host).map_err(|nearest| {
            BuildError::of(path, BuildErrorKind::TotalOf { wanted: wanted.clone(), nearest })
        })?;
        totalled.push((number, of));
    }
    Ok(totalled)
}

/// Where the badge with this path is; if it is not, or not a right one, the path that may be meant.
fn find(
    badges: &[Entry],
    wanted: &str,
    is_right: impl Fn(&Entry) -> bool,
) -> Result<usize, Option<String>> {
    let found = badges.iter().position(|entry| entry.path == wanted && is_right(entry));
    let others = badges.iter().filter(|entry| entry.path != wanted && is_right(entry));
    found.ok_or_else(|| nearest(wanted, others.map(|entry| &*entry.path)))
}

fn check_path(path: &str, access: Access) -> Result<(), BuildError> {
    let reason = match access {
        Access::Requests if !path.starts_with('/') => "a path begins with a slash",
        Access::Requests if path.contains(['?', '#']) => {
            "a path has no query or fragment; queries are ignored, so leave it out"
        }
        _ if path.contains(|c: char| !c.is_ascii_graphic()) => {
            "a path is written as browsers ask for it: percent-encode spaces and other letters"
        }
        Access::HandleOnly if path.starts_with('/') => {
            "an unrouted path begins without a slash, so that no request can mean it"
        }
        _ if params::has_brace_behind_name(path) => {
            "a brace that stands for itself can't be right behind a parameter"
        }
        _ => return Ok(()),
    };
    Err(BuildError::of(path, BuildErrorKind::Path { reason }))
}

fn path_error(path: &str, error: InsertError) -> BuildError {
    let reason = match error {
        InsertError::Conflict { with } => {
            return BuildError::of(path, BuildErrorKind::PathConflict { with });
        }
        InsertError::InvalidParamSegment => {
            "there is at most one parameter between two slashes; put a slash between them, or take \
             the text apart in your own code"
        }
        InsertError::InvalidCatchAll => "a {*parameter} can only be at the path's end",
        _ => "a parameter is written {name}; double the braces that are to stand for themselves",
    };
    BuildError::of(path, BuildErrorKind::Path { reason })
}
