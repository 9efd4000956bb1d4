//! Proxies, each with a configuration that is written for a test.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::missing::are_there;
use super::server::PATIENCE;
use super::support::{Home, Process};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
    Caddy,
}

/// Killed on drop, without a chance to say anything to anybody.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    _process: Process,
    /// Last, so that it goes when the process is gone.
    _home: Home,
}

impl Kind {
    /// As its own program is called, and its package.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    pub(crate) fn is_there(self) -> bool {
        let package = if self == Self::Nginx { "nginx-light" } else { self.name() };
        are_there(self.name(), &[(self.name(), package)])
    }

    /// As `docs/DEPLOY.md` has it. Where nothing is said for so long, the proxy ends a response.
    fn configuration(self, at: SocketAddr, to: SocketAddr, silence: Duration) -> String {
        let millis = silence.as_millis();
        match self {
            Self::Nginx => format!(
                "daemon off; master_process off; pid nginx.pid; error_log stderr;
                events {{ worker_connections 512; }}
                http {{
                  access_log off;
                  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c;
                  uwsgi_temp_path d; scgi_temp_path e;
                  server {{
                    listen {at};
                    location / {{
                      proxy_pass http://{to};
                      proxy_http_version 1.1;
                      proxy_set_header Connection \"\";
                      proxy_set_header Host $host;
                      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                      proxy_read_timeout {millis}ms;
                    }}
                  }}
                }}"
            ),
            Self::HaProxy => format!(
                "defaults\n mode http\n option http-no-delay\n timeout connect 5s\n \
                 timeout client {millis}ms\n timeout server {millis}ms\n\
                 listen badges\n bind {at}\n server app {to}\n"
            ),
            Self::Caddy => format!(
                "{{\n admin off\n auto_https off\n}}\n\
                 http://{at} {{\n reverse_proxy {to} {{\n \
                 transport http {{\n read_timeout {millis}ms\n }}\n }}\n}}\n"
            ),
        }
    }

    pub(crate) async fn start(self, to: SocketAddr, silence: Duration) -> Proxy {
        let home = Home::new();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port().await));
        let file = home.path().join("configuration");
        let configuration = self.configuration(address, to, silence);
        std::fs::write(&file, configuration).expect("there is room for a configuration");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(self.name());
        command.current_dir(home.path()).env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command.env("HOME", home.path()).env("XDG_DATA_HOME", home.path());
        command.env("XDG_CONFIG_HOME", home.path());
        match self {
            Self::Nginx => command.arg("-p").arg(home.path()).arg("-c").arg(&file),
            Self::HaProxy => command.args(["-q", "-db", "-f"]).arg(&file),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file),
        };
        command.stderr(std::fs::File::create(home.path().join("log")).expect("there is room"));
        let process = Process::start(&mut command);
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(PATIENCE, listens).await.is_err() {
            let log = std::fs::read_to_string(home.path().join("log"));
            panic!("{} does not start: {}", self.name(), log.unwrap_or_default());
        }
        Proxy { address, _process: process, _home: home }
    }
}

/// Somebody else may take it first, which is unlikely.
async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
    listener.local_addr().expect("a listener has a port").port()
}
