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
        let mut rest = pattern;
        while let Some(at) = rest.find(['{', '}']) {
            path.push_str(&rest[..at]);
            let brace = &rest[at..];
            let literal = ["{{", "}}"].iter().find(|literal| brace.starts_with(**literal));
            let end = match (literal, brace.find('}')) {
                (Some(literal), _) => {
                    path.push_str(&literal[1..]);
                    literal.len()
                }
                (None, Some(end)) => {
                    let name = &brace[1..end];
                    let (name, reserved) = match name.strip_prefix('*') {
                        Some(rest) => (rest, RESERVED_IN_REST),
                        None => (name, RESERVED),
                    };
                    let value = self.get(name).unwrap_or_default();
                    path.extend(utf8_percent_encode(value, reserved));
                    end + 1
                }
                (None, None) => break,
            };
            rest = &brace[end..];
        }
        path + rest
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

/// `["room"]` for `/rooms/{room}/online.png`. Braces that stand for themselves are doubled.
pub(crate) fn names(pattern: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        if let Some(literal) = inside.strip_prefix('{') {
            rest = literal;
            continue;
        }
        let Some(close) = inside.find('}') else { break };
        names.push(inside[..close].trim_start_matches('*'));
        rest = &inside[close + 1..];
    }
    names
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
