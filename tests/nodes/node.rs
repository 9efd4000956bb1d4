//! A process of the example `online`, and who looks at it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::example;
use super::process::Process;

/// The shortest that there is.
pub(crate) const LEASE: Duration = Duration::from_secs(3);
/// Whatever is waited for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(20);
const BADGE: &str = "/online.png";

pub(crate) struct Node {
    process: Process,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

/// Somebody who looks, until this is dropped.
pub(crate) struct Viewer {
    reading: JoinHandle<()>,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Node {
    pub(crate) async fn start(redis: &str) -> Self {
        Self::start_with(redis, LEASE).await
    }

    pub(crate) async fn start_with(redis: &str, lease: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let mut command = command(redis).await;
        let mut process =
            Process::start(command.args(["--lease", &lease.as_secs().to_string()]).stderr(log));
        let url = process.says("listening on http://").await;
        let address = url.trim_end_matches('/').parse().expect("an address");
        Self { process, address, folder }
    }

    /// What it says of why it does not start.
    pub(crate) async fn refused(redis: &str) -> String {
        let output = command(redis).await.output().await.expect("it starts");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    }

    pub(crate) async fn join(&self, key: &str) -> Viewer {
        self.join_at(BADGE, key).await
    }

    /// Somebody comes, and has seen a picture when this returns.
    pub(crate) async fn join_at(&self, path: &str, key: &str) -> Viewer {
        let head = format!("x-user: {key}\r\naccept: image/*\r\nsec-fetch-dest: image\r\n");
        let mut stream = self.ask(path, &head).await;
        let (mut seen, mut bytes) = (Vec::new(), vec![0; 4096]);
        while !seen.windows(4).any(|bytes: &[u8]| bytes == b"IEND") {
            let read = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("a picture comes");
            let read = read.expect("it is sent");
            assert!(read > 0, "the stream goes on");
            seen.extend(&bytes[..read]);
        }
        let reading =
            async move { while !matches!(stream.read(&mut bytes).await, Ok(0) | Err(_)) {} };
        Viewer { reading: tokio::spawn(reading) }
    }

    /// Streams and visitors.
    pub(crate) async fn counts(&self, path: &str) -> (usize, usize) {
        let json = self.json(path).await;
        let number = |name: &str| json[name].as_u64().expect("a number") as usize;
        (number("streams"), number("visitors"))
    }

    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        let path = format!("{path}?format=json");
        let mut answer = String::new();
        let mut stream = self.ask(&path, "connection: close\r\n").await;
        let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        read.expect("an answer comes").expect("it is text");
        let json = answer.split("\r\n\r\n").nth(1).expect("a body");
        serde_json::from_str(json).expect("JSON")
    }

    /// Waits until a line of its log has both of these.
    pub(crate) async fn says(&self, text: &str, why: &str) {
        let began = Instant::now();
        let is_said =
            |log: String| log.lines().any(|line| line.contains(text) && line.contains(why));
        while !is_said(self.log()) {
            assert!(began.elapsed() < PATIENCE, "{text}, {why}: {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("text")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) async fn end(mut self, signal: Signal) -> ExitStatus {
        self.process.signal(signal);
        self.process.ends().await
    }

    async fn ask(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        stream
    }
}

/// Waits until all of them show so many, and until then nothing above.
pub(crate) async fn agree<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    streams: usize,
    visitors: usize,
    within: Duration,
) {
    let began = Instant::now();
    let nodes: Vec<_> = nodes.into_iter().collect();
    loop {
        let mut counts = Vec::new();
        for node in &nodes {
            counts.push(node.counts(BADGE).await);
        }
        if counts.iter().all(|counts| *counts == (streams, visitors)) {
            return;
        }
        let what = || format!("{counts:?}, not {streams} streams of {visitors}");
        assert!(began.elapsed() < within, "after {within:?} there are {}", what());
        sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn at_once<const N: usize>(
    starting: [impl Future<Output = Node>; N],
) -> [Node; N] {
    let nodes = futures_util::future::join_all(starting).await;
    nodes.try_into().unwrap_or_else(|_| unreachable!("as many as before"))
}

async fn command(redis: &str) -> Command {
    let online: PathBuf = example::example(&["online"], "online").await;
    let mut command = Command::new(online);
    command.args(["--addr", "127.0.0.1:0", "--visitors", "header:x-user", "--redis", redis]);
    command.args(["--leave-grace", "1", "--max-rooms", "20000"]);
    command.stdin(Stdio::null());
    command
}
