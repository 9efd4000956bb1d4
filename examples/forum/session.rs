//! The application's own sessions: a cookie, and what it says about a request.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::middleware::Next;
use axum::response::Response;
use cookie::{Cookie, SameSite};
use uuid::Uuid;

use crate::store::Store;

const SESSION: &str = "session";

/// Puts the user into the request's extensions. Outside of the badges, so that they see it, too.
pub(crate) async fn find(State(store): State<Store>, mut request: Request, next: Next) -> Response {
    if let Some(user) = id(request.headers()).and_then(|id| store.user(id)) {
        request.extensions_mut().insert(user);
    }
    next.run(request).await
}

/// The session that a request says it has.
pub(crate) fn id(headers: &HeaderMap) -> Option<Uuid> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
    Uuid::parse_str(cookies.find(|cookie| cookie.name() == SESSION)?.value()).ok()
}

/// `Lax`, so that forms of other sites can't post in somebody's name. Behind HTTPS it should be
/// `Secure`, too.
pub(crate) fn cookie(id: Uuid) -> String {
    let cookie = Cookie::build((SESSION, id.simple().to_string()));
    cookie.path("/").http_only(true).same_site(SameSite::Lax).to_string()
}

/// Makes a browser forget its session.
pub(crate) fn no_cookie() -> String {
    let mut cookie = Cookie::build((SESSION, "")).path("/").http_only(true).build();
    cookie.make_removal();
    cookie.to_string()
}
