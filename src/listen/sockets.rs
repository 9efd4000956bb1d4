//! What is set on a socket, so that a viewer who vanished without a word is noticed.

use std::io;
#[cfg(any(target_os = "android", target_os = "linux"))]
use std::task::ready;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
#[cfg(any(target_os = "android", target_os = "linux"))]
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};

/// So many may be waiting to be accepted: with 1,024, some of thousands who come at the same moment
/// wait one to two seconds, because their SYN is lost (measured with 10,000). Linux takes no more than
/// `net.core.somaxconn`, which is 4,096 since 5.4.
const BACKLOG: i32 = 4096;

/// For who does not read: what is held for it, such as its share of a limit, is held for so long.
const OF_NO_READER: Duration = Duration::from_secs(120);
/// More than any system takes for keep-alive would be refused.
const MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// What is set on accepted connections: pictures that are sent at once, and an end for viewers who
/// vanished without a word.
///
/// [`Handle::serve`](crate::Handle::serve) sets these by itself. This is for other servers:
///
/// ```no_run
/// # async fn f(app: axum::Router) -> std::io::Result<()> {
/// use axum::serve::ListenerExt;
/// use tower_livebadge::SocketOptions;
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let listener = listener.tap_io(|socket| SocketOptions::default().prepare(socket));
/// axum::serve(listener, app).await
/// # }
/// ```
///
/// # What is set
///
/// | option | | where |
/// | --- | --- | --- |
/// | `TCP_NODELAY` | A small picture does not wait until the one before it is acknowledged. | everywhere |
/// | `SO_KEEPALIVE` | Asks a silent peer whether it is there: after a third of the timeout, then each fifteenth, ten times. | everywhere; as far as the system lets it be tuned |
/// | `TCP_USER_TIMEOUT` | Gives up when nothing of what was sent has been acknowledged for so long, which keep-alive does not look at. | Linux, Android, Fuchsia |
///
/// Linux does not tell a viewer who has vanished from one who does not read for so long: `TCP_USER_TIMEOUT`
/// ends both. [`Handle::serve`](crate::Handle::serve) tells them apart as far as it matters: over HTTP/1.1 both
/// are uncounted, and who is there may read on for two minutes; other responses may pause as they like.
///
/// Elsewhere a viewer to whom something is on its way is given up when the system gives up sending it
/// again; how long that is on Windows and macOS was not measured.
#[derive(Debug, Clone)]
pub struct SocketOptions {
    user_timeout: Option<Duration>,
}

impl Default for SocketOptions {
    /// A timeout of 15 seconds.
    fn default() -> Self {
        Self { user_timeout: Some(Duration::from_secs(15)) }
    }
}

impl SocketOptions {
    /// After how long a peer is given up that does not say a word, not even that it has got something;
    /// `None` leaves it to the system, which may take for ever, or a quarter of an hour.
    ///
    /// In whole seconds, at least one. Default: 15 seconds, by which an outage of 8 seconds loses nobody
    /// (what was lost is sent again at growing distances, on Linux 12.6 seconds after the first time).
    pub fn user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.user_timeout =
            timeout.into().map(|timeout| timeout.clamp(Duration::from_secs(1), MOST));
        self
    }

    /// Sets them on a connection.
    ///
    /// What the system refuses is told in the log at `debug`, and left as it is.
    pub fn prepare(&self, socket: &TcpStream) {
        self.prepare_for_answers(socket);
        if self.user_timeout.is_some() {
            self.set_user_timeout(socket, self.user_timeout);
        }
    }

    /// The same without `TCP_USER_TIMEOUT`, which would also end a download that is paused.
    pub(crate) fn prepare_for_answers(&self, socket: &TcpStream) {
        said("TCP_NODELAY", socket.set_nodelay(true));
        let Some(timeout) = self.user_timeout else { return };
        let second = Duration::from_secs(1);
        // Often, towards the end: of few questions all may be lost in an outage that is over in time.
        let keepalive = TcpKeepalive::new().with_time((timeout / 3).max(second));
        #[cfg(any(
            target_os = "android",
            target_os = "freebsd",
            target_os = "fuchsia",
            target_os = "linux",
            target_os = "macos",
            target_os = "netbsd",
            target_os = "windows"
        ))]
        let keepalive = keepalive.with_interval((timeout / 15).max(second)).with_retries(10);
        said("SO_KEEPALIVE", SockRef::from(socket).set_tcp_keepalive(&keepalive));
    }

    /// For a connection whose last response does not end, or has ended after all: `TCP_USER_TIMEOUT`, and
    /// what waits to be sent is known by [`poll_sent`].
    pub(crate) fn prepare_for_stream(&self, socket: &TcpStream, is_stream: bool) {
        #[cfg(any(target_os = "android", target_os = "linux"))]
        {
            let lowat = if is_stream { 1 } else { u32::MAX };
            said("TCP_NOTSENT_LOWAT", SockRef::from(socket).set_tcp_notsent_lowat(lowat));
        }
        self.set_user_timeout(socket, self.user_timeout.filter(|_| is_stream));
    }

    /// Gives a viewer more time while nothing flows, and takes it back. Linux does not tell one that does
    /// not read from one that has vanished: `TCP_USER_TIMEOUT` ends both. Here both are uncounted, and who
    /// is there may read on.
    pub(crate) fn be_patient(&self, socket: &TcpStream, is_patient: bool) {
        let Some(timeout) = self.user_timeout else { return };
        let timeout = if is_patient { timeout.max(OF_NO_READER) } else { timeout };
        self.set_user_timeout(socket, Some(timeout));
    }

    /// For how long nothing may flow to a viewer who is counted: in 8 seconds of an outage, and what it
    /// takes until things are sent again, nobody is lost.
    pub(crate) fn patience(&self) -> Duration {
        self.user_timeout.map_or(Duration::MAX, |timeout| timeout * 2 / 3)
    }

    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    fn set_user_timeout(&self, socket: &TcpStream, timeout: Option<Duration>) {
        said("TCP_USER_TIMEOUT", SockRef::from(socket).set_tcp_user_timeout(timeout));
    }

    #[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
    fn set_user_timeout(&self, _: &TcpStream, _: Option<Duration>) {}

    /// How often HTTP/2 asks whether its peer is there, and how long it waits for the answer.
    pub(crate) fn pings(&self) -> Option<(Duration, Duration)> {
        self.user_timeout.map(|timeout| ((timeout / 3).max(Duration::from_secs(1)), timeout))
    }
}

/// Ready when nothing waits to be sent.
///
/// A write would be taken all the same: it joins what waits, up to some 40 KB (Linux 6.18). `poll` heeds
/// `TCP_NOTSENT_LOWAT`.
#[cfg(any(target_os = "android", target_os = "linux"))]
pub(crate) fn poll_sent(socket: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let look = || {
        let mut sockets = [PollFd::new(socket, PollFlags::OUT)];
        match poll(&mut sockets, Some(&at_once))? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    };
    loop {
        ready!(socket.poll_write_ready(cx))?;
        match socket.try_io(Interest::WRITABLE, look) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            looked => return Poll::Ready(looked),
        }
    }
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(crate) fn poll_sent(_: &TcpStream, _: &mut Context<'_>) -> Poll<io::Result<()>> {
    Poll::Ready(Ok(()))
}

fn said(option: &str, set: io::Result<()>) {
    if let Err(error) = set {
        tracing::debug!(%error, option, "an option of a socket could not be set");
    }
}

/// Lets thousands come at the same moment. The listener listens already; to ask for that again changes
/// how many may wait (Linux, macOS), or nothing.
pub(crate) fn widen(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).listen(BACKLOG) {
        tracing::debug!(%error, "a listener's backlog could not be set");
    }
}
