//! The middleware's service: ours or theirs?

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};

use http::{HeaderValue, Request, Response, header};
use pin_project::pin_project;
use tower_service::Service;

use crate::serve::answer::Answer;
use crate::serve::body::ResponseBody;
use crate::serve::dispatch::Dispatch;
use crate::serve::visit::{Verdict, Visit};

/// A service whose badges are answered by the layer, and everything else by `S`.
///
/// Made by [`LiveBadgeLayer`](crate::LiveBadgeLayer). The inner service's request body, response
/// body, error and future are its own: nothing is boxed, and nothing needs to be `Send` or
/// `'static` unless who runs the service asks for it.
#[derive(Debug, Clone)]
pub struct LiveBadge<S> {
    inner: S,
    dispatch: Arc<Dispatch>,
}

impl<S> LiveBadge<S> {
    pub(crate) fn new(inner: S, dispatch: Arc<Dispatch>) -> Self {
        Self { inner, dispatch }
    }

    /// The service that answers everything else.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service that answers everything else.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service that answers everything else.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for LiveBadge<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Some(target) = self.dispatch.requested(request.method(), request.uri().path()) else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        // Nothing of the request is kept: its parts hold on to the connection's read buffer, 4.5 KB
        // for each viewer.
        let (parts, body) = request.into_parts();
        match Verdict::on(&self.dispatch, target, &parts) {
            Verdict::Ours(visit) if visit.is_gated() => {
                ResponseFuture::gated(self.inner.call(Request::from_parts(parts, body)), visit)
            }
            Verdict::Ours(visit) => ResponseFuture::ours(visit.answer()),
            Verdict::Nothing(status) => ResponseFuture::ours(Answer::empty(status)),
            Verdict::Inner => {
                ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)))
            }
        }
    }
}

/// The response of a [`LiveBadge`].
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    Inner(#[pin] F),
    /// The inner service decides whether there is to be our answer.
    Gated(#[pin] F, Option<Box<Visit>>),
    /// In a box: a server keeps the place of the largest state for as long as the stream is open.
    Ours(Box<Ours>),
}

/// Our answer, and the cookies that the inner service has set.
#[derive(Debug)]
struct Ours {
    answer: Answer,
    cookies: Vec<HeaderValue>,
}

impl<F> ResponseFuture<F> {
    fn inner(future: F) -> Self {
        Self { state: State::Inner(future) }
    }

    fn gated(future: F, visit: Box<Visit>) -> Self {
        Self { state: State::Gated(future, Some(visit)) }
    }

    fn ours(answer: Answer) -> Self {
        Self { state: State::Ours(Box::new(Ours { answer, cookies: Vec::new() })) }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Inner(future) => {
                    return future.poll(cx).map_ok(|response| response.map(ResponseBody::inner));
                }
                StateProjection::Gated(future, visit) => {
                    let response = task::ready!(future.poll(cx))?;
                    let answer = match visit.take() {
                        Some(visit) if response.status().is_success() => visit.answer(),
                        _ => return Poll::Ready(Ok(response.map(ResponseBody::inner))),
                    };
                    // A session that the application has renewed stays renewed.
                    let cookies = response.headers().get_all(header::SET_COOKIE).into_iter();
                    let cookies = cookies.cloned().collect();
                    state.set(State::Ours(Box::new(Ours { answer, cookies })));
                }
                StateProjection::Ours(ours) => {
                    let mut response = task::ready!(ours.answer.poll(cx));
                    for cookie in ours.cookies.drain(..) {
                        response.headers_mut().append(header::SET_COOKIE, cookie);
                    }
                    return Poll::Ready(Ok(response));
                }
            }
        }
    }
}
