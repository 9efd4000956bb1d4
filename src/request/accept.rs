//! The `Accept` header (RFC 9110, section 12.5.1).

use std::cmp::Reverse;

use http::HeaderMap;
use http::header::ACCEPT;

/// The media ranges that a request accepts, the most wanted first; in its own order where it wants
/// two the same.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Accept<'a>(Vec<&'a str>);

impl<'a> Accept<'a> {
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).into_iter();
        let items = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let mut ranges: Vec<(&str, u16)> =
            items.filter_map(|item| std::str::from_utf8(item).ok()).map(range).collect();
        ranges.retain(|(range, weight)| !range.is_empty() && *weight > 0);
        ranges.sort_by_key(|(_, weight)| Reverse(*weight));
        Self(ranges.into_iter().map(|(range, _)| range).collect())
    }

    /// The most wanted first.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().copied()
    }

    /// Whether one of the ranges begins like this.
    pub(crate) fn any(&self, prefix: &str) -> bool {
        self.ranges().any(|range| starts_with(range, prefix))
    }
}

/// A range, and its weight in thousandths; what is no weight is none.
fn range(item: &str) -> (&str, u16) {
    let mut parts = item.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let weight = weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0);
    (range, (weight.clamp(0.0, 1.0) * 1000.0) as u16) // NaN is 0
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn ranges_come_in_the_order_of_their_weights() {
        for (lines, expected) in [
            (
                &["text/html, */*;q=0.8, image/png ;q=0.9"][..],
                &["text/html", "image/png", "*/*"][..],
            ),
            (&["a/a;q=0.5;x=1", "b/b;level=1;Q=0.7,c/c;q=0"], &["b/b", "a/a"]),
            (&["a/a,b/b", "c/c"], &["a/a", "b/b", "c/c"]),
            (&["a/a;q=x, b/b;q=NaN, c/c;q=9, d/d;q=-1", ",, ;"], &["a/a", "c/c"]),
            (&["a/\u{e9}, b/b"], &["a/\u{e9}", "b/b"]),
            (&[""], &[]),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            assert_eq!(Accept::read(&headers).0, expected, "{lines:?}");
        }
    }
}
