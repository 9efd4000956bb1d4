//! Others on the same channel: nodes of another version, and what is no node.

use super::SOON;
use super::node::{Node, agree, at_once};
use super::redis_server::Redis;

#[tokio::test]
async fn other_versions_and_noise_change_nothing() {
    let Some(redis) = Redis::start().await else { return };
    let [one, two] = at_once([Node::start(&redis.url()), Node::start(&redis.url())]).await;
    let (_anna, _ben) = (one.join("anna").await, two.join("ben").await);
    agree([&one, &two], 2, 2, SOON).await;
    redis.publish(b"livebadge\x02and whatever that says").await;
    redis.publish(b"").await;
    redis.publish(b"livebadge").await;
    redis.publish(&[0; 1_000_000]).await;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let mut message = b"livebadge\x01".to_vec();
        message.extend(std::iter::repeat_with(|| random.u8(..)).take(60));
        redis.publish(&message).await;
    }
    one.says("another version", "version=2").await;
    agree([&one, &two], 2, 2, SOON).await;
    let _cleo = two.join("cleo").await;
    agree([&one, &two], 3, 3, SOON).await;
}
