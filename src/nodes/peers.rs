//! All other nodes: who is there, until when, and what all of them say of a room.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::nodes::message::{Message, NodeId, Word};
use crate::nodes::peer::Peer;
use crate::presence::headcount::Headcount;
use crate::store::contract::RoomKey;

/// Of so many that have said goodbye it is remembered, so that a late message does not bring one back.
const MAX_GONE: usize = 64;

/// All other nodes that have been heard within a lease: a state machine, fed with messages and instants.
#[derive(Debug)]
pub(crate) struct Peers {
    own: NodeId,
    lease: Duration,
    peers: HashMap<NodeId, Peer>,
    gone: VecDeque<NodeId>,
}

/// What comes of a message.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// In these rooms there are others, or more or fewer.
    pub(crate) rooms: HashSet<RoomKey>,
    /// This one is to be asked to tell everything.
    pub(crate) ask: Option<NodeId>,
    /// Somebody wants to be told everything.
    pub(crate) is_asked: bool,
}

impl Peers {
    pub(crate) fn new(own: NodeId, lease: Duration) -> Self {
        Self { own, lease, peers: HashMap::new(), gone: VecDeque::new() }
    }

    /// Takes in what another node says.
    pub(crate) fn hear(&mut self, message: Message, now: Instant) -> Heard {
        let Message { node, changes, word } = message;
        let mut heard = Heard::default();
        if node == self.own || self.gone.contains(&node) {
            return heard;
        }
        heard.is_asked = match &word {
            Word::Hello => true,
            Word::Ask(nodes) => nodes.contains(&self.own),
            _ => false,
        };
        if word == Word::Goodbye {
            heard.rooms.extend(self.remove(node));
            self.gone.push_front(node);
            self.gone.truncate(MAX_GONE);
            return heard;
        }
        let peer = self.peers.entry(node).or_insert_with(|| Peer::new(changes, now));
        // Whoever comes tells everything right away.
        let is_about_to_tell = word == Word::Hello;
        heard.rooms.extend(peer.hear(changes, word, now));
        if !is_about_to_tell && peer.is_to_be_asked(now) {
            heard.ask = Some(node);
        }
        heard
    }

    /// Forgets those who have not been heard for a lease, and returns their rooms.
    pub(crate) fn expire(&mut self, now: Instant) -> HashSet<RoomKey> {
        let lease = self.lease;
        let lost = self.peers.extract_if(|_, peer| now >= peer.heard + lease);
        lost.flat_map(|(_, peer)| peer.rooms.into_keys()).collect()
    }

    /// Forgets all of them, and returns their rooms.
    pub(crate) fn forget(&mut self) -> HashSet<RoomKey> {
        self.peers.drain().flat_map(|(_, peer)| peer.rooms.into_keys()).collect()
    }

    /// Nobody could be heard until now: what they have said holds for so much longer.
    pub(crate) fn excuse(&mut self, until: Instant) {
        for peer in self.peers.values_mut() {
            peer.heard = peer.heard.max(until.checked_sub(self.lease).unwrap_or(peer.heard));
        }
    }

    /// When the first lease ends.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.peers.values().map(|peer| peer.heard + self.lease).min()
    }

    /// What all of them say of a room.
    pub(crate) fn of(&self, room: &RoomKey) -> Headcount {
        let mut all = Headcount::default();
        self.peers.values().filter_map(|peer| peer.rooms.get(room)).for_each(|one| all.add(one));
        all
    }

    /// The rooms that somebody is in on another node.
    pub(crate) fn rooms(&self) -> HashSet<&RoomKey> {
        self.peers.values().flat_map(|peer| peer.rooms.keys()).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&NodeId, &Peer)> {
        self.peers.iter()
    }

    fn remove(&mut self, node: NodeId) -> impl Iterator<Item = RoomKey> + use<> {
        self.peers.remove(&node).into_iter().flat_map(|peer| peer.rooms.into_keys())
    }
}

#[cfg(test)]
mod tests;
