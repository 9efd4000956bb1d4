use std::time::Duration;

use futures_util::FutureExt;

use super::*;
use crate::presence::leaving::LeaveReason;
use crate::request::key::VisitorKey;
use crate::request::pseudonym::Blind;

fn who(key: &str, name: Option<&str>) -> Who {
    let person = Blind::new().person(&VisitorKey::new(key));
    Who { person, token: 0, name: name.and_then(Name::of) }
}

fn total(grace: Grace) -> Crowd {
    Crowd::total(grace, Arc::default())
}

fn of_room(grace: Grace) -> Crowd {
    Crowd::of_room(grace, Arc::default(), None)
}

fn named(crowd: &Crowd) -> Vec<String> {
    let people = crowd.snapshot().people;
    people.first.iter().map(|someone| someone.name.as_str().to_owned()).collect()
}

const LEAVING: Leaving = Leaving { reason: LeaveReason::Closed, stayed: Duration::ZERO };

#[tokio::test(start_paused = true)]
async fn who_left_long_ago_left_then_even_if_nobody_has_looked_since() {
    let grace = Duration::from_secs(3);
    let crowd = total(Grace { of_person: grace, of_keyless: grace });
    let alice = who("alice", None);
    for who in [Some(&alice), None] {
        crowd.join(who);
        crowd.leave(who, LEAVING);
    }
    tokio::time::advance(Duration::from_secs(63)).await;
    let snapshot = crowd.snapshot();
    assert_eq!(snapshot.counts, Counts::default());
    assert_eq!(snapshot.since_change, Duration::from_secs(60));
    assert_eq!(snapshot.recent[50..], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn rooms_that_are_gone_are_not_woken_and_not_kept() {
    let crowd = total(Grace { of_person: Duration::ZERO, of_keyless: Duration::ZERO });
    for _ in 0..100 {
        crowd.wakes(&Arc::new(Bell::default()));
    }
    assert_eq!(crowd.state().wakes.len(), 1);
}

fn of_grace(seconds: u64) -> Grace {
    let grace = Duration::from_secs(seconds);
    Grace { of_person: grace, of_keyless: grace }
}

#[test]
fn every_room_that_is_there_is_woken() {
    let crowd = total(of_grace(0));
    let rooms = [Arc::new(Bell::default()), Arc::new(Bell::default())];
    rooms.iter().for_each(|room| crowd.wakes(room));
    let are_woken = || rooms.iter().all(|room| room.heard().now_or_never().is_some());
    assert!(!are_woken());
    crowd.join(None);
    assert!(are_woken());
    crowd.change_rooms(1);
    assert!(are_woken());
    crowd.change_history(History::reset);
    assert!(are_woken());
    assert!(!are_woken());
}

#[test]
fn news_are_told_once_and_by_rooms_alone() {
    let (room, total) = (of_room(of_grace(0)), total(of_grace(0)));
    for crowd in [&room, &total] {
        crowd.join(None);
        crowd.leave(None, LEAVING);
        crowd.take_back(None);
    }
    assert!(room.has_news() && !total.has_news());
    let told: Vec<_> =
        room.look().news.into_iter().map(|news| (news.what, news.counts.streams)).collect();
    assert_eq!(told, [(Coming::Join, 1), (Coming::Leave(LEAVING), 0), (Coming::Return, 1)]);
    assert!(!room.has_news() && room.look().news.is_empty() && total.look().news.is_empty());
    assert_eq!(room.totals().records.joins, 1, "who returns has not come again");
}

#[tokio::test(start_paused = true)]
async fn a_grace_ends_when_it_does() {
    let crowd = total(of_grace(3));
    let alice = who("alice", None);
    crowd.join(Some(&alice));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(crowd.snapshot().since_change, Duration::from_secs(5));
    assert_eq!(crowd.look().next_expiry, None);
    crowd.leave(Some(&alice), LEAVING);
    assert_eq!(crowd.look().next_expiry, Some(Instant::now() + Duration::from_secs(3)));
    tokio::time::advance(Duration::from_millis(2999)).await;
    assert!(crowd.has(alice.person) && !crowd.is_empty());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!crowd.has(alice.person) && crowd.is_empty());
    assert_eq!(crowd.counts(), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_is_told_of_each_change_once() {
    let crowd = total(of_grace(3));
    crowd.join(None);
    let (sender, mut told) = watch::channel(Counts::default());
    crowd.set_subscribers(sender);
    crowd.tell();
    assert!(told.has_changed().unwrap(), "of who is there already");
    assert_eq!(*told.borrow_and_update(), Counts { streams: 1, visitors: 1 });
    crowd.tell();
    assert!(!told.has_changed().unwrap());
    crowd.leave(None, LEAVING);
    crowd.tell();
    assert_eq!(*told.borrow_and_update(), Counts { streams: 0, visitors: 1 });
    tokio::time::advance(Duration::from_secs(3)).await;
    crowd.tell();
    assert_eq!(*told.borrow_and_update(), Counts::default());
}

#[test]
fn a_new_day_begins_although_nobody_comes() {
    let crowd = total(of_grace(0));
    (0..3).for_each(|_| crowd.join(None));
    (0..2).for_each(|_| crowd.leave(None, LEAVING));
    crowd.change_history(|history| history.totals.records.day -= 1);
    let records = crowd.snapshot().records;
    assert_eq!((records.peak, records.peak_today), (3, 1));
}

#[test]
fn the_newest_request_says_how_a_visitor_is_called() {
    let crowd = of_room(of_grace(0));
    let anna = who("a", Some("Anna"));
    let anne = Who { name: Name::of("Anne"), ..anna.clone() };
    let guest = Who { name: None, ..anna.clone() };
    crowd.join(Some(&anna));
    crowd.join(Some(&anne));
    assert_eq!(named(&crowd), ["Anne"]);
    // Who had stopped reading brings an old name back only if nobody knows a newer one.
    crowd.leave(Some(&anna), LEAVING);
    crowd.take_back(Some(&anna));
    assert_eq!(named(&crowd), ["Anne"]);
    crowd.leave(Some(&anna), LEAVING);
    crowd.leave(Some(&anne), LEAVING);
    assert!(named(&crowd).is_empty());
    crowd.take_back(Some(&anna));
    assert_eq!(named(&crowd), ["Anna"]);
    crowd.join(Some(&guest)); // has logged out
    assert!(named(&crowd).is_empty());
    let told: Vec<_> = crowd.look().news.into_iter().map(|news| news.name).collect();
    assert_eq!(told.len(), 8);
    assert!(told[..7].iter().all(Option::is_some) && told[7].is_none());
}

/// Somebody who looks at a total would do that; mostly, nobody does.
#[tokio::test(start_paused = true)]
async fn a_name_is_forgotten_although_nobody_looks() {
    let crowd = total(of_grace(3));
    let anna = who("a", Some("Anna"));
    for settle in [Crowd::tell, |crowd: &Crowd| crowd.change_rooms(-1)] {
        crowd.join(Some(&anna));
        crowd.leave(Some(&anna), LEAVING);
        tokio::time::advance(Duration::from_secs(3)).await;
        let is_kept = || crowd.state().roster.people(Instant::now()).count == 1;
        assert!(is_kept());
        settle(&crowd);
        assert!(!is_kept());
    }
}
