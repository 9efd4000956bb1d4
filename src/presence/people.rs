//! Who is in a room by name, as plain data.

use std::time::Duration;

use crate::request::name::Name;
use crate::request::pseudonym::Person;

/// A picture shows no more of them by name.
pub(crate) const MAX_PEOPLE: usize = 100;

/// A visitor who can be told from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) person: Person,
    /// A guest has none.
    pub(crate) name: Option<Name>,
}

/// Those who are in a room by name.
#[derive(Debug, Default, Clone)]
pub(crate) struct People {
    /// Who came first is first; [`MAX_PEOPLE`] at most.
    pub(crate) first: Vec<Someone>,
    /// How many there are in all.
    pub(crate) count: usize,
}

/// Somebody with a name.
#[derive(Debug, Clone)]
pub(crate) struct Someone {
    pub(crate) name: Name,
    /// For how long this one has been here.
    pub(crate) since: Duration,
}

impl People {
    /// Others are here, or by other names. That time passes is no difference.
    pub(crate) fn differ_from(&self, other: &Self) -> bool {
        let names = |someone: &Someone| someone.name.clone();
        self.count != other.count || self.first.iter().map(names).ne(other.first.iter().map(names))
    }
}
