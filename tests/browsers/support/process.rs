//! A program that runs for a test and not longer.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// Killed on drop, with all that it started: a driver that is killed alone leaves its browser behind
/// (Chromium 156), so each gets a process group of its own.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} starts: {error}"));
        Self { child, name }
    }

    /// Sends a signal to it and to all that it started.
    pub(crate) fn signal(&self, signal: Signal) {
        // Not reaped yet, so the number is still this program's.
        let group = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = group {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits for a line on stdout with this text in it, and gives what follows the text.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        let stdout = self.child.stdout.take().expect("one line is waited for");
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, rest)) = line.split_once(text) {
                drain(lines.into_inner());
                return rest.trim().to_owned();
            }
        }
        panic!("{} ended before it said {text:?}", self.name);
    }

    /// Waits until it has ended.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        self.child.wait().await.expect("it is waited for")
    }

    /// By which `/proc` knows it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it is not waited for")
    }
}

/// Otherwise a program that says much would one day wait for somebody to read it.
fn drain(mut stdout: BufReader<ChildStdout>) {
    tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await });
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
