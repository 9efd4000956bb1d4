//! A request's query: whatever it says, the answer is whole and right, or a stream.

use http::{Method, Request, StatusCode, Version, header};
use http_body_util::BodyExt;
use tower_livebadge::Badge;

use super::{App, block_on, is_sound, within};
use crate::common::multipart::{Parser, boundary_of};

const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="16">
  <rect width="40" height="16" fill="{{ '#000' if theme == 'dark' else '#fff' }}"/>
  <text y="12" font-size="12" data-label="{{ query.label }}">{{ query.label }}</text>
</svg>"##;

const WHO: [&[(&str, &str)]; 6] = [
    &[],
    &[("accept", "image/*,*/*;q=0.8"), ("sec-fetch-dest", "image")],
    &[("user-agent", "Firefox/153.0"), ("sec-fetch-dest", "image")],
    &[("accept", "application/json")],
    &[("accept", "image/svg+xml")],
    &[("accept", "text/plain"), ("sec-purpose", "prefetch")],
];

/// The first byte says who asks, and how; the rest is the query.
pub(crate) fn any_query_is_answered(bytes: &[u8]) {
    thread_local! {
        static APP: App = {
            let badge = Badge::svg(SVG).scale(1.0).query_slot("label", "online");
            App::new("/{room}.png", badge)
        };
    }
    let Some((first, query)) = bytes.split_first() else { return };
    let Ok(uri) = http::Uri::try_from([b"/lobby.png?", query].concat()) else { return };
    let headers = WHO[usize::from(first & 7) % WHO.len()];
    let method = if first & 0x80 == 0 { Method::GET } else { Method::HEAD };
    let version = if first & 0x40 == 0 { Version::HTTP_11 } else { Version::HTTP_10 };
    APP.with(|app| block_on(ask(app, method, version, headers, uri)));
}

async fn ask(
    app: &App,
    method: Method,
    version: Version,
    headers: &[(&str, &str)],
    uri: http::Uri,
) {
    let request = |uri: &http::Uri| {
        let mut request = Request::builder().method(method.clone()).version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a right request")
    };
    let mut response = app.answer(request(&uri)).await;
    if response.status() == StatusCode::TEMPORARY_REDIRECT {
        let location = response.headers()[header::LOCATION].to_str().expect("plain text");
        assert!(location.starts_with('?'), "{location}");
        let uri = format!("/lobby.png{location}").parse().expect("a right location");
        response = app.answer(request(&uri)).await;
    }
    assert_eq!(response.status(), StatusCode::OK);
    let is_simple = method == Method::HEAD || version == Version::HTTP_10;
    let media_type = response.headers()[header::CONTENT_TYPE].to_str().expect("plain text");
    if media_type == "text/event-stream" || media_type == "application/x-ndjson" {
        assert!(!is_simple, "a stream for HEAD, or over HTTP/1.0");
        let mut body = response.into_body();
        within("a line", body.frame()).await.expect("more of the stream").expect("never fails");
        drop(body);
        return app.is_left().await;
    }
    let boundary = media_type;
    if !boundary.starts_with("multipart/") {
        let (parts, body) = response.into_parts();
        let Ok(body) = within("the whole body", body.collect()).await;
        if method != Method::HEAD {
            is_sound(&parts, &body.to_bytes());
        }
        return;
    }
    assert!(!is_simple, "a stream for HEAD, or over HTTP/1.0");
    let mut parser = Parser::new(boundary_of(boundary));
    let is_strict = !headers.iter().any(|(name, _)| *name == "sec-fetch-dest");
    let mut body = response.into_body();
    loop {
        let Ok(frame) = within("a picture", body.frame()).await.expect("more of the stream");
        let bytes = frame.into_data().expect("data");
        // Whole parts for programs have their length, which this reader does not know.
        if is_strict || !parser.push(&bytes).unwrap_or_else(|error| panic!("{error}")).is_empty() {
            break;
        }
    }
    drop(body);
    app.is_left().await;
}
