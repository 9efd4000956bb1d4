//! Viewers by the thousand in one thread: the load, which has to cost less than what it measures.

pub(crate) mod h1;
pub(crate) mod h2;
mod parse;
mod tally;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use self::tally::Tally;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// If somebody who has joined sees nothing for so long, the server is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// As browsers ask for an `<img>`.
const HEADERS: [(&str, &str); 3] = [
    ("accept", "image/avif,image/webp,image/*,*/*;q=0.8"),
    ("sec-fetch-dest", "image"),
    ("user-agent", "load"),
];

/// Those who look at one server.
#[derive(Debug)]
pub(crate) enum Crowd {
    H1(h1::Crowd),
    H2(h2::Crowd),
}

impl Crowd {
    pub(crate) fn h1(server: SocketAddr) -> Outcome<Self> {
        Ok(Self::H1(h1::Crowd::new(server)?))
    }

    pub(crate) fn h2(server: SocketAddr, streams_a_connection: usize) -> Outcome<Self> {
        Ok(Self::H2(h2::Crowd::new(server, streams_a_connection)?))
    }

    /// Lets so many come, and waits until each sees something. At most `at_once` wait at a time.
    pub(crate) fn join(
        &mut self,
        count: usize,
        at_once: usize,
        path: &dyn Fn(usize) -> String,
    ) -> Outcome<()> {
        match self {
            Self::H1(crowd) => crowd.join(count, at_once, path),
            Self::H2(crowd) => crowd.join(count, path),
        }
    }

    /// Looks for so long.
    pub(crate) fn look(&mut self, time: Duration) -> Outcome<()> {
        self.look_on(time, time, &mut |_| Ok(()))
    }

    /// Looks for so long, and does something at the beginning and then each time after so long. It is
    /// told how often it has been done.
    pub(crate) fn look_on(
        &mut self,
        time: Duration,
        every: Duration,
        change: &mut dyn FnMut(usize) -> Outcome<()>,
    ) -> Outcome<()> {
        match self {
            Self::H1(crowd) => crowd.look_on(time, every, change),
            Self::H2(crowd) => crowd.look_on(time, every, change),
        }
    }

    pub(crate) fn tally<T>(&mut self, read: impl FnOnce(&mut Tally) -> T) -> T {
        match self {
            Self::H1(crowd) => read(&mut crowd.tally),
            Self::H2(crowd) => read(&mut crowd.tally.borrow_mut()),
        }
    }
}
