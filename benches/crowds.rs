//! What crowds cost a server, which is a process of its own here: how soon somebody gets a still
//! for whom there is no place, and what remains of rooms that were made up and left.
//! `cargo bench --bench crowds`, on Linux.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower_livebadge::{Badge, LiveBadgeLayer};

const PLACES: usize = 50;
const LATECOMERS: usize = 100;
const ROOMS: usize = 20_000;
const AT_A_TIME: usize = 50;
const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="40">
  <text x="8" y="26" font-size="16">{{ visitors }} in {{ params.room }}</text></svg>"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|arg| arg == "serve") {
        return serve().await;
    }
    let server = Server::start()?;
    full_house(&server).await?;
    made_up_rooms(&server).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let badges = LiveBadgeLayer::builder()
        .badge("/rooms/{room}/online.png", Badge::svg(SVG))
        .max_viewers(PLACES)
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, Router::new().layer(badges)).await?)
}

async fn full_house(server: &Server) -> Result<(), Box<dyn Error>> {
    let mut seated = Vec::new();
    for _ in 0..PLACES {
        seated.push(server.visit("lobby").await?);
    }
    assert!(seated.iter().all(|visit| visit.is_stream));
    let mut visits = JoinSet::new();
    for _ in 0..LATECOMERS {
        let address = server.address;
        visits.spawn(async move { Visit::to(address, "lobby").await });
    }
    let mut took = Vec::new();
    while let Some(visit) = visits.join_next().await {
        let visit = visit??;
        assert!(!visit.is_stream, "a still for everybody else");
        took.push(visit.took);
    }
    took.sort_unstable();
    println!(
        "{LATECOMERS} more than {PLACES} viewers: a still after {:.1} ms (median), {:.1} ms (p99)",
        millis(took[LATECOMERS / 2]),
        millis(took[LATECOMERS * 99 / 100])
    );
    seated.pop();
    let since = Instant::now();
    while !server.visit("lobby").await?.is_stream {}
    println!("a place that somebody left is taken after {:.1} ms", millis(since.elapsed()));
    Ok(())
}

async fn made_up_rooms(server: &Server) -> Result<(), Box<dyn Error>> {
    // Whatever is there once.
    server.visit_rooms(0..ROOMS / 20).await?;
    let before = server.resources()?;
    server.visit_rooms(ROOMS..2 * ROOMS).await?;
    let after = server.resources()?;
    let grown = after.bytes as f64 - before.bytes as f64;
    println!(
        "{ROOMS} made-up rooms, {AT_A_TIME} at a time: {:.0} bytes remain of each; file descriptors: \
         {} before, {} after",
        grown / ROOMS as f64,
        before.descriptors,
        after.descriptors
    );
    Ok(())
}

struct Server {
    child: Child,
    address: SocketAddr,
}

#[derive(Debug)]
struct Resources {
    /// Of resident memory.
    bytes: usize,
    descriptors: usize,
}

impl Server {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }

    async fn visit(&self, room: &str) -> std::io::Result<Visit> {
        Visit::to(self.address, room).await
    }

    async fn visit_rooms(&self, rooms: std::ops::Range<usize>) -> Result<(), Box<dyn Error>> {
        let mut visits = JoinSet::new();
        for room in rooms {
            if visits.len() == AT_A_TIME {
                visits.join_next().await.expect("one of many")??;
            }
            let address = self.address;
            visits.spawn(async move { Visit::to(address, &format!("made-up-{room}")).await });
        }
        while let Some(visit) = visits.join_next().await {
            visit??;
        }
        sleep(Duration::from_secs(2)).await;
        Ok(())
    }

    fn resources(&self) -> Result<Resources, Box<dyn Error>> {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: usize =
            resident.and_then(|text| text.split_whitespace().next()).unwrap_or_default().parse()?;
        let descriptors = fs::read_dir(format!("{process}/fd"))?.count();
        Ok(Resources { bytes: kilobytes * 1024, descriptors })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A look at a badge, which is over when this is dropped.
struct Visit {
    is_stream: bool,
    /// From the request to a whole still, or to a stream's first bytes.
    took: Duration,
    _socket: TcpStream,
}

impl Visit {
    async fn to(address: SocketAddr, room: &str) -> std::io::Result<Self> {
        let mut socket = TcpStream::connect(address).await?;
        let request = format!(
            "GET /rooms/{room}/online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n"
        );
        let since = Instant::now();
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        loop {
            socket.read_buf(&mut answer).await?;
            let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: Option<usize> = length.and_then(|length| length.parse().ok());
            if answer.len() >= end + 4 + length.unwrap_or(1) {
                let (is_stream, took) = (length.is_none(), since.elapsed());
                return Ok(Self { is_stream, took, _socket: socket });
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
