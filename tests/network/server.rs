//! An example as a process of its own, and what it counts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::common::{Client, Protocol};
use super::support::{Process, example};

/// Nothing here takes that long, unless it is meant to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(100);

pub(crate) const PATH: &str = "/online.png";

const EXAMPLES: [&str; 1] = ["online"];

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Process,
}

impl Server {
    pub(crate) async fn start(name: &str, options: &[&str]) -> Self {
        Self::start_by(&[], "127.0.0.1:0", name, options).await
    }

    /// Runs an example by a program that runs another one.
    pub(crate) async fn start_by(by: &[&str], at: &str, name: &str, options: &[&str]) -> Self {
        let example = example(&EXAMPLES, name).await;
        let example = example.to_str().expect("a folder's name is text");
        let words = [by, &[example, "--addr", at], options].concat();
        let mut process = Process::start(Command::new(words[0]).args(&words[1..]));
        let url = timeout(PATIENCE, process.says("listening on http://")).await;
        let url = url.expect("a server starts in time");
        let address = url.trim_end_matches('/').parse().expect("it says where");
        Self { address, process }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) async fn counter(&self) -> Counter {
        Counter(Client::connect(self.address, Protocol::Http1).await)
    }
}

/// Asks a server how many look, over a connection that stays open.
#[derive(Debug)]
pub(crate) struct Counter(pub(crate) Client);

impl Counter {
    pub(crate) async fn streams(&mut self) -> usize {
        let reply = self.0.get(&format!("{PATH}?format=json"), &[]).await;
        let json: Value = serde_json::from_slice(&reply.bytes().await).expect("JSON");
        json["streams"].as_u64().and_then(|n| n.try_into().ok()).expect("a number of streams")
    }

    /// Waits until so many look, and says for how long.
    pub(crate) async fn wait_for(&mut self, streams: usize, patience: Duration) -> Duration {
        let since = Instant::now();
        loop {
            let seen = self.streams().await;
            if seen == streams {
                return since.elapsed();
            }
            assert!(since.elapsed() < patience, "{seen} streams instead of {streams}");
            // As exact as what is waited for is short.
            sleep((since.elapsed() / 50).clamp(SHORTEST, LONGEST)).await;
        }
    }

    /// What is shown now.
    pub(crate) async fn still(&mut self) -> Vec<u8> {
        self.0.get(&format!("{PATH}?still"), &[]).await.bytes().await.into()
    }
}
