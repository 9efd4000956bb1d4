//! What is set on a socket, so that a viewer who vanished without a word is noticed.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

/// So many may be waiting to be accepted: with 1,024, some of thousands who come at the same moment
/// wait one to two seconds, because their SYN is lost (measured with 10,000). Linux takes no more than
/// `net.core.somaxconn`, which is 4,096 since 5.4.
const BACKLOG: i32 = 4096;

/// For who does not read. By then nobody looks at that picture any more.
const PATIENCE: Duration = Duration::from_secs(600);

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
/// are uncounted, and who is there may read on for ten minutes.
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
        self.user_timeout = timeout.into().map(|timeout| timeout.max(Duration::from_secs(1)));
        self
    }

    /// Sets them on a connection.
    ///
    /// What the system refuses is told in the log at `debug`, and left as it is.
    pub fn prepare(&self, socket: &TcpStream) {
        if let Err(error) = self.set(socket) {
            tracing::debug!(%error, "an option of a socket could not be set");
        }
    }

    fn set(&self, socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let Some(timeout) = self.user_timeout else { return Ok(()) };
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
        let socket = SockRef::from(socket);
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        socket.set_tcp_user_timeout(Some(timeout))?;
        Ok(())
    }

    /// For a connection whose last response never ends: what can't be sent is not taken either, so that
    /// it is known when nothing flows. The next frame is worth more than two that wait.
    pub(crate) fn prepare_for_stream(&self, socket: &TcpStream) {
        #[cfg(any(target_os = "android", target_os = "linux"))]
        if let Err(error) = SockRef::from(socket).set_tcp_notsent_lowat(1) {
            tracing::debug!(%error, "an option of a socket could not be set");
        }
        #[cfg(not(any(target_os = "android", target_os = "linux")))]
        let _ = socket;
    }

    /// Gives a viewer much more time while nothing flows, and takes it back. Linux does not tell one that
    /// does not read from one that has vanished: `TCP_USER_TIMEOUT` ends both. Here both are uncounted, and
    /// who is there may read on.
    pub(crate) fn be_patient(&self, socket: &TcpStream, is_patient: bool) {
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        if let Some(timeout) = self.user_timeout {
            let timeout = if is_patient { timeout.max(PATIENCE) } else { timeout };
            if let Err(error) = SockRef::from(socket).set_tcp_user_timeout(Some(timeout)) {
                tracing::debug!(%error, "an option of a socket could not be set");
            }
        }
        #[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
        let _ = (socket, is_patient);
    }

    /// How often HTTP/2 asks whether its peer is there, and how long it waits for the answer.
    pub(crate) fn pings(&self) -> Option<(Duration, Duration)> {
        self.user_timeout.map(|timeout| ((timeout / 3).max(Duration::from_secs(1)), timeout))
    }
}

/// Lets thousands come at the same moment. The listener listens already; to ask for that again changes
/// how many may wait (Linux, macOS), or nothing.
pub(crate) fn widen(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).listen(BACKLOG) {
        tracing::debug!(%error, "a listener's backlog could not be set");
    }
}
