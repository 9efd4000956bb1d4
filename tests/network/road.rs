//! A network of its own, with a road that can be cut: three network namespaces in a row, as a server,
//! a router and its viewers are. When the router passes nothing on, both ends' own links are up, and
//! nothing tells them.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::TcpStream;

use super::missing::{are_there, leave_out};

/// Where the server is.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);

/// What stands before the process's number in the names of namespaces.
const PREFIX: &str = "livebadge-";

/// Removed on drop; what an earlier run left that was killed is removed by the next.
#[derive(Debug)]
pub(crate) struct Road {
    name: String,
}

impl Road {
    /// `None` where it is not allowed. Then says so loudly, and fails for root in CI.
    pub(crate) fn build(name: &str) -> Option<Self> {
        let what = "silent loss";
        if !are_there(what, &[("ip", "iproute2")]) {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            leave_out(what, "only root can make network namespaces");
            return None;
        }
        remove_left();
        let road = Self { name: format!("{PREFIX}{}-{name}", std::process::id()) };
        match road.lay() {
            Ok(()) => Some(road),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "{what} can't be tested: {error}");
                leave_out(what, &format!("network namespaces are not allowed here: {error}"));
                None
            }
        }
    }

    pub(crate) fn server(&self) -> String {
        format!("{}-server", self.name)
    }

    pub(crate) fn viewers(&self) -> String {
        format!("{}-viewers", self.name)
    }

    fn router(&self) -> String {
        format!("{}-router", self.name)
    }

    fn lay(&self) -> Result<(), String> {
        let router = self.router();
        for namespace in [&self.server(), &router, &self.viewers()] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        for (end, link, net) in [(self.server(), "to-server", 1), (self.viewers(), "to-viewers", 2)]
        {
            let at = |host| format!("10.77.{net}.{host}/24");
            let peer = ["peer", "name", "road", "netns", &end];
            ip(&[&["-n", &router, "link", "add", link, "type", "veth"], &peer[..]].concat())?;
            ip(&["-n", &router, "addr", "add", &at(1), "dev", link])?;
            ip(&["-n", &router, "link", "set", link, "up"])?;
            ip(&["-n", &end, "addr", "add", &at(2), "dev", "road"])?;
            ip(&["-n", &end, "link", "set", "road", "up"])?;
            ip(&["-n", &end, "route", "add", "default", "via", &format!("10.77.{net}.1")])?;
        }
        self.forward(true)
    }

    /// From now on everything is lost, both ways, and nobody is told.
    pub(crate) fn cut(&self) {
        self.forward(false).expect("a road is cut");
    }

    pub(crate) fn mend(&self) {
        self.forward(true).expect("a road is mended");
    }

    /// A router that does not forward drops packets without an answer.
    fn forward(&self, forwards: bool) -> Result<(), String> {
        inside(&self.router(), move || {
            let value = if forwards { "1" } else { "0" };
            std::fs::write("/proc/sys/net/ipv4/ip_forward", value).map_err(|e| e.to_string())
        })
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        for namespace in [self.server(), self.router(), self.viewers()] {
            let _ = ip(&["netns", "del", &namespace]);
        }
    }
}

/// A connection that begins in a namespace.
pub(crate) async fn connect(namespace: &str, address: SocketAddr) -> TcpStream {
    let socket = inside(namespace, move || std::net::TcpStream::connect(address));
    let socket = socket.expect("a server listens");
    socket.set_nonblocking(true).expect("a socket has options");
    TcpStream::from_std(socket).expect("it is used in a runtime")
}

/// On a thread of its own, which does not come back from there.
fn inside<T: Send + 'static>(namespace: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let file = File::open(Path::new("/run/netns").join(namespace));
    let file = file.expect("a namespace has a file");
    let there = std::thread::spawn(move || {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), kind).expect("root may go anywhere");
        work()
    });
    there.join().expect("no panic")
}

/// Those of processes that are no more, with what was started in them.
fn remove_left() {
    let names = ip(&["netns", "list"]).unwrap_or_default();
    for name in names.lines().filter_map(|line| line.split_whitespace().next()) {
        let number = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        // One that has ended has no program any more, even if nobody has asked how it ended.
        let runs = |number| Path::new("/proc").join(number).join("exe").read_link().is_ok();
        if number.is_none_or(runs) {
            continue;
        }
        let left = ip(&["netns", "pids", name]).unwrap_or_default();
        for pid in left.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = ip(&["netns", "del", name]);
    }
}

fn ip(words: &[&str]) -> Result<String, String> {
    let output = Command::new("ip").args(words).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let error = String::from_utf8_lossy(&output.stderr);
            Err(format!("ip {}: {}", words.join(" "), error.trim()))
        }
    }
}
