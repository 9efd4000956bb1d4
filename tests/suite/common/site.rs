//! A server with one badge, and a book of who came and who went.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::time::sleep;
use tower_livebadge::{Badge, Handle, Join, Leave, LeaveReason, LiveBadgeLayer, Observer};

use super::{Server, eventually, serve};

/// What an observer is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    joins: usize,
    /// When each was told, and why it was.
    leaves: Vec<(Instant, LeaveReason)>,
}

impl Book {
    pub(crate) fn joins(&self) -> usize {
        self.0.lock().unwrap().joins
    }

    pub(crate) fn leaves(&self) -> usize {
        self.0.lock().unwrap().leaves.len()
    }

    fn last_leave(&self) -> Option<Instant> {
        self.0.lock().unwrap().leaves.last().map(|(told, _)| *told)
    }

    fn is_all(&self, reason: &LeaveReason) -> bool {
        self.0.lock().unwrap().leaves.iter().all(|(_, given)| given == reason)
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap() = Entries::default();
    }
}

impl Observer for Book {
    fn on_join(&self, _: &Join) {
        self.0.lock().unwrap().joins += 1;
    }

    fn on_leave(&self, leave: &Leave) {
        self.0.lock().unwrap().leaves.push((Instant::now(), leave.reason.clone()));
    }
}

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) handle: Handle,
    pub(crate) book: Book,
    app: Router,
}

impl Site {
    pub(crate) const PATH: &str = "/bar.png";

    pub(crate) async fn start(badge: Badge) -> Self {
        Self::within(badge, Router::new(), |app| app).await
    }

    /// With what the application has beside the badge, and what it puts round all of it.
    pub(crate) async fn within(
        badge: Badge,
        app: Router,
        outer: impl FnOnce(Router) -> Router,
    ) -> Self {
        let book = Book::default();
        let badges = LiveBadgeLayer::builder().badge(Self::PATH, badge).observer(book.clone());
        let badges = badges.build().unwrap();
        let handle = badges.handle();
        let app = outer(app.layer(badges));
        let server = serve(app.clone()).await;
        Self { server, handle, book, app }
    }

    /// Another server of the same badge, in the runtime that this is called in.
    pub(crate) async fn start_anew(&mut self) {
        self.server = serve(self.app.clone()).await;
    }

    pub(crate) fn streams(&self) -> usize {
        self.handle.room_at(Self::PATH).unwrap().counts().streams
    }

    /// Waits until so many have joined.
    pub(crate) async fn joined(&self, viewers: usize) {
        eventually("the viewers", || self.book.joins() == viewers).await;
    }

    /// Waits until everybody has left, so many, each once. Says how long after the ending that was,
    /// and begins a new page.
    pub(crate) async fn all_leave(&self, viewers: usize, ending: &str, since: Instant) {
        self.all_leave_as(LeaveReason::Closed, viewers, ending, since).await;
    }

    pub(crate) async fn all_leave_as(
        &self,
        reason: LeaveReason,
        viewers: usize,
        ending: &str,
        since: Instant,
    ) {
        let is_over = || self.book.leaves() >= viewers && self.handle.rooms().is_empty();
        eventually(&format!("the leave after: {ending}"), is_over).await;
        let took = self.book.last_leave().unwrap_or(since).saturating_duration_since(since);
        sleep(Duration::from_millis(10)).await; // for one leave too many
        assert_eq!((self.book.joins(), self.book.leaves()), (viewers, viewers), "{ending}");
        assert!(self.book.is_all(&reason), "{ending}: another reason than {reason:?}");
        println!("{ending}: {took:.1?}");
        self.book.clear();
    }
}
