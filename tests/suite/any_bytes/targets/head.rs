//! A request's head: who asks, and what it is to get.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Version};
use tower_livebadge::{Reply, VisitorKey, visitor};

/// What the application's own proxies have seen.
const SEEN: [&str; 3] = ["203.0.113.1", "203.0.113.2", "2001:db8::3"];

/// The bytes are a query, and in lines of their own headers with their names.
pub(crate) fn any_head_is_judged(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let query = lines.next().unwrap_or_default();
    let Ok(uri) = http::Uri::try_from([b"/badge.png?", query].concat()) else { return };
    let (mut parts, ()) = Request::get(uri).body(()).expect("a right request").into_parts();
    for line in lines.take(64) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            parts.headers.append(name, value);
        }
    }
    what_it_gets(&mut parts);
    nobody_is_believed_more_than_the_proxies(&parts);
    for key in [visitor::cookie("sid"), visitor::cookie("")] {
        let found = key(&parts);
        assert!(found.is_none() || parts.headers.contains_key("cookie"), "{found:?} of no cookie");
    }
    visitor::address_header("x-real-ip")(&parts);
    visitor::header("x-user")(&parts);
}

fn what_it_gets(parts: &mut Parts) {
    let first = Reply::for_request(parts);
    assert_eq!(first, Reply::for_request(parts), "the same request, twice");
    let streams_to = |parts: &Parts| Reply::for_request(parts) == Reply::Stream;
    parts.method = Method::HEAD;
    assert!(!streams_to(parts), "a stream for HEAD");
    (parts.method, parts.version) = (Method::GET, Version::HTTP_10);
    assert!(!streams_to(parts), "a stream over HTTP/1.0");
    parts.version = Version::HTTP_11;
}

/// Whatever a client has written: what as many proxies have added counts, in lines of their own or at
/// the line's end.
fn nobody_is_believed_more_than_the_proxies(parts: &Parts) {
    let nobody = |_: &Parts| None;
    assert_eq!(visitor::x_forwarded_for(0, nobody)(parts), None);
    assert_eq!(visitor::forwarded(0, nobody)(parts), None);
    for proxies in 1..=SEEN.len() {
        for joins in [false, true] {
            let hops = SEEN[SEEN.len() - proxies..].iter().map(|seen| (*seen).to_owned());
            let request = passed_on(parts, "x-forwarded-for", hops, joins);
            let key = visitor::x_forwarded_for(proxies, nobody)(&request);
            assert_eq!(key, seen_by(proxies), "X-Forwarded-For, {proxies}, {joins}");

            let hops = SEEN[SEEN.len() - proxies..].iter();
            let hops = hops.map(|seen| match seen.contains(':') {
                true => format!("for=\"[{seen}]:80\";proto=https"),
                false => format!("host=\"a\\\",b\";for={seen}"),
            });
            let request = passed_on(parts, "forwarded", hops, joins);
            let key = visitor::forwarded(proxies, nobody)(&request);
            assert_eq!(key, seen_by(proxies), "Forwarded, {proxies}, {joins}");
        }
    }
}

/// The key of the address that the outermost of so many proxies has seen.
fn seen_by(proxies: usize) -> Option<VisitorKey> {
    let seen = SEEN[SEEN.len() - proxies].parse().expect("an address");
    visitor::peer(move |_| Some(seen))(&Request::new(()).into_parts().0)
}

/// The request as it is behind proxies that add these hops.
fn passed_on(
    parts: &Parts,
    name: &'static str,
    hops: impl Iterator<Item = String>,
    joins: bool,
) -> Parts {
    let mut parts = parts.clone();
    for hop in hops {
        let last = parts.headers.get_all(name).iter().next_back().cloned();
        match last {
            Some(last) if joins => {
                let mut lines: Vec<_> = parts.headers.get_all(name).iter().cloned().collect();
                let joined = [last.as_bytes(), b", ", hop.as_bytes()].concat();
                lines.pop();
                lines.push(HeaderValue::from_bytes(&joined).expect("a right header"));
                parts.headers.remove(name);
                for line in lines {
                    parts.headers.append(name, line);
                }
            }
            _ => {
                parts.headers.append(name, HeaderValue::from_str(&hop).expect("a right header"));
            }
        }
    }
    parts
}
