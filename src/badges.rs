//! Every badge of a layer by its path, and what a request for one gets.

use std::sync::Arc;

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::body::{Admission, Viewer};
use crate::negotiate::Reply;
use crate::observer::Refusal;
use crate::presence::Counts;
use crate::recipe::Recipe;
use crate::registry::{Invitation, Registry, RoomId};
use crate::reporter::Reporter;
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
        match (target.recipe.reply_to)(parts) {
            Reply::Inner => None,
            Reply::Still => Some(self.still(&target, parts)),
            Reply::Stream if parts.method == Method::HEAD => Some(self.still(&target, parts)),
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
        let Target { room, recipe } = target;
        let content_type = recipe.multipart.content_type();
        let visitor = (recipe.visitor_of)(parts);
        let registry = self.registry.clone();
        let invitation = Invitation { registry, room, path: path.into(), recipe, visitor };
        Answer::stream(content_type, Viewer::new(invitation, admission))
    }

    fn still(&self, target: &Target, parts: &Parts) -> Answer {
        let picture = &target.recipe.picture;
        let svg = picture.fill_once(self.counts(target), &target.room.params);
        let drawing = svg.map(|svg| picture.drawing(svg));
        Answer::still(parts, drawing, target.recipe.blank.clone())
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

/// A parameter as the application means it; `None` if it can't name a room.
fn decode((name, value): (&str, &str)) -> Option<(Box<str>, Box<str>)> {
    let value = percent_decode_str(value).decode_utf8().ok()?;
    let is_name = value.chars().count() <= MAX_PARAM_CHARS && !value.contains(char::is_control);
    is_name.then(|| (name.into(), value.into()))
}
