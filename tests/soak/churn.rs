//! Who does what next, drawn from a seed; and whether the server has counted right.
//!
//! It goes in turns: what happens in one is drawn before any of it is done, and the next begins when all
//! of it is done. So the schedule does not depend on which of two sockets is faster.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::{FutureExt, LocalBoxFuture, join_all};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::book::{Book, Gaze, Room};
use crate::line::Connection;
use crate::server::{GRACE, HEARTBEAT, PATIENCE, counts};
use crate::strangers::{attack, give_up, give_up_over, look};
use crate::tally::Tally;
use crate::viewer::{Viewer, Way, Who, Wish, see};

/// The most viewers that are aimed at.
const CROWD: usize = 800;
const ROOMS: usize = 12;
/// How many people there are that say who they are.
const PEOPLE: u16 = 200;
const DEEDS_IN_A_TURN: usize = 64;
const CONNECTIONS: usize = 12;
/// hyper allows 200 at once; some of a turn come on top of it.
const MAX_STREAMS: usize = 100;

/// Something that is done in a turn, after which a viewer may be there.
type Deed = LocalBoxFuture<'static, Option<Viewer>>;

#[derive(Debug)]
pub(crate) struct Churn {
    address: SocketAddr,
    seed: u64,
    rng: Rng,
    book: Book,
    viewers: Vec<Viewer>,
    connections: Vec<Connection>,
    /// How many viewers there are to be.
    size: usize,
    /// Of viewers, connections and rooms.
    ids: u64,
    /// The paths of rooms that nobody will come to again.
    deserted: Vec<String>,
    looks: JoinSet<()>,
    tally: Tally,
}

impl Churn {
    pub(crate) fn new(address: SocketAddr, seed: u64) -> Self {
        let paths = (1..ROOMS).map(|nth| format!("/rooms/room-{nth}/"));
        Self {
            address,
            seed,
            rng: Rng::with_seed(seed),
            book: Book::new(["/".to_owned()].into_iter().chain(paths)),
            viewers: Vec::new(),
            connections: Vec::new(),
            size: CROWD,
            ids: 0,
            deserted: Vec::new(),
            looks: JoinSet::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.clone()
    }

    pub(crate) async fn go_on(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.turn().await;
        }
    }

    /// Until there are as many as there will ever be.
    pub(crate) async fn gather(&mut self) {
        while self.viewers.len() < CROWD {
            self.open_connection().await;
            let missing = (CROWD - self.viewers.len()).min(DEEDS_IN_A_TURN);
            let deeds = (0..missing).map(|_| self.join()).collect();
            self.run(deeds).await;
        }
    }

    pub(crate) async fn everybody_leaves(&mut self) {
        while !self.viewers.is_empty() {
            self.drop_connection();
            let some = self.viewers.len().min(DEEDS_IN_A_TURN);
            let deeds = (0..some).filter_map(|_| self.leave()).collect();
            self.run(deeds).await;
        }
        self.connections.clear();
        self.quiet_point().await;
        // Whatever comes now does not depend on how many turns there have been.
        (self.rng, self.size) = (Rng::with_seed(self.seed), CROWD);
    }

    async fn turn(&mut self) {
        if self.rng.usize(..50) == 0 {
            self.size = self.rng.usize(CROWD / 10..=CROWD);
        }
        match self.rng.usize(..30) {
            0 => self.drop_connection(),
            1 => self.empty_a_room().await,
            2 => self.open_connection().await,
            _ if self.connections.len() < CONNECTIONS / 3 => self.open_connection().await,
            _ => {}
        }
        let deeds = (0..DEEDS_IN_A_TURN).filter_map(|_| self.deed()).collect();
        self.run(deeds).await;
    }

    async fn run(&mut self, deeds: Vec<Deed>) {
        self.viewers.extend(join_all(deeds).await.into_iter().flatten());
        self.tally.peak = self.tally.peak.max(self.viewers.len());
    }

    fn deed(&mut self) -> Option<Deed> {
        match self.rng.usize(..100) {
            0..6 => Some(self.give_up()),
            6 => {
                self.look();
                None
            }
            7..9 => {
                self.tally.saw("hostile heads", 1);
                let nth = self.rng.usize(..);
                Some(attack(self.address, nth).map(|()| None).boxed_local())
            }
            9..12 => self.turn_one(Gaze::Stopped),
            12..14 => self.turn_one(Gaze::Reads),
            14..17 => self.stray(),
            _ => {
                let few = self.viewers.len() < self.size;
                if self.rng.f32() < if few { 0.7 } else { 0.4 } {
                    Some(self.join())
                } else {
                    self.leave()
                }
            }
        }
    }

    fn join(&mut self) -> Deed {
        let room = self.rng.usize(..self.book.rooms.len());
        let (id, wish) = (self.next_id(), self.wish(room));
        let connection = self.rng.bool().then(|| self.connection()).flatten();
        let is_narrow = match connection {
            Some(nth) => self.connections[nth].is_narrow,
            None => self.rng.usize(..3) == 0,
        };
        let gaze = match (is_narrow && self.rng.usize(..12) == 0, connection) {
            (true, Some(_)) => Gaze::Deaf,
            (true, None) => Gaze::Stopped,
            (false, _) => Gaze::Reads,
        };
        self.book.join(room, id, wish.key, gaze);
        self.tally.joins += 1;
        let mut who = Who { id, room, gaze, connection: None, is_narrow, has_strayed: false };
        match connection.map(|nth| &self.connections[nth]) {
            Some(connection) => {
                who.connection = Some(connection.id);
                let line = connection.see(&wish.target, wish.key);
                line.map(move |line| Some(Viewer::new(who, line))).boxed_local()
            }
            None => {
                let address = self.address;
                let line = async move { see(address, &wish, is_narrow).await };
                line.map(move |line| Some(Viewer::new(who, line))).boxed_local()
            }
        }
    }

    fn leave(&mut self) -> Option<Deed> {
        // Those who do not read stay longer, so that the server comes to miss them.
        let is_anybody = self.rng.usize(..4) == 0;
        let viewer = self.take(|who| is_anybody || who.gaze == Gaze::Reads);
        let viewer = viewer.or_else(|| self.take(|_| true))?;
        Some(self.leaving(viewer))
    }

    fn leaving(&mut self, viewer: Viewer) -> Deed {
        let Who { id, room, gaze, connection, has_strayed, .. } = viewer.who;
        let way = match self.rng.usize(..4) {
            _ if connection.is_some() => Way::Stream,
            // The server could not see its end before the next heartbeat.
            0 if gaze == Gaze::Reads && !has_strayed => Way::Polite,
            0 | 1 => Way::Close,
            2 => Way::Reset,
            _ => Way::Stray,
        };
        self.book.leave(room, id, way.name());
        self.tally.left(way.name());
        if gaze != Gaze::Reads {
            self.tally.saw("ended without reading", 1);
        }
        viewer.leave(way).map(|()| None).boxed_local()
    }

    /// Somebody stops reading, or reads on.
    fn turn_one(&mut self, gaze: Gaze) -> Option<Deed> {
        let viewer = match gaze {
            Gaze::Reads => self.take(|who| who.gaze != Gaze::Reads)?,
            _ => self.take(|who| who.gaze == Gaze::Reads && who.is_narrow)?,
        };
        self.book.turn(viewer.who.room, viewer.who.id, gaze);
        self.tally.saw(if gaze == Gaze::Reads { "read on" } else { "stopped reading" }, 1);
        Some(viewer.turn(gaze).map(Some).boxed_local())
    }

    fn stray(&mut self) -> Option<Deed> {
        let is_one = |who: &Who| who.connection.is_none() && who.gaze == Gaze::Reads;
        let viewer = self.take(is_one)?;
        let bytes: &[u8] = match self.rng.bool() {
            true => b"?",
            false => b"GET /online.png?still HTTP/1.1\r\nhost: x\r\n\r\n",
        };
        self.book.note(viewer.who.room, viewer.who.id, "sent stray bytes");
        self.tally.saw("strayed", 1);
        Some(viewer.stray(bytes).map(Some).boxed_local())
    }

    fn give_up(&mut self) -> Deed {
        self.tally.saw("given up", 1);
        let room = self.rng.usize(..self.book.rooms.len());
        let (wish, patience) = (self.wish(room), self.rng.usize(..6));
        match self.rng.bool().then(|| self.connection()).flatten() {
            Some(nth) => {
                let over = give_up_over(&self.connections[nth], &wish, patience);
                over.map(|()| None).boxed_local()
            }
            None => {
                let is_rude = self.rng.bool();
                give_up(self.address, wish, patience, is_rude).map(|()| None).boxed_local()
            }
        }
    }

    /// Stills wait until those who watch have their pictures, so no turn waits for stills.
    fn look(&mut self) {
        self.tally.saw("stills", 1);
        let room = self.rng.choice(&self.book.rooms).expect("some rooms");
        let (address, target) = (self.address, format!("{}online.png", room.path));
        self.looks.spawn(async move { look(address, &target).await });
    }

    fn wish(&mut self, room: usize) -> Wish {
        let path = &self.book.rooms[room].path;
        let target = match self.rng.usize(..8) {
            0 => format!("{path}online.png?theme=dark"),
            1 => format!("{path}online.png?scale=1"),
            2 if room == 0 => format!("{path}online.jpeg?stream"),
            _ => format!("{path}online.png"),
        };
        let key = (self.rng.f32() < 0.6).then(|| self.rng.u16(..PEOPLE));
        Wish { target, key }
    }

    /// One of the viewers, who has no other part in this turn.
    fn take(&mut self, is_one: impl Fn(&Who) -> bool) -> Option<Viewer> {
        let from = self.rng.usize(..self.viewers.len().max(1));
        let (before, behind) = self.viewers.split_at(from.min(self.viewers.len()));
        let mut order = (from..).zip(behind).chain((0..).zip(before));
        let nth = order.find(|(_, viewer)| is_one(&viewer.who))?.0;
        Some(self.viewers.swap_remove(nth))
    }

    /// One that is not full.
    fn connection(&mut self) -> Option<usize> {
        let nth = self.rng.usize(..self.connections.len().max(1));
        let id = self.connections.get(nth)?.id;
        let over_it = self.viewers.iter().filter(|viewer| viewer.who.connection == Some(id));
        (over_it.count() < MAX_STREAMS).then_some(nth)
    }

    async fn open_connection(&mut self) {
        if self.connections.len() == CONNECTIONS {
            self.drop_connection();
        }
        let (id, is_narrow, is_rude) = (self.next_id(), self.rng.usize(..3) == 0, self.rng.bool());
        self.connections.push(Connection::open(self.address, id, is_narrow, is_rude).await);
    }

    /// With all streams that go over it.
    fn drop_connection(&mut self) {
        if self.connections.is_empty() {
            return;
        }
        let nth = self.rng.usize(..self.connections.len());
        let connection = self.connections.swap_remove(nth);
        let is_over_it = |viewer: &mut Viewer| viewer.who.connection == Some(connection.id);
        let gone: Vec<_> = self.viewers.extract_if(.., is_over_it).collect();
        for viewer in &gone {
            self.book.leave(viewer.who.room, viewer.who.id, Way::Connection.name());
            self.tally.left(Way::Connection.name());
        }
        // The one ends all streams at once, the other resets them one by one.
        if self.rng.bool() { drop((connection, gone)) } else { drop((gone, connection)) }
    }

    /// Everybody leaves a room at the same time. Sometimes nobody will come again.
    async fn empty_a_room(&mut self) {
        self.tally.saw("rooms emptied", 1);
        let room = self.rng.usize(..self.book.rooms.len());
        let is_in_it = |viewer: &mut Viewer| viewer.who.room == room;
        let leaving: Vec<_> = self.viewers.extract_if(.., is_in_it).collect();
        let deeds = leaving.into_iter().map(|viewer| self.leaving(viewer)).collect();
        self.run(deeds).await;
        assert!(self.book.rooms[room].is_empty());
        if room > 0 && self.rng.bool() {
            let new = Room::new(format!("/rooms/room-{}/", self.next_id()));
            let old = std::mem::replace(&mut self.book.rooms[room], new);
            self.deserted.push(old.path);
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Nobody does anything any more: the server's counts become what the book says, and stay it.
    pub(crate) async fn quiet_point(&mut self) {
        while let Some(look) = self.looks.join_next().await {
            look.expect("a still is a picture");
        }
        let began = Instant::now();
        // Leaves behind a stray byte take a heartbeat, viewers that do not read three of them, visitors
        // their grace; the rest is for a busy machine.
        let limit = began + 4 * HEARTBEAT + GRACE + PATIENCE;
        while let Some(difference) = self.difference().await {
            assert!(Instant::now() < limit, "seed {}: {difference}", self.seed);
            sleep(Duration::from_millis(50)).await;
        }
        self.tally.slowest = self.tally.slowest.max(began.elapsed());
        sleep(HEARTBEAT + GRACE).await;
        let (stopped, uncounted) = self.stopped().await;
        self.tally.saw("stopped at quiet points", stopped);
        self.tally.saw("uncounted of those stopped", uncounted);
        if let Some(difference) = self.difference().await {
            panic!("seed {}: it was right for a moment only: {difference}", self.seed);
        }
        for viewer in &self.viewers {
            assert!(!viewer.was_sent_away(), "seed {}: {:?} was sent away", self.seed, viewer.who);
        }
        self.deserted.clear();
        self.tally.quiet_points += 1;
    }

    /// How many may be counted or not, and how many of them are not.
    async fn stopped(&self) -> (usize, usize) {
        let (mut stopped, mut uncounted) = (0, 0);
        for room in &self.book.rooms {
            let (least, most) = room.expected().streams.into_inner();
            let (streams, _) = counts(self.address, &format!("{}count", room.path)).await;
            stopped += most - least;
            uncounted += most.saturating_sub(streams);
        }
        (stopped, uncounted)
    }

    /// The first room in which the server and the book do not agree.
    async fn difference(&mut self) -> Option<String> {
        for room in &self.book.rooms {
            let (path, expected) = (&room.path, room.expected());
            // The one from the handle, the other as clients get it.
            for target in [format!("{path}count"), format!("{path}online.png?format=json")] {
                let counts = counts(self.address, &target).await;
                if !expected.allows(counts) {
                    return Some(format!("{target} has {counts:?} streams and visitors; {room}"));
                }
            }
        }
        for path in &self.deserted {
            let counts = counts(self.address, &format!("{path}count")).await;
            if counts != (0, 0) {
                return Some(format!("{path}count has {counts:?}, and everybody has left"));
            }
        }
        None
    }
}
