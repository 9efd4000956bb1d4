//! A Redis of a test's own.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::process::Process;

pub(crate) struct Redis {
    process: Option<Process>,
    port: u16,
    folder: TempDir,
}

/// Hears everything that nodes say.
pub(crate) struct Listener {
    listening: JoinHandle<()>,
    heard: Arc<Mutex<(usize, usize)>>,
}

impl Listener {
    /// How many messages there were, and how many bytes in all.
    pub(crate) async fn stop(self) -> (usize, usize) {
        self.listening.abort();
        *self.heard.lock().expect("no panic")
    }
}

impl Redis {
    /// `None` if it is not on this machine, which in CI is a failure.
    pub(crate) async fn start() -> Option<Self> {
        if !is_there() {
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
        let port = listener.local_addr().expect("it has a port").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a folder");
        let mut redis = Self { process: None, port, folder };
        redis.come_back().await;
        Some(redis)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    pub(crate) async fn is_killed(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal(Signal::KILL);
        process.ends().await;
    }

    /// Empty.
    pub(crate) async fn come_back(&mut self) {
        let mut command = Command::new(program());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(self.folder.path());
        self.process = Some(Process::start(&mut command));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "Redis does not listen");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn listen(&self) -> Listener {
        let client = redis::Client::open(self.url()).expect("a URL");
        let mut messages = client.get_async_pubsub().await.expect("it answers");
        messages.psubscribe("livebadge:*").await.expect("it answers");
        let heard = Arc::new(Mutex::new((0, 0)));
        let sums = heard.clone();
        let mut messages = messages.into_on_message();
        let listening = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let mut sums = sums.lock().expect("no panic");
                *sums = (sums.0 + 1, sums.1 + message.get_payload_bytes().len());
            }
        });
        Listener { listening, heard }
    }

    /// Says something on the nodes' channel.
    pub(crate) async fn publish(&self, message: &[u8]) {
        let client = redis::Client::open(self.url()).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("it answers");
        let publish = redis::cmd("PUBLISH").arg("livebadge:nodes:0").arg(message).clone();
        publish.exec_async(&mut connection).await.expect("it answers");
    }
}

fn program() -> String {
    std::env::var("REDIS").unwrap_or_else(|_| "redis-server".to_owned())
}

fn is_there() -> bool {
    let program = program();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(&program).is_file()) {
        return true;
    }
    let why = format!("no {program} here (Debian package redis-server; see tests/install)");
    assert!(std::env::var_os("CI").is_none(), "nodes can't be tested: there is {why}");
    // Not eprintln!, which the test harness keeps to itself while tests pass.
    let warning = format!("\nWARNING: NODES WERE LEFT OUT, there is {why}\n\n");
    let _ = std::io::stderr().write_all(warning.as_bytes());
    false
}
