//! A server's process: begun, told what changes, looked at, ended.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::server::Kind;
use crate::server::control::Order;

#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    orders: ChildStdin,
    pub(crate) address: SocketAddr,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu_us: f64,
    /// As far as the system's tick has seen it.
    pub(crate) user_us: f64,
    pub(crate) system_us: f64,
}

impl Usage {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu_us: self.cpu_us - before.cpu_us,
            user_us: self.user_us - before.user_us,
            system_us: self.system_us - before.system_us,
        }
    }

    /// What of it was not in the system.
    pub(crate) fn own_us(self) -> f64 {
        self.cpu_us * self.user_us / (self.user_us + self.system_us).max(1.0)
    }
}

impl Server {
    pub(crate) fn start(kind: Kind, pictures: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", &kind.name()])
            .arg(pictures)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (orders, told) = (child.stdin.take(), child.stdout.take());
        let mut line = String::new();
        BufReader::new(told.expect("a pipe")).read_line(&mut line)?;
        Ok(Self { child, orders: orders.expect("a pipe"), address: line.trim().parse()? })
    }

    /// Changes the one picture.
    pub(crate) fn change(&mut self) -> Result<(), Box<dyn Error>> {
        self.tell(&Order::Change)
    }

    pub(crate) fn tell(&mut self, order: &Order) -> Result<(), Box<dyn Error>> {
        Ok(self.orders.write_all(order.line().as_bytes())?)
    }

    pub(crate) fn usage(&self) -> Result<Usage, Box<dyn Error>> {
        let mut cpu_us = 0.0;
        for task in fs::read_dir(self.file("task"))? {
            // Time on the processor in nanoseconds comes first. A thread may have ended by now.
            let Ok(line) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let nanos = line.split(' ').next().unwrap_or_default();
            cpu_us += nanos.trim().parse::<f64>()? / 1000.0;
        }
        let stat = fs::read_to_string(self.file("stat"))?;
        // The name, in brackets, may have spaces. User and system time are the 14th and 15th field.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks: Vec<&str> = fields.split_whitespace().skip(11).take(2).collect();
        let tick_us = 1e6 / rustix::param::clock_ticks_per_second() as f64;
        let [user, system] = ticks[..] else { return Err("no times in stat".into()) };
        let (user_us, system_us) =
            (user.parse::<f64>()? * tick_us, system.parse::<f64>()? * tick_us);
        Ok(Usage { cpu_us, user_us, system_us })
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> Result<f64, Box<dyn Error>> {
        let rollup = fs::read_to_string(self.file("smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no Rss")?;
        Ok(kib.parse::<f64>()? * 1024.0)
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
