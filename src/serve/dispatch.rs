//! Every badge of a layer by its path, and what a request for one gets.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::badge::data::Data;
use crate::badge::recipe::Recipe;
use crate::badge::reply::{self, Reply, VIEW};
use crate::badge::settings::{UnknownRoom, WhenFull};
use crate::observe::observer::Refusal;
use crate::picture::format::Format;
use crate::picture::raster::Drawing;
use crate::picture::threads::Lane;
use crate::picture::words::Words;
use crate::presence::counts::{Counts, Records};
use crate::presence::history::History;
use crate::request::params::{Params, RoomId};
use crate::request::pseudonym::{Blind, Person};
use crate::request::random::random;
use crate::request::style::Style;
use crate::room::admission::{Holder, Quotas};
use crate::room::opened::{Variant, Watcher};
use crate::room::registry::{Invitation, Registry};
use crate::room::reporter::Reporter;
use crate::serve::answer::{Answer, LiveStream};
use crate::serve::body::{Admission, Viewer};
use crate::stream::multipart::Framing;

/// What the layer, its services and its handles share.
pub(crate) struct Dispatch {
    pub(crate) recipes: Vec<Arc<Recipe>>,
    /// Where a badge is in `recipes`, by its path. Paths that only the application knows begin
    /// without a slash, so that no request can mean them.
    pub(crate) paths: matchit::Router<usize>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) blind: Blind,
    pub(crate) quotas: Arc<Quotas>,
    /// A permit for each stream that may still be opened.
    pub(crate) vacancies: Arc<Semaphore>,
    pub(crate) open_streams: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

/// The badge and the room that a path means.
#[derive(Debug)]
pub(crate) struct Target {
    badge: usize,
    pub(crate) recipe: Arc<Recipe>,
    room: RoomId,
}

impl Dispatch {
    /// What a request means; for others, one look-up is all that this costs.
    pub(crate) fn requested(&self, method: &Method, path: &str) -> Option<Target> {
        let may_be_ours = matches!(*method, Method::GET | Method::HEAD) && path.starts_with('/');
        if may_be_ours { self.addressed(path) } else { None }
    }

    /// What the application means.
    pub(crate) fn addressed(&self, path: &str) -> Option<Target> {
        let found = self.paths.at(path).ok()?;
        let params = Params::decode(&found.params)?;
        let badge = *found.value;
        let recipe = self.recipes[badge].clone();
        Some(Target { badge, room: RoomId { badge: recipe.host, params }, recipe })
    }

    /// How many are in a room; nobody, if nobody has opened it.
    pub(crate) fn counts(&self, target: &Target) -> Counts {
        self.registry.counts_of(&target.room, self.host(target))
    }

    /// What has been in a room, as far as that is known.
    pub(crate) fn records(&self, target: &Target) -> Records {
        self.registry.snapshot(&target.room, self.host(target)).records
    }

    /// The same of all rooms that are open or remembered, by their paths.
    pub(crate) fn all_records(&self) -> Vec<(String, Records)> {
        let all = self.registry.all_records().into_iter();
        let path = |id: &RoomId| id.params.path(&self.recipes[id.badge].path);
        all.map(|(id, records)| (path(&id), records)).collect()
    }

    pub(crate) fn change_history(&self, target: &Target, change: impl FnOnce(&mut History)) {
        self.registry.change_history(&target.room, self.host(target), change);
    }

    /// The badge whose room it is.
    fn host(&self, target: &Target) -> &Arc<Recipe> {
        &self.recipes[target.room.badge]
    }

    /// What a request gets; `None` is the inner service's answer.
    pub(crate) fn answer(&self, target: Target, path: &str, parts: &Parts) -> Option<Answer> {
        let settings = &target.recipe.settings;
        if !(settings.is_room)(&target.room.params) {
            return match settings.unknown_room {
                UnknownRoom::Inner => None,
                UnknownRoom::NotFound => Some(Answer::NotFound),
            };
        }
        let reply = match (settings.reply_to)(parts) {
            Reply::StillAs(_) | Reply::Data(_) if settings.pictures_only => Reply::Still,
            reply => reply,
        };
        match reply {
            Reply::Inner => None,
            Reply::Still => Some(self.still(&target, parts, None)),
            Reply::StillAs(format) => Some(self.still(&target, parts, Some(format))),
            Reply::Data(data) => Some(self.data(&target, parts, data)),
            Reply::Stream if parts.method == Method::HEAD => Some(self.still(&target, parts, None)),
            Reply::Stream if settings.own_urls.are_due(parts) => Some(redirect(parts)),
            Reply::Stream => {
                let (key, cookie) = settings.visitor_of(parts);
                let person = key.map(|key| self.blind.person(&key));
                Some(match self.admit(&target, person) {
                    Ok(admission) => self.stream(target, parts, person, cookie, admission),
                    Err(refusal) => self.refuse(&target, path, parts, refusal),
                })
            }
        }
    }

    fn stream(
        &self,
        target: Target,
        parts: &Parts,
        person: Option<Person>,
        cookie: Option<HeaderValue>,
        admission: Admission,
    ) -> Answer {
        let host = self.host(&target).clone();
        let is_counted = host.total.is_none() && (target.recipe.settings.is_counted)(parts);
        let cookie = cookie.filter(|_| is_counted);
        let watcher = if is_counted { Watcher::Counted(person) } else { Watcher::Uncounted };
        let variant = Variant { badge: target.badge, style: target.style(parts) };
        let Target { room, recipe, .. } = target;
        let is_document = reply::is_for_document(parts);
        let framing = match is_document {
            _ if reply::asks_for_stream(parts) => Framing::Strict,
            true => Framing::Document,
            false => Framing::Open,
        };
        let (content_type, format) = (recipe.multipart.content_type(), recipe.picture.format);
        let path = room.params.path(&host.path).into();
        let registry = self.registry.clone();
        let invitation = Invitation { registry, room, path, host, recipe, variant, watcher };
        let viewer = Some(Box::new(Viewer::new(invitation, framing, admission)));
        Answer::Stream(LiveStream { content_type, format, viewer, reloads: is_document, cookie })
    }

    fn refuse(&self, target: &Target, path: &str, parts: &Parts, refusal: Refusal) -> Answer {
        self.reporter.refused(path, refusal);
        target.recipe.picture.meter.refused(refusal);
        let still = self.still(target, parts, None);
        match target.recipe.settings.when_full {
            WhenFull::Still => still,
            WhenFull::Unavailable => still.unavailable(),
        }
    }

    /// One whole picture, in another format than the badge's if one is given.
    fn still(&self, target: &Target, parts: &Parts, format: Option<Format>) -> Answer {
        let (style, recipe) = (target.style(parts), target.recipe.clone());
        let picture = &recipe.picture;
        picture.meter.still();
        let format = format.unwrap_or(picture.format);
        let snapshot = self.registry.snapshot(&target.room, self.host(target));
        let drawing = picture.fill_once(&snapshot, &target.room.params, style);
        let painting =
            drawing.map(|drawing| picture.paint(Drawing { format, ..drawing }, Lane::Still));
        Answer::still(parts, format, painting, move || {
            recipe.picture.blank(recipe.size, style, format)
        })
    }

    fn data(&self, target: &Target, parts: &Parts, data: Data) -> Answer {
        let snapshot = self.registry.snapshot(&target.room, self.host(target));
        target.recipe.picture.meter.still();
        let words = || {
            let words = target.recipe.picture.words(&snapshot, &target.room.params);
            words.unwrap_or_else(|error| {
                tracing::warn!(%error, "a badge could not be put into words");
                Words::of_counts(snapshot.counts)
            })
        };
        let is_public = !target.recipe.settings.gated;
        Answer::data(parts, data, is_public, data.body(snapshot.counts, words))
    }

    fn admit(&self, target: &Target, person: Option<Person>) -> Result<Admission, Refusal> {
        let Target { badge, ref recipe, ref room } = *target;
        if self.shutdown.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        if !self.registry.has_space_for(room) {
            return Err(Refusal::TooManyRooms);
        }
        let settings = &recipe.settings;
        let in_room = self.quotas.take(Holder::Room(room.clone()), settings.max_per_room)?;
        let of_visitor = match person {
            Some(person) if settings.max_per_visitor < usize::MAX => Some(
                self.quotas.take(Holder::Visitor { badge, person }, settings.max_per_visitor)?,
            ),
            _ => None,
        };
        let permit = self.vacancies.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::TooManyViewers)?;
        let shares = (in_room, of_visitor);
        Ok(Admission { _permit: permit, _shares: shares, _open: self.open_streams.token() })
    }
}

/// The paths alone: an application that derives `Debug` for its state prints this some time.
impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.recipes.iter().map(|recipe| &recipe.path)).finish()
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
    let view = random();
    let location = match parts.uri.query() {
        None | Some("") => format!("?{VIEW}={view:016x}"),
        Some(query) => format!("?{query}&{VIEW}={view:016x}"),
    };
    let location = HeaderValue::try_from(location);
    Answer::Redirect(location.expect("a query that came in a URI is a valid header value"))
}
