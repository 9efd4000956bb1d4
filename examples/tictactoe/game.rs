//! Tic-tac-toe: who sits where, whose turn it is, who has won. Nothing here knows of pictures.

use std::collections::BTreeMap;

use serde::Serialize;

const LINES: [[usize; 3]; 8] =
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    X,
    O,
}

impl Mark {
    pub(crate) const BOTH: [Self; 2] = [Self::X, Self::O];

    fn other(self) -> Self {
        if self == Self::X { Self::O } else { Self::X }
    }
}

/// Where somebody looks from; `None` is a spectator.
pub(crate) type Seat = Option<Mark>;

pub(crate) fn name(seat: Seat) -> &'static str {
    match seat {
        Some(Mark::X) => "x",
        Some(Mark::O) => "o",
        None => "watch",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Presence {
    Here,
    /// Gone for a moment, as during a reload.
    Away,
    Gone,
}

#[derive(Debug, Default, Serialize)]
struct Player {
    #[serde(skip)]
    who: Option<String>,
    /// `None` until the first one has come.
    presence: Option<Presence>,
    wins: u32,
}

/// The fields are the template's slots.
#[derive(Debug, Serialize)]
pub(crate) struct Game {
    cells: [Option<Mark>; 9],
    turn: Mark,
    last: Option<usize>,
    line: Option<[usize; 3]>,
    over: bool,
    #[serde(skip)]
    first: Mark,
    /// X and O.
    players: [Player; 2],
    pub(crate) watching: usize,
    /// Why somebody's last wish was refused, by the name of the seat; until the next move.
    refusals: BTreeMap<&'static str, &'static str>,
}

impl Game {
    pub(crate) fn new() -> Self {
        Self {
            cells: [None; 9],
            turn: Mark::X,
            last: None,
            line: None,
            over: false,
            first: Mark::X,
            players: Default::default(),
            watching: 0,
            refusals: BTreeMap::new(),
        }
    }

    pub(crate) fn seat_of(&self, who: Option<&str>) -> Seat {
        let who = who?;
        Mark::BOTH.into_iter().find(|mark| self.player(*mark).who.as_deref() == Some(who))
    }

    /// Gives a seat to somebody who has none, if one is free.
    pub(crate) fn sit(&mut self, who: Option<&str>) -> Seat {
        let seat = self.seat_of(who);
        if seat.is_some() {
            return seat;
        }
        let who = who?;
        let free = Mark::BOTH.into_iter().find(|mark| self.player(*mark).who.is_none())?;
        self.players.iter_mut().for_each(|player| player.wins = 0);
        let player = &mut self.players[free as usize];
        (player.who, player.presence) = (Some(who.to_owned()), Some(Presence::Here));
        self.refusals.clear();
        Some(free)
    }

    /// Notes whether a player is looking. Whoever is gone gives up the seat.
    pub(crate) fn attend(&mut self, mark: Mark, presence: Presence) {
        let player = &mut self.players[mark as usize];
        if player.who.is_none() {
            return;
        }
        player.presence = Some(presence);
        if presence == Presence::Gone {
            player.who = None;
            if self.player(mark.other()).who.is_none() {
                *self = Self { watching: self.watching, ..Self::new() };
            }
        }
    }

    /// Puts a mark on a cell; `None` is a click beside the board.
    pub(crate) fn play(&mut self, by: Seat, cell: Option<usize>) {
        let done = self.try_play(by, cell);
        self.settle(by, done);
    }

    /// Starts anew.
    pub(crate) fn again(&mut self, by: Seat) {
        let done = self.try_again(by);
        self.settle(by, done);
    }

    fn try_play(&mut self, by: Seat, cell: Option<usize>) -> Result<(), &'static str> {
        let mark = by.ok_or("You are watching: X and O play.")?;
        if self.over {
            return Err("The game is over. Start a new one?");
        }
        if self.player(mark.other()).who.is_none() {
            return Err("It takes two: nobody is in the other seat.");
        }
        if self.turn != mark {
            return Err("Wait: it is not your turn.");
        }
        let cell = cell.filter(|cell| *cell < 9).ok_or("That was beside the board.")?;
        if self.cells[cell].is_some() {
            return Err("That cell is taken.");
        }
        self.cells[cell] = Some(mark);
        self.last = Some(cell);
        self.turn = mark.other();
        let has = |cell: &usize| self.cells[*cell] == Some(mark);
        self.line = LINES.into_iter().find(|line| line.iter().all(has));
        self.over = self.line.is_some() || self.cells.iter().all(Option::is_some);
        if self.line.is_some() {
            self.players[mark as usize].wins += 1;
        }
        Ok(())
    }

    fn try_again(&mut self, by: Seat) -> Result<(), &'static str> {
        let mark = by.ok_or("You are watching: X and O start a game.")?;
        let abandoned = self.player(mark.other()).who.is_none();
        if !self.over && !abandoned {
            return Err("Finish this game first.");
        }
        let first = self.first.other();
        let players = std::mem::take(&mut self.players);
        *self = Self { first, turn: first, players, watching: self.watching, ..Self::new() };
        Ok(())
    }

    fn settle(&mut self, by: Seat, done: Result<(), &'static str>) {
        match done {
            Ok(()) => self.refusals.clear(),
            Err(why) => {
                self.refusals.insert(name(by), why);
            }
        }
    }

    fn player(&self, mark: Mark) -> &Player {
        &self.players[mark as usize]
    }
}

#[cfg(test)]
#[path = "game_tests.rs"]
mod tests;
