//! A site that is never left alone: viewers come and go, nodes and Redis are killed. At every quiet point all nodes
//! show what the test's own book says.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::node::{LEASE, Node, Viewer, agree};
use super::redis_server::Redis;

/// For a lease to end, and for everybody to be told of the rest.
const QUIET: Duration = Duration::from_secs(LEASE.as_secs() + 3);

/// A node, and who looks at it by key.
struct Place {
    node: Node,
    viewers: Vec<(usize, Viewer)>,
}

#[tokio::test]
async fn soak_of_three_nodes() {
    let Some(mut redis) = Redis::start().await else { return };
    let seconds =
        std::env::var("NODES_SECONDS").map_or(30, |seconds| seconds.parse().expect("a number"));
    let seed = std::env::var("NODES_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("{seconds} s; to repeat it: NODES_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut places = Vec::new();
    for _ in 0..3 {
        places.push(Place { node: Node::start(&redis.url()).await, viewers: Vec::new() });
    }
    let (mut quiet_points, mut kills, mut outages) = (0, 0, 0);
    let (began, mut joins) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..random.usize(20..80) {
            let place = &mut places[random.usize(..3)];
            if random.bool() || place.viewers.is_empty() {
                let key = random.usize(..40);
                place.viewers.push((key, place.node.join(&format!("p{key}")).await));
                joins += 1;
            } else {
                place.viewers.swap_remove(random.usize(..place.viewers.len()));
            }
        }
        match random.usize(..4) {
            0 => {
                let place = places.swap_remove(random.usize(..3));
                let signal = if random.bool() { Signal::KILL } else { Signal::TERM };
                place.node.end(signal).await;
                places.push(Place { node: Node::start(&redis.url()).await, viewers: Vec::new() });
                kills += 1;
            }
            1 => {
                redis.is_killed().await;
                tokio::time::sleep(Duration::from_millis(random.u64(..4_000))).await;
                redis.come_back().await;
                outages += 1;
            }
            2 => {
                redis.signal(Signal::STOP);
                tokio::time::sleep(Duration::from_millis(random.u64(..4_000))).await;
                redis.signal(Signal::CONT);
                outages += 1;
            }
            _ => {}
        }
        let all = || places.iter().flat_map(|place| &place.viewers);
        let people: std::collections::HashSet<_> = all().map(|(key, _)| key).collect();
        agree(places.iter().map(|place| &place.node), all().count(), people.len(), QUIET).await;
        quiet_points += 1;
    }
    println!(
        "{quiet_points} quiet points, {joins} joins, {kills} nodes ended, {outages} outages of Redis"
    );
}
