//! What the application holds of all its rooms: their counts, their changes, and the end.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::timeout;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError::Lagged;

use crate::nodes::health::NodesHealth;
use crate::presence::counts::RoomCounts;
use crate::presence::records::Records;
use crate::request::params::{self, Misnamed, Params};
use crate::serve::dispatch::Dispatch;
use crate::serve::room_handle::{RoomError, RoomHandle};
use crate::store::contract::StoreError;

/// Streams whose viewers read get their end at once; one whose viewer does not can't be ended
/// politely, and is not waited for longer than this.
const GOODBYE: Duration = Duration::from_secs(1);

/// What has changed last is saved within this time, or not at all.
const SAVING: Duration = Duration::from_secs(5);

/// The application's view of a [`LiveBadgeLayer`](crate::LiveBadgeLayer).
///
/// Cheap to clone. For one room there is a [`RoomHandle`].
#[derive(Debug, Clone)]
pub struct Handle {
    dispatch: Arc<Dispatch>,
}

impl Handle {
    pub(crate) fn new(dispatch: Arc<Dispatch>) -> Self {
        Self { dispatch }
    }

    /// The room of a badge with these values of its path's parameters, whether or not somebody is in
    /// it.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer};
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/online.png", Badge::online())
    ///     .badge("/rooms/{room}/online.png", Badge::online())
    ///     .build()?;
    /// let handle = badges.handle();
    ///
    /// let lobby = handle.room("/rooms/{room}/online.png", &[("room", "lobby")])?;
    /// assert_eq!(lobby.counts().streams, 0);
    /// assert_eq!(lobby.path(), "/rooms/lobby/online.png");
    /// assert!(handle.room("/online.png", &[]).is_ok());
    /// assert!(handle.room("/onlin.png", &[]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such badge, a parameter is missing, unknown, or has a value that no path has, or
    /// if [`Badge::rooms`](crate::Badge::rooms) says that there is no such room.
    pub fn room(&self, pattern: &str, params: &[(&str, &str)]) -> Result<RoomHandle, RoomError> {
        let recipes = &self.dispatch.recipes;
        let badge = recipes.iter().position(|recipe| &*recipe.path == pattern);
        let badge = badge.ok_or_else(|| self.no_badge(pattern))?;
        let params = Params::named(&params::names(pattern), params).map_err(|misnamed| {
            let pattern = pattern.to_owned();
            match misnamed {
                Misnamed::Missing(param) => RoomError::MissingParam { pattern, param },
                Misnamed::Unknown(param) => RoomError::UnknownParam { pattern, param },
                Misnamed::Value(param) => RoomError::Value { pattern, param },
            }
        })?;
        RoomHandle::new(self.dispatch.clone(), self.dispatch.target(badge, params))
    }

    /// The room at a path, as a browser would ask for it.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer};
    /// let badges = LiveBadgeLayer::builder()
    ///     .badge("/rooms/{room}/online.png", Badge::online())
    ///     .build()?;
    /// let room = badges.handle().room_at("/rooms/caf%C3%A9/online.png")?;
    /// assert_eq!(room.params().get("room"), Some("café"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If no badge is at this path, or if [`Badge::rooms`](crate::Badge::rooms) says that there is no
    /// such room.
    pub fn room_at(&self, path: &str) -> Result<RoomHandle, RoomError> {
        let target = self.dispatch.addressed(path).ok_or_else(|| self.no_badge(path))?;
        RoomHandle::new(self.dispatch.clone(), target)
    }

    /// Every room that somebody is in, here or on another [node](crate::LiveBadgeLayerBuilder::nodes), in no particular
    /// order.
    ///
    /// Totals are not among them.
    pub fn rooms(&self) -> Vec<RoomCounts> {
        self.dispatch.registry.counts()
    }

    /// What has been in every room that is open, remembered, or kept by a
    /// [store](crate::LiveBadgeLayerBuilder::store), and in all rooms of those badges that have a
    /// [total](crate::Badge::total_of), each with its path, in no particular order: to be taken elsewhere, and
    /// [set](RoomHandle::set_records) there.
    ///
    /// # Errors
    ///
    /// If the store can't be read.
    pub async fn all_records(&self) -> Result<Vec<(String, Records)>, StoreError> {
        let Dispatch { registry, recipes, calendar, .. } = &*self.dispatch;
        let mut all = HashMap::new();
        if let Some(archive) = &registry.archive {
            let kept = archive.all().await?.into_iter();
            all.extend(kept.map(|(room, totals)| (room.path.to_string(), totals.records)));
        }
        let rooms = registry.all_records(calendar.today()).into_iter();
        all.extend(rooms.map(|(id, records)| (self.dispatch.path(&id).to_string(), records)));
        all.extend(recipes.iter().filter_map(|recipe| {
            let total = recipe.total.as_ref()?;
            Some((recipe.path.to_string(), total.snapshot().records))
        }));
        Ok(all.into_iter().collect())
    }

    /// What changes from now on, as a stream.
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
        Changes(BroadcastStream::new(self.dispatch.reporter.changes()))
    }

    /// How this node is connected to the [others](crate::LiveBadgeLayerBuilder::nodes), and which these are; `None` if
    /// it is the only one.
    pub fn nodes(&self) -> Option<NodesHealth> {
        self.dispatch.registry.nodes.as_ref().map(|nodes| nodes.health())
    }

    /// Whether a request for any badge has come through the layer.
    ///
    /// If pages come through and no badge is ever asked for, the layer is likely in the wrong place:
    /// see [where it goes](crate#where-the-layer-goes). [`shutdown`](Self::shutdown) says so in the log.
    pub fn is_reached(&self) -> bool {
        self.dispatch.traffic.has_badges()
    }

    /// Ends all streams politely: each viewer keeps the last picture, and its response ends in the
    /// regular way, so that a server's graceful shutdown need not wait for it.
    ///
    /// Requests from now on get one whole picture.
    ///
    /// Returns when all streams have ended, at the latest after a second: a viewer that does not
    /// read can't be told. With a [store](crate::LiveBadgeLayerBuilder::store), all totals are saved then; a
    /// store that hangs is waited for for five seconds more. See [`shutdown_within`](Self::shutdown_within) for another time.
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
        self.shutdown_within(GOODBYE).await;
    }

    /// The same, waiting for no longer than this.
    ///
    /// Returns whether all streams have ended by then.
    pub async fn shutdown_within(&self, patience: Duration) -> bool {
        let have_ended = self.end_streams_within(patience).await;
        self.save().await;
        have_ended
    }

    /// The same, without anything being saved.
    pub(crate) async fn end_streams_within(&self, patience: Duration) -> bool {
        if self.dispatch.traffic.passes_by() {
            tracing::warn!(
                badges = ?self.dispatch,
                "requests came through the live badges' layer, but none for a badge; is it the last \
                 layer, on the outermost router?"
            );
        }
        self.dispatch.registry.shut_down();
        let drained = timeout(patience, self.dispatch.admission.drained());
        tokio::join!(drained, timeout(patience, self.say_goodbye())).0.is_ok()
    }

    /// Tells the other nodes that nobody is here any more.
    async fn say_goodbye(&self) {
        if let Some(nodes) = &self.dispatch.registry.nodes {
            nodes.say_goodbye().await;
        }
    }

    /// Saves all that has changed, where there is a store.
    pub(crate) async fn save(&self) {
        if timeout(SAVING, self.dispatch.registry.save()).await.is_err() {
            tracing::error!("the newest totals are not saved: the store takes too long");
        }
    }

    /// Waits until somebody has called one of these.
    #[cfg(feature = "hyper")]
    pub(crate) async fn is_going_down(&self) {
        self.dispatch.registry.is_shut_down().await;
    }

    fn no_badge(&self, path: &str) -> RoomError {
        let known = self.dispatch.recipes.iter().map(|recipe| recipe.path.to_string()).collect();
        RoomError::NoBadge { path: path.to_owned(), known }
    }
}

/// Changes of the rooms' counts, from [`Handle::changes`]: a [`Stream`] that ends when the layer and
/// everything made from it are gone.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Changes(BroadcastStream<RoomCounts>);

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
    /// Waits for the next change.
    ///
    /// `None` when the layer and everything made from it are gone.
    ///
    /// Cancel safe: no change is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Change> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Changes {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        Pin::new(&mut self.0).poll_next(cx).map(|next| {
            next.map(|room| match room {
                Ok(room) => Change::Room(room),
                Err(Lagged(missed)) => Change::Missed(missed),
            })
        })
    }
}
