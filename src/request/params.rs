//! What a room's path holds for the braces in its pattern.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A longer value names no room.
const MAX_CHARS: usize = 64;
/// What stands for itself in a path: the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A `{*rest}` keeps its slashes.
const RESERVED_IN_REST: &AsciiSet = &RESERVED.remove(b'/');

/// What a room's path holds for the braces in its pattern: `room` is `lobby` for
/// `/rooms/{room}/online.png` at `/rooms/lobby/online.png`.
///
/// Values are percent-decoded.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Params(
    /// Names and values in turn, each with its [`END`] behind it: one piece of memory instead of one for each.
    Arc<str>,
);

/// Values have no control characters.
const END: char = '\0';

/// Why values name no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misnamed {
    /// There is no value of this name.
    Missing(String),
    /// There is no parameter of this name.
    Unknown(String),
    /// No path has such a value for this name.
    Value(String),
}

impl Params {
    /// These values, given in any order, in the order of these names.
    pub(crate) fn named(names: &[&str], values: &[(&str, &str)]) -> Result<Self, Misnamed> {
        if let Some((unknown, _)) = values.iter().find(|(name, _)| !names.contains(name)) {
            return Err(Misnamed::Unknown((*unknown).to_owned()));
        }
        let value_of = |name: &&str| {
            let found = values.iter().rev().find(|pair| pair.0 == *name);
            let (name, value) = found.ok_or_else(|| Misnamed::Missing((*name).to_owned()))?;
            if is_value(value) {
                Ok((*name, *value))
            } else {
                Err(Misnamed::Value((*name).to_owned()))
            }
        };
        names.iter().map(value_of).collect::<Result<Vec<_>, _>>().map(Self::of)
    }

    /// The parameters of a path that has matched; `None` if one can't name a room: invalid UTF-8, more
    /// than 64 characters, or a control character.
    pub(crate) fn decode(params: &matchit::Params<'_, '_>) -> Option<Self> {
        let mut all = String::new();
        for (name, value) in params.iter() {
            let value =
                percent_decode_str(value).decode_utf8().ok().filter(|value| is_value(value))?;
            put(&mut all, name, &value);
        }
        Some(Self::written(&all))
    }

    /// These names and values.
    pub(crate) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all = String::new();
        pairs.into_iter().for_each(|(name, value)| put(&mut all, name, value));
        Self::written(&all)
    }

    /// Those that are none are the same for all.
    fn written(all: &str) -> Self {
        Self(if all.is_empty() { Arc::default() } else { all.into() })
    }

    /// The value of the parameter with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|pair| pair.0 == name).map(|pair| pair.1)
    }

    /// Names and values, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut all = self.0.split_terminator(END);
        std::iter::from_fn(move || Some((all.next()?, all.next()?)))
    }

    /// The path that has these parameters.
    pub(crate) fn path(&self, pattern: &str) -> String {
        let mut path = String::with_capacity(pattern.len() + self.0.len());
        for piece in pieces(pattern) {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Param(written) => {
                    let (name, reserved) = match written.strip_prefix('*') {
                        Some(name) => (name, RESERVED_IN_REST),
                        None => (written, RESERVED),
                    };
                    match self.get(name) {
                        Some(value) => path.extend(utf8_percent_encode(value, reserved)),
                        // A total has one path, whatever its badge's parameters are.
                        None => path.extend(["{", written, "}"]),
                    }
                }
            }
        }
        path
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn put(all: &mut String, name: &str, value: &str) {
    all.reserve(name.len() + value.len() + 2);
    for text in [name, value] {
        all.push_str(text);
        all.push(END);
    }
}

/// Whether a parameter can have this value, and so name a room.
pub(crate) fn is_value(value: &str) -> bool {
    (1..=MAX_CHARS).contains(&value.chars().count()) && !value.contains(char::is_control)
}

/// Names a room: whose badge's it is, and what its path's parameters are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomId {
    pub(crate) badge: usize,
    pub(crate) params: Params,
}

/// `["room"]` for `/rooms/{room}/online.png`.
pub(crate) fn names(pattern: &str) -> Vec<&str> {
    let name = |piece| match piece {
        Piece::Text(_) => None,
        Piece::Param(written) => Some(written.trim_start_matches('*')),
    };
    pieces(pattern).filter_map(name).collect()
}

/// Whether a brace stands right behind a parameter, where `matchit` (0.9) takes two for one in its name.
pub(crate) fn has_brace_behind_name(pattern: &str) -> bool {
    let mut is_behind = false;
    pieces(pattern).any(|piece| match piece {
        Piece::Param(_) => {
            is_behind = true;
            false
        }
        Piece::Text(text) => std::mem::take(&mut is_behind) && text.starts_with('}'),
    })
}

enum Piece<'a> {
    Text(&'a str),
    /// What is written in its braces.
    Param(&'a str),
}

/// A pattern from its beginning to its end. Braces that stand for themselves are doubled.
fn pieces(pattern: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        let brace = rest.find(['{', '}']).unwrap_or(rest.len());
        let (piece, behind) = match (&rest[..brace], &rest[brace..]) {
            ("", "") => return None,
            ("", doubled) if doubled.starts_with("{{") || doubled.starts_with("}}") => {
                (Piece::Text(&doubled[..1]), &doubled[2..])
            }
            ("", brace) => match brace[1..].split_once('}').filter(|_| brace.starts_with('{')) {
                Some((written, behind)) => (Piece::Param(written), behind),
                None => (Piece::Text(&brace[..1]), &brace[1..]),
            },
            (text, behind) => (Piece::Text(text), behind),
        };
        rest = behind;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pattern: &str, path: &str) -> Option<Params> {
        let mut paths = matchit::Router::new();
        paths.insert(pattern, ()).unwrap();
        Params::decode(&paths.at(path).unwrap().params)
    }

    #[test]
    fn a_path_and_its_parameters_mean_the_same() {
        for (pattern, path) in [
            ("/rooms/{room}/x.png", "/rooms/a%20b/x.png"),
            ("/{a}/{b}", "/1/%C3%A9%7Ba%7D"),
            ("/files/{*path}", "/files/a/b%3Fc"),
            ("/{{x}}/{y}", "/{x}/z"),
            ("/t/{id}.png", "/t/a.b.png"),
            ("/t/{id}.png", "/t/a%2Fb.png.png"),
            ("/@{user}", "/@ada"),
            ("/@{user}/x-{id}.svg", "/@ada/x-x-1.svg.svg"),
        ] {
            assert_eq!(decode(pattern, path).unwrap().path(pattern), path);
        }
        assert_eq!(names("/{{x}}/{y}/{*rest}"), ["y", "rest"]);
        assert_eq!(names("/@{user}/x-{id}.png"), ["user", "id"]);
        assert_eq!(Params::of([]).path("/{lang}/{*rest}"), "/{lang}/{*rest}");
        let dotted = decode("/t/{id}.png", "/t/a.b.png").unwrap();
        assert_eq!(dotted.get("id"), Some("a.b"));
        assert_eq!(decode("/{a}/{b}", "/1/2").unwrap(), Params::of([("a", "1"), ("b", "2")]));
        assert_eq!(format!("{dotted:?}"), r#"{"id": "a.b"}"#);
    }

    #[test]
    fn some_values_name_no_room() {
        let long = format!("/{}", "a".repeat(65));
        for path in ["/%FF", "/a%00b", "/a%0Ab", "/%C2%85", &long] {
            assert_eq!(decode("/{room}", path), None, "{path}");
        }
    }
}
