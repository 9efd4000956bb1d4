//! What happens to Redis, and what the pictures show meanwhile.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use super::SOON;
use super::node::{LEASE, Node, agree, at_once};
use super::proxy::Proxy;
use super::redis_server::Redis;

/// After Redis is there again.
const RECOVERY: Duration = Duration::from_secs(2);

/// Watches what a node shows, and how long a join of another visitor takes there.
async fn watch(node: &Node, time: Duration, counts: &[(usize, usize)]) {
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while began.elapsed() < time {
        let asked = Instant::now();
        let seen = node.counts("/online.png").await;
        assert!(counts.contains(&seen), "{seen:?} after {:?}", began.elapsed());
        drop(node.join_at("/rooms/other/online.png", "somebody").await);
        slowest = slowest.max(asked.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    println!("a join took {slowest:?} at most");
    assert!(slowest < SOON, "a join took {slowest:?}");
}

#[tokio::test]
async fn a_redis_that_is_killed_and_comes_back_empty() {
    let Some(mut redis) = Redis::start().await else { return };
    let [one, two] = at_once([Node::start(&redis.url()), Node::start(&redis.url())]).await;
    let (_anna, _ben) = (one.join("anna").await, two.join("ben").await);
    let annas_second = two.join("anna").await;
    agree([&one, &two], 3, 2, SOON).await;

    redis.is_killed().await;
    // What was known holds for the lease, and then what is here.
    watch(&one, LEASE / 2, &[(3, 2)]).await;
    agree([&one], 1, 1, LEASE).await;
    assert_eq!(one.json("/online.png").await["alone"], true);
    drop(annas_second);
    agree([&two], 1, 1, LEASE + SOON).await; // after the leave grace
    watch(&two, Duration::from_secs(1), &[(1, 1)]).await;
    let _cleo = one.join("cleo").await;

    redis.come_back().await;
    agree([&one, &two], 3, 3, RECOVERY).await;
    assert!(one.json("/online.png").await.get("alone").is_none());
    one.says("connected with other nodes", "").await;
}

#[tokio::test]
async fn a_redis_that_stands_still() {
    let Some(redis) = Redis::start().await else { return };
    let [one, two] = at_once([
        Node::start_with(&redis.url(), Duration::from_secs(10)),
        Node::start_with(&redis.url(), Duration::from_secs(10)),
    ])
    .await;
    let (_anna, _ben) = (one.join("anna").await, two.join("ben").await);
    agree([&one, &two], 2, 2, SOON).await;

    redis.signal(Signal::STOP);
    // A lease is longer.
    watch(&one, Duration::from_secs(6), &[(2, 2)]).await;
    let _cleo = two.join("cleo").await;
    redis.signal(Signal::CONT);
    let back = Instant::now();
    agree([&one, &two], 3, 3, RECOVERY).await;
    println!("agreed {:?} after it went on", back.elapsed());
    watch(&one, Duration::from_secs(2), &[(3, 3)]).await;
}

#[tokio::test]
async fn a_redis_that_is_far_away_and_one_that_breaks_off() {
    let Some(redis) = Redis::start().await else { return };
    let proxy = Proxy::to(redis.port()).await;
    let [one, two] = at_once([
        Node::start_with(&redis.url(), Duration::from_secs(10)),
        Node::start_with(&proxy.url, Duration::from_secs(10)),
    ])
    .await;
    let (_anna, _ben) = (one.join("anna").await, two.join("ben").await);
    agree([&one, &two], 2, 2, SOON).await;

    for _ in 0..5 {
        proxy.cut_next();
        watch(&two, Duration::from_millis(1200), &[(2, 2)]).await;
    }
    assert_eq!(one.counts("/online.png").await, (2, 2));

    proxy.delay(Duration::from_secs(2));
    watch(&two, Duration::from_secs(8), &[(2, 2)]).await;
    let _cleo = one.join("cleo").await;
    agree([&two], 3, 3, Duration::from_secs(4)).await;
    let _dora = two.join("dora").await;
    agree([&one], 4, 4, SOON).await;
    proxy.delay(Duration::ZERO);
    agree([&one, &two], 4, 4, RECOVERY).await;
}

#[tokio::test]
async fn a_redis_that_is_not_there_yet() {
    let Some(mut redis) = Redis::start().await else { return };
    redis.is_killed().await;
    let [one, two] = at_once([Node::start(&redis.url()), Node::start(&redis.url())]).await;
    let (_anna, _ben) = (one.join("anna").await, two.join("ben").await);
    assert_eq!(
        (one.counts("/online.png").await, two.counts("/online.png").await),
        ((1, 1), (1, 1))
    );
    one.says("other nodes can't be reached", "").await;
    redis.come_back().await;
    agree([&one, &two], 2, 2, RECOVERY).await;
}

/// What others say holds while this process itself stood still.
#[tokio::test]
async fn a_node_that_stands_still() {
    let Some(redis) = Redis::start().await else { return };
    let [one, two] = at_once([Node::start(&redis.url()), Node::start(&redis.url())]).await;
    let (_anna, _ben) = (one.join("anna").await, two.join("ben").await);
    agree([&one, &two], 2, 2, SOON).await;
    two.signal(Signal::STOP);
    agree([&one], 1, 1, LEASE + SOON).await;
    two.signal(Signal::CONT);
    watch(&two, Duration::from_millis(500), &[(2, 2)]).await;
    agree([&one, &two], 2, 2, RECOVERY).await;
}
