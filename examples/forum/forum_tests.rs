//! The forum as browsers see it: over its router, with cookies, and with pictures that stay open.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::task::AbortHandle;
use tower::ServiceExt;

use super::*;

/// So long a busy machine may take to show what has changed.
const PATIENCE: Duration = Duration::from_secs(30);
const READERS: &str = "/t/welcome/readers.png";

/// A browser: what it asks, and the cookies that it was given.
struct Browser {
    app: Router,
    cookies: Vec<(String, String)>,
}

/// A picture on an open page, which is read until that is closed.
struct Open(AbortHandle);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Browser {
    fn new(app: &Router) -> Self {
        Self { app: app.clone(), cookies: Vec::new() }
    }

    async fn logged_in(app: &Router, name: &str) -> Self {
        let mut browser = Self::new(app);
        let response = browser.log_in(name).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        browser
    }

    async fn log_in(&mut self, name: &str) -> Response {
        self.post("/login", &[("name", name), ("thread", "welcome")]).await
    }

    async fn get(&mut self, path: &str) -> Response {
        self.ask(Method::GET, path, Body::empty()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let field = |(name, value): &(&str, &str)| {
            format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
        };
        let form: Vec<String> = fields.iter().map(field).collect();
        self.ask(Method::POST, path, form.join("&").into()).await
    }

    /// An image of a page, as a browser loads it; it is there when this is done.
    async fn open(&mut self, path: &str) -> Open {
        let response = self.get(path).await;
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        assert!(kind.starts_with("multipart/x-mixed-replace"), "{kind}");
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        let read = async move { while body.frame().await.is_some() {} };
        Open(tokio::spawn(read).abort_handle())
    }

    async fn ask(&mut self, method: Method, path: &str, body: Body) -> Response {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, pairs.collect::<Vec<_>>().join("; "))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("accept", "image/avif,image/webp,image/*,*/*;q=0.8")
            .header("sec-fetch-dest", "image")
            .body(body)
            .unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("HttpOnly"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") {
                assert!(line.contains("SameSite=Lax"), "{line}");
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        response
    }
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Waits until a picture says this; what it says is read as SVG.
async fn says(app: &Router, path: &str, sentence: &str) {
    let mut seen = String::new();
    let wait = async {
        while !seen.contains(sentence) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            seen = text(Browser::new(app).get(&format!("{path}?format=svg")).await).await;
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("{path} does not say {sentence:?}, but {seen}");
    }
}

/// Who is there, as the admin is told.
async fn told(app: &Router) -> (Vec<String>, u64) {
    let mut admin = Browser::logged_in(app, "admin").await;
    let response = admin.get("/admin/everyone.png?format=json").await;
    assert_eq!(response.status(), StatusCode::OK);
    let data: Value = serde_json::from_str(&text(response).await).unwrap();
    let people = data["people"].as_array().unwrap().iter();
    let names = people.map(|person| person["name"].as_str().unwrap().to_owned());
    (names.collect(), data["guests"].as_u64().unwrap())
}

#[tokio::test]
async fn two_people_and_a_guest_are_shown_and_each_of_them_once() {
    let (app, _handle) = forum().unwrap();
    says(&app, READERS, "nobody is reading this").await;
    let mut anna = Browser::logged_in(&app, "Anna").await;
    let mut ben = Browser::logged_in(&app, "Ben").await;
    let mut guest = Browser::new(&app);
    let _anna = [anna.open(READERS).await, anna.open(READERS).await];
    says(&app, READERS, "Anna is reading this").await;
    let first = ben.open(READERS).await;
    let _guest = [guest.open(READERS).await, guest.open(READERS).await];
    says(&app, READERS, "Anna, Ben and 1 guest are reading this").await;

    // The other pictures look on: nobody is counted by them.
    let _faces = ben.open("/t/welcome/faces.png").await;
    let _index = [ben.open("/t/welcome/count.png").await, ben.open("/total.png").await];
    says(&app, "/t/welcome/faces.png", ">A<").await;
    says(&app, "/t/welcome/count.png", ">3<").await;
    says(&app, "/t/weather/readers.png", "nobody is reading this").await;

    // Who reads two threads is one person.
    let _weather = ben.open("/t/weather/readers.png").await;
    says(&app, "/t/weather/count.png", ">1<").await;
    says(&app, "/total.png", ">3<").await;
    assert_eq!(told(&app).await, (vec!["Anna".into(), "Ben".into()], 1));
    drop(first);
    says(&app, READERS, "Anna and 1 guest are reading this").await;
}

#[tokio::test]
async fn who_logs_out_is_a_guest_on_the_next_page() {
    let (app, _handle) = forum().unwrap();
    let mut anna = Browser::logged_in(&app, "Anna").await;
    let stolen = anna.cookies.clone();
    assert!(text(anna.get("/").await).await.contains("<bdi>Anna</bdi>"));
    anna.post("/logout", &[]).await;
    assert!(anna.cookies.is_empty());
    let _page = anna.open(READERS).await;
    says(&app, READERS, "1 guest is reading this").await;
    anna.cookies = stolen;
    assert!(text(anna.get("/").await).await.contains("Log in"), "the session is over");
}

#[tokio::test]
async fn names_of_all_kinds_are_text() {
    let (app, _handle) = forum().unwrap();
    let long = "x".repeat(64);
    let names = ["<script>alert(1)</script>", "\u{202E}annA", "Zoë 🦊", &long];
    let mut open = Vec::new();
    for name in names {
        let mut browser = Browser::logged_in(&app, name).await;
        open.push(browser.open(READERS).await);
        browser.post("/t/welcome", &[("text", "</p><script>alert(2)</script>")]).await;
        let page = text(browser.get("/t/welcome").await).await;
        assert!(page.contains(&format!("<bdi>{}</bdi>", page::escaped(name))), "{page}");
        assert!(page.contains("&lt;/p&gt;&lt;script&gt;alert(2)"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
    says(&app, READERS, "are reading this").await;
    let svg = text(Browser::new(&app).get(&format!("{READERS}?format=svg")).await).await;
    assert!(!svg.contains("<script") && !svg.contains('\u{202E}'), "{svg}");
    let cut = "x".repeat(31) + "…";
    let shown = ["<script>alert(1)</script>", "annA", "Zoë 🦊", &cut].map(str::to_owned);
    assert_eq!(told(&app).await, (shown.to_vec(), 0));
}

#[tokio::test]
async fn what_is_too_long_or_empty_is_refused() {
    let (app, _handle) = forum().unwrap();
    let mut guest = Browser::new(&app);
    for name in ["x".repeat(10_000), "🦊".repeat(65), " \t ".to_owned()] {
        assert_eq!(guest.log_in(&name).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(guest.log_in(&"🦊".repeat(10_000)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(guest.cookies.is_empty());
    let post = guest.post("/t/welcome", &[("text", "Hello")]).await;
    assert_eq!(post.status(), StatusCode::FORBIDDEN);

    let mut anna = Browser::logged_in(&app, "Anna").await;
    for (message, status) in [
        ("🦊".repeat(2_000), StatusCode::SEE_OTHER),
        ("x".repeat(2_001), StatusCode::UNPROCESSABLE_ENTITY),
        (" ".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(anna.post("/t/welcome", &[("text", &message)]).await.status(), status);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (app, handle) = forum().unwrap();
    let mut anna = Browser::logged_in(&app, "Anna").await;
    for path in ["/t/none", "/t/none/readers.png", "/t/none/faces.png", "/t/none/count.png", "/x"] {
        assert_eq!(anna.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let post = anna.post("/t/none", &[("text", "Hello")]).await;
    assert_eq!(post.status(), StatusCode::NOT_FOUND);
    assert!(handle.rooms().is_empty());
    // A log-in leads to no other site.
    let away = anna.post("/login", &[("name", "Anna"), ("thread", "//example.com")]).await;
    assert_eq!(away.headers()[LOCATION], "/");
}

#[tokio::test]
async fn only_the_admin_sees_everyone() {
    let (app, _handle) = forum().unwrap();
    let mut admin = Browser::logged_in(&app, "admin").await;
    assert!(text(admin.get("/admin").await).await.contains("/admin/everyone.png"));
    let _picture = admin.open("/admin/everyone.png").await;
    for mut other in [Browser::new(&app), Browser::logged_in(&app, "Anna").await] {
        for path in ["/admin", "/admin/everyone.png", "/admin/everyone.png?format=json"] {
            assert_eq!(other.get(path).await.status(), StatusCode::FORBIDDEN, "{path}");
        }
        let data = text(other.get(&format!("{READERS}?format=json")).await).await;
        assert_eq!(data, r#"{"streams":0,"visitors":0}"#, "no names");
    }
}
