//! An example as a process of its own, and visitors without a browser.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::support::{Pixels, Process, example};

/// Nothing here takes that long, but a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const EXAMPLES: [&str; 6] = ["online", "tictactoe", "hangman", "gallery", "values", "forum"];

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
    client: Client<HttpConnector, Full<Bytes>>,
    _process: Process,
}

impl Server {
    /// Runs the `online` example.
    pub(crate) async fn start() -> Self {
        Self::example("online", &[]).await
    }

    /// Runs one of the [`EXAMPLES`].
    pub(crate) async fn example(name: &str, options: &[&str]) -> Self {
        Self::example_at("127.0.0.1:0", name, options).await
    }

    /// The same where another one has been.
    pub(crate) async fn example_at(address: &str, name: &str, options: &[&str]) -> Self {
        let mut command = Command::new(example(&EXAMPLES, name).await);
        command.args(["--addr", address]).args(options);
        let mut process = Process::start(&mut command);
        let url = process.says("listening on ").await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, client, _process: process }
    }

    /// Comes and looks. Counted when this returns.
    pub(crate) async fn visitor(&self) -> Visitor {
        self.visitor_of("online.png").await
    }

    /// Comes and looks at a picture.
    pub(crate) async fn visitor_of(&self, path: &str) -> Visitor {
        self.visitor_with(path, "").await
    }

    /// The same with this cookie.
    pub(crate) async fn visitor_with(&self, path: &str, cookie: &str) -> Visitor {
        let mut body = self.get(path, "multipart/x-mixed-replace", cookie).await.into_body();
        Visitor(tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} }))
    }

    /// Waits until so many look, and gives the picture that says so.
    pub(crate) async fn picture_of(&self, streams: u64) -> Pixels {
        self.counts(streams).await;
        self.still("online.png", "").await
    }

    /// What is shown now to who comes with this cookie.
    pub(crate) async fn still(&self, path: &str, cookie: &str) -> Pixels {
        let body = self.get(&format!("{path}?still"), "image/png", cookie).await.into_body();
        Pixels::from_png(&body.collect().await.expect("a picture is whole").to_bytes())
    }

    /// Waits for a still for which this is true.
    pub(crate) async fn until_still(&self, path: &str, is_so: impl Fn(&Pixels) -> bool) -> Pixels {
        let search = async {
            loop {
                let still = self.still(path, "").await;
                if is_so(&still) {
                    return still;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, search).await.expect("there is such a picture in time")
    }

    /// Waits until so many look.
    pub(crate) async fn counts(&self, streams: u64) {
        let mut seen = Value::Null;
        let counted = async {
            while seen["streams"] != streams {
                sleep(Duration::from_millis(5)).await;
                seen = self.json("count").await;
            }
        };
        let in_time = timeout(PATIENCE, counted).await.is_ok();
        assert!(in_time, "there should be {streams} streams, but there are {seen}");
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let body = self.get(path, "application/json", "").await.into_body();
        let json = body.collect().await.expect("an answer is whole").to_bytes();
        serde_json::from_slice(&json).expect("this answers with JSON")
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let body = self.get(path, "*/*", "").await.into_body();
        let text = body.collect().await.expect("an answer is whole").to_bytes();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Sends a form, or something else.
    pub(crate) async fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> StatusCode {
        let request = Request::post(format!("{}{path}", self.url)).header("content-type", kind);
        self.answer(request.body(body.into())).await.status()
    }

    /// Asks for something else, with these headers.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Bytes::copy_from_slice(body).into())).await
    }

    /// What a picture says, as data, for as long as this is held: for whoever comes with this cookie.
    pub(crate) async fn lines(&self, path: &str, cookie: &str) -> Lines {
        let body = self.get(path, "*/*", cookie).await.into_body();
        Lines { body, unread: Vec::new() }
    }

    async fn get(&self, path: &str, accept: &str, cookie: &str) -> Response<Incoming> {
        let request = Request::get(format!("{}{path}", self.url));
        let request = request.header("accept", accept).header("cookie", cookie);
        let response = self.answer(request.body(Full::default())).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response
    }

    async fn answer(&self, request: http::Result<Request<Full<Bytes>>>) -> Response<Incoming> {
        let request = request.expect("a path makes a request");
        self.client.request(request).await.expect("the server answers")
    }
}

/// A live stream of data: a line for each change.
#[derive(Debug)]
pub(crate) struct Lines {
    body: Incoming,
    unread: Vec<u8>,
}

impl Lines {
    /// Waits for the next line.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                if end == 0 {
                    continue; // a heartbeat
                }
                return serde_json::from_slice(&line).expect("a line is JSON");
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("a line comes in time");
            let frame = frame.expect("the stream goes on").expect("the stream has no error");
            self.unread.extend(frame.into_data().expect("the stream has no trailers"));
        }
    }

    /// Waits for a line of which this is true.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let search = async {
            loop {
                seen = self.next().await;
                if is_so(&seen) {
                    return;
                }
            }
        };
        let in_time = timeout(PATIENCE, search).await.is_ok();
        assert!(in_time, "in vain waited for: {what}; it is {seen}");
        seen
    }
}
