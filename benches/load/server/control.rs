//! What a server is told by its standard input: which pictures change.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The one picture changes.
    Change,
    /// So do those of these rooms.
    ChangeRooms(Range<usize>),
}

impl Order {
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Change => "change\n".to_owned(),
            Self::ChangeRooms(rooms) => format!("{} {}\n", rooms.start, rooms.end),
        }
    }

    pub(crate) fn read(line: &str) -> Option<Self> {
        if line == "change" {
            return Some(Self::Change);
        }
        let (start, end) = line.split_once(' ')?;
        Some(Self::ChangeRooms(start.parse().ok()?..end.parse().ok()?))
    }
}

/// Does what it is told, in the thread that serves, until there is nobody who tells it.
pub(crate) async fn obey(mut act: impl FnMut(Order)) -> io::Result<()> {
    let input = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut lines = BufReader::new(input).lines();
    while let Some(line) = lines.next_line().await? {
        Order::read(&line).into_iter().for_each(&mut act);
    }
    Ok(())
}
