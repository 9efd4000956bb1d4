//! The example `online` with a store, as a process of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use super::process::Process;

/// Whatever is waited for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Program {
    process: Process,
    address: SocketAddr,
}

impl Program {
    pub(crate) async fn start(online: &Path, file: &Path) -> Self {
        let mut process = Process::start(&mut command(online, file));
        let url = process.says("listening on http://").await;
        let address = url.trim_end_matches('/').parse().expect("an address");
        Self { process, address }
    }

    /// What it says of why it does not start.
    pub(crate) async fn refused(online: &Path, file: &Path) -> String {
        let output = command(online, file).output().await.expect("it starts");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    }

    /// Somebody comes to a room, sees a picture, and goes.
    pub(crate) fn join(&self, room: usize) {
        let mut stream =
            self.ask(&format!("/rooms/{room}/online.png"), "sec-fetch-dest: image\r\n");
        let (mut seen, mut bytes) = (Vec::<u8>::new(), [0; 4096]);
        while !seen.windows(4).any(|bytes| bytes == b"IEND") {
            let read = stream.read(&mut bytes).expect("a picture comes");
            assert!(read > 0, "the stream goes on");
            seen.extend(&bytes[..read]);
        }
    }

    /// How often somebody has come to a room, says its data.
    pub(crate) fn joins(&self, room: usize) -> u64 {
        let mut answer = String::new();
        let path = format!("/rooms/{room}/online.png?format=json");
        self.ask(&path, "connection: close\r\n").read_to_string(&mut answer).expect("an answer");
        let json = answer.split("\r\n\r\n").nth(1).expect("a body");
        let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
        json["joins"].as_u64().expect("a number")
    }

    pub(crate) async fn end(mut self, signal: Signal) -> ExitStatus {
        self.process.signal(signal);
        self.process.ends().await
    }

    fn ask(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\naccept: image/png,image/*;q=0.8\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        stream
    }
}

fn command(online: &Path, file: &Path) -> Command {
    let mut command = Command::new(online);
    command.args(["--addr", "127.0.0.1:0", "--store"]).arg(file);
    command
}
