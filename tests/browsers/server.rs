//! The `online` example as a process of its own, and visitors without a browser.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::support::{Pixels, Process};

/// Nothing here takes that long, but a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who looks at the badge, until dropped.
#[derive(Debug)]
pub(crate) struct Visitor(JoinHandle<()>);

impl Drop for Visitor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    /// As `http://127.0.0.1:1234/`.
    pub(crate) url: String,
    client: Client<HttpConnector, Empty<Bytes>>,
    _process: Process,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let tests = std::env::current_exe().expect("a test knows its file");
        let profile = tests.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
        static BUILT: OnceCell<()> = OnceCell::const_new();
        BUILT.get_or_init(|| build(profile)).await;
        let mut command = Command::new(profile.join("examples/online"));
        let mut process = Process::start(command.args(["--addr", "127.0.0.1:0"]));
        let url = process.says("listening on ").await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, client, _process: process }
    }

    /// Comes and looks. Counted when this returns.
    pub(crate) async fn visitor(&self) -> Visitor {
        let mut body = self.get("online.png", "image/*").await.into_body();
        Visitor(tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} }))
    }

    /// Waits until so many look, and gives the picture that says so.
    pub(crate) async fn picture_of(&self, streams: u64) -> Pixels {
        self.counts(streams).await;
        Pixels::from_png(&self.text("online.png?still", "image/png").await)
    }

    /// Waits until so many look.
    pub(crate) async fn counts(&self, streams: u64) {
        let mut seen = Value::Null;
        let counted = async {
            while seen["streams"] != streams {
                sleep(Duration::from_millis(5)).await;
                let count = self.text("count", "application/json").await;
                seen = serde_json::from_slice(&count).expect("counts are JSON");
            }
        };
        let in_time = timeout(PATIENCE, counted).await.is_ok();
        assert!(in_time, "there should be {streams} streams, but there are {seen}");
    }

    async fn text(&self, path: &str, accept: &str) -> Bytes {
        let body = self.get(path, accept).await.into_body();
        body.collect().await.expect("an answer is whole").to_bytes()
    }

    async fn get(&self, path: &str, accept: &str) -> Response<Incoming> {
        let request = Request::get(format!("{}{path}", self.url)).header("accept", accept);
        let request = request.body(Empty::new()).expect("a path makes a request");
        let response = self.client.request(request).await.expect("the server answers");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response
    }
}

/// Always, and not only if it is missing: `cargo test --test browsers` leaves an old one in place.
async fn build(profile: &Path) {
    let target = profile.parent().expect("a profile's folder is inside of target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "online", "--target-dir"]).arg(target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.stdin(Stdio::null()).status().await.expect("cargo runs");
    assert!(status.success(), "the online example is built");
}
