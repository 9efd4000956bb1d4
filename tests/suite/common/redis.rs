//! A Redis of a test's own, which keeps nothing on a disk.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Killed on drop.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    /// `None` where there is none, which is said, and is a failure in CI.
    pub(crate) fn start() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
        let port = listener.local_addr().expect("a listener has a port").port();
        drop(listener);
        match run(port) {
            Ok(process) => Some(Self { port, process }),
            Err(error) => {
                let why = format!("no redis-server here ({error}; Debian package redis-server)");
                assert!(std::env::var_os("CI").is_none(), "Redis can't be tested: {why}");
                eprintln!("\nWARNING: Redis WAS LEFT OUT, {why}\n");
                None
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What is in it is lost.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = run(self.port).expect("it has been there before");
    }

    /// It answers nothing, and takes in what comes.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// What its own client would say.
    pub(crate) fn ask(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url()).expect("a right URL");
        let mut connection = client.get_connection().expect("it listens");
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).expect("it knows that")
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).expect("a process has a number");
        kill_process(pid, signal).expect("it is there");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns when it listens.
fn run(port: u16) -> std::io::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    command.current_dir(std::env::temp_dir());
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    for _ in 0..1000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(process);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("redis-server does not listen on port {port}");
}
