//! The application's values of each badge that is shown in a room, as far as badges have any.

use std::sync::Arc;

use crate::error::PaintError;
use crate::picture::values::{RoomValues, Taken, any_ready};
use crate::request::params::Params;
use crate::room::screen::Screen;

/// By the numbers of their badges.
#[derive(Debug, Default)]
pub(crate) struct Watching(Vec<(usize, RoomValues)>);

/// All of them at one instant.
#[derive(Debug)]
pub(crate) struct AllTaken(Vec<(usize, Result<Taken, PaintError>)>);

/// What a badge without values takes.
const NOTHING: &Taken = &Taken { values: Vec::new(), is_stale: false };

impl Watching {
    /// Those of the badges on these screens.
    pub(crate) fn only<'a>(
        &mut self,
        screens: impl Iterator<Item = &'a Arc<Screen>> + Clone,
        params: &Params,
    ) {
        self.0.retain(|(badge, _)| screens.clone().any(|up| up.variant.badge == *badge));
        for Screen { variant, recipe, .. } in screens.map(|screen| &**screen) {
            if !recipe.picture.values.is_empty() && !self.has(variant.badge) {
                self.0.reserve_exact(1);
                self.0.push((variant.badge, recipe.picture.values_of(params)));
            }
        }
    }

    pub(crate) fn has(&self, badge: usize) -> bool {
        self.0.iter().any(|(number, _)| *number == badge)
    }

    /// As they are now.
    pub(crate) fn take(&mut self) -> AllTaken {
        AllTaken(self.0.iter_mut().map(|(badge, values)| (*badge, values.take())).collect())
    }

    /// Whether there are any.
    pub(crate) fn may_change(&self) -> bool {
        !self.0.is_empty()
    }

    /// Waits for the first change of any of them.
    pub(crate) async fn changed(&mut self) {
        any_ready(self.0.iter_mut().map(|(_, values)| Box::pin(values.changed())).collect()).await;
    }
}

impl AllTaken {
    /// What a badge shows; `None` where its values could not be taken.
    pub(crate) fn of(&self, badge: usize) -> Option<&Taken> {
        let found = self.0.iter().find(|(number, _)| *number == badge);
        found.map_or(Some(NOTHING), |(_, taken)| taken.as_ref().ok())
    }

    /// The badges whose values could be taken, and whether they are stale.
    pub(crate) fn staleness(&self) -> impl Iterator<Item = (usize, bool)> {
        let taken = self.0.iter().filter_map(|(badge, taken)| Some((*badge, taken.as_ref().ok()?)));
        taken.map(|(badge, taken)| (badge, taken.is_stale))
    }
}
