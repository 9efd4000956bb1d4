//! Whether somebody says the names that a badge shows.

use crate::badge::recipe::Recipe;
use crate::error::{BuildError, BuildErrorKind};

/// Checks each of these; `totalled` are the badges that show a total, each with the one whose rooms it is
/// of.
pub(crate) fn check(recipes: &[Recipe], totalled: &[(usize, usize)]) -> Result<(), BuildError> {
    for recipe in recipes {
        let total = totalled.iter().find(|(total, _)| *total == recipe.host);
        let host = total.map_or(recipe.host, |(_, of)| *of);
        if recipes[host].settings.name.is_some() {
            continue;
        }
        let (setting, reason) = if recipe.settings.names_in_data {
            ("names_in_data", UNNAMED)
        } else if recipe.picture.shows_names {
            ("the slot people", UNNAMED)
        } else {
            continue;
        };
        return Err(BuildError::of(&recipe.path, BuildErrorKind::Setting { setting, reason }));
    }
    Ok(())
}

const UNNAMED: &str = "needs somebody who says the names: give the badge whose rooms are shown \
                       Badge::named, or leave it out";

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::badge::builder::Badge;
    use crate::badge::check;
    use crate::picture::fonts::Fonts;
    use crate::picture::images::Images;
    use crate::picture::look::Look;
    use crate::picture::raster::Raster;
    use crate::picture::threads::Lane;
    use crate::presence::counts::Snapshot;
    use crate::presence::people::{People, Someone};
    use crate::request::name::Name;
    use crate::request::params::Params;

    fn checked(badge: Badge) -> (Recipe, Arc<Raster>) {
        let raster = Arc::new(Raster::new(Fonts::new(Vec::new()).unwrap(), Images::default()));
        (check::check("/x.png", badge, 0, &raster).unwrap(), raster)
    }

    /// Whoever looked into the process's memory would find them long after everybody has left.
    #[tokio::test]
    async fn no_picture_and_no_text_with_a_name_is_kept() {
        for look in [Look::people(), Look::sentence("here"), Look::flat("{{ people | listed }}")] {
            let (recipe, raster) = checked(Badge::look(look));
            let picture = &recipe.picture;
            let draw = async |first: Vec<Someone>| {
                let people = People { count: first.len(), first };
                let snapshot = Snapshot { people, ..Snapshot::default() };
                let drawing =
                    picture.fill_once(&snapshot, &Params::of([]), &picture.style).unwrap();
                picture.paint(drawing, Lane::Live).finish().await.unwrap();
                raster.kept()
            };
            let anna = Someone { name: Name::of("Anna").unwrap(), since: Duration::ZERO };
            assert_eq!(draw(vec![anna]).await, 0);
            assert_eq!(draw(Vec::new()).await, 1, "the picture of nobody");
        }
    }

    #[test]
    fn a_picture_ticks_only_if_it_shows_for_how_long_somebody_is_here() {
        let tick = |text: &str| checked(Badge::look(Look::flat(text))).0.picture.tick;
        assert_eq!(
            tick("{% for one in people %}{{ one.since }}{% endfor %}"),
            Some(Duration::from_secs(1))
        );
        assert_eq!(
            tick("{{ people | map(attribute='since') | sum }}"),
            Some(Duration::from_secs(1))
        );
        assert_eq!(tick("since {{ people | listed }}"), None);
    }
}
