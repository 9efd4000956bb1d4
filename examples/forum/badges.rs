//! The live pictures: who is reading what.

use std::time::Duration;

use tower_livebadge::{Badge, BuildError, LiveBadgeLayer, Look, visitor};

use crate::store::{User, thread};

/// The badge that says who is in which room; the others show its rooms.
const READERS: &str = "/t/{id}/readers.png";

pub(crate) fn layer() -> Result<LiveBadgeLayer, BuildError> {
    LiveBadgeLayer::builder()
        .badge(READERS, readers())
        .badge("/t/{id}/faces.png", faces())
        .badge("/t/{id}/count.png", count())
        .badge("/total.png", total())
        .badge("/admin/everyone.png", everyone())
        .build()
}

/// "Anna, Ben and 3 guests are reading this". Users are told apart by their name, guests by a cookie of
/// this badge, which is the only one to set it: two on one page would give a new guest two.
fn readers() -> Badge {
    known(Badge::look(Look::sentence("reading this")))
        .visitor_cookie("guest")
        .named(|request| request.extensions.get::<User>().map(|user| user.name.clone()))
        .rooms(|params| params.get("id").is_some_and(|id| thread(id).is_some()))
        .example("id", "welcome")
        .max_per_visitor(2)
}

/// Their initials. It looks on, so that a page with both pictures is one reader.
fn faces() -> Badge {
    let row = Badge::look(Look::people()).rooms_of(READERS).max_people(12);
    known(row).count_if(|_| false).max_per_visitor(1)
}

/// For the index, which is read by people who read no thread.
fn count() -> Badge {
    let count = Badge::look(Look::flat("reading").width(80.0)).rooms_of(READERS);
    known(count).count_if(|_| false).max_per_visitor(2)
}

/// Somebody who reads two threads is one person here.
fn total() -> Badge {
    known(Badge::look(Look::flat("in all threads").width(110.0)).total_of(READERS))
        .max_per_visitor(1)
}

/// By name, for the admin: the application's own route at this path decides who that is. Only what
/// begins is asked for; so it ends after a while, and who has logged out sees no more.
fn everyone() -> Badge {
    let everyone = Badge::look(Look::sentence("in the forum")).total_of(READERS);
    everyone.gated(true).names_in_data(true).max_people(100).max_age(Duration::from_secs(600))
}

/// Tells the users apart, and those guests who have the cookie already. Over HTTP/1.1 every live picture holds
/// one of a browser's six connections, so nobody should have too many; one more is a still.
fn known(badge: Badge) -> Badge {
    badge
        .visitors(visitor::extension(|user: &User| user.name.clone()))
        .visitors(visitor::cookie("guest"))
}
