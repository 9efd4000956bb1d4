//! The inner service where there is no other.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tower_service::Service;

/// Answers everything with 404: what stands behind a layer's badges where nothing else does.
///
/// See [`LiveBadgeLayer::into_service`](crate::LiveBadgeLayer::into_service).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NotFound;

impl<ReqBody> Service<Request<ReqBody>> for NotFound {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<ReqBody>) -> Self::Future {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        ready(Ok(response))
    }
}
