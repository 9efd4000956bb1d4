//! Every badge of a layer by its path, and what a request for one gets.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{Answer, LiveStream};
use crate::body::{Admission, Viewer};
use crate::multipart::Framing;
use crate::negotiate::{self, Reply, VIEW};
use crate::observer::Refusal;
use crate::presence::Counts;
use crate::recipe::Recipe;
use crate::registry::{Invitation, Registry, RoomId};
use crate::reporter::Reporter;
use crate::style::Style;
use crate::template::Params;

/// A longer path parameter names no room.
const MAX_PARAM_CHARS: usize = 64;

/// What the layer, its services and its handles share.
#[derive(Debug)]
pub(crate) struct Badges {
    pub(crate) recipes: Vec<Arc<Recipe>>,
    /// Where a badge is in `recipes`, by its path. Paths that only the application knows begin
    /// without a slash, so that no request can mean them.
    pub(crate) paths: matchit::Router<usize>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) reporter: Arc<Reporter>,
    /// A permit for each stream that may still be opened.
    pub(crate) vacancies: Arc<Semaphore>,
    pub(crate) open_streams: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

/// The room that a path means.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) room: RoomId,
    pub(crate) recipe: Arc<Recipe>,
}

impl Badges {
    /// The room that a request means; for others, one look-up is all that this costs.
    pub(crate) fn requested(&self, method: &Method, path: &str) -> Option<Target> {
        let may_be_ours = matches!(*method, Method::GET | Method::HEAD) && path.starts_with('/');
        if may_be_ours { self.addressed(path) } else { None }
    }

    /// The room that the application means.
    pub(crate) fn addressed(&self, path: &str) -> Option<Target> {
        let found = self.paths.at(path).ok()?;
        let params: Option<Params> = found.params.iter().map(decode).collect();
        let badge = *found.value;
        let room = RoomId { badge, params: params? };
        Some(Target { room, recipe: self.recipes[badge].clone() })
    }

    /// How many are in a room; nobody, if nobody has opened it.
    pub(crate) fn counts(&self, target: &Target) -> Counts {
        self.registry.room(&target.room).map(|room| room.counts().counts).unwrap_or_default()
    }

    /// What a request gets; `None` is the inner service's answer.
    pub(crate) fn answer(&self, target: Target, path: &str, parts: &Parts) -> Option<Answer> {
        let recipe = &target.recipe;
        match (recipe.reply_to)(parts) {
            Reply::Inner => None,
            Reply::Still => Some(self.still(&target, parts)),
            Reply::Stream if parts.method == Method::HEAD => Some(self.still(&target, parts)),
            Reply::Stream if recipe.own_urls.are_due(parts) => Some(redirect(parts)),
            Reply::Stream => Some(match self.admit(&target) {
                Ok(admission) => self.stream(target, path, parts, admission),
                Err(refusal) => {
                    self.reporter.refused(path, refusal);
                    self.still(&target, parts)
                }
            }),
        }
    }

    fn stream(&self, target: Target, path: &str, parts: &Parts, admission: Admission) -> Answer {
        let style = target.style(parts);
        let Target { room, recipe } = target;
        let framing =
            if negotiate::asks_for_stream(parts) { Framing::Strict } else { Framing::Open };
        let (content_type, format) = (recipe.multipart.content_type(), recipe.picture.format);
        let visitor = (recipe.visitor_of)(parts);
        let registry = self.registry.clone();
        let invitation = Invitation { registry, room, path: path.into(), recipe, style, visitor };
        let viewer = Some(Viewer::new(invitation, framing, admission));
        let reloads = negotiate::is_for_frame(parts);
        Answer::Stream(LiveStream { content_type, format, viewer, reloads })
    }

    fn still(&self, target: &Target, parts: &Parts) -> Answer {
        let (style, recipe) = (target.style(parts), &target.recipe);
        let picture = &recipe.picture;
        let drawing = picture.fill_once(self.counts(target), &target.room.params, style);
        let painting = drawing.map(|drawing| picture.paint(drawing));
        Answer::still(parts, picture.format, painting, picture.blank(recipe.size, style))
    }

    fn admit(&self, target: &Target) -> Result<Admission, Refusal> {
        if self.shutdown.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        if !self.registry.has_space_for(&target.room) {
            return Err(Refusal::TooManyRooms);
        }
        let permit = self.vacancies.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::TooManyViewers)?;
        Ok(Admission { _permit: permit, _open: self.open_streams.token() })
    }
}

impl Target {
    fn style(&self, parts: &Parts) -> Style {
        let query = parts.uri.query().unwrap_or_default();
        self.recipe.picture.style_asked_by(query, self.recipe.size)
    }
}

/// To the same path, wherever that is mounted, with a query of this view's own.
fn redirect(parts: &Parts) -> Answer {
    let view = RandomState::new().hash_one(()); // differently keyed every time
    let location = match parts.uri.query() {
        None | Some("") => format!("?{VIEW}={view:016x}"),
        Some(query) => format!("?{query}&{VIEW}={view:016x}"),
    };
    let location = HeaderValue::try_from(location);
    Answer::Redirect(location.expect("a query that came in a URI is a valid header value"))
}

/// A parameter as the application means it; `None` if it can't name a room.
fn decode((name, value): (&str, &str)) -> Option<(Box<str>, Box<str>)> {
    let value = percent_decode_str(value).decode_utf8().ok()?;
    let is_name = value.chars().count() <= MAX_PARAM_CHARS && !value.contains(char::is_control);
    is_name.then(|| (name.into(), value.into()))
}
