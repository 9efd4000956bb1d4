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

#[cfg(all(test, feature = "embedded-font"))]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::badge::builder::Badge;
    use crate::badge::check;
    use crate::error::PaintError;
    use crate::picture::fonts::Fonts;
    use crate::picture::format::Format;
    use crate::picture::images::Images;
    use crate::picture::look::Look;
    use crate::picture::raster::{Drawing, Raster};
    use crate::picture::threads::Lane;
    use crate::presence::counts::Snapshot;
    use crate::presence::people::{People, Someone};
    use crate::request::name::Name;
    use crate::request::params::Params;

    fn checked(badge: Badge) -> (Recipe, Arc<Raster>) {
        let raster = Arc::new(Raster::new(
            Fonts::new(Vec::new()).expect("no font is wrong"),
            Images::default(),
        ));
        (check::check("/x.png", badge, 0, &raster).expect("a right badge"), raster)
    }

    /// Whoever looked into the process's memory would find them long after everybody has left.
    #[tokio::test]
    async fn no_picture_and_no_text_with_a_name_is_kept() {
        for look in [Look::people(), Look::sentence("here"), Look::flat("{{ people | listed }}")] {
            let (recipe, raster) = checked(Badge::look(look));
            let picture = &recipe.picture;
            assert!(picture.alike.is_none(), "no text is kept for other rooms");
            let draw = async |first: Vec<Someone>| {
                let people = People { count: first.len(), first };
                let snapshot = Snapshot { people, ..Snapshot::default() };
                let drawing = picture
                    .fill_once(&snapshot, &Params::of([]), &picture.style, false)
                    .expect("it works");
                picture.paint(drawing, Lane::Live).finish().await.expect("it works");
                raster.kept()
            };
            let anna = Someone { name: Name::of("Anna").expect("a name"), since: Duration::ZERO };
            assert_eq!(draw(vec![anna]).await, 0);
            assert_eq!(draw(Vec::new()).await, 1, "the picture of nobody");
        }
    }

    /// What is logged while this is done, in this thread.
    fn logged(work: impl FnOnce()) -> String {
        let (sender, lines) = std::sync::mpsc::channel();
        let log =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Line(sender.clone()));
        tracing::subscriber::with_default(log.finish(), work);
        String::from_utf8(lines.try_iter().flatten().collect()).expect("it works")
    }

    struct Line(std::sync::mpsc::Sender<Vec<u8>>);

    impl std::io::Write for Line {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).expect("it works");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_does_not_tell_which_letters_of_a_name_no_font_has() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20">
            <text y="14">王</text></svg>"#;
        let (recipe, raster) = checked(Badge::look(Look::people()));
        for has_names in [true, false] {
            let (style, format) = (recipe.picture.style.clone(), Format::Png);
            let drawing = Drawing { svg: svg.into(), style, format, has_names };
            let path = format!("/{has_names}").into();
            let log = logged(|| drop(raster.draw_now(drawing, &path).expect("it works")));
            assert!(log.contains("no font"), "{log}");
            assert_eq!(log.contains('王'), !has_names, "{log}");
        }
    }

    /// What a template engine says may hold what it could not work with.
    #[test]
    fn the_log_does_not_tell_what_in_a_name_was_wrong() {
        let errors = [Look::people(), Look::flat("x")].map(|look| {
            let picture = checked(Badge::look(look)).0.picture;
            picture.said_of(&PaintError::Fill("Anna is no number".into()))
        });
        assert_eq!(errors.map(|error| error.contains("Anna")), [false, true]);
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
