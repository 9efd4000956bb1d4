//! What an application decides about a badge, apart from its looks.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::request::Parts;

use crate::badge::own_urls::OwnUrls;
use crate::badge::reply::Reply;
use crate::presence::calendar::Calendar;
use crate::presence::counts::Grace;
use crate::request::cookie::VisitorCookie;
use crate::request::head::Head;
use crate::request::key::{Source, VisitorKey};
use crate::request::name::Name;
use crate::request::params::Params;

/// How long a person who left is still a visitor, unless the application says otherwise.
const PERSON_GRACE: Duration = Duration::from_secs(3);

/// Closures see the request's head, never its body: so the layer needs no type parameters.
type OfRequest<T> = Arc<dyn Fn(&Parts) -> T + Send + Sync>;

/// What becomes of a request for a room that is none (see [`Badge::rooms`](crate::Badge::rooms)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UnknownRoom {
    /// The inner service answers. The default.
    #[default]
    Inner,
    /// 404, without a body.
    NotFound,
}

/// What somebody gets for whom there is no stream left, because of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// One whole picture. The default.
    #[default]
    Still,
    /// The same picture with the status 503 and `Retry-After: 10`, for load balancers and monitors.
    /// Browsers show the picture all the same.
    Unavailable,
}

/// What somebody is called, and what that is as a key.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) name: Name,
    /// Of what was said, all of it: two long names may begin alike.
    key: VisitorKey,
}

/// The settings of one badge.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) max_rate: Option<f64>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) leave_grace: Option<Duration>,
    /// How often it is redrawn as time passes.
    pub(crate) every: Option<Duration>,
    /// Until when.
    pub(crate) until: Option<SystemTime>,
    /// Values that are older are stale.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) calendar: Arc<Calendar>,
    /// The first that finds a key decides.
    pub(crate) keys: Vec<OfRequest<Option<VisitorKey>>>,
    /// What somebody is called.
    pub(crate) name: Option<OfRequest<Option<String>>>,
    /// Of those who are here by name, a picture shows so many.
    pub(crate) max_people: Option<usize>,
    /// Data say who is here.
    pub(crate) names_in_data: bool,
    /// Where it finds no key, it gives the visitor one: in this cookie.
    pub(crate) sets_cookie: Option<VisitorCookie>,
    /// Instead of [`Reply::for_request`].
    pub(crate) reply_to: Option<OfRequest<Reply>>,
    /// Whether a stream's viewer is counted, instead of by what it asks for.
    pub(crate) counted_if: Option<OfRequest<bool>>,
    pub(crate) is_room: Arc<dyn Fn(&Params) -> bool + Send + Sync>,
    pub(crate) unknown_room: UnknownRoom,
    pub(crate) max_per_room: Option<usize>,
    pub(crate) max_per_visitor: Option<usize>,
    /// A stream that is older ends.
    pub(crate) max_age: Option<Duration>,
    pub(crate) when_full: WhenFull,
    /// Neither data nor pictures in other formats.
    pub(crate) pictures_only: bool,
    /// The inner service is asked first, or is not; otherwise as the badge whose rooms it shows.
    pub(crate) gated: Option<bool>,
    pub(crate) own_urls: OwnUrls,
    /// The page shows the picture, too.
    pub(crate) page_picture: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_rate: None,
            heartbeat: None,
            leave_grace: None,
            every: None,
            until: None,
            stale_after: None,
            calendar: Arc::default(),
            keys: Vec::new(),
            name: None,
            max_people: None,
            names_in_data: false,
            sets_cookie: None,
            reply_to: None,
            counted_if: None,
            is_room: Arc::new(|_| true),
            unknown_room: UnknownRoom::Inner,
            max_per_room: None,
            max_per_visitor: None,
            max_age: None,
            when_full: WhenFull::Still,
            pictures_only: false,
            gated: None,
            own_urls: OwnUrls::Firefox,
            page_picture: true,
        }
    }
}

impl Settings {
    /// What the one who asks is called. Of a badge whose rooms are shown.
    pub(crate) fn name_of(&self, parts: &Parts) -> Option<Called> {
        let said = self.name.as_ref()?(parts)?;
        let key = VisitorKey::of(Source::Name, said.as_bytes());
        Name::of(&said).map(|name| Called { name, key })
    }

    /// A visitor's key, and a cookie to be set for that. Somebody whom nothing else tells apart is told
    /// apart by its name.
    pub(crate) fn visitor_of(
        &self,
        parts: &Parts,
        called: Option<&Called>,
    ) -> (Option<VisitorKey>, Option<HeaderValue>) {
        let mut keys = self.keys.iter().filter_map(|key| key(parts));
        let key = keys.find(|key| !key.is_blank());
        let key = key.or_else(|| Some(called?.key.clone()));
        match &self.sets_cookie {
            Some(cookie) if key.is_none() => {
                let (key, cookie) = cookie.give();
                (Some(key), Some(cookie))
            }
            _ => (key, None),
        }
    }

    /// What a request gets.
    pub(crate) fn reply_to(&self, parts: &Parts, head: &Head<'_>) -> Reply {
        self.reply_to.as_ref().map_or_else(|| Reply::for_head(head), |reply| reply(parts))
    }

    /// Whether a stream's viewer is counted.
    pub(crate) fn counts(&self, parts: &Parts, head: &Head<'_>) -> bool {
        // Who looks at a page is counted by the page.
        let counts = || self.counted_if.as_ref().map_or(!head.query.uncounted, |is| is(parts));
        !head.query.is_in_page && !head.query.only_asks() && counts()
    }

    /// How many names its data has, if it has any.
    pub(crate) fn max_names_in_data(&self) -> Option<usize> {
        self.names_in_data.then(|| self.max_people())
    }

    /// So many of those who are here by name are shown.
    pub(crate) fn max_people(&self) -> usize {
        self.max_people.unwrap_or(20)
    }

    /// Pictures per second.
    pub(crate) fn max_rate(&self) -> f64 {
        self.max_rate.unwrap_or(10.0)
    }

    /// The least time between two pictures.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.max_rate().recip())
    }

    /// How long a stream may be silent.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.heartbeat.unwrap_or(Duration::from_secs(5))
    }

    /// Nobody can tell whether it is the same person who comes back without a key, so unless it is
    /// asked for, a keyless stream is gone when it is gone.
    pub(crate) fn grace(&self) -> Grace {
        Grace {
            of_person: self.leave_grace.unwrap_or(PERSON_GRACE),
            of_keyless: self.leave_grace.unwrap_or(Duration::ZERO),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("max_rate", &self.max_rate)
            .field("heartbeat", &self.heartbeat)
            .field("leave_grace", &self.leave_grace)
            .field("gated", &self.gated)
            .finish_non_exhaustive()
    }
}
