//! What the application holds: counts, changes, answers from its own handlers, and the end.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::request::Parts;
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::presence::counts::{Counts, Records, RoomCounts};
use crate::presence::history::History;
use crate::serve::answer::Answer;
use crate::serve::body::ResponseBody;
use crate::serve::dispatch::Dispatch;
use crate::serve::embed::{self, Embed};

/// Streams whose viewers read get their end at once; one whose viewer does not can't be ended
/// politely, and is not waited for longer than this.
const GOODBYE: Duration = Duration::from_secs(1);

/// The application's view of a [`LiveBadgeLayer`](crate::LiveBadgeLayer).
///
/// Cheap to clone. A room is named by its path, as a browser would ask for it.
#[derive(Debug, Clone)]
pub struct Handle {
    badges: Arc<Dispatch>,
}

impl Handle {
    pub(crate) fn new(badges: Arc<Dispatch>) -> Self {
        Self { badges }
    }

    /// How many are in the room at this path. Nobody is in a room that nobody has opened, nor at a
    /// path that is no badge's.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer};
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/rooms/{room}/online.png", Badge::online())
    ///     .build()?;
    /// let counts = badges.handle().counts("/rooms/lobby/online.png");
    /// assert_eq!((counts.streams, counts.visitors), (0, 0));
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn counts(&self, path: &str) -> Counts {
        let target = self.badges.addressed(path);
        target.map(|target| self.badges.counts(&target)).unwrap_or_default()
    }

    /// What has been in the room at this path so far, to be kept over a restart.
    ///
    /// Nothing, if no template of that badge shows it and nobody is there now.
    pub fn records(&self, path: &str) -> Records {
        let target = self.badges.addressed(path);
        target.map(|target| self.badges.records(&target)).unwrap_or_default()
    }

    /// The same of every room that is open or remembered, with its path, in no particular order.
    pub fn all_records(&self) -> Vec<(String, Records)> {
        self.badges.all_records()
    }

    /// Goes on from these records in the room at this path: best before anybody comes, because they
    /// take the place of what has been there since.
    ///
    /// They are forgotten with the room if no template of that badge shows any. A peak of another
    /// [`day`](Records::day) is not today's.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    /// let visits = Look::odometer(6).number("{{ joins }}");
    /// let badges =
    ///     LiveBadgeLayer::builder().badge("/visits.png", Badge::look(visits)).build()?;
    /// let handle = badges.handle();
    ///
    /// let mut records = handle.records("/visits.png");
    /// records.joins = 4711; // from wherever they were kept
    /// handle.set_records("/visits.png", records);
    /// assert_eq!(handle.records("/visits.png").joins, 4711);
    ///
    /// handle.reset("/visits.png");
    /// assert_eq!(handle.records("/visits.png").joins, 0);
    /// # Ok::<(), tower_livebadge::BuildError>(())
    /// ```
    pub fn set_records(&self, path: &str, records: Records) {
        if let Some(target) = self.badges.addressed(path) {
            self.badges.change_history(&target, |history| history.resume(records));
        }
    }

    /// Forgets what has been in the room at this path before now: peaks, joins, the last minutes.
    /// Who is there stays.
    pub fn reset(&self, path: &str) {
        if let Some(target) = self.badges.addressed(path) {
            self.badges.change_history(&target, History::reset);
        }
    }

    /// Every room that somebody is in, in no particular order. Totals are not among them.
    pub fn rooms(&self) -> Vec<RoomCounts> {
        self.badges.registry.counts()
    }

    /// What changes from now on.
    ///
    /// ```no_run
    /// # async fn f(handle: tower_livebadge::Handle) {
    /// use tower_livebadge::Change;
    ///
    /// let mut changes = handle.changes();
    /// while let Some(change) = changes.next().await {
    ///     match change {
    ///         Change::Room(room) => println!("{}: {}", room.path, room.counts.streams),
    ///         Change::Missed(_) => println!("all rooms: {:?}", handle.rooms()),
    ///         _ => {}
    ///     }
    /// }
    /// # }
    /// ```
    pub fn changes(&self) -> Changes {
        Changes(self.badges.reporter.changes())
    }

    /// Snippets that show the badge at this URL, or path, in a page or a forum post. `None` if no
    /// badge is there; what stands in front of its own path is where it is mounted.
    pub fn embed(&self, url: &str) -> Option<Embed> {
        let target = embed::paths_of(url).find_map(|path| self.badges.addressed(path))?;
        let recipe = &target.recipe;
        Some(Embed::new(url, recipe.size, recipe.has_any_width))
    }

    /// Answers a request from inside a handler, with the badge and the room at `path`.
    ///
    /// For paths that only the application knows, such as those of
    /// [`unrouted`](crate::LiveBadgeLayerBuilder::unrouted) badges. The request's own path does not
    /// matter; its method is taken for GET unless it is HEAD. The answer is 404 if `path` is no
    /// badge's, or if the badge's settings leave the request to the application
    /// ([`Reply::Inner`](crate::Reply::Inner)).
    ///
    /// ```
    /// use axum::extract::{Path, Request, State};
    /// use axum::response::IntoResponse;
    /// use tower_livebadge::Handle;
    ///
    /// async fn readers(
    ///     State(badges): State<Handle>,
    ///     Path(slug): Path<String>,
    ///     request: Request,
    /// ) -> impl IntoResponse {
    ///     let article = 42; // looked up by its slug
    ///     let (parts, _) = request.into_parts();
    ///     badges.respond(&format!("articles/{article}"), &parts).await
    /// }
    /// # let _: axum::Router<Handle> = axum::Router::new().route("/", axum::routing::get(readers));
    /// ```
    pub async fn respond(&self, path: &str, parts: &Parts) -> Response<ResponseBody> {
        let target = self.badges.addressed(path);
        let answer = target.and_then(|target| self.badges.answer(target, path, parts));
        let mut answer = answer.unwrap_or(Answer::NotFound);
        poll_fn(|cx| answer.poll(cx)).await
    }

    /// Ends all streams politely: each viewer keeps the last picture, and its response ends in the
    /// regular way, so that a server's graceful shutdown need not wait for it. Requests from now on
    /// get one whole picture.
    ///
    /// Returns when all streams have ended, at the latest after a second: a viewer that does not
    /// read can't be told.
    ///
    /// ```no_run
    /// # async fn f(app: axum::Router, badges: tower_livebadge::LiveBadgeLayer) -> std::io::Result<()> {
    /// let handle = badges.handle();
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, app.layer(badges))
    ///     .with_graceful_shutdown(async move {
    ///         tokio::signal::ctrl_c().await.ok();
    ///         handle.shutdown().await;
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn shutdown(&self) {
        self.badges.shutdown.cancel();
        self.badges.open_streams.close();
        // An error says that somebody did not read.
        let _ = timeout(GOODBYE, self.badges.open_streams.wait()).await;
    }
}

/// Changes of the rooms' counts, from [`Handle::changes`].
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<RoomCounts>);

/// What [`Changes`] yields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The counts of one room are now these. Changes that follow each other at once may be told as
    /// one.
    Room(RoomCounts),
    /// So many changes came and went unread: see [`Handle::rooms`] for what is.
    Missed(u64),
}

impl Changes {
    /// Waits for the next change. `None` when the layer and everything made from it are gone.
    ///
    /// Cancel safe: no change is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(room) => Some(Change::Room(room)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Change::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
