//! A lamp that another process sets. All that it takes is a `watch` channel, whose sender a route of the
//! application's own has:
//!
//! ```console
//! $ curl -X PUT -H "Authorization: Bearer $LAMP_TOKEN" -d green http://127.0.0.1:3000/lamp
//! ```

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use serde::Serialize;
use tokio::sync::watch;
use tower_livebadge::Badge;

/// The field is the template's slot.
#[derive(Serialize)]
struct Lamp {
    /// Red, amber, green; or off, until somebody has set it.
    light: &'static str,
}

#[derive(Clone)]
struct Setter {
    lamp: watch::Sender<Lamp>,
    /// Without one nobody may set it.
    token: Option<String>,
}

/// The picture, and the route that changes it. Who sets the same light once more says that it is still so:
/// when nobody has said anything for this long, the picture tells it.
pub(crate) fn lamp(token: Option<String>, stale_after: Duration) -> (Badge, Router) {
    let (sender, lamp) = watch::channel(Lamp { light: "off" });
    let badge = Badge::svg(include_str!("lamp.svg")).values(lamp).stale_after(stale_after);
    let route =
        put(set).layer(DefaultBodyLimit::max(64)).with_state(Setter { lamp: sender, token });
    (badge, Router::new().route("/lamp", route))
}

async fn set(State(setter): State<Setter>, headers: HeaderMap, body: String) -> Response {
    if !setter.lets_in(&headers) {
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    let Some(light) = ["red", "amber", "green"].into_iter().find(|light| *light == body.trim())
    else {
        return (StatusCode::UNPROCESSABLE_ENTITY, "red, amber or green\n").into_response();
    };
    // Also if nobody looks, and if it is the light that is on: then it is news that it still is.
    setter.lamp.send_replace(Lamp { light });
    StatusCode::NO_CONTENT.into_response()
}

impl Setter {
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let told = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        match (told.and_then(|told| told.strip_prefix(b"Bearer ")), &self.token) {
            (Some(told), Some(token)) => is_same(told, token.as_bytes()),
            _ => false,
        }
    }
}

/// Takes as long wherever they differ, so that nobody finds a token letter by letter.
fn is_same(told: &[u8], token: &[u8]) -> bool {
    let differences = told.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    told.len() == token.len() && differences == 0
}
