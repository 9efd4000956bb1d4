//! What this node has to say, and what it has heard: the one lock on it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::nodes::health::{NodesHealth, PeerHealth};
use crate::nodes::message::{Message, Misheard, NodeId, Part, Said, Word};
use crate::nodes::peers::{Heard, Peers};
use crate::nodes::speech::{Planned, Speech};
use crate::nodes::value::Values;
use crate::presence::counts::Counts;
use crate::presence::crowd::Crowd;
use crate::presence::elsewhere::Elsewhere;
use crate::presence::headcount::Headcount;
use crate::store::contract::RoomKey;

/// Between two messages at least: 20 in a second.
pub(crate) const PACE: Duration = Duration::from_millis(50);
/// Between two messages at most.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// A message that has this much in it gets no more rooms.
const MAX_BYTES: usize = 128 * 1024;

/// What this node has to say, and what it has heard.
#[derive(Debug)]
pub(crate) struct Exchange {
    state: Mutex<State>,
    /// Of the application, the same on all nodes.
    values: Values,
    /// There is something to be said.
    pub(crate) wake: Notify,
    pub(crate) is_leaving: Notify,
    /// This node has heard its own goodbye.
    pub(crate) is_gone: Notify,
}

#[derive(Debug)]
struct State {
    id: NodeId,
    peers: Peers,
    /// The rooms that somebody is in here, and totals.
    here: HashMap<RoomKey, Arc<Crowd>>,
    /// Totals, and the badges whose rooms they are of.
    totals: Vec<(Arc<str>, Arc<Crowd>)>,
    /// Those that want to hear of rooms, whether or not somebody is in them here.
    watchers: HashMap<RoomKey, watch::Sender<Counts>>,
    /// Rooms that were closed, of which they have not heard yet.
    untold: Vec<RoomKey>,
    /// Since rooms were counted for totals.
    rooms_have_changed: bool,
    speech: Speech,
    /// A bus takes what this node says.
    has_wire: bool,
    /// And this node has heard itself since.
    is_connected: bool,
    since: Instant,
    said: Option<Instant>,
    /// When this node heard itself last.
    echo: Instant,
}

impl Exchange {
    pub(crate) fn new(id: NodeId, lease: Duration, values: Values) -> Self {
        let now = Instant::now();
        let state = State {
            id,
            peers: Peers::new(id, lease),
            here: HashMap::new(),
            totals: Vec::new(),
            watchers: HashMap::new(),
            untold: Vec::new(),
            rooms_have_changed: false,
            speech: Speech::default(),
            has_wire: false,
            is_connected: false,
            since: now,
            said: None,
            echo: now,
        };
        let [wake, is_leaving, is_gone] = [(); 3].map(|()| Notify::new());
        Self { state: Mutex::new(state), values, wake, is_leaving, is_gone }
    }

    /// A room has been opened, or a total made, in which nobody is yet.
    pub(crate) fn open(&self, room: RoomKey, crowd: &Arc<Crowd>) {
        crowd.has_other_nodes();
        let mut state = self.state();
        // Under the lock: what is heard afterwards comes afterwards.
        crowd.hear(Some(state.peers.of(&room)), !state.is_connected);
        state.here.insert(room, crowd.clone());
        state.rooms_have_changed = true;
    }

    /// Somebody came or went.
    pub(crate) fn mark(&self, room: &RoomKey) {
        self.state().mark(room, &self.wake);
    }

    /// A room is not open any more.
    pub(crate) fn close(&self, room: &RoomKey, crowd: &Arc<Crowd>) {
        let mut state = self.state();
        // There may be a new one of that name.
        if state.here.get(room).is_some_and(|open| Arc::ptr_eq(open, crowd)) {
            state.here.remove(room);
            state.mark(room, &self.wake);
            state.rooms_have_changed = true;
            if state.watchers.contains_key(room) {
                state.untold.push(room.clone());
            }
        }
    }

    /// Somebody wants to hear of a room also while nobody is in it here.
    pub(crate) fn watch(&self, room: RoomKey, watcher: watch::Sender<Counts>) {
        let mut state = self.state();
        state.watchers.retain(|_, watcher| watcher.receiver_count() > 0);
        state.watchers.insert(room.clone(), watcher.clone());
        drop(state);
        self.tell_watcher(&room, &watcher);
    }

    /// A total is of all rooms of this badge.
    pub(crate) fn count_rooms(&self, badge: Arc<str>, total: Arc<Crowd>) {
        self.state().totals.push((badge, total));
    }

    /// Who is on other nodes in a room.
    pub(crate) fn elsewhere(&self, room: &RoomKey) -> Headcount {
        self.state().peers.of(room)
    }

    /// The rooms that somebody is in on another node, and who that is.
    pub(crate) fn all_elsewhere(&self) -> Vec<(RoomKey, Headcount)> {
        let state = self.state();
        let rooms = state.peers.rooms().into_iter();
        rooms.map(|room| (room.clone(), state.peers.of(room))).collect()
    }

    pub(crate) fn health(&self) -> NodesHealth {
        let (state, now) = (self.state(), Instant::now());
        let since = |at| now.saturating_duration_since(at);
        let mut peers: Vec<_> = state.peers.iter().collect();
        peers.sort_by_key(|(node, _)| **node);
        let peers = peers.into_iter().map(|(node, peer)| PeerHealth {
            node: node.to_string(),
            heard: since(peer.heard),
            rooms: peer.rooms.len(),
        });
        NodesHealth {
            node: state.id.to_string(),
            is_connected: state.is_connected,
            since: since(state.since),
            peers: peers.collect(),
        }
    }

    /// A bus takes what this node says. Whether it carries it is known when this node hears itself.
    pub(crate) fn begin(&self) {
        let mut state = self.state();
        (state.has_wire, state.echo) = (true, Instant::now());
        state.speech.begin();
        self.tell_values_again(&mut state);
        self.wake.notify_one();
    }

    /// The bus carries nothing any more. Returns whether it did before.
    pub(crate) fn break_off(&self) -> bool {
        let mut state = self.state();
        state.has_wire = false;
        let was_connected = state.is_connected;
        state.set_connected(false);
        tell_state(state);
        was_connected
    }

    /// This node speaks and listens no more: the others are nobody to it.
    pub(crate) fn end(&self) {
        self.break_off();
        let mut state = self.state();
        let rooms = state.peers.forget();
        self.tell(state, rooms);
    }

    /// What is to be said now, if there is anything, and otherwise when to ask again.
    pub(crate) fn next(&self, now: Instant) -> Result<Message, Instant> {
        let mut state = self.state();
        let (may_speak, beats) = match state.said {
            Some(said) => (said + PACE, said + BEAT),
            None => (now, now),
        };
        if now < may_speak {
            return Err(may_speak);
        }
        let State { speech, here, .. } = &mut *state;
        let planned = match speech.next(|| here.keys().cloned().collect()) {
            None if now < beats || speech.has_ended() => return Err(beats.max(now + PACE)),
            None => Planned::Word(Word::Beat),
            Some(planned) => planned,
        };
        state.said = Some(now);
        let (node, changes) = (state.id, state.speech.changes());
        let word = match planned {
            Planned::Word(word) => word,
            Planned::Values => {
                drop(state);
                let (told, are_more) = self.values.take_due(MAX_BYTES);
                if are_more {
                    self.say_values();
                }
                Word::Values(told)
            }
            Planned::Changes(rooms) => {
                let (said, left) = say(state, rooms);
                self.state().speech.say_later(left);
                Word::Changes(said)
            }
            Planned::Everything { part, rooms } => {
                let (rooms, left) = say(state, rooms);
                let is_last = self.state().speech.tell_later(left);
                Word::Everything { part: Part { is_last, ..part }, rooms }
            }
        };
        Ok(Message { node, changes, word })
    }

    /// Takes in what some node has said, this one included. Returns whether it is known by this that the bus carries
    /// what this node says.
    pub(crate) fn hear(&self, bytes: &[u8], now: Instant) -> Result<bool, Misheard> {
        let mut message = Message::read(bytes)?;
        let told = match &mut message.word {
            Word::Values(told) => std::mem::take(told),
            _ => Vec::new(),
        };
        let mut state = self.state();
        if message.node == state.id {
            state.echo = now;
            if message.word == Word::Goodbye {
                self.is_gone.notify_one();
            }
            let is_news = state.has_wire && !state.is_connected;
            if is_news {
                state.set_connected(true);
                tell_state(state);
            }
            return Ok(is_news);
        }
        let Heard { rooms, ask, is_asked } = state.peers.hear(message, now);
        if is_asked {
            state.speech.tell_everything();
            self.tell_values_again(&mut state);
        }
        if let Some(node) = ask {
            state.speech.ask(node);
        }
        if is_asked || ask.is_some() {
            self.wake.notify_one();
        }
        self.tell(state, rooms);
        self.values.hear(&told);
        Ok(false)
    }

    /// Together with everything else: what was told last may have been lost.
    fn tell_values_again(&self, state: &mut State) {
        if self.values.are_asked() {
            state.speech.say_values();
        }
    }

    /// A value was set here.
    pub(crate) fn say_values(&self) {
        self.state().speech.say_values();
        self.wake.notify_one();
    }

    /// Forgets nodes that have been silent for too long, and counts rooms: once a beat. If this node itself stood still until now, they get the time
    /// to speak.
    pub(crate) fn expire(&self, stood_still: bool) {
        let (mut state, now) = (self.state(), Instant::now());
        if stood_still {
            state.peers.excuse(now + 2 * BEAT);
        }
        let rooms = state.peers.expire(now);
        if !rooms.is_empty() {
            tracing::warn!(
                rooms = rooms.len(),
                "a node has been silent for too long; who is there is not counted"
            );
        }
        self.tell(state, rooms);
        let totals = self.state().count_rooms();
        totals.into_iter().for_each(|(total, rooms)| total.set_rooms_elsewhere(rooms));
    }

    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.state().peers.next_expiry()
    }

    /// How many other nodes are heard.
    pub(crate) fn peers(&self) -> usize {
        self.state().peers.iter().count()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state().is_connected
    }

    /// For how long this node has not heard itself, although it speaks; `None` while there is no bus.
    pub(crate) fn silence(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        state.has_wire.then(|| now.saturating_duration_since(state.echo))
    }

    /// This node goes. From now on it says nothing but that.
    pub(crate) fn leave(&self) {
        self.state().speech.end();
        self.wake.notify_one();
        self.is_leaving.notify_one();
    }

    /// Tells rooms, and those who want to hear of them, what has become of the others; without the lock, because who
    /// listens may hold on to what it has heard while it asks for more.
    fn tell(&self, mut state: MutexGuard<'_, State>, rooms: HashSet<RoomKey>) {
        let is_alone = !state.is_connected;
        state.rooms_have_changed |= !rooms.is_empty();
        let open = rooms.iter().filter_map(|room| {
            let crowd = state.here.get(room)?.clone();
            Some((crowd, state.peers.of(room)))
        });
        let open: Vec<_> = open.collect();
        let untold = std::mem::take(&mut state.untold).into_iter().chain(rooms);
        let watched = untold.filter_map(|room| {
            let watcher = state.watchers.get(&room)?.clone();
            Some((room, watcher))
        });
        let watched: Vec<_> = watched.collect();
        drop(state);
        for (crowd, headcount) in open {
            crowd.hear(Some(headcount), is_alone);
            crowd.tell();
        }
        watched.iter().for_each(|(room, watcher)| self.tell_watcher(room, watcher));
    }

    /// Of a room that is open here, it is told itself.
    fn tell_watcher(&self, room: &RoomKey, watcher: &watch::Sender<Counts>) {
        watcher.send_if_modified(|told| {
            let state = self.state();
            if state.here.contains_key(room) {
                return false;
            }
            let counts = Elsewhere::alone(state.peers.of(room));
            std::mem::replace(told, counts.clone()) != counts
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// While nobody hears it nothing is kept: with a new connection, everything is told.
    fn mark(&mut self, room: &RoomKey, wake: &Notify) {
        if self.has_wire && self.speech.say(room) {
            wake.notify_one();
        }
    }

    /// How many rooms there are on other nodes that are not open here, of each total, if that may have changed.
    fn count_rooms(&mut self) -> Vec<(Arc<Crowd>, usize)> {
        if !std::mem::take(&mut self.rooms_have_changed) || self.totals.is_empty() {
            return Vec::new();
        }
        let rooms = self.peers.rooms();
        let count = |badge: &str| {
            let others = rooms.iter().filter(|room| *room.badge == *badge);
            others.filter(|room| !self.here.contains_key(**room)).count()
        };
        self.totals.iter().map(|(badge, total)| (total.clone(), count(badge))).collect()
    }

    fn set_connected(&mut self, is_connected: bool) {
        if self.is_connected != is_connected {
            (self.is_connected, self.since) = (is_connected, Instant::now());
        }
    }
}

/// Tells the rooms that are open here whether the others can be reached; without the lock.
fn tell_state(state: MutexGuard<'_, State>) {
    let is_alone = !state.is_connected;
    let open: Vec<_> = state.here.values().cloned().collect();
    drop(state);
    open.iter().for_each(|crowd| crowd.hear(None, is_alone));
}

/// What there is to say of these rooms, and those that there was no place for. Their people are looked at without the
/// lock.
fn say(state: MutexGuard<'_, State>, rooms: Vec<RoomKey>) -> (Vec<Said>, Vec<RoomKey>) {
    let crowds: Vec<_> = rooms.iter().map(|room| state.here.get(room).cloned()).collect();
    drop(state);
    let (mut said, mut bytes) = (Vec::with_capacity(rooms.len()), 0);
    let mut rooms = rooms.into_iter();
    for crowd in crowds {
        if bytes >= MAX_BYTES {
            break;
        }
        let Some(room) = rooms.next() else { break };
        let roll = crowd.and_then(|crowd| {
            crowd.look_elsewhere();
            crowd.roll()
        });
        let one = Said::new(&room, &roll.map(Headcount::of).unwrap_or_default());
        bytes += one.len();
        said.push(one);
    }
    (said, rooms.collect())
}

#[cfg(test)]
mod tests;
