//! What a viewer costs on the wire while nothing changes: the bytes that come out of its socket at
//! the default heartbeat. `cargo bench --bench idle_viewer [-- SECONDS]`

use std::time::{Duration, Instant};

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_livebadge::{Badge, LiveBadgeLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(60);
    let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, Router::new().layer(badges)).into_future());

    let mut socket = TcpStream::connect(address).await?;
    socket
        .write_all(b"GET /online.png HTTP/1.1\r\nhost: x\r\nsec-fetch-dest: image\r\n\r\n")
        .await?;
    // Everything that comes within a second is the beginning.
    let opening = read_for(&mut socket, Duration::from_secs(1)).await?;
    let idle = read_for(&mut socket, Duration::from_secs(seconds)).await?;
    let rate = idle as f64 / seconds as f64;
    println!("opening: {opening} bytes with head and first picture");
    println!("idle:    {idle} bytes in {seconds} s, {rate:.1} bytes per second");
    Ok(())
}

async fn read_for(socket: &mut TcpStream, time: Duration) -> std::io::Result<usize> {
    let (until, mut buffer, mut bytes) = (Instant::now() + time, [0; 4096], 0);
    while let Ok(read) = tokio::time::timeout_at(until.into(), socket.read(&mut buffer)).await {
        bytes += read?;
    }
    Ok(bytes)
}
