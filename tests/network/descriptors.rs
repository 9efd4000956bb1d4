//! A server that has no file descriptor left: whoever is inside stays, and others get in when somebody
//! has left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::common::Protocol;
use super::say;
use super::server::{Counter, PATIENCE, Server};
use super::viewer::Viewer;

/// `sh` sets it, and becomes the server.
const LIMIT: [&str; 4] = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
const COME: usize = 200;
const LEAVE: usize = 20;

#[tokio::test]
async fn whoever_is_inside_stays_when_descriptors_are_out() {
    let server = Server::start_by(&LIMIT, "127.0.0.1:0", "online", &[]).await;
    // Before the crowd: later it would not get in itself.
    let mut counter = server.counter().await;
    counter.streams().await;

    // The kernel takes their connections, whatever the server can do.
    let mut waiting = VecDeque::new();
    for _ in 0..COME {
        let socket = TcpStream::connect(server.address).await.expect("the kernel listens");
        waiting.push_back(tokio::spawn(Viewer::over(socket, Protocol::Http1)));
    }
    let full = is_steady(&mut counter).await;
    assert!((20..64).contains(&full), "{full} got in");
    let mut inside = Vec::new();
    for _ in 0..full {
        let viewer = waiting.pop_front().expect("many wait");
        inside.push(viewer.await.expect("who came first is inside"));
    }
    assert!(!waiting[0].is_finished(), "the others wait");
    shows(&mut counter, &mut inside).await;

    // As many others get in.
    let since = Instant::now();
    inside.drain(..LEAVE);
    for _ in 0..LEAVE {
        let viewer = waiting.pop_front().expect("many wait");
        inside.push(viewer.await.expect("who waited got in"));
    }
    say(format_args!(
        "{full} of {COME} got in, {LEAVE} more {:.1?} after as many left",
        since.elapsed()
    ));
    assert_eq!(is_steady(&mut counter).await, full);
    shows(&mut counter, &mut inside).await;

    // All go, inside and outside; then there is room for everybody again.
    waiting.iter().for_each(|viewer| viewer.abort());
    drop((inside, waiting));
    counter.wait_for(0, PATIENCE).await;
    assert_eq!(is_steady(&mut counter).await, 0);
    let mut late = vec![Viewer::come(server.address, Protocol::Http1).await];
    counter.wait_for(1, PATIENCE).await;
    shows(&mut counter, &mut late).await;
}

/// Everybody is shown what is.
async fn shows(counter: &mut Counter, inside: &mut [Viewer]) {
    let still = counter.still().await;
    for viewer in inside {
        assert!(viewer.sees(&still, PATIENCE).await && !viewer.is_over());
    }
}

/// Waits until the count has been the same for longer than a server rests that can't accept.
async fn is_steady(counter: &mut Counter) -> usize {
    let (mut streams, mut since) = (counter.streams().await, Instant::now());
    while since.elapsed() < Duration::from_secs(3) {
        sleep(Duration::from_millis(50)).await;
        let now = counter.streams().await;
        if now != streams {
            (streams, since) = (now, Instant::now());
        }
    }
    streams
}
