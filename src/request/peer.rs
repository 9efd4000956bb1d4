//! Who is at the other end of a connection, as the server says.

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;

/// The address at the other end of the connection that a request came by: an extension of the request.
///
/// A layer does not see connections, so the server puts it there:
/// `Handle::serve` (feature `hyper`) does; an accept loop of your own has to.
///
/// ```
/// use tower_livebadge::{Badge, PeerAddr, visitor};
///
/// let badge = Badge::online().visitors(visitor::peer(PeerAddr::of));
/// ```
///
/// In a handler of axum's it is `Extension(PeerAddr(address)): Extension<PeerAddr>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// Of the connection that this request came by, if the server has said it.
    pub fn of(request: &Parts) -> Option<IpAddr> {
        request.extensions.get().map(|Self(address)| address.ip())
    }
}
