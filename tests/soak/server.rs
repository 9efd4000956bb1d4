//! The `online` example as a process, and what it holds.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

use crate::example::example;
use crate::process::Process;
use crate::strangers::ask;

/// Short, so that those who stopped reading are soon missed.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(400);
pub(crate) const GRACE: Duration = Duration::from_millis(400);
/// Nothing here takes that long, but a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Process,
}

#[derive(Debug)]
pub(crate) struct Resources {
    /// Of resident memory.
    pub(crate) bytes: usize,
    pub(crate) descriptors: usize,
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.bytes as f64 / 1e6;
        write!(f, "{megabytes:.1} MB, {} file descriptors", self.descriptors)
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(example(&["online"], "online").await);
        command.args(["--addr", "127.0.0.1:0", "--visitors", "header:x-user", "--max-rate", "5"]);
        command.args(["--heartbeat", &format!("{}ms", HEARTBEAT.as_millis())]);
        command.args(["--leave-grace", &format!("{}ms", GRACE.as_millis())]);
        let mut process = Process::start(&mut command);
        let url = process.says("listening on http://").await;
        let address = url.trim_end_matches('/').parse().expect("an address");
        Self { address, process }
    }

    fn resources(&self) -> Resources {
        let process = format!("/proc/{}", self.process.id());
        let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.split_whitespace().next());
        let kilobytes: usize = kilobytes.unwrap_or_default().parse().expect("a number");
        let descriptors = fs::read_dir(format!("{process}/fd")).expect("it runs").count();
        Resources { bytes: kilobytes * 1024, descriptors }
    }

    /// What it holds when connections that have just been closed are gone.
    pub(crate) async fn resources_at_rest(&self) -> Resources {
        let mut least = self.resources();
        for _ in 0..20 {
            sleep(Duration::from_millis(50)).await;
            let now = self.resources();
            if now.descriptors <= least.descriptors {
                least = now;
            }
        }
        least
    }

    /// What it holds once it has let go of what it did not hold then, or does not.
    pub(crate) async fn resources_like(&self, then: &Resources) -> Resources {
        for _ in 0..PATIENCE.as_secs() * 10 {
            let now = self.resources();
            if now.descriptors <= then.descriptors {
                return now;
            }
            sleep(Duration::from_millis(100)).await;
        }
        self.resources()
    }
}

/// Streams and visitors, as the server has them.
pub(crate) async fn counts(address: SocketAddr, path: &str) -> (usize, usize) {
    let (status, json) = ask(address, path).await;
    assert_eq!(status, 200, "{path}");
    let json: Value = serde_json::from_slice(&json).expect("counts are JSON");
    let number = |name: &str| json[name].as_u64().expect("a number") as usize;
    (number("streams"), number("visitors"))
}
