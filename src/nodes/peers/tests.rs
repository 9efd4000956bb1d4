use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::nodes::message::{Part, Said};
use crate::presence::headcount::Roll;

const LEASE: Duration = Duration::from_secs(10);
const OWN: NodeId = NodeId([0; 16]);
const ONE: NodeId = NodeId([1; 16]);
const TWO: NodeId = NodeId([2; 16]);

fn room(name: &str) -> RoomKey {
    RoomKey::new("/{room}.png", name)
}

fn said(name: &str, streams: usize) -> Said {
    let roll = Roll { streams, keyless: streams, tokens: Vec::new() };
    Said::new(&room(name), &Headcount::of(roll))
}

fn changes(node: NodeId, changes: u64, rooms: Vec<Said>) -> Message {
    Message { node, changes, word: Word::Changes(rooms) }
}

fn part(node: NodeId, changes: u64, number: u32, is_last: bool, rooms: Vec<Said>) -> Message {
    let part = Part { telling: 7, number, is_last };
    Message { node, changes, word: Word::Everything { part, rooms } }
}

fn word(node: NodeId, changes: u64, word: Word) -> Message {
    Message { node, changes, word }
}

/// With one peer that has told everything: 2 in `a`, 3 in `b`.
fn told(now: Instant) -> Peers {
    let mut peers = Peers::new(OWN, LEASE);
    peers.hear(word(ONE, 7, Word::Hello), now);
    peers.hear(part(ONE, 7, 0, true, vec![said("a", 2), said("b", 3)]), now);
    peers
}

fn streams(peers: &Peers, name: &str) -> u64 {
    peers.of(&room(name)).streams
}

#[test]
fn who_comes_says_hello_and_tells_everything() {
    let now = Instant::now();
    let mut peers = Peers::new(OWN, LEASE);
    let heard = peers.hear(word(ONE, 0, Word::Hello), now);
    assert!(heard.is_asked && heard.ask.is_none() && heard.rooms.is_empty());
    let heard = peers.hear(part(ONE, 0, 0, false, vec![said("a", 2)]), now);
    assert_eq!((heard.rooms.len(), heard.ask), (1, None));
    peers.hear(part(ONE, 0, 1, true, vec![said("b", 3)]), now);
    assert_eq!((streams(&peers, "a"), streams(&peers, "b"), streams(&peers, "c")), (2, 3, 0));
    assert!(peers.hear(word(ONE, 0, Word::Beat), now).ask.is_none());
    peers.hear(changes(TWO, 1, vec![said("a", 5)]), now);
    assert_eq!(streams(&peers, "a"), 7);
}

#[test]
fn what_changes_is_heard_once_and_nothing_old_is() {
    let now = Instant::now();
    let mut peers = told(now);
    let heard = peers.hear(changes(ONE, 8, vec![said("a", 4), said("b", 3)]), now);
    assert_eq!(heard.rooms, [room("a")].into());
    peers.hear(changes(ONE, 9, vec![said("a", 0)]), now);
    assert_eq!(streams(&peers, "a"), 0);
    for late in [changes(ONE, 8, vec![said("a", 4)]), changes(ONE, 9, vec![said("a", 6)])] {
        let heard = peers.hear(late, now);
        assert!(heard.rooms.is_empty() && heard.ask.is_none());
    }
    assert!(peers.hear(part(ONE, 8, 0, true, vec![]), now).rooms.is_empty());
    assert_eq!(streams(&peers, "b"), 3);
}

#[test]
fn what_was_missed_is_asked_for_now_and_then() {
    let now = Instant::now();
    for gap in [changes(ONE, 9, vec![said("a", 4)]), word(ONE, 8, Word::Beat)] {
        let mut peers = told(now);
        let counts = gap.changes;
        assert_eq!(peers.hear(gap, now).ask, Some(ONE));
        assert!(peers.hear(word(ONE, counts, Word::Beat), now).ask.is_none(), "just asked");
        let later = now + Duration::from_secs(1);
        assert_eq!(peers.hear(word(ONE, counts, Word::Beat), later).ask, Some(ONE));
        peers.hear(part(ONE, counts, 0, true, vec![said("a", 4)]), later);
        assert!(peers.hear(word(ONE, counts, Word::Beat), later + LEASE / 2).ask.is_none());
        assert_eq!((streams(&peers, "a"), streams(&peers, "b")), (4, 0), "b was not told");
    }
}

#[test]
fn what_changes_while_everything_is_told_stays() {
    let now = Instant::now();
    let mut peers = told(now);
    peers.hear(part(ONE, 7, 0, false, vec![said("a", 2)]), now);
    peers.hear(changes(ONE, 8, vec![said("c", 1)]), now);
    peers.hear(part(ONE, 8, 1, true, vec![]), now);
    assert_eq!((streams(&peers, "b"), streams(&peers, "c")), (0, 1));
    assert!(peers.hear(word(ONE, 8, Word::Beat), now).ask.is_none());
}

#[test]
fn a_part_that_was_missed_makes_it_be_told_again() {
    let now = Instant::now();
    let mut peers = told(now);
    peers.hear(part(ONE, 7, 0, false, vec![said("a", 9)]), now);
    let heard = peers.hear(part(ONE, 7, 2, true, vec![]), now);
    assert_eq!((streams(&peers, "a"), streams(&peers, "b")), (9, 3));
    // It was whole before: what is missing in the parts is nothing that is not known.
    assert!(heard.ask.is_none());
    let mut fresh = Peers::new(OWN, LEASE);
    assert_eq!(fresh.hear(part(TWO, 7, 1, true, vec![said("a", 1)]), now).ask, Some(TWO));
    assert_eq!(streams(&fresh, "a"), 0);
}

#[test]
fn a_last_part_that_is_lost_is_not_waited_for() {
    let now = Instant::now();
    let mut peers = Peers::new(OWN, LEASE);
    peers.hear(word(ONE, 7, Word::Hello), now);
    peers.hear(part(ONE, 7, 0, false, vec![said("a", 2)]), now);
    assert!(peers.hear(word(ONE, 7, Word::Beat), now).ask.is_none(), "it is telling");
    let later = now + Duration::from_secs(1);
    assert_eq!(peers.hear(word(ONE, 7, Word::Beat), later).ask, Some(ONE));
}

#[test]
fn a_lease_ends_and_a_goodbye_is_for_good() {
    let now = Instant::now();
    let mut peers = told(now);
    assert_eq!(peers.next_expiry(), Some(now + LEASE));
    peers.hear(word(ONE, 7, Word::Beat), now + LEASE / 2);
    assert!(peers.expire(now + LEASE).is_empty());
    assert_eq!(peers.expire(now + LEASE / 2 + LEASE), [room("a"), room("b")].into());
    assert_eq!(streams(&peers, "a"), 0);
    // Whoever was only away comes back.
    assert_eq!(peers.hear(word(ONE, 7, Word::Beat), now + 2 * LEASE).ask, Some(ONE));
    peers.hear(part(ONE, 7, 0, true, vec![said("a", 1)]), now + 2 * LEASE);
    assert_eq!(streams(&peers, "a"), 1);
    assert_eq!(peers.hear(word(ONE, 7, Word::Goodbye), now).rooms, [room("a")].into());
    let late = peers.hear(changes(ONE, 8, vec![said("a", 1)]), now);
    assert!(late.rooms.is_empty() && late.ask.is_none() && peers.iter().next().is_none());
}

#[test]
fn who_stood_still_gives_the_others_time() {
    let now = Instant::now();
    let mut peers = told(now);
    let later = now + 2 * LEASE;
    peers.excuse(later + Duration::from_secs(2));
    assert!(peers.expire(later).is_empty());
    assert_eq!(peers.expire(later + Duration::from_secs(2)).len(), 2);
}

#[test]
fn ones_own_words_are_nobodys() {
    let now = Instant::now();
    let mut peers = Peers::new(OWN, LEASE);
    peers.hear(changes(OWN, 1, vec![said("a", 1)]), now);
    assert!(peers.iter().next().is_none() && !peers.hear(word(OWN, 0, Word::Hello), now).is_asked);
    assert!(!peers.hear(word(ONE, 0, Word::Ask([TWO].into())), now).is_asked);
    assert!(peers.hear(word(ONE, 0, Word::Ask([TWO, OWN].into())), now).is_asked);
}
