//! What tells one visitor from another, and where in a request it is found.
//!
//! The functions make closures for [`Badge::visitors`](crate::Badge::visitors):
//!
//! ```
//! use tower_livebadge::{Badge, visitor};
//!
//! let by_session = Badge::online().visitors(visitor::cookie("session"));
//! ```

use std::fmt;
use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::request::random::random;

/// Whatever tells one visitor from another: a session id, a user name, an address.
///
/// Streams with equal keys are one visitor. The layer keeps a key no longer than the request: what
/// it remembers is a keyed hash, whose keys are random, never leave the process, and change every
/// day. A key is never printed: its `Debug` form is redacted.
///
/// ```
/// use tower_livebadge::VisitorKey;
///
/// let key = VisitorKey::new("alice");
/// assert_eq!(key, VisitorKey::new("alice"));
/// assert_eq!(format!("{key:?}"), "VisitorKey(..)");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VisitorKey(Box<[u8]>);

impl VisitorKey {
    /// A key with these bytes.
    pub fn new(key: impl AsRef<[u8]>) -> Self {
        Self(key.as_ref().into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value of a cookie.
pub fn cookie(
    name: impl Into<String>,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync + 'static {
    let name = name.into();
    move |request| {
        let cookies = values(&request.headers, "cookie").flat_map(|line| line.split(';'));
        let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|pair| pair.0 == name && !pair.1.is_empty()).map(|pair| VisitorKey::new(pair.1))
    }
}

/// Whether browsers and servers agree on a cookie of this name.
pub(crate) fn is_cookie_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A new visitor's key, and the cookie that brings it back.
pub(crate) fn new_cookie(name: &str) -> (VisitorKey, HeaderValue) {
    let key = format!("{:016x}{:016x}", random(), random());
    let cookie = format!("{name}={key}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    let cookie =
        HeaderValue::try_from(cookie).expect("a checked name and digits are a valid value");
    (VisitorKey::new(key), cookie)
}

/// The value of a header, for what a proxy or a layer in front has found out.
pub fn header(
    name: impl Into<String>,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync + 'static {
    let name = name.into();
    move |request| request.headers.get(&name).map(VisitorKey::new)
}

/// Something of an extension that a layer outside of this one has put into the request, such as
/// the user that it has authenticated.
///
/// ```
/// use tower_livebadge::{Badge, visitor};
///
/// #[derive(Clone)]
/// struct User { id: u64 }
///
/// let badge = Badge::online().visitors(visitor::extension(|user: &User| user.id.to_string()));
/// ```
pub fn extension<T, K>(
    key: impl Fn(&T) -> K + Send + Sync,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync
where
    T: Send + Sync + 'static,
    K: AsRef<[u8]>,
{
    move |request| request.extensions.get::<T>().map(|found| VisitorKey::new(key(found)))
}

/// The address at the other end of the connection. Headers that claim another one are not believed.
///
/// A layer does not see the connection, so the server has to say the address; axum does with
/// `into_make_service_with_connect_info`:
///
/// ```
/// use std::net::SocketAddr;
/// use axum::extract::ConnectInfo;
/// use http::request::Parts;
/// use tower_livebadge::{Badge, visitor};
///
/// fn peer(request: &Parts) -> Option<std::net::IpAddr> {
///     request.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
/// }
/// let badge = Badge::online().visitors(visitor::peer(peer));
/// ```
///
/// Of an IPv6 address, the first 64 bits count: who has one has all of them.
pub fn peer(
    peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync {
    move |request| peer(request).map(address_key)
}

/// The client's address as told by `X-Forwarded-For`, behind this many proxies of your own, each of
/// which appends the address that it sees.
///
/// With one proxy the last address counts, with two the one before it: whatever the client itself
/// wrote stands further to the left. If there are fewer addresses than proxies, the request did
/// not come through all of them, and `peer` counts (see [`peer`]).
pub fn x_forwarded_for(
    proxies: usize,
    peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync {
    move |request| {
        let hops = values(&request.headers, "x-forwarded-for").flat_map(|line| line.split(','));
        let hops: Vec<&str> = hops.collect();
        behind_proxies(&hops, proxies).or_else(|| peer(request)).map(address_key)
    }
}

/// The client's address as told by `Forwarded` (RFC 7239), behind this many proxies of your own: see
/// [`x_forwarded_for`].
pub fn forwarded(
    proxies: usize,
    peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync {
    move |request| {
        let elements = values(&request.headers, "forwarded").flat_map(|l| l.split(','));
        let hops: Vec<&str> = elements.map(|element| parameter(element, "for")).collect();
        behind_proxies(&hops, proxies).or_else(|| peer(request)).map(address_key)
    }
}

/// The hop that the outermost of one's own proxies has seen.
fn behind_proxies(hops: &[&str], proxies: usize) -> Option<IpAddr> {
    let hop = hops.len().checked_sub(proxies).filter(|_| proxies > 0)?;
    parse_address(hops.get(hop)?)
}

/// With or without a port, brackets and quotes.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let socket = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(socket)
}

fn parameter<'a>(element: &'a str, name: &str) -> &'a str {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|pair| pair.0.eq_ignore_ascii_case(name)).map_or("", |pair| pair.1)
}

fn address_key(address: IpAddr) -> VisitorKey {
    match address.to_canonical() {
        IpAddr::V4(address) => VisitorKey::new(address.octets()),
        IpAddr::V6(address) => VisitorKey::new(&address.octets()[..8]),
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

impl fmt::Debug for VisitorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Request;

    use super::*;

    const PEER: [u8; 4] = [127, 0, 0, 1];

    fn request(headers: &[(&str, &str)]) -> Parts {
        let start = Request::builder();
        let request =
            headers.iter().fold(start, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn here(_: &Parts) -> Option<IpAddr> {
        Some(Ipv4Addr::from(PEER).into())
    }

    #[test]
    fn the_right_hop_counts() {
        let key = |proxies, hops: &[&str]| {
            let headers: Vec<_> = hops.iter().map(|hop| ("x-forwarded-for", *hop)).collect();
            x_forwarded_for(proxies, here)(&request(&headers)).unwrap()
        };
        let is = |octets: [u8; 4]| VisitorKey::new(octets);
        assert_eq!(key(0, &["1.1.1.1"]), is(PEER), "nobody is trusted");
        assert_eq!(key(1, &["1.1.1.1"]), is([1, 1, 1, 1]));
        assert_eq!(key(1, &["6.6.6.6, 1.1.1.1"]), is([1, 1, 1, 1]), "the client's own claim");
        assert_eq!(key(2, &["6.6.6.6, 1.1.1.1", "2.2.2.2"]), is([1, 1, 1, 1]));
        assert_eq!(key(2, &["1.1.1.1"]), is(PEER), "it went round a proxy");
        assert_eq!(key(1, &["unknown"]), is(PEER));
        assert_eq!(key(1, &["1.1.1.1:4711"]), is([1, 1, 1, 1]));
        assert_eq!(key(1, &["::ffff:1.1.1.1"]), is([1, 1, 1, 1]));
    }

    #[test]
    fn forwarded_elements_are_hops() {
        let key =
            |proxies, value| forwarded(proxies, here)(&request(&[("forwarded", value)])).unwrap();
        let value = "for=6.6.6.6, For=\"[2001:db8:1:2:3::4]:80\";proto=https;by=_x, for=2.2.2.2";
        assert_eq!(key(1, value), VisitorKey::new([2, 2, 2, 2]));
        assert_eq!(key(2, value), VisitorKey::new([0x20, 1, 0xd, 0xb8, 0, 1, 0, 2]));
        assert_eq!(key(1, "for=_hidden"), VisitorKey::new(PEER));
        assert_eq!(key(1, "proto=http"), VisitorKey::new(PEER));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let key = |value| cookie("sid")(&request(&[("cookie", value)]));
        assert_eq!(key("a=1; sid=x=y; b=2"), Some(VisitorKey::new("x=y")));
        assert_eq!(key("xsid=1; sid="), None);
    }
}
