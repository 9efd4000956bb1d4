//! Where in a request is found what tells one visitor from another.
//!
//! The functions make closures for [`Badge::visitors`](crate::Badge::visitors):
//!
//! ```
//! use tower_livebadge::{Badge, visitor};
//!
//! let by_session = Badge::online().visitors(visitor::cookie("session"));
//! ```
//!
//! Each finds a key or none; what is empty or blank is none. A cookie, an address and anything else are
//! never the same key, even if they read the same.
//!
//! # Whom to believe
//!
//! A client can write into its request whatever it likes: any cookie, and any header that nothing in
//! front of the application takes away or replaces. Who can choose its key can be many visitors, or
//! somebody else. Behind proxies of your own, count them ([`x_forwarded_for`], [`forwarded`]): whatever
//! a client itself wrote is then not looked at. Or let the outermost one overwrite a header, and read
//! that ([`address_header`], [`header`]).

use std::net::IpAddr;

use http::request::Parts;

use crate::request::address;
use crate::request::cookie;
use crate::request::key::VisitorKey;

/// The value of a cookie.
pub fn cookie(
    name: impl Into<String>,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync + 'static {
    let name = name.into();
    move |request| cookie::value(&request.headers, &name)
}

/// The value of a header, for what a proxy or a layer in front has found out, such as the user that it
/// has authenticated.
///
/// That has to overwrite the header, or take it away from who has not been authenticated: otherwise
/// the client itself can say who it is.
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

/// The address at the other end of the connection.
///
/// Headers that claim another one are not believed.
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
    move |request| peer(request).map(address::key)
}

/// The client's address as told by a header that holds nothing else: `X-Real-IP`, `CF-Connecting-IP`,
/// `True-Client-IP`, `Fly-Client-IP`.
///
/// **Only behind a proxy of your own, or a service, that overwrites this header in every request.** If
/// nothing does, or if somebody can go round it to the server itself, a client is believed whatever it
/// writes there. With nginx it is
///
/// ```nginx
/// proxy_set_header X-Real-IP $remote_addr;
/// ```
///
/// What is no address is no key. Of an IPv6 address, the first 64 bits count: who has one has all of
/// them.
///
/// ```
/// use tower_livebadge::{Badge, visitor};
///
/// let behind_cloudflare = Badge::online().visitors(visitor::address_header("cf-connecting-ip"));
/// ```
pub fn address_header(
    name: impl Into<String>,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync + 'static {
    let name = name.into();
    move |request| address::in_header(&request.headers, &name).map(address::key)
}

/// The client's address as told by `X-Forwarded-For`, behind this many proxies of your own, each of
/// which appends the address that it sees.
///
/// With one proxy the last address counts, with two the one before it: whatever the client itself
/// wrote stands further to the left. If there are fewer addresses than proxies, the request did
/// not come through all of them, and `peer` counts (see [`peer`]); so it does where the last of your
/// proxies has written something else than an address.
pub fn x_forwarded_for(
    proxies: usize,
    peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync {
    move |request| {
        let address = address::in_x_forwarded_for(&request.headers, proxies);
        address.or_else(|| peer(request)).map(address::key)
    }
}

/// The client's address as told by `Forwarded` (RFC 7239), behind this many proxies of your own: see
/// [`x_forwarded_for`].
pub fn forwarded(
    proxies: usize,
    peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync,
) -> impl Fn(&Parts) -> Option<VisitorKey> + Send + Sync {
    move |request| {
        let address = address::in_forwarded(&request.headers, proxies);
        address.or_else(|| peer(request)).map(address::key)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn request(headers: &[(&str, &str)]) -> Parts {
        let start = Request::builder();
        let request =
            headers.iter().fold(start, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn address(text: &str) -> VisitorKey {
        address::key(text.parse().unwrap())
    }

    #[test]
    fn without_a_trusted_address_the_peer_counts() {
        let here = |_: &Parts| "127.0.0.1".parse().ok();
        for (value, expected) in [("1.1.1.1", "1.1.1.1"), ("unknown", "127.0.0.1")] {
            let request =
                request(&[("x-forwarded-for", value), ("forwarded", &format!("for={value}"))]);
            assert_eq!(x_forwarded_for(1, here)(&request), Some(address(expected)));
            assert_eq!(forwarded(1, here)(&request), Some(address(expected)));
            assert_eq!(x_forwarded_for(0, here)(&request), Some(address("127.0.0.1")));
            assert_eq!(forwarded(2, here)(&request), Some(address("127.0.0.1")));
            assert_eq!(forwarded(2, |_| None)(&request), None);
        }
    }

    #[test]
    fn a_header_with_an_address_is_one_whoever_sets_it() {
        let key = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("fly-client-ip", *value)).collect();
            address_header("Fly-Client-IP")(&request(&headers))
        };
        assert_eq!(key(&["1.1.1.1"]), Some(address("1.1.1.1")));
        assert_eq!(key(&["2001:db8:1:2::3"]), key(&["[2001:db8:1:2:9::9]:80"]));
        assert_ne!(key(&["2001:db8:1:2::3"]), key(&["2001:db8:1:3::3"]));
        assert_eq!(key(&["6.6.6.6", "1.1.1.1"]), Some(address("1.1.1.1")), "added by a proxy");
        for none in [&[""][..], &[" "], &["alice"], &["1.1.1.1, 2.2.2.2"], &["1.1.1.1", "x"], &[]] {
            assert_eq!(key(none), None, "{none:?}");
        }
    }
}
