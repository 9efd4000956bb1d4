//! What the application holds of one room: its counts, its past, its answers, its end.

use std::future::poll_fn;
use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use tokio::sync::watch;

use crate::badge::page;
use crate::presence::counts::Counts;
use crate::presence::history::History;
use crate::presence::records::Records;
use crate::request::params::Params;
use crate::serve::answer::Answer;
use crate::serve::body::ResponseBody;
use crate::serve::dispatch::{Dispatch, Target};
use crate::serve::embed::Embed;
use crate::serve::visit::Verdict;

/// The application's view of one room, from [`Handle::room`](crate::Handle::room).
///
/// Cheap to clone. The room need not be open: it is when somebody is in it.
#[derive(Debug, Clone)]
pub struct RoomHandle {
    dispatch: Arc<Dispatch>,
    target: Target,
    path: Arc<str>,
}

/// Why there is no such room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// The layer has no badge with this path.
    #[error("there is no badge {path:?}; there are {}", known.join(", "))]
    #[non_exhaustive]
    NoBadge {
        /// What was asked for.
        path: String,
        /// The paths that badges have been added with.
        known: Vec<String>,
    },
    /// A parameter of the badge's path has no value.
    #[error("badge {pattern:?}: the parameter {param:?} has no value")]
    #[non_exhaustive]
    MissingParam {
        /// The badge's path.
        pattern: String,
        /// The parameter's name.
        param: String,
    },
    /// The badge's path has no such parameter.
    #[error("badge {pattern:?}: its path has no parameter {param:?}")]
    #[non_exhaustive]
    UnknownParam {
        /// The badge's path.
        pattern: String,
        /// The name that was given.
        param: String,
    },
    /// No path has this value: it is empty, longer than 64 characters, or has a control character.
    #[error(
        "badge {pattern:?}: the value of {param:?} names no room; it takes 1 to 64 characters, and no \
         control characters"
    )]
    #[non_exhaustive]
    Value {
        /// The badge's path.
        pattern: String,
        /// The parameter's name.
        param: String,
    },
    /// [`Badge::rooms`](crate::Badge::rooms) says that there is no such room.
    #[error("there is no room {path:?}, says its badge's Badge::rooms")]
    #[non_exhaustive]
    NoRoom {
        /// The room's path.
        path: String,
    },
}

impl RoomHandle {
    pub(crate) fn new(dispatch: Arc<Dispatch>, target: Target) -> Result<Self, RoomError> {
        let path = target.room.params.path(&target.recipe.path);
        if !dispatch.is_room(&target) {
            return Err(RoomError::NoRoom { path });
        }
        Ok(Self { dispatch, target, path: path.into() })
    }

    /// The room's path, as a browser would ask for it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The values of the path's parameters.
    pub fn params(&self) -> &Params {
        &self.target.room.params
    }

    /// How many are in the room: nobody, if it is not open.
    pub fn counts(&self) -> Counts {
        let Self { dispatch, target, .. } = self;
        dispatch.registry.counts_of(&target.room, dispatch.host(target))
    }

    /// The counts from now on, whether or not the room is open.
    ///
    /// ```no_run
    /// # async fn f(room: tower_livebadge::RoomHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut counts = room.subscribe();
    /// while counts.wait_for(|counts| counts.visitors > 10).await.is_ok() {
    ///     println!("it is getting full");
    /// #   break;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self) -> watch::Receiver<Counts> {
        let Self { dispatch, target, .. } = self;
        dispatch.registry.subscribe(&target.room, dispatch.host(target))
    }

    /// What has been in the room so far.
    ///
    /// Nothing, if no template of that badge shows it, no [store](crate::LiveBadgeLayerBuilder::store) keeps
    /// it, and nobody is there now. A store that does not answer within half a second is not waited for.
    pub async fn records(&self) -> Records {
        let Self { dispatch, target, .. } = self;
        let host = dispatch.host(target);
        if let Some(recall) = dispatch.registry.recall(&target.room, host) {
            recall.await;
        }
        dispatch.registry.snapshot(&target.room, host).records
    }

    /// Goes on from these records: best before anybody comes, because they take the place of what has
    /// been there since.
    ///
    /// They are forgotten with the room if no template of that badge shows any, and no store keeps them. What
    /// they say of another [`day`](Records::day) is not today's.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer, Look};
    /// let visits = Look::odometer(6).number("{{ joins }}");
    /// let badges =
    ///     LiveBadgeLayer::builder().badge("/visits.png", Badge::look(visits)).build()?;
    /// let room = badges.handle().room("/visits.png", &[])?;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let mut records = room.records().await;
    /// records.joins = 4711; // from wherever they were kept
    /// room.set_records(records);
    /// assert_eq!(room.records().await.joins, 4711);
    ///
    /// room.reset();
    /// assert_eq!(room.records().await.joins, 0);
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_records(&self, records: Records) {
        self.change_history(|history| history.resume(records));
    }

    /// Forgets what has been in the room before now: peaks, joins, the last minutes.
    ///
    /// Who is there stays.
    pub fn reset(&self) {
        self.change_history(History::reset);
    }

    /// The same, and nothing is kept of the room once nobody is in it: by a store, neither.
    pub fn forget(&self) {
        let Self { dispatch, target, .. } = self;
        dispatch.registry.forget(&target.room, dispatch.host(target));
    }

    /// Ends all streams of the room politely: each viewer keeps the newest picture.
    ///
    /// Who comes later gets a stream again.
    pub fn close(&self) {
        self.dispatch.registry.close(&self.target.room);
    }

    /// Snippets that show the badge in a page or a forum post; `url` is where that page finds it, for
    /// whoever mounts badges at another path than their own.
    ///
    /// ```
    /// # use tower_livebadge::{Badge, LiveBadgeLayer};
    /// # let badges = LiveBadgeLayer::builder().badge("/online.png", Badge::online()).build()?;
    /// let room = badges.handle().room("/online.png", &[])?;
    /// let snippet = room.embed("https://example.com/badges/online.png").alt("online").bbcode();
    /// assert_eq!(snippet, "[img]https://example.com/badges/online.png?scale=1[/img]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn embed(&self, url: &str) -> Embed {
        let recipe = &self.target.recipe;
        let embed = Embed::new(url, recipe.size, recipe.has_any_width);
        if recipe.settings.pictures_only { embed } else { embed.with_page(page::size(recipe)) }
    }

    /// Answers a request from inside a handler.
    ///
    /// For paths that only the application knows, such as those of
    /// [`unrouted`](crate::LiveBadgeLayerBuilder::unrouted) badges. The request's own path does not
    /// matter; its method is taken for GET unless it is HEAD. Nobody else is asked, even if the badge
    /// is [`gated`](crate::Badge::gated). The answer is 404 if the badge leaves the request to the
    /// application ([`Reply::Inner`](crate::Reply::Inner)).
    ///
    /// ```
    /// use axum::extract::{Request, State};
    /// use axum::http::StatusCode;
    /// use axum::response::{IntoResponse, Response};
    /// use tower_livebadge::Handle;
    ///
    /// async fn readers(State(badges): State<Handle>, request: Request) -> Response {
    ///     let article = "42"; // looked up by the request's path
    ///     let (parts, _) = request.into_parts();
    ///     match badges.room("articles/{id}", &[("id", article)]) {
    ///         Ok(room) => room.respond(&parts).await.into_response(),
    ///         Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    ///     }
    /// }
    /// # let _: axum::Router<Handle> = axum::Router::new().route("/", axum::routing::get(readers));
    /// ```
    pub async fn respond(&self, parts: &Parts) -> Response<ResponseBody> {
        let mut answer = match Verdict::on(&self.dispatch, self.target.clone(), parts) {
            Verdict::Ours(visit) => visit.answer(),
            Verdict::Inner => Answer::empty(StatusCode::NOT_FOUND),
            Verdict::Nothing(status) => Answer::empty(status),
        };
        poll_fn(|cx| answer.poll(cx)).await
    }

    fn change_history(&self, change: impl FnOnce(&mut History)) {
        let Self { dispatch, target, .. } = self;
        dispatch.registry.change_history(&target.room, dispatch.host(target), change);
    }
}
