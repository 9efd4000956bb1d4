//! Real browsers for tests: each starts by itself, with a profile of its own, and ends on drop.

mod engine;
mod pixels;
mod process;

use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) use engine::Engine;
pub(crate) use pixels::Pixels;
pub(crate) use process::Process;

/// A tab of a [`Browser`].
#[derive(Debug)]
pub(crate) struct Tab(WindowHandle);

/// A running browser. Commands go to the tab that was opened last.
#[derive(Debug)]
pub(crate) struct Browser {
    client: Client,
    engine: Engine,
    processes: Vec<Process>,
    home: Option<TempDir>,
}

impl Browser {
    pub(crate) async fn start(engine: Engine) -> Self {
        let home = TempDir::new().expect("there is a folder for temporary files");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", home.path()).env("TMPDIR", home.path());
        let mut driver = Process::start(command.stderr(Stdio::null()));
        let port = driver.says("started successfully on port ").await;
        let address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let Value::Object(capabilities) = engine.capabilities(home.path()) else {
            unreachable!("capabilities are an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(Capabilities::from_iter(capabilities))
            .connect(&address)
            .await
            .expect("the browser starts");
        Self { client, engine, processes: vec![driver], home: Some(home) }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Opens a page in a new tab.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        let opened = self.client.new_window(true).await.expect("a tab opens");
        self.client.switch_to_window(opened.handle.clone()).await.expect("the tab is there");
        self.client.goto(url).await.expect("the page is asked for");
        Tab(opened.handle)
    }

    pub(crate) async fn close(&self, tab: Tab) {
        self.client.switch_to_window(tab.0).await.expect("the tab is there");
        self.client.close_window().await.expect("the tab closes");
        let left = self.client.windows().await.expect("some tabs are there");
        let last = left.last().expect("the first, empty tab stays open").clone();
        self.client.switch_to_window(last).await.expect("the tab is there");
    }

    /// What a function with this body returns in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// What is to be seen of the page, as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("there is something to see")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.processes.clear();
        // They are told to end, but some still write; no longer than a moment.
        let Some(home) = self.home.take().map(TempDir::keep) else { return };
        for _ in 0..40 {
            if std::fs::remove_dir_all(&home).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}
