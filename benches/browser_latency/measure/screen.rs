//! Chromium's frames as its DevTools send them, by way of chromedriver's performance log, which is
//! the one way to DevTools' events that needs no websocket.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::server::PATIENCE;
use super::support::{Home, Pixels, Process};

/// How long after the beginning of 1970 something happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(Duration);

impl Moment {
    fn from_seconds(seconds: &Value) -> Self {
        Self(Duration::from_secs_f64(seconds.as_f64().expect("a time is a number of seconds")))
    }

    pub(crate) fn since(self, start: impl Into<Self>) -> Duration {
        self.0.saturating_sub(start.into().0)
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(SystemTime::UNIX_EPOCH).expect("now is later than 1970"))
    }
}

pub(crate) struct Screen {
    client: Client<HttpConnector, Full<Bytes>>,
    session: String,
    place: (usize, usize),
    frames: VecDeque<(Moment, Pixels)>,
    network: Vec<Value>,
    first_window: Value,
    _driver: Process,
    home: Home,
}

impl Screen {
    pub(crate) async fn start() -> Self {
        let home = Home::new();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", home.path()).env("TMPDIR", home.path());
        let mut driver = Process::start(command.stderr(Stdio::null()));
        let port = driver.says("started successfully on port ").await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut screen = Self {
            client,
            session: format!("http://127.0.0.1:{}/session", port.trim_end_matches('.')),
            place: (0, 0),
            frames: VecDeque::new(),
            network: Vec::new(),
            first_window: Value::Null,
            _driver: driver,
            home,
        };
        let arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--force-device-scale-factor=2",
            "--window-size=640,680",
            format!("--user-data-dir={}", screen.home.path().join("profile").display()),
        ]);
        let capabilities = json!({
            "pageLoadStrategy": "none",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL" },
        });
        let session = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = screen.post("", session).await;
        screen.session += &format!("/{}", session["sessionId"].as_str().expect("a session's id"));
        screen.first_window = screen.get("/window").await;
        screen
    }

    pub(crate) async fn open(&mut self, url: &str) {
        let window = self.post("/window/new", json!({ "type": "tab" })).await;
        self.post("/window", json!({ "handle": window["handle"] })).await;
        self.frames.clear();
        self.network.clear();
        self.tools("Page.startScreencast", json!({ "format": "png" })).await;
        self.post("/url", json!({ "url": url })).await;
        let script = "const badge = document.querySelector('#badge');
            if (!badge) return null;
            const place = badge.getBoundingClientRect();
            return [place.left, place.top].map(at => Math.round(at * devicePixelRatio));";
        let script = json!({ "script": script, "args": [] });
        let place = loop {
            let place = self.post("/execute/sync", script.clone()).await;
            if place.is_array() {
                break place;
            }
            sleep(Duration::from_millis(5)).await;
        };
        self.place = serde_json::from_value(place).expect("two whole numbers");
    }

    pub(crate) async fn close(&mut self) {
        self.request("DELETE", "/window", Value::Null).await;
        self.post("/window", json!({ "handle": self.first_window })).await;
    }

    /// Waits for the first frame from now on that shows the picture.
    pub(crate) async fn shows(&mut self, picture: &Pixels) -> Moment {
        let shown = async {
            loop {
                while let Some((time, frame)) = self.frames.pop_front() {
                    if frame.difference(picture, self.place) <= 2 {
                        return time;
                    }
                }
                sleep(Duration::from_millis(5)).await;
                self.read_events().await;
            }
        };
        timeout(PATIENCE, shown).await.expect("the picture is shown")
    }

    /// When the head of the response came.
    pub(crate) async fn response_started(&mut self, path: &str) -> Moment {
        self.read_events().await;
        let request = self.event("Network.requestWillBeSent", |p| {
            p["request"]["url"].as_str().is_some_and(|url| url.ends_with(path))
        });
        let response =
            self.event("Network.responseReceived", |p| p["requestId"] == request["requestId"]);
        // One clock begins in 1970, the other when the machine started.
        let took = Moment::from_seconds(&response["timestamp"])
            .since(Moment::from_seconds(&request["timestamp"]));
        Moment(Moment::from_seconds(&request["wallTime"]).0 + took)
    }

    fn event(&self, method: &str, is_it: impl Fn(&Value) -> bool) -> &Value {
        let mut of_method = self.network.iter().filter(|event| event["method"] == method);
        let event = of_method.find(|event| is_it(&event["params"])).expect("Chromium tells of it");
        &event["params"]
    }

    async fn read_events(&mut self) {
        let log = self.post("/se/log", json!({ "type": "performance" })).await;
        for entry in log.as_array().expect("a log is a list") {
            let entry = entry["message"].as_str().expect("an entry is JSON in a string");
            let mut entry: Value = serde_json::from_str(entry).expect("an entry is JSON");
            let event = entry["message"].take();
            let method = event["method"].as_str().unwrap_or_default();
            if method.starts_with("Network.") {
                self.network.push(event);
            } else if method == "Page.screencastFrame" {
                let frame = &event["params"];
                let seen = json!({ "sessionId": frame["sessionId"] });
                self.tools("Page.screencastFrameAck", seen).await;
                let png = frame["data"].as_str().expect("a frame is base64");
                let png = BASE64_STANDARD.decode(png).expect("a frame is base64");
                let time = Moment::from_seconds(&frame["metadata"]["timestamp"]);
                self.frames.push_back((time, Pixels::from_png(&png)));
            }
        }
    }

    async fn tools(&self, command: &str, parameters: Value) {
        let command = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", command).await;
    }

    async fn get(&self, path: &str) -> Value {
        self.request("GET", path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.request("POST", path, body).await
    }

    async fn request(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request = request.body(Full::from(body)).expect("a path makes a request");
        let answer = self.client.request(request).await.expect("chromedriver answers");
        let answer = answer.into_body().collect().await.expect("an answer is whole").to_bytes();
        let mut answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        let error = &answer["value"]["error"];
        assert!(error.is_null(), "{method} {path}: {}", answer["value"]);
        answer["value"].take()
    }
}
