//! Several processes of the example `online` that count together by a real Redis: joins, moves, and whatever may
//! happen to nodes and to Redis. `tests/install` installs it (`REDIS=valkey-server` takes another server).
//!
//! `NODES_SECONDS=600 cargo test --release --all-features --test nodes soak` is the long soak.
#![cfg(unix)]

#[path = "../browsers/support/example.rs"]
mod example;
mod faults;
mod node;
#[path = "../browsers/support/process.rs"]
#[allow(dead_code, reason = "what only other tests need")]
mod process;
mod proxy;
mod redis_server;
mod soak;
mod strangers;

use std::time::{Duration, Instant};

use rustix::process::Signal;

use node::{LEASE, Node, agree, at_once};
use redis_server::Redis;

/// What a message takes, its pace of 50 ms and a slow machine included.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_join_is_seen_everywhere_and_little_is_said_of_many() {
    let Some(redis) = Redis::start().await else { return };
    let nodes =
        at_once([Node::start(&redis.url()), Node::start(&redis.url()), Node::start(&redis.url())])
            .await;
    agree(&nodes, 0, 0, SOON).await;
    let said = redis.listen().await;
    let began = Instant::now();
    let (mut late, mut viewers) = (Vec::new(), Vec::new());
    for join in 0..100 {
        viewers.push(nodes[join % 3].join(&format!("p{}", join / 2)).await);
        let joined = Instant::now();
        while nodes[(join + 1) % 3].counts("/online.png").await.0 <= join {
            assert!(joined.elapsed() < SOON, "join {join} is not seen");
        }
        late.push(joined.elapsed());
    }
    agree(&nodes, 100, 50, SOON).await;
    drop(viewers);
    agree(&nodes, 0, 0, Duration::from_secs(5)).await; // after the leave grace
    late.sort_unstable();
    let (messages, bytes) = said.stop().await;
    let each_second = messages as f64 / 3.0 / began.elapsed().as_secs_f64();
    println!("seen after {:?} in the median, {:?} at most", late[50], late[99]);
    println!("{each_second:.1} messages a second and node, {bytes} bytes in all");
    assert!(each_second <= 20.0, "{each_second} messages a second");
}

#[tokio::test]
async fn a_killed_node_is_gone_after_a_lease_and_a_stopped_one_at_once() {
    let Some(redis) = Redis::start().await else { return };
    let [one, two, three] =
        at_once([Node::start(&redis.url()), Node::start(&redis.url()), Node::start(&redis.url())])
            .await;
    let _here = one.join("anna").await;
    let _there = [two.join("ben").await, three.join("cleo").await];
    agree([&one, &two, &three], 3, 3, SOON).await;

    let stopped = Instant::now();
    two.end(Signal::TERM).await;
    agree([&one, &three], 2, 2, SOON).await;
    println!("a stopped node was gone after {:?}", stopped.elapsed());

    let killed = Instant::now();
    three.end(Signal::KILL).await;
    agree([&one], 1, 1, LEASE + SOON).await;
    println!("a killed node was gone after {:?} of a lease of {LEASE:?}", killed.elapsed());
    assert!(killed.elapsed() > LEASE / 2, "it may only have been silent");
}

#[tokio::test]
async fn a_thousand_people_with_two_tabs_are_a_thousand() {
    let Some(redis) = Redis::start().await else { return };
    let [one, two] = at_once([Node::start(&redis.url()), Node::start(&redis.url())]).await;
    agree([&one, &two], 0, 0, SOON).await;
    let mut tabs = Vec::new();
    for person in 0..1_000 {
        let key = format!("p{person}");
        tabs.extend([one.join(&key).await, two.join(&key).await]);
    }
    agree([&one, &two], 2_000, 1_000, SOON).await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let Some(redis) = Redis::start().await else { return };
    for (url, why) in [("http://127.0.0.1", "redis://"), ("redis://:x", "redis://")] {
        let said = Node::refused(url).await;
        assert!(said.contains("is no URL of a Redis") && said.contains(why), "{said}");
    }
    let nobody = format!("redis://anna:secret@127.0.0.1:{}", redis.port());
    let nowhere = "redis://127.0.0.1:9";
    for (url, why) in [(nobody.as_str(), "uthenticat"), (nowhere, "refused")] {
        let node = Node::start(url).await;
        let _anna = node.join("anna").await;
        node.says("other nodes can't be reached", why).await;
        assert!(!node.log().contains("secret"), "{}", node.log());
        assert_eq!(node.counts("/online.png").await, (1, 1), "it counts itself");
    }
}
