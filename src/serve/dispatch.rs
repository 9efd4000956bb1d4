//! Every badge of a layer by its path: which badge, and which room of it, a request means.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;

use crate::badge::own_urls::Detours;
use crate::badge::recipe::Recipe;
use crate::presence::calendar::Calendar;
use crate::presence::tokens::Tokens;
use crate::request::params::{Params, RoomId};
use crate::request::pseudonym::Blind;
use crate::room::admission::Admission;
use crate::room::registry::Registry;
use crate::room::reporter::Reporter;

/// What the layer, its services and its handles share.
pub(crate) struct Dispatch {
    pub(crate) recipes: Vec<Arc<Recipe>>,
    /// Where a badge is in `recipes`, by its path. Paths that only the application knows begin
    /// without a slash, so that no request can mean them.
    pub(crate) paths: matchit::Router<usize>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) admission: Admission,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) blind: Blind,
    /// Who came today.
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) detours: Detours,
    pub(crate) traffic: Traffic,
}

/// What has come through, to tell a layer that is in the wrong place.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    any: AtomicBool,
    for_badges: AtomicBool,
}

/// The badge and the room that a path means.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) badge: usize,
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) room: RoomId,
}

impl Dispatch {
    /// What a request means; for others, one look-up is all that this costs.
    pub(crate) fn requested(&self, method: &Method, path: &str) -> Option<Target> {
        Traffic::note(&self.traffic.any);
        let may_be_ours = matches!(*method, Method::GET | Method::HEAD) && path.starts_with('/');
        let target = if may_be_ours { self.addressed(path) } else { None };
        if target.is_some() {
            Traffic::note(&self.traffic.for_badges);
        }
        target
    }

    /// What the application means.
    pub(crate) fn addressed(&self, path: &str) -> Option<Target> {
        let found = self.paths.at(path).ok()?;
        let params = Params::decode(&found.params)?;
        Some(self.target(*found.value, params))
    }

    pub(crate) fn target(&self, badge: usize, params: Params) -> Target {
        let recipe = self.recipes[badge].clone();
        Target { badge, room: RoomId { badge: recipe.host, params }, recipe }
    }

    /// The badge whose room it is.
    pub(crate) fn host(&self, target: &Target) -> &Arc<Recipe> {
        &self.recipes[target.room.badge]
    }

    /// Whether there is such a room: for the badge, and for the one whose room it is.
    pub(crate) fn is_room(&self, target: &Target) -> bool {
        let says = |recipe: &Recipe| (recipe.settings.is_room)(&target.room.params);
        says(&target.recipe) && says(self.host(target))
    }

    /// The path by which a room's host is asked for it.
    pub(crate) fn path(&self, room: &RoomId) -> Arc<str> {
        room.params.path(&self.recipes[room.badge].path).into()
    }
}

impl Traffic {
    /// Requests came through, but none for a badge.
    pub(crate) fn passes_by(&self) -> bool {
        self.any.load(Ordering::Relaxed) && !self.for_badges.load(Ordering::Relaxed)
    }

    pub(crate) fn has_badges(&self) -> bool {
        self.for_badges.load(Ordering::Relaxed)
    }

    /// Writes once: the flag is read by every request on every core.
    fn note(flag: &AtomicBool) {
        if !flag.load(Ordering::Relaxed) {
            flag.store(true, Ordering::Relaxed);
        }
    }
}

/// The paths alone: an application that derives `Debug` for its state prints this some time.
impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.recipes.iter().map(|recipe| &recipe.path)).finish()
    }
}
