//! Who is in which room, as those know who have sent them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;

const KEPT_EVENTS: usize = 24;

/// Whether a viewer takes what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaze {
    /// Counted.
    Reads,
    /// It stopped reading. It is counted until what is between it and the server is full, which takes as
    /// long as its room's pictures are few and small: so it may be counted or not.
    Stopped,
    /// It has never read, and its first picture is larger than what it lets the server send: so it is
    /// uncounted after three heartbeats.
    Deaf,
}

/// The book.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) rooms: Vec<Room>,
    events: u64,
}

#[derive(Debug)]
pub(crate) struct Room {
    /// What is before `online.png` and `count` in its paths.
    pub(crate) path: String,
    /// By their numbers: who it is, if it says so, and whether it reads.
    here: BTreeMap<u64, (Option<u16>, Gaze)>,
    /// The last ones, with their numbers among all.
    events: VecDeque<(u64, u64, &'static str)>,
}

/// What a server may say of a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) streams: RangeInclusive<usize>,
    pub(crate) visitors: RangeInclusive<usize>,
}

impl Expected {
    pub(crate) fn allows(&self, (streams, visitors): (usize, usize)) -> bool {
        self.streams.contains(&streams) && self.visitors.contains(&visitors)
    }
}

impl Book {
    pub(crate) fn new(paths: impl IntoIterator<Item = String>) -> Self {
        Self { rooms: paths.into_iter().map(Room::new).collect(), events: 0 }
    }

    pub(crate) fn join(&mut self, room: usize, id: u64, key: Option<u16>, gaze: Gaze) {
        self.note(room, id, if gaze == Gaze::Deaf { "came deaf" } else { "came" });
        self.rooms[room].here.insert(id, (key, gaze));
    }

    pub(crate) fn turn(&mut self, room: usize, id: u64, gaze: Gaze) {
        self.note(room, id, if gaze == Gaze::Reads { "reads on" } else { "stopped reading" });
        self.rooms[room].here.get_mut(&id).expect("a viewer that is here").1 = gaze;
    }

    pub(crate) fn leave(&mut self, room: usize, id: u64, way: &'static str) {
        self.note(room, id, way);
        self.rooms[room].here.remove(&id).expect("a viewer that is here");
    }

    /// What happens to a viewer, whether or not it changes anything.
    pub(crate) fn note(&mut self, room: usize, id: u64, what: &'static str) {
        self.events += 1;
        let events = &mut self.rooms[room].events;
        events.push_back((self.events, id, what));
        if events.len() > KEPT_EVENTS {
            events.pop_front();
        }
    }
}

impl Room {
    pub(crate) fn new(path: String) -> Self {
        Self { path, here: BTreeMap::new(), events: VecDeque::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.here.is_empty()
    }

    pub(crate) fn expected(&self) -> Expected {
        let counted = |gazes: &[Gaze]| {
            let here = self.here.values().filter(|(_, gaze)| gazes.contains(gaze));
            let keys: Vec<_> = here.map(|(key, _)| *key).collect();
            let people: BTreeSet<u16> = keys.iter().copied().flatten().collect();
            let strangers = keys.iter().filter(|key| key.is_none()).count();
            (keys.len(), people.len() + strangers)
        };
        let (least, most) = (counted(&[Gaze::Reads]), counted(&[Gaze::Reads, Gaze::Stopped]));
        Expected { streams: least.0..=most.0, visitors: least.1..=most.1 }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expected { streams, visitors } = self.expected();
        writeln!(f, "by the book {streams:?} streams, {visitors:?} visitors; of late:")?;
        for (number, id, what) in &self.events {
            writeln!(f, "  {number:>8} viewer {id} {what}")?;
        }
        Ok(())
    }
}

#[test]
fn a_book_knows_streams_and_people() {
    let mut book = Book::new(["/".to_owned()]);
    let of = |book: &Book| {
        let Expected { streams, visitors } = book.rooms[0].expected();
        (streams.into_inner(), visitors.into_inner())
    };
    book.join(0, 1, Some(7), Gaze::Reads);
    book.join(0, 2, Some(7), Gaze::Reads);
    book.join(0, 3, None, Gaze::Reads);
    book.join(0, 4, Some(8), Gaze::Deaf);
    assert_eq!(of(&book), ((3, 3), (2, 2)));
    book.turn(0, 3, Gaze::Stopped);
    book.turn(0, 4, Gaze::Reads);
    assert_eq!(of(&book), ((3, 4), (2, 3)));
    (1..=4).for_each(|id| book.leave(0, id, "went"));
    assert_eq!(of(&book), ((0, 0), (0, 0)));
    assert!(book.rooms[0].is_empty());
}
