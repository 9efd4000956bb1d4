//! The `values` example's lamp: who may set it, and what is seen when whoever sets it falls silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use tokio::time::{interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::seeing::{SAME, open, say, say_so, see};
use crate::server::Server;
use crate::support::{Browser, Engine};

in_every_browser!(a_lamp_says_that_its_source_is_silent);

const TOKEN: &str = "not to be guessed";
const STALE_AFTER: Duration = Duration::from_secs(2);

async fn lamp() -> Server {
    let seconds = STALE_AFTER.as_secs().to_string();
    Server::example("values", &["--token", TOKEN, "--stale-after", &seconds]).await
}

async fn put(server: &Server, authorization: Option<&str>, body: &[u8]) -> StatusCode {
    let header = authorization.map(|value| ("authorization", value));
    server.ask(Method::PUT, "lamp", header.as_slice(), body).await.status()
}

async fn set(server: &Server, light: &str) {
    let status = put(server, Some(&format!("Bearer {TOKEN}")), light.as_bytes()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

/// Says again and again which light it is, until it is dropped.
fn source(server: &Arc<Server>, light: &'static str) -> AbortOnDropHandle<()> {
    let server = server.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = interval(STALE_AFTER / 10);
        loop {
            ticks.tick().await;
            set(&server, light).await;
        }
    }))
}

/// What a person sees of a source that is killed, and begun anew.
async fn a_lamp_says_that_its_source_is_silent(engine: Engine) {
    let server = Arc::new(lamp().await);
    let browser = Browser::start(engine).await;
    let mut pictures = Vec::new();
    for light in ["green", "amber"] {
        let began = Instant::now();
        set(&server, light).await;
        let source = source(&server, light);
        let mut lines = server.lines("lamp.png?format=lines", "").await;
        lines.until("news", |line| line["stale"].is_null()).await;
        let live = server.still("lamp.png", "").await;
        if pictures.is_empty() {
            open(&browser, &server.url, "#lamp").await;
        }
        let what = format!("lamp {light}");
        see(&browser, "#lamp", &live, began, &what).await;

        let killed = Instant::now();
        drop(source);
        lines.until("silence", |line| line["stale"] == true).await;
        say(engine, &format!("{what}: its source's silence was told"), killed.elapsed());
        let stale = server.still("lamp.png", "").await;
        see(&browser, "#lamp", &stale, killed, &format!("{what} silent")).await;
        pictures.extend([live, stale]);
    }
    for (number, picture) in pictures.iter().enumerate() {
        let others = pictures[..number].iter();
        assert!(others.map(|other| other.difference(picture, (0, 0))).all(|by| by > SAME));
    }
}

#[tokio::test]
async fn only_who_knows_the_token_sets_the_lamp_and_only_to_a_light() {
    let server = lamp().await;
    let off = server.still("lamp.png", "").await;
    let right = format!("Bearer {TOKEN}");
    let (short, long) = (&right[..right.len() - 1], format!("{right}x"));
    for wrong in [None, Some("Bearer"), Some("Bearer "), Some(TOKEN), Some(short), Some(&long)] {
        let status = put(&server, wrong, b"green").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    for (wrong, status) in [
        (&b""[..], StatusCode::UNPROCESSABLE_ENTITY),
        (b"blue", StatusCode::UNPROCESSABLE_ENTITY),
        (b"<script>", StatusCode::UNPROCESSABLE_ENTITY),
        (b"\xff", StatusCode::BAD_REQUEST),
        (&[b'x'; 1000], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let told = wrong.escape_ascii();
        assert_eq!(put(&server, Some(&right), wrong).await, status, "{told}");
    }
    let read = server.ask(Method::GET, "lamp", &[], b"").await;
    assert_eq!(read.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(server.still("lamp.png", "").await == off, "nobody has set it");
    set(&server, "green\n").await;
    server.until_still("lamp.png", |still| *still != off).await;

    // Who starts it without a token wants nobody to set it.
    let server = Server::example("values", &[]).await;
    for wrong in [None, Some("Bearer "), Some(&right)] {
        assert_eq!(put(&server, wrong, b"green").await, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
}

#[tokio::test]
async fn silence_is_told_when_it_has_lasted_as_long_as_said() {
    let server = lamp().await;
    let mut lines = server.lines("lamp.png?format=lines", "").await;
    assert!(lines.next().await["stale"].is_null());
    let mut last = Instant::now();
    // Who says the same once more is not silent.
    for _ in 0..4 {
        sleep(STALE_AFTER / 3).await;
        last = Instant::now();
        set(&server, "green").await;
    }
    let next = lines.next().await;
    let silence = last.elapsed();
    assert!(next["stale"] == true && silence >= STALE_AFTER, "{next} after {silence:?}");
    say_so("the lamp's source, after its last word, was told to be silent", silence);
    assert!(silence < STALE_AFTER + Duration::from_secs(5), "{silence:?}");

    let came = Instant::now();
    set(&server, "green").await;
    assert!(lines.next().await["stale"].is_null());
    say_so("the lamp's source was told to be back", came.elapsed());
}
