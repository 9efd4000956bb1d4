//! The limit: one thread that waits for sockets and writes one buffer to all of them. It keeps nothing of
//! HTTP but what it takes to answer once.

use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener as StdListener;
use std::os::fd::AsFd;

use bytes::{Buf, Bytes};
use mio::net::{TcpListener, TcpStream};
use mio::unix::pipe::Receiver;
use mio::{Events, Interest, Poll, Token};

use super::control::Order;
use super::frames::{self, Frames};

const LISTENER: Token = Token(usize::MAX - 1);
const CONTROL: Token = Token(usize::MAX - 2);

pub(crate) fn serve(listener: StdListener, frames: &Frames) -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::from_std(listener);
    let mut control = Receiver::from(io::stdin().as_fd().try_clone_to_owned()?);
    control.set_nonblocking(true)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    poll.registry().register(&mut control, CONTROL, Interest::READABLE)?;

    let mut orders = BufReader::new(control);
    let mut server =
        Server { viewers: Vec::new(), shown: chunk(&frames.after(0)), opening: opening(frames, 0) };
    let mut changes = 0;
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&listener, &poll)?,
                CONTROL => loop {
                    let mut line = String::new();
                    match orders.read_line(&mut line) {
                        Ok(0) => return Ok(()),
                        Ok(_) if Order::read(line.trim_end()) == Some(Order::Change) => {
                            changes += 1;
                            server.opening = opening(frames, changes);
                            server.show(chunk(&frames.after(changes)));
                        }
                        Ok(_) => {}
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    }
                },
                Token(viewer) => server.meet(viewer),
            }
        }
    }
}

struct Server {
    viewers: Vec<Option<Viewer>>,
    shown: Bytes,
    opening: Bytes,
}

struct Viewer {
    socket: TcpStream,
    has_asked: bool,
    /// What is still to be written.
    rest: Bytes,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let token = Token(self.viewers.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut socket, token, interest)?;
            self.viewers.push(Some(Viewer { socket, has_asked: false, rest: Bytes::new() }));
        }
    }

    fn show(&mut self, frame: Bytes) {
        self.shown = frame;
        for viewer in &mut self.viewers {
            let shown = viewer.as_mut().is_none_or(|viewer| viewer.show(&self.shown).is_ok());
            if !shown {
                *viewer = None;
            }
        }
    }

    fn meet(&mut self, viewer: usize) {
        let Some(seat) = self.viewers.get_mut(viewer) else { return };
        let met = seat.as_mut().is_none_or(|viewer| viewer.meet(&self.opening).is_ok());
        if !met {
            *seat = None;
        }
    }
}

impl Viewer {
    fn meet(&mut self, opening: &Bytes) -> io::Result<()> {
        if self.has_asked {
            return self.write();
        }
        // A head as small as these comes at once.
        let mut head = [0; 2048];
        match self.socket.read(&mut head) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
            Ok(read) if !head[..read].ends_with(b"\r\n\r\n") => Err(ErrorKind::InvalidData.into()),
            Ok(_) => {
                self.has_asked = true;
                self.rest = opening.clone();
                self.write()
            }
        }
    }

    fn show(&mut self, frame: &Bytes) -> io::Result<()> {
        // Who is slow leaves a frame out.
        if self.has_asked && self.rest.is_empty() {
            self.rest = frame.clone();
            return self.write();
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            match self.socket.write(&self.rest) {
                Ok(written) => self.rest.advance(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.rest = Bytes::new();
        Ok(())
    }
}

fn opening(frames: &Frames, changes: usize) -> Bytes {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n",
        frames::CONTENT_TYPE
    );
    [head.as_bytes(), &chunk(&frames.opening(changes))].concat().into()
}

fn chunk(data: &[u8]) -> Bytes {
    [format!("{:X}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat().into()
}
