//! Addresses in headers, and which of them can be believed.
//!
//! Each proxy adds what it sees at the end, so everything is read from the end, and not a byte further
//! than what one's own proxies have written: whatever the client itself wrote (half a quoted string,
//! bytes that are no text) can't change how that is understood.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;

use crate::request::key::{Source, VisitorKey};

/// The address in the hop of `X-Forwarded-For` that the outermost of so many proxies has written.
pub(crate) fn in_x_forwarded_for(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let cut = |line: &[u8]| line.iter().rposition(|byte| *byte == b',');
    let hop = from_the_end(headers, "x-forwarded-for", cut).nth(proxies.checked_sub(1)?)?;
    parse(hop)
}

/// The same of `Forwarded` (RFC 7239).
pub(crate) fn in_forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let hop = from_the_end(headers, "forwarded", last_comma).nth(proxies.checked_sub(1)?)?;
    let mut nodes = pairs(hop).filter(|(name, _)| name.eq_ignore_ascii_case(b"for"));
    // An element with two of them has been tampered with.
    let ((_, node), None) = (nodes.next()?, nodes.next()) else { return None };
    parse(&unquoted(node))
}

/// The address in a header that holds one; of several lines in the last, which came last.
pub(crate) fn in_header(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    parse(headers.get_all(name).into_iter().next_back()?.as_bytes())
}

/// The key of whoever has this address. Of IPv6, the first 64 bits: who has one has all of them.
pub(crate) fn key(address: IpAddr) -> VisitorKey {
    match address.to_canonical() {
        IpAddr::V4(address) => VisitorKey::of(Source::Address, &address.octets()),
        IpAddr::V6(address) => VisitorKey::of(Source::Address, &address.octets()[..8]),
    }
}

/// The elements of a header's list, the last one first. Empty ones don't count (RFC 9110, section
/// 5.6.1).
fn from_the_end<'a>(
    headers: &'a HeaderMap,
    name: &str,
    cut: impl Fn(&[u8]) -> Option<usize>,
) -> impl Iterator<Item = &'a [u8]> {
    let mut lines = headers.get_all(name).into_iter().rev().map(|line| line.as_bytes());
    let mut line = None;
    std::iter::from_fn(move || {
        loop {
            let left: &[u8] = line.take().or_else(|| lines.next())?;
            let element = match cut(left) {
                Some(at) => {
                    line = Some(&left[..at]);
                    &left[at + 1..]
                }
                None => left,
            };
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}

/// The last comma that is not inside a quoted string, found from the end.
fn last_comma(line: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for at in (0..line.len()).rev() {
        match line[at] {
            // Inside, one behind an odd number of backslashes is a part of the string.
            b'"' if is_quoted && backslashes_before(line, at) % 2 == 1 => {}
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn backslashes_before(line: &[u8], at: usize) -> usize {
    line[..at].iter().rev().take_while(|byte| **byte == b'\\').count()
}

/// `name=value` between semicolons that are not inside quoted strings.
fn pairs(element: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = element.split(move |byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' => return !is_quoted,
            _ => {}
        }
        false
    });
    parts.filter_map(|part| {
        let equals = part.iter().position(|byte| *byte == b'=')?;
        Some((part[..equals].trim_ascii(), part[equals + 1..].trim_ascii()))
    })
}

/// What a quoted string means; anything else means itself.
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let inside = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let Some(inside) = inside else { return value.into() };
    let mut bytes = inside.iter().copied();
    let unescaped = std::iter::from_fn(|| match bytes.next()? {
        b'\\' => bytes.next(),
        byte => Some(byte),
    });
    unescaped.collect::<Vec<u8>>().into()
}

/// With or without brackets, a port, a zone, or quotes. Names that hide somebody (`unknown`, `_abc`)
/// are none.
fn parse(node: &[u8]) -> Option<IpAddr> {
    let node = std::str::from_utf8(node).ok()?.trim().trim_matches('"');
    if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_port = port.is_empty() || port.starts_with(':');
        return if is_port { v6(address).map(IpAddr::V6) } else { None };
    }
    let v4 = |text: &str| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    let with_port = || v4(node.split_once(':')?.0);
    v4(node).or_else(|| v6(node).map(IpAddr::V6)).or_else(with_port)
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    text.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &'static str, lines: &[&[u8]]) -> HeaderMap {
        let line =
            |line: &&[u8]| (HeaderName::from_static(name), HeaderValue::from_bytes(line).unwrap());
        lines.iter().map(line).collect()
    }

    fn x_forwarded_for(proxies: usize, lines: &[&str]) -> Option<String> {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        in_x_forwarded_for(&headers("x-forwarded-for", &lines), proxies).map(|ip| ip.to_string())
    }

    fn forwarded(proxies: usize, lines: &[&str]) -> Option<String> {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        in_forwarded(&headers("forwarded", &lines), proxies).map(|ip| ip.to_string())
    }

    #[test]
    fn the_right_hop_counts() {
        for (proxies, lines, expected) in [
            (0, &["1.1.1.1"][..], None),
            (1, &["1.1.1.1"], Some("1.1.1.1")),
            (1, &["6.6.6.6, 1.1.1.1"], Some("1.1.1.1")),
            (2, &["6.6.6.6, 1.1.1.1", "2.2.2.2"], Some("1.1.1.1")),
            (2, &["1.1.1.1"], None),
            (1, &["unknown"], None),
            (1, &["6.6.6.6,1.1.1.1,"], Some("1.1.1.1")),
            (1, &["6.6.6.6,,\t1.1.1.1 , ,"], Some("1.1.1.1")),
            (2, &["1.1.1.1,", "", " , ", "2.2.2.2"], Some("1.1.1.1")),
            (1, &["\u{e9}\u{ff}, 1.1.1.1"], Some("1.1.1.1")),
            (1, &["\u{e9}", "1.1.1.1"], Some("1.1.1.1")),
            (1, &["1.1.1.1, \u{e9}"], None),
            (1, &[","], None),
            (3, &["\"", "\", 1.1.1.1, 2.2.2.2", "3.3.3.3"], Some("1.1.1.1")),
            (usize::MAX, &["1.1.1.1"], None),
        ] {
            assert_eq!(x_forwarded_for(proxies, lines).as_deref(), expected, "{proxies} {lines:?}");
        }
    }

    #[test]
    fn elements_of_forwarded_are_hops() {
        let two = "for=6.6.6.6, For=\"[2001:db8:1:2:3::4]:80\";proto=https;by=_x, for=2.2.2.2";
        for (proxies, lines, expected) in [
            (1, &[two][..], Some("2.2.2.2")),
            (2, &[two], Some("2001:db8:1:2:3::4")),
            (3, &[two], Some("6.6.6.6")),
            (4, &[two], None),
            (0, &[two], None),
            (1, &["host=\"a;for=6.6.6.6\";for=1.1.1.1"], Some("1.1.1.1")),
            (1, &["for=1.1.1.1;host=\"a;for=6.6.6.6\""], Some("1.1.1.1")),
            (1, &["for=1.1.1.1;host=\"a, for=6.6.6.6\""], Some("1.1.1.1")),
            (2, &["for=1.1.1.1;host=\"a, for=6.6.6.6\", for=2.2.2.2"], Some("1.1.1.1")),
            (
                1,
                &["for=1.1.1.1;host=\"a\\\";for=6.6.6.6;x=\\\", for=7.7.7.7\\\\\""],
                Some("1.1.1.1"),
            ),
            (1, &["FOR = \"1.1.1.1:_p\" ; proto=http"], Some("1.1.1.1")),
            (1, &["for=\"1\\.1.1\\.1\""], Some("1.1.1.1")),
            (1, &["for=\"6.6.6.6, for=1.1.1.1"], Some("1.1.1.1")),
            (1, &["for=6.6.6.6;x=\"\\, for=1.1.1.1"], Some("1.1.1.1")),
            (1, &["for=\"", "for=1.1.1.1"], Some("1.1.1.1")),
            (1, &["\u{e9}\", for=1.1.1.1,"], Some("1.1.1.1")),
            (1, &["for=6.6.6.6;for=1.1.1.1"], None),
            (1, &["for=1.1.1.1, for=_hidden"], None),
            (1, &["for=unknown"], None),
            (1, &["xfor=1.1.1.1"], None),
            (1, &["proto=http"], None),
            (1, &["for"], None),
            (1, &["for=\""], None),
        ] {
            assert_eq!(forwarded(proxies, lines).as_deref(), expected, "{proxies} {lines:?}");
        }
    }

    #[test]
    fn addresses_are_written_in_many_ways() {
        let parsed = |text: &str| parse(text.as_bytes()).map(|address| address.to_string());
        for text in ["1.1.1.1", "1.1.1.1:4711", "1.1.1.1:", " \"1.1.1.1\" ", "1.1.1.1:_port"] {
            assert_eq!(parsed(text).as_deref(), Some("1.1.1.1"), "{text}");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:DB8::1]:80", "[2001:db8::1%eth0]:_p"] {
            assert_eq!(parsed(text).as_deref(), Some("2001:db8::1"), "{text}");
        }
        for text in ["", "1.1.1", "1.1.1.256", "[1.1.1.1", "[::1]x", "[", "]", "::1]", "a", "-"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_v6_neighbour_has_the_same_key_and_a_mapped_v4_its_own() {
        let of = |text: &str| key(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2:3::4"), of("2001:db8:1:3:3::4"));
        assert_eq!(of("::ffff:1.1.1.1"), of("1.1.1.1"));
        // As bytes, each is a blank.
        assert!(!of("9.10.13.32").is_blank());
        assert_ne!(of("9.9.9.9"), of("32.32.32.32"));
    }

    /// Whatever a client can send in a line; half of it has a meaning to some parser.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            1 => prop_oneof![0x20..0x7Fu8, 0x80..=0xFFu8, Just(b'\t')],
            2 => prop::sample::select(&b"\",;=\\[]:. for"[..]),
        ];
        prop::collection::vec(byte, 0..30)
    }

    proptest! {
        #[test]
        fn a_client_can_not_change_the_trusted_hop(
            lines in prop::collection::vec(line(), 0..4),
            own in prop::sample::select(&[
                "for=1.1.1.1",
                "for=\"1.1.1.1:80\"",
                "host=\"a\\\",;for=6.6.6.6\\\\\";for=1.1.1.1;proto=https",
            ][..]),
            inner in prop::sample::select(&["", ",for=2.2.2.2", ", by=\"[::1]\";for=\"_x\\\"\""][..]),
            is_appended in any::<bool>(),
        ) {
            let proxies = 1 + usize::from(!inner.is_empty());
            let is = |address: Option<IpAddr>| address == Some([1, 1, 1, 1].into());
            for (name, own) in [("forwarded", own), ("x-forwarded-for", "1.1.1.1")] {
                let own = format!("{own}{inner}").into_bytes();
                let mut lines = lines.clone();
                match lines.last_mut().filter(|_| is_appended) {
                    Some(last) => last.extend([b", ", &own[..]].concat()),
                    None => lines.push(own),
                }
                let lines: Vec<&[u8]> = lines.iter().map(|line| &line[..]).collect();
                let headers = headers(name, &lines);
                let found = match name {
                    "forwarded" => in_forwarded(&headers, proxies),
                    _ => in_x_forwarded_for(&headers, proxies),
                };
                prop_assert!(is(found), "{:?}", found);
            }
        }

        #[test]
        fn nothing_panics(lines in prop::collection::vec(line(), 0..4), proxies in 0..4usize) {
            let lines: Vec<&[u8]> = lines.iter().map(|line| &line[..]).collect();
            in_forwarded(&headers("forwarded", &lines), proxies);
            in_x_forwarded_for(&headers("x-forwarded-for", &lines), proxies);
            in_header(&headers("x-real-ip", &lines), "x-real-ip");
        }
    }
}
