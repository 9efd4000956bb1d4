//! A request that is answered here: from what it is after to its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use crate::badge::asked::{Asked, Viewing, Wants};
use crate::badge::data::Data;
use crate::badge::settings::{UnknownRoom, WhenFull};
use crate::error::PaintError;
use crate::observe::observer::Refusal;
use crate::picture::format::Format;
use crate::picture::raster::Drawing;
use crate::picture::threads::Lane;
use crate::picture::words::Words;
use crate::presence::counts::Snapshot;
use crate::presence::people::{People, Who};
use crate::request::key::VisitorKey;
use crate::request::pseudonym::{Person, Salt};
use crate::request::view::Turn;
use crate::room::admission::{Admitted, Claim};
use crate::room::registry::Invitation;
use crate::room::screen::{Variant, Watcher};
use crate::serve::answer::{Answer, Whole};
use crate::serve::body::{Viewer, Wire};
use crate::serve::dispatch::{Dispatch, Target};
use crate::stream::frame::Frame;
use crate::stream::framing::{Framing, Medium};
use crate::stream::lines::{self, Line};

/// Who answers a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    Inner,
    /// Nobody: there is nothing but this status.
    Nothing(StatusCode),
    /// We do; a gated badge asks the inner service first.
    Ours(Box<Visit>),
}

/// A request that is answered here. No place is taken for it before it is: whoever waits at a gate
/// keeps nobody out.
#[derive(Debug)]
pub(crate) struct Visit {
    dispatch: Arc<Dispatch>,
    target: Target,
    asked: Asked,
}

impl Verdict {
    /// A panic of the application's closures ends here: otherwise the client gets no answer at all, and
    /// over HTTP/1 loses its connection (hyper 1.12).
    pub(crate) fn on(dispatch: &Arc<Dispatch>, target: Target, parts: &Parts) -> Self {
        let recipe = target.recipe.clone();
        let judge = AssertUnwindSafe(|| Self::judge(dispatch, target, parts));
        catch_unwind(judge).unwrap_or_else(|_| {
            tracing::error!(badge = %recipe.path, "a closure that judges requests panicked");
            Self::Nothing(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    fn judge(dispatch: &Arc<Dispatch>, target: Target, parts: &Parts) -> Self {
        let settings = &target.recipe.settings;
        if !dispatch.is_room(&target) {
            return match settings.unknown_room {
                UnknownRoom::Inner => Self::Inner,
                UnknownRoom::NotFound => Self::Nothing(StatusCode::NOT_FOUND),
            };
        }
        let asked =
            Asked::read(&target.recipe, &dispatch.host(&target).settings, parts, &dispatch.detours);
        match asked.wants {
            Wants::Inner => Self::Inner,
            _ => Self::Ours(Box::new(Visit { dispatch: dispatch.clone(), target, asked })),
        }
    }
}

impl Visit {
    /// The inner service is to be asked first.
    pub(crate) fn is_gated(&self) -> bool {
        self.target.recipe.is_gated
    }

    pub(crate) fn answer(self: Box<Self>) -> Answer {
        match &self.asked.wants {
            // A stream begins at once: its first picture waits.
            Wants::Stream(viewing) => match self.admit(viewing) {
                Ok(answer) => answer,
                Err(refusal) => self.refuse(refusal),
            },
            Wants::Still(_) | Wants::Data(_) | Wants::Page(_) => self.whole_when_known(),
            Wants::Inner | Wants::OwnUrl(_) => self.whole(),
        }
    }

    /// What was in the room before is brought to mind first, if it was not known.
    fn whole_when_known(self: Box<Self>) -> Answer {
        let Self { dispatch, target, .. } = &*self;
        match dispatch.registry.recall(&target.room, dispatch.host(target)) {
            None => self.whole(),
            Some(recall) => Answer::later(async move {
                recall.await;
                self.whole()
            }),
        }
    }

    /// Something whole.
    fn whole(&self) -> Answer {
        let recipe = &self.target.recipe;
        match &self.asked.wants {
            Wants::Data(data) => self.data(data),
            Wants::Page(head) => self.page(head),
            Wants::Stream(viewing) => self.instead_of(viewing),
            Wants::Still(format) => self.still(format.as_ref()),
            // Whoever decides on that does not come here.
            Wants::Inner => Answer::empty(StatusCode::NOT_FOUND),
            Wants::OwnUrl(location) => Answer::redirect(recipe.clone(), location.clone()),
        }
    }

    fn admit(&self, viewing: &Viewing) -> Result<Answer, Refusal> {
        let Self { dispatch, target, .. } = self;
        let sighting = match viewing.view.map(|view| dispatch.admission.views.enter(view)) {
            Some(None) => return Ok(Answer::nothing(target.recipe.clone())),
            sighting => sighting.flatten(),
        };
        let visitor = viewing.key.as_ref().map(|key| self.recognise(key));
        let who = |(person, key): (Person, &VisitorKey)| {
            let token = dispatch.tokens.token(key, dispatch.calendar.today());
            Arc::new(Who { person, token, name: viewing.name.clone() })
        };
        let person = visitor.as_ref().map(|(person, _)| *person);
        let watcher = match viewing.is_counted {
            true => Watcher::Counted(person.zip(viewing.key.as_ref()).map(who)),
            false => Watcher::Uncounted,
        };
        let (room, badge, settings) = (&target.room, target.badge, &target.recipe.settings);
        let host = &dispatch.host(target).settings;
        let claim = Claim { room, badge, settings, host, watcher: &watcher, visitor, sighting };
        let admitted = dispatch.admission.admit(&dispatch.registry, claim)?;
        Ok(self.stream(viewing, watcher, admitted))
    }

    /// Whose key it is, by the name under which the rooms and the limits of this badge know it.
    fn recognise(&self, key: &VisitorKey) -> (Person, Salt) {
        let Self { dispatch, target, .. } = self;
        dispatch.blind.recognise(key, |person| {
            dispatch.admission.knows(target.badge, person)
                || dispatch.registry.has(&target.room, dispatch.host(target), person)
        })
    }

    fn stream(&self, viewing: &Viewing, watcher: Watcher, admitted: Admitted) -> Answer {
        let Self { dispatch, target, .. } = self;
        let recipe = target.recipe.clone();
        let invitation = Invitation {
            host: dispatch.host(target).clone(),
            recipe: recipe.clone(),
            variant: self.variant(viewing.framing.medium()),
            watcher,
        };
        let Viewing { framing, ends_open, .. } = *viewing;
        let wire = Wire { framing, head: viewing.head.clone(), ends_open };
        let viewer = Viewer::new(invitation, wire, admitted, viewing.pulse.clone());
        Answer::stream(recipe, viewer, viewing.framing, viewing.cookie.clone())
    }

    /// Data is the same in every style, and words in every size.
    fn variant(&self, medium: Medium) -> Variant {
        let Self { target, asked, .. } = self;
        let own = &target.recipe.picture.style;
        let style = match medium {
            Medium::Picture => asked.style.clone(),
            Medium::Data => own.clone(),
            Medium::Words => own.with_theme(asked.style.theme).with_slots_of(&asked.style),
        };
        Variant { badge: target.badge, style, medium }
    }

    fn refuse(self: Box<Self>, reason: Refusal) -> Answer {
        let Self { dispatch, target, asked } = &*self;
        target.recipe.picture.meter.refused(&reason);
        dispatch.reporter.refused(dispatch.path(&target.room), reason);
        match asked.wants {
            // It has a picture already, and asks again.
            Wants::Stream(Viewing { view: Some(view), .. }) if view.turn != Turn::First => {
                Answer::nothing(target.recipe.clone())
            }
            _ => self.whole_when_known(),
        }
    }

    /// What there is for somebody for whom there is no place.
    fn instead_of(&self, viewing: &Viewing) -> Answer {
        let still = match viewing.framing.medium() {
            Medium::Picture => self.still(None),
            Medium::Data => self.line(viewing.framing),
            Medium::Words => self.page(&viewing.head_of_whole),
        };
        match self.target.recipe.settings.when_full {
            WhenFull::Still => still,
            WhenFull::Unavailable => still.unavailable(),
        }
    }

    /// One whole picture; nothing in its size if that can't be painted.
    fn still(&self, format: Option<&Format>) -> Answer {
        let Self { dispatch, target, asked } = self;
        let recipe = target.recipe.clone();
        recipe.picture.meter.still();
        let snapshot = self.snapshot();
        let (style, params) = (asked.style.clone(), target.room.params.clone());
        let format = format.unwrap_or(&recipe.picture.format).clone();
        let (cook, of_format) = (recipe.clone(), format.clone());
        let is_stale = dispatch.registry.is_stale(&target.room, target.badge);
        let picture = async move {
            let picture = &cook.picture;
            let painted = match picture.fill_once(&snapshot, &params, &style, is_stale) {
                Ok(drawing) => {
                    picture
                        .paint(Drawing { format: of_format, ..drawing }, Lane::Still)
                        .finish()
                        .await
                }
                Err(error) => Err(error),
            };
            // Busy is no fault of the badge's, and told by the status.
            if let Err(error) = &painted
                && !matches!(error, PaintError::Busy)
                && let Some(unsaid) = cook.failures.still.may_speak()
            {
                let error = picture.said_of(error);
                tracing::warn!(badge = %cook.path, %error, unsaid, "a still could not be painted");
            }
            painted
        };
        let blank = {
            let (cook, style, format) = (recipe.clone(), asked.style.clone(), format.clone());
            async move { cook.picture.blank(cook.size, &style, format).finish().await }
        };
        Answer::whole(recipe, Whole::picture(asked, format, picture, blank))
    }

    /// One event or one line, and the end.
    fn line(&self, framing: Framing) -> Answer {
        let recipe = self.target.recipe.clone();
        recipe.picture.meter.still();
        let line = Line::new(&self.body(&Data::Json)).alone(framing);
        Answer::whole(recipe, Whole::data(&self.asked, lines::media_type(framing), line))
    }

    /// A page with a still and the words of now, that ends.
    fn page(&self, head: &Bytes) -> Answer {
        let Self { target, asked, .. } = self;
        let recipe = &target.recipe;
        recipe.picture.meter.still();
        let snapshot = self.snapshot();
        let (picture, params) = (&recipe.picture, &target.room.params);
        let values = picture.values_of(params).take();
        let said = values
            .and_then(|values| picture.page_text(&snapshot, params, &values, &asked.style))
            .unwrap_or_else(|error| {
                self.complain(&error);
                Words::of_counts(&snapshot.counts).said()
            });
        let words = Frame::words(&said.into()).opening(Framing::Page);
        let bytes = [&head[..], &words].concat().into();
        Answer::whole(recipe.clone(), Whole::page(asked, bytes))
    }

    /// What fails with every request is said now and then.
    fn complain(&self, error: &PaintError) {
        let recipe = &self.target.recipe;
        if let Some(unsaid) = recipe.failures.words.may_speak() {
            let (badge, error) = (&recipe.path, recipe.picture.said_of(error));
            tracing::warn!(%badge, %error, unsaid, "a badge could not be put into words");
        }
    }

    fn data(&self, data: &Data) -> Answer {
        let recipe = self.target.recipe.clone();
        recipe.picture.meter.still();
        Answer::whole(recipe, Whole::data(&self.asked, data.media_type(), self.body(data)))
    }

    fn body(&self, data: &Data) -> Bytes {
        let Self { dispatch, target, asked } = self;
        let recipe = &target.recipe;
        let mut snapshot = self.snapshot();
        let params = &target.room.params;
        let says = recipe.says(dispatch.host(target));
        if says.max_names.is_none() {
            // Scripts of other sites may read data, but not pictures: to them all are guests.
            snapshot.people = People::default();
        }
        let knows = dispatch.registry.is_stale(&target.room, target.badge);
        let is_stale = || knows || recipe.picture.is_stale(params);
        let words = || {
            let words = recipe.picture.words(&snapshot, params, &asked.style, knows);
            words.unwrap_or_else(|error| {
                self.complain(&error);
                Words::of_counts(&snapshot.counts)
            })
        };
        data.body(&snapshot, says, is_stale, words)
    }

    fn snapshot(&self) -> Snapshot {
        let Self { dispatch, target, .. } = self;
        dispatch.registry.snapshot(&target.room, dispatch.host(target))
    }
}
