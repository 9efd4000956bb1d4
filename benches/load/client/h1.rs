//! Viewers with a connection each: one thread that asks the system which sockets have something.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::parse::Response;
use super::tally::Tally;
use super::{HEADERS, Outcome, PATIENCE};

/// So many connections are begun before anything is read.
const BURST: usize = 256;

#[derive(Debug)]
pub(crate) struct Crowd {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    viewers: Vec<Viewer>,
    pub(crate) tally: Tally,
}

#[derive(Debug)]
struct Viewer {
    socket: TcpStream,
    /// Until it is written.
    request: Option<Box<str>>,
    response: Response,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr) -> Outcome<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(1024));
        let (buffer, viewers, tally) = (vec![0; 64 * 1024], Vec::new(), Tally::default());
        Ok(Self { server, poll, events, buffer, viewers, tally })
    }

    pub(crate) fn join(
        &mut self,
        count: usize,
        at_once: usize,
        path: &dyn Fn(usize) -> String,
    ) -> Outcome<()> {
        let begun = Instant::now();
        let goal = self.viewers.len() + count;
        while self.viewers.len() < goal || self.tally.waiting() > 0 {
            let free = at_once.saturating_sub(self.tally.waiting());
            let burst = free.min(goal - self.viewers.len()).min(BURST);
            for _ in 0..burst {
                self.connect(&path(self.viewers.len()))?;
            }
            let pause = if burst == 0 { Duration::from_millis(100) } else { Duration::ZERO };
            self.pump(pause)?;
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} wait in vain", self.tally.waiting()).into());
            }
        }
        Ok(())
    }

    pub(crate) fn look_on(
        &mut self,
        time: Duration,
        every: Duration,
        change: &mut dyn FnMut(usize) -> Outcome<()>,
    ) -> Outcome<()> {
        let begun = Instant::now();
        let mut changes = 0;
        loop {
            let passed = begun.elapsed();
            if passed >= time {
                return Ok(());
            }
            let next = every * changes;
            if passed >= next {
                self.tally.change();
                change(changes as usize)?;
                changes += 1;
            } else {
                self.pump(next.min(time) - passed)?;
            }
        }
    }

    fn connect(&mut self, path: &str) -> Outcome<()> {
        let viewer = self.tally.join();
        let mut socket = TcpStream::connect(self.server)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(viewer), interest)?;
        let request = Some(request(path).into());
        self.viewers.push(Viewer { socket, request, response: Response::new() });
        Ok(())
    }

    /// Waits for something, and reads what there is.
    fn pump(&mut self, timeout: Duration) -> Outcome<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let viewer = event.token().0;
            let met = self.viewers[viewer].meet(event, &mut self.buffer, viewer, &mut self.tally);
            match met {
                Err(error) if is_reset(&*error) && !self.tally.has_seen(viewer) => {
                    self.poll.registry().deregister(&mut self.viewers[viewer].socket)?;
                    self.tally.refused += 1;
                }
                met => met?,
            }
        }
        Ok(())
    }
}

impl Viewer {
    fn meet(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        viewer: usize,
        tally: &mut Tally,
    ) -> Outcome<()> {
        if event.is_writable()
            && let Some(request) = self.request.take()
        {
            if let Some(error) = self.socket.take_error()? {
                return Err(error.into());
            }
            // A new socket has room for it.
            self.socket.write_all(request.as_bytes())?;
        }
        if !event.is_readable() {
            return Ok(());
        }
        loop {
            let read = match self.socket.read(buffer) {
                Ok(0) => return Err("a server ended a stream".into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let now = Instant::now();
            tally.bytes += read as u64;
            self.response.feed(&buffer[..read], &mut |seen| tally.see(viewer, seen, now))?;
            // Then there is no more: it would be told as a new event.
            if read < buffer.len() {
                return Ok(());
            }
        }
    }
}

fn is_reset(error: &(dyn Error + 'static)) -> bool {
    let kind = error.downcast_ref().map(std::io::Error::kind);
    matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
}

fn request(path: &str) -> String {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in HEADERS {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request + "\r\n"
}
