//! What a `tower_http` compression layer asks before it compresses a response.

use http::Response;
use http_body::Body;
use tower_http::compression::Predicate;

use crate::serve::answer::LiveResponse;

/// Keeps a [`CompressionLayer`](tower_http::compression::CompressionLayer) away from live streams,
/// whatever their headers say.
///
/// A stream is marked `Content-Encoding: identity`, so compression leaves it alone by itself. This
/// is for an application in which something between the badges and the compression takes that header
/// away: a compressor would then hold pictures back until its buffer is full. It goes by
/// [`LiveResponse`].
///
/// ```
/// use tower_http::compression::predicate::{DefaultPredicate, Predicate};
/// use tower_http::compression::CompressionLayer;
/// use tower_livebadge::NotLive;
///
/// let layer = CompressionLayer::new().compress_when(DefaultPredicate::new().and(NotLive::new()));
/// # let _: axum::Router = axum::Router::new().layer(layer);
/// ```
///
/// Needs the feature `tower-http`. Where the application has another version of that crate, a function
/// does the same:
///
/// ```
/// # use tower_http::compression::CompressionLayer;
/// use http::{Extensions, HeaderMap, StatusCode, Version};
/// use tower_livebadge::LiveResponse;
///
/// fn not_live(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
///     extensions.get::<LiveResponse>().is_none()
/// }
/// let layer = CompressionLayer::new().compress_when(not_live);
/// # let _: axum::Router = axum::Router::new().layer(layer);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotLive;

impl NotLive {
    /// The predicate, to be joined with others by [`Predicate::and`].
    pub fn new() -> Self {
        Self
    }
}

impl Predicate for NotLive {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        response.extensions().get::<LiveResponse>().is_none()
    }
}
