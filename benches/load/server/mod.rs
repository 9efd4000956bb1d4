//! The servers that are compared. Each is a process of its own on the first core, tells its port, and is
//! told by its standard input what changes.

mod axum_watch;
pub(crate) mod control;
mod epoll;
mod frames;
mod hyper_conns;
mod livebadge;
mod sse;
mod trivial;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use axum::Router;
use axum::serve::ListenerExt;
use clap::ValueEnum;
use socket2::{Domain, Protocol, Socket, Type};

use self::frames::Frames;

/// With fewer, lost SYNs of a storm would be all that is measured.
const BACKLOG: i32 = 4096;
/// More than viewers that any scenario has.
const DESCRIPTORS: usize = 32_768;

/// axum's own server, with the one setting of sockets that all have.
fn spawn_axum(listener: tokio::net::TcpListener, app: Router) {
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    tokio::spawn(axum::serve(listener, app).into_future());
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Kind {
    /// One thread, epoll, and one buffer for all: what nothing can beat.
    Limit,
    /// A body that hands on what is ready, on plain hyper: the least that an HTTP server can do.
    Hyper,
    /// What one would write with axum, a watch channel and a stream.
    Axum,
    /// Server-sent events of a few bytes, with axum, and no pictures.
    Sse,
    /// This crate, on the same hyper as `hyper`.
    Livebadge,
    /// This crate's own server.
    LivebadgeServe,
    /// This crate, on the same axum as `axum`.
    LivebadgeAxum,
    /// As `hyper`, over HTTP/2.
    HyperH2,
    /// As `livebadge`, over HTTP/2.
    LivebadgeH2,
}

impl Kind {
    pub(crate) fn is_h2(self) -> bool {
        matches!(self, Self::HyperH2 | Self::LivebadgeH2)
    }

    /// Whether it knows how many look.
    pub(crate) fn counts(self) -> bool {
        let without = [Self::Limit, Self::Hyper, Self::Axum, Self::Sse, Self::HyperH2];
        !without.contains(&self)
    }

    /// What it is fair to compare it with.
    pub(crate) fn baseline(self) -> Self {
        if self.is_h2() { Self::HyperH2 } else { Self::Hyper }
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("none is skipped").get_name().to_owned()
    }
}

/// Until its standard input ends.
pub(crate) fn serve(kind: Kind, pictures: &Path) -> Result<(), Box<dyn Error>> {
    let frames = Frames::new(&crate::pictures::read(pictures)?);
    let listener = listen()?;
    // For all alike, although those of one thread do not need it.
    tower_livebadge::reserve_descriptors(DESCRIPTORS);
    println!("{}", listener.local_addr()?);
    if kind == Kind::Limit {
        return epoll::serve(listener, &frames);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        match kind {
            Kind::Limit => unreachable!("it needs no runtime"),
            Kind::Hyper | Kind::HyperH2 => trivial::serve(listener, frames, kind.is_h2()).await,
            Kind::Axum => axum_watch::serve(listener, frames).await,
            Kind::Sse => sse::serve(listener).await,
            Kind::Livebadge | Kind::LivebadgeH2 => livebadge::serve(listener, kind.is_h2()).await,
            Kind::LivebadgeServe => livebadge::serve_ready(listener).await,
            Kind::LivebadgeAxum => livebadge::serve_axum(listener).await,
        }
    })
}

fn listen() -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
