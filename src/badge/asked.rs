//! What a request for a badge is after: one value, read once from its head by the badge's settings.

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;

use crate::badge::data::Data;
use crate::badge::own_urls::{Detours, OwnUrls};
use crate::badge::page;
use crate::badge::recipe::Recipe;
use crate::badge::reply::{self, Reply};
use crate::badge::settings::Settings;
use crate::picture::format::Format;
use crate::request::head::Head;
use crate::request::key::VisitorKey;
use crate::request::name::Name;
use crate::request::program::Program;
use crate::request::pulse::Pulse;
use crate::request::random::random;
use crate::request::style::Style;
use crate::request::view::{Turn, View};
use crate::stream::framing::{Framing, Medium};

/// What a request is after. Nothing of the request is kept in it: its parts hold on to the
/// connection's read buffer, 4.5 KB for each viewer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) wants: Wants,
    pub(crate) style: Style,
    /// The answer is to have no body.
    pub(crate) is_head: bool,
    /// The versions of a still that the client has.
    pub(crate) if_none_match: Vec<HeaderValue>,
}

#[derive(Debug)]
pub(crate) enum Wants {
    /// The inner service's answer.
    Inner,
    /// One whole picture, in another format than the badge's if one is given.
    Still(Option<Format>),
    Data(Data),
    /// A page that ends, which begins with this.
    Page(Bytes),
    /// A URL of this view's own first: this one.
    OwnUrl(HeaderValue),
    Stream(Viewing),
}

/// Who wants a stream, and how it is to be framed.
#[derive(Debug)]
pub(crate) struct Viewing {
    pub(crate) framing: Framing,
    /// A page's beginning, as it is asked for, and that of one that ends.
    pub(crate) head: Bytes,
    pub(crate) head_of_whole: Bytes,
    pub(crate) is_counted: bool,
    /// What tells who it is.
    pub(crate) key: Option<VisitorKey>,
    pub(crate) name: Option<Name>,
    /// Which the visitor is given, to be known by it.
    pub(crate) cookie: Option<HeaderValue>,
    /// Of the connection, if the server says it.
    pub(crate) pulse: Option<Pulse>,
    /// Of an embed that reconnects.
    pub(crate) view: Option<View>,
    /// Its end is not to look like one.
    pub(crate) ends_open: bool,
}

impl Asked {
    /// Of a request for this badge; `host` are the settings of the one whose rooms it shows.
    pub(crate) fn read(recipe: &Recipe, host: &Settings, parts: &Parts, detours: &Detours) -> Self {
        let head = Head::read(parts);
        Self {
            wants: Wants::read(recipe, host, parts, &head, detours),
            style: recipe.picture.style_asked_by(&head.query, recipe.size),
            is_head: head.is_head,
            if_none_match: head.if_none_match.iter().copied().cloned().collect(),
        }
    }
}

impl Wants {
    fn read(
        recipe: &Recipe,
        host: &Settings,
        parts: &Parts,
        head: &Head<'_>,
        detours: &Detours,
    ) -> Self {
        let settings = &recipe.settings;
        match settings.reply_to(parts, head) {
            Reply::Inner => Self::Inner,
            Reply::StillAs(_) | Reply::Data(_) | Reply::Events | Reply::Lines | Reply::Page
                if settings.pictures_only =>
            {
                Self::Still(None)
            }
            Reply::Still => Self::Still(None),
            Reply::StillAs(format) => Self::Still(Some(format)),
            Reply::Data(data) => Self::Data(data),
            Reply::Stream if head.is_head => Self::Still(None),
            // To the same path, wherever that is mounted.
            Reply::Stream if is_detour_due(&settings.own_urls, head, detours) => {
                Self::OwnUrl(head.query.with_view(random()))
            }
            // One of them, and no end of it: old HTTP can't tell.
            Reply::Events | Reply::Lines if head.is_head || head.is_old => Self::Data(Data::Json),
            Reply::Page if reply::wants_it_whole(head) => {
                Self::Page(page::whole(recipe, &head.query))
            }
            reply => {
                let framing = reply::framing(&reply, head);
                let (live, whole) = match framing {
                    Framing::Page => (page::live(recipe, head), page::whole(recipe, &head.query)),
                    _ => Default::default(),
                };
                let view = head.query.reconnects.filter(|_| framing.medium() == Medium::Picture);
                let is_counted = recipe.counts && settings.counts(parts, head);
                let called = host.name_of(parts);
                let (key, cookie) = settings.visitor_of(parts, called.as_ref());
                Self::Stream(Viewing {
                    framing,
                    head: live,
                    head_of_whole: whole,
                    is_counted,
                    // Who asks takes no place of those that it will need.
                    key: key.filter(|_| !head.query.only_asks()),
                    name: called.map(|called| called.name),
                    cookie: cookie.filter(|_| is_counted),
                    pulse: parts.extensions.get().cloned(),
                    view,
                    // Firefox 153 does not ask for a second time for what it has got whole.
                    ends_open: head.program == Program::Firefox
                        && view.is_some_and(|view| view.turn != Turn::First),
                })
            }
        }
    }
}

/// Whether this one is to be sent to a URL of its own now.
fn is_detour_due(own_urls: &OwnUrls, head: &Head<'_>, detours: &Detours) -> bool {
    if head.query.view {
        detours.ends(head);
    }
    own_urls.are_due(head) && detours.begins(head)
}
