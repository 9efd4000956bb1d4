//! Totals of several nodes in a real Redis: added up, whatever becomes of the server.

use std::time::{Duration, Instant};

use tower_livebadge::{
    Badge, Batch, BuildErrorKind, Handle, LiveBadge, LiveBadgeLayer, NotFound, Records, RedisBus,
    RedisStore, RoomKey, SharedStore, Store, Totals, visitor,
};

use crate::common::redis::Redis;
use crate::common::totals::{ROOMS, TOTAL, badges, comes, is_empty, records};
use crate::common::{BROWSER, Direct, bar_badge_of, drawn, eventually, read_bar};

async fn node(redis: &Redis) -> (LiveBadge<NotFound>, Handle) {
    drawn(badges(RedisStore::open(&redis.url()).unwrap()), &[]).await
}

fn of(joins: u64) -> Totals {
    let mut totals = Totals::default();
    (totals.records.joins, totals.records.today) = (joins, joins);
    totals.records.days = std::array::from_fn(|day| if day == 29 { joins } else { 0 }).into();
    (totals.records.day, totals.records.peak) = (20_000, joins as usize);
    totals
}

fn room(n: usize) -> RoomKey {
    RoomKey::new(ROOMS, format!("/{n}/x.png"))
}

#[tokio::test]
async fn nodes_add_up_and_go_on_after_a_restart() {
    let Some(redis) = Redis::start() else { return };
    let ((one, first), (other, second)) = (node(&redis).await, node(&redis).await);
    let mut anna = comes(&one, "/a/x.png", "anna").await;
    let mut same = comes(&other, "/a/x.png", "anna").await;
    let ben = comes(&other, "/a/x.png", "ben").await;
    let began = Instant::now();
    anna.bar_of(3).await;
    same.bar_of(3).await;
    println!("shown on both after {:?}", began.elapsed());
    let mut total = Direct::open(&one, TOTAL, &[BROWSER[1]]).await;
    total.bar_of(3).await;
    for handle in [&first, &second] {
        for path in ["/a/x.png", TOTAL] {
            let Records { joins, today, visitors_today, peak, .. } = records(handle, path).await;
            assert_eq!((joins, today, visitors_today, peak), (3, 3, 2, 2), "{path}");
        }
    }
    drop((anna, same, ben, total));
    is_empty(&first).await;
    first.shutdown().await;
    let (again, third) = node(&redis).await;
    let mut anna = Direct::open(&again, "/a/x.png", &[BROWSER[1], ("x-user", "anna")]).await;
    assert_eq!(read_bar(&anna.next_part().await), 4, "the first picture has it all");
    let Records { visitors_today, peak, .. } = records(&third, "/a/x.png").await;
    assert_eq!((visitors_today, peak), (2, 2), "it is the same Anna");
    let all = third.all_records().await.unwrap();
    assert_eq!(all.len(), 2, "{all:?}");
    // For all nodes.
    drop(anna);
    is_empty(&third).await;
    third.room_at("/a/x.png").unwrap().forget();
    third.shutdown().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(records(&second, "/a/x.png").await.joins, 0);
    second.shutdown().await;
    // Nothing but records outlives two days.
    let redis::Value::Array(keys) = redis.ask(&["KEYS", "livebadge:*"]) else { panic!("no keys") };
    for key in keys {
        let key: String = redis::from_redis_value(key).unwrap();
        let left: i64 = redis::from_redis_value(redis.ask(&["TTL", &key])).unwrap();
        let lasts = ["livebadge:room:", "livebadge:rooms"].iter().any(|name| key.starts_with(name));
        assert_eq!(left == -1, lasts, "{key}");
        assert!(left <= 2 * 86_400 || key.starts_with("livebadge:node:"), "{key}");
    }
}

#[tokio::test]
async fn a_server_that_was_killed_has_lost_what_was_and_counts_what_comes() {
    let Some(mut redis) = Redis::start() else { return };
    let ((one, first), (other, _second)) = (node(&redis).await, node(&redis).await);
    let mut anna = comes(&one, "/a/x.png", "anna").await;
    let mut ben = comes(&other, "/a/x.png", "ben").await;
    let mut carl = comes(&other, "/a/x.png", "carl").await;
    for viewer in [&mut anna, &mut ben, &mut carl] {
        viewer.bar_of(3).await;
    }
    redis.restart();
    for viewer in [&mut anna, &mut ben, &mut carl] {
        viewer.bar_of(0).await;
    }
    let _dora = comes(&one, "/a/x.png", "dora").await;
    for viewer in [&mut anna, &mut ben, &mut carl] {
        viewer.bar_of(1).await;
    }
    let Records { joins, today, visitors_today, peak, .. } = records(&first, "/a/x.png").await;
    assert_eq!((joins, today, visitors_today, peak), (1, 1, 1, 2));
}

/// Who is on both nodes at once has come once, and a peak is one of all.
#[tokio::test]
async fn beside_a_bus_nodes_are_as_one() {
    let Some(redis) = Redis::start() else { return };
    let node = async || {
        let rooms = bar_badge_of("visitors").visitors(visitor::header("x-user"));
        let layer = LiveBadgeLayer::builder()
            .badge(ROOMS, rooms.leave_grace(Duration::ZERO))
            .nodes(RedisBus::open(&redis.url()).unwrap())
            .store(RedisStore::open(&redis.url()).unwrap());
        drawn(layer, &[]).await
    };
    let ((one, first), (other, second)) = (node().await, node().await);
    let connected = || [&first, &second].iter().all(|handle| is_connected(handle));
    eventually("the nodes to know each other", connected).await;
    let mut anna = comes(&one, "/a/x.png", "anna").await;
    let mut ben = Direct::open(&other, "/a/x.png", &[BROWSER[1], ("x-user", "ben")]).await;
    ben.bar_of(2).await;
    anna.bar_of(2).await;
    let same = comes(&other, "/a/x.png", "anna").await;
    // As long as it takes until both have heard.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for handle in [&first, &second] {
        let Records { joins, visitors_today, peak, .. } = records(handle, "/a/x.png").await;
        assert_eq!((joins, visitors_today, peak), (2, 2, 2));
    }
    drop(same);
}

fn is_connected(handle: &Handle) -> bool {
    handle.nodes().is_some_and(|nodes| nodes.is_connected && nodes.peers.len() == 1)
}

/// Longer than it is waited for: what was sent is done when it goes on, and so may be what was sent again.
#[tokio::test]
async fn a_server_that_hangs_holds_up_nobody_and_counts_nobody_twice() {
    let Some(redis) = Redis::start() else { return };
    let ((one, first), (other, second)) = (node(&redis).await, node(&redis).await);
    let mut ben = comes(&other, "/a/x.png", "ben").await;
    let mut joins = 1;
    for stopped in [3000, 7000] {
        let mut viewers = Vec::new();
        let began = Instant::now();
        redis.stop();
        while began.elapsed() < Duration::from_millis(stopped) {
            let came = Instant::now();
            viewers.push(comes(&one, "/a/x.png", &format!("{joins}")).await);
            let path = format!("/{joins}/x.png");
            viewers.push(comes(&one, &path, &format!("{joins} too")).await);
            // A new room's picture waits for what was before, for half a second.
            assert!(came.elapsed() < Duration::from_secs(2), "{:?}", came.elapsed());
            joins += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        redis.go_on();
        ben.bar_of(joins).await;
        drop(viewers);
        is_empty(&first).await;
    }
    drop(ben);
    is_empty(&second).await;
    first.shutdown().await;
    second.shutdown().await;
    let store = RedisStore::open(&redis.url()).unwrap();
    let kept = |key: RoomKey| store.load(&key).unwrap().map(|totals| totals.records.joins);
    assert_eq!(kept(RoomKey::new(ROOMS, "/a/x.png")), Some(joins as u64));
    assert_eq!(kept(RoomKey::new(TOTAL, TOTAL)), Some(2 * joins as u64 - 1));
    for other in 1..joins {
        assert_eq!(kept(room(other)), Some(1), "{other}");
    }
}

#[test]
fn a_batch_is_added_once() {
    let Some(redis) = Redis::start() else { return };
    let stores = [(); 2].map(|()| RedisStore::open(&redis.url()).unwrap());
    let rooms: Vec<_> = (0..250).map(|n| (room(n), of(1))).collect();
    for store in &stores {
        for (node, number) in [(7, 1), (7, 1), (8, 1), (7, 2), (7, 2)] {
            store.add(Batch::new(node, number), &rooms).unwrap();
        }
    }
    let asked: Vec<_> = rooms.iter().map(|(room, _)| (room.clone(), None)).collect();
    let news = stores[0].news(&asked).unwrap();
    assert!(news.iter().flatten().all(|(_, totals)| totals.records.joins == 3));
    let known = asked.into_iter().zip(&news);
    let known: Vec<_> = known.map(|((room, _), news)| (room, news.as_ref().map(|n| n.0))).collect();
    assert!(stores[1].news(&known).unwrap().iter().all(Option::is_none));
    stores[1].save(&[(room(3), None), (room(4), Some(of(90)))]).unwrap();
    let news = stores[0].news(&known).unwrap();
    let news: Vec<_> = news.iter().map(|news| news.as_ref().map(|n| n.1.records.joins)).collect();
    assert_eq!((news[3], news[4], news[5]), (Some(0), Some(90), None));
}

/// Many at once, who all change the same rooms.
#[test]
fn nothing_is_lost_where_nodes_meet() {
    let Some(redis) = Redis::start() else { return };
    let rooms: Vec<_> = (0..150).map(|n| (room(n), of(1))).collect();
    std::thread::scope(|scope| {
        for node in 0..6 {
            let (redis, rooms) = (&redis, &rooms);
            scope.spawn(move || {
                let store = RedisStore::open(&redis.url()).unwrap();
                for number in 1..=10 {
                    // It may have to come again.
                    while store.add(Batch::new(node, number), rooms).is_err() {}
                }
            });
        }
    });
    let store = RedisStore::open(&redis.url()).unwrap();
    let (mut all, mut joins) = (0, 0);
    store
        .for_each(&mut |_, totals| {
            all += 1;
            joins += totals.records.joins;
        })
        .unwrap();
    assert_eq!((all, joins), (150, 150 * 60));
}

#[test]
fn a_thousand_rooms_are_added_soon_and_the_oldest_go() {
    let Some(redis) = Redis::start() else { return };
    let store = RedisStore::open(&redis.url()).unwrap().prefix("other").max_rooms(700);
    let rooms: Vec<_> = (0..1000).map(|n| (room(n), of(1))).collect();
    let began = Instant::now();
    store.add(Batch::new(1, 1), &rooms).unwrap();
    println!("1,000 rooms added in {:?}", began.elapsed());
    let asked: Vec<_> = rooms.iter().map(|(room, _)| (room.clone(), Some(1))).collect();
    let began = Instant::now();
    store.news(&asked).unwrap();
    println!("1,000 rooms read in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5));
    let mut left = 0;
    store.for_each(&mut |_, _| left += 1).unwrap();
    assert_eq!(left, 700);
    let nothing = RedisStore::open(&redis.url()).unwrap();
    nothing.for_each(&mut |room, _| panic!("{room:?} has another prefix")).unwrap();
}

#[test]
fn what_can_not_be_used_is_an_error_that_says_so() {
    let error = RedisStore::open("http://u:secret@127.0.0.1").unwrap_err().to_string();
    assert!(error.contains("redis://") && !error.contains("secret"), "{error}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = RedisStore::open(&format!("redis://u:secret@{nobody}")).unwrap();
    assert!(!format!("{store:?}").contains("secret"));
    let layer = LiveBadgeLayer::builder().badge("/x.png", Badge::online()).store(store);
    let error = layer.build().unwrap_err();
    assert!(matches!(error.kind(), BuildErrorKind::Store { .. }), "{error:?}");
    assert!(error.to_string().contains(&nobody.to_string()), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// What the documentation names is enough.
#[test]
fn a_user_with_few_rights_is_enough() {
    let Some(redis) = Redis::start() else { return };
    let rights = "~livebadge:* +watch +unwatch +multi +exec +get +set +del +hget +hmget +hset +zadd +zrem +zcard \
                  +zrange +zscan";
    let user = ["ACL", "SETUSER", "badges", "on", ">secret"];
    redis.ask(&user.into_iter().chain(rights.split_whitespace()).collect::<Vec<_>>());
    let url = redis.url().replace("redis://", "redis://badges:secret@");
    let store = RedisStore::open(&url).unwrap().max_rooms(1);
    assert_eq!(store.day_secret(1, [7; 16]).unwrap(), [7; 16]);
    assert_eq!(store.day_secret(1, [8; 16]).unwrap(), [7; 16]);
    assert_eq!(store.day_secret(2, [9; 16]).unwrap(), [9; 16]);
    for _ in 0..2 {
        store.add(Batch::new(1, 1), &[(room(1), of(1)), (room(2), of(1))]).unwrap();
    }
    store.save(&[(room(3), Some(of(1))), (room(1), None)]).unwrap();
    store.news(&[(room(1), None)]).unwrap();
    store.for_each(&mut |_, _| {}).unwrap();
    assert_eq!(store.load(&room(3)).unwrap().unwrap().records.joins, 1);
}
