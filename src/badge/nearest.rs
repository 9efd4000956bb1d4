//! "Did you mean": the right name that is nearly what somebody wrote.

/// The one of these names that is nearest to a wrong one, if it is near enough to be meant.
pub(crate) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wrong = wrong.to_lowercase();
    let far = wrong.chars().count().div_ceil(3).min(3);
    let distance = |name: &str| strsim::damerau_levenshtein(&wrong, &name.to_lowercase());
    let names = names.into_iter().map(|name| (distance(name), name));
    let near = names.filter(|(distance, _)| *distance <= far);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_meant() {
        let names = ["visitors", "streams", "params.room", "load"];
        for (wrong, meant) in [
            ("visitor", Some("visitors")),
            ("Visitors", Some("visitors")),
            ("params.romo", Some("params.room")),
            ("laod", Some("load")),
            ("crowd", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(wrong, names).as_deref(), meant, "{wrong}");
        }
    }
}
