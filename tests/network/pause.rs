//! A server process that stands still, as on a machine that is suspended: for its viewers it was the server
//! that did not answer.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use super::common::Protocol;
use super::server::{PATIENCE, Server};
use super::viewer::Viewer;

/// Three heartbeats would be less, and so would be what a peer has for its answer to a ping.
const PAUSE: Duration = Duration::from_secs(7);

#[tokio::test]
async fn a_server_that_stood_still_evicts_nobody_when_it_goes_on() {
    let options = ["--heartbeat", "500ms", "--user-timeout", "3"];
    let server = Server::start("online", &options).await;
    let mut counter = server.counter().await;
    let mut viewers = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for _ in 0..5 {
            viewers.push(Viewer::come(server.address, protocol).await);
        }
    }
    counter.wait_for(10, PATIENCE).await;
    for _ in 0..2 {
        server.signal(Signal::STOP);
        sleep(PAUSE).await;
        server.signal(Signal::CONT);
        // Whatever it would do about them it does soon.
        for _ in 0..30 {
            assert_eq!(counter.streams().await, 10);
            sleep(Duration::from_millis(100)).await;
        }
        assert!(viewers.iter().all(|viewer| !viewer.is_over()));
    }
    let still = counter.still().await;
    for viewer in &mut viewers {
        assert!(viewer.sees(&still, PATIENCE).await);
    }
}
