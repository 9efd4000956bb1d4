//! Room for many sockets, made before they come.

/// Makes room for so many descriptors in this process, before they are there: on Linux and Android; elsewhere it
/// does nothing.
///
/// Linux makes the table of a process's descriptors twice as large when it is full: at 256, 512, 1,024 and so on.
/// In a process of more than one thread it waits each time until no processor can look at the old one, and
/// `accept` waits with it: 6 to 37 ms (Linux 6.18, two cores). When ten thousand came at the same moment, so many
/// stood before the door meanwhile that some were sent away, and came again a second later; with room for all of
/// them nobody was.
///
/// [`Handle::serve`](crate::Handle::serve) does this by itself, for 65,536. With another server, call it once
/// before that begins:
///
/// ```no_run
/// # async fn f(app: axum::Router) -> std::io::Result<()> {
/// tower_livebadge::reserve_descriptors(20_000);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// axum::serve(listener, app).await
/// # }
/// ```
///
/// It takes 8 bytes of the kernel's memory for each, and the calling thread may wait as long as Linux does each time,
/// but once. There is never more room than `RLIMIT_NOFILE` allows: raise that before.
pub fn reserve_descriptors(count: usize) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    reserve(count);
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = count;
}

/// The table has room for the highest number that there has ever been.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn reserve(count: usize) {
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::io::fcntl_dupfd_cloexec;
    use rustix::process::{Resource, getrlimit};

    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let highest = i32::try_from(count.min(allowed).saturating_sub(1)).unwrap_or(i32::MAX);
    let reserved =
        eventfd(0, EventfdFlags::CLOEXEC).and_then(|any| fcntl_dupfd_cloexec(any, highest));
    if let Err(error) = reserved {
        // Then it grows when it has to.
        tracing::debug!(%error, count, "no room could be made for descriptors");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn room() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let room = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        room.and_then(|room| room.trim().parse().ok()).expect("a number")
    }

    #[test]
    fn there_is_room_for_as_many_as_are_allowed() {
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let allowed = allowed.map_or(usize::MAX, |allowed| allowed as usize);
        reserve_descriptors(0);
        reserve_descriptors(3000);
        assert!(room() >= 3000.min(allowed), "{}", room());
        reserve_descriptors(allowed.saturating_add(1).min(1 << 17));
        assert!(room() >= allowed.min(1 << 17), "{}", room());
    }
}
