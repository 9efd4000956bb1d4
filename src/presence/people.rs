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
    /// The same all day, and another one on every day.
    pub(crate) token: u64,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::counts::Snapshot;

    /// Of a total there are no news: this alone says that it is to be painted.
    #[test]
    fn other_names_are_a_difference_and_time_is_none() {
        let of = |names: &[&str], count, seconds| {
            let since = Duration::from_secs(seconds);
            let someone = |name: &&str| Someone { name: Name::of(name).unwrap(), since };
            let people = People { first: names.iter().map(someone).collect(), count };
            Snapshot { people, ..Snapshot::default() }
        };
        let now = of(&["Anna", "Ben"], 2, 0);
        assert_eq!(of(&["Anna", "Ben"], 2, 9).gist(), now.gist());
        for other in [of(&["Ben", "Anna"], 2, 0), of(&["Anna"], 1, 0), of(&["Anna", "Ben"], 3, 0)] {
            assert_ne!(other.gist(), now.gist());
        }
    }
}
