//! A checked badge: everything that serving it needs, and nothing that could still be wrong.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::badge::data::Says;
use crate::badge::settings::Settings;
use crate::observe::throttle::Throttle;
use crate::picture::paint::Picture;
use crate::picture::raster::Size;
use crate::presence::crowd::Crowd;
use crate::request::params::Params;
use crate::store::contract::RoomKey;
use crate::stream::frames::Frames;
use crate::stream::multipart::{CORP, Multipart};

/// A checked badge.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) path: Arc<str>,
    /// The badge whose rooms it shows: itself, as a rule.
    pub(crate) host: usize,
    /// Those whose people it shows, if they are of all rooms of another badge.
    pub(crate) total: Option<Arc<Crowd>>,
    /// The totals that the people of its rooms are counted in.
    pub(crate) totals: Vec<Arc<Crowd>>,
    /// What has been in its rooms is shown, and outlives them.
    pub(crate) remembers: bool,
    pub(crate) picture: Arc<Picture>,
    /// As it was when it was checked.
    pub(crate) size: Size,
    /// Its size is not always that.
    pub(crate) has_any_width: bool,
    /// It looks otherwise on dark pages.
    pub(crate) is_themed: bool,
    pub(crate) multipart: Arc<Multipart>,
    pub(crate) frames: Frames,
    pub(crate) settings: Settings,
    /// Of the application's own, on every answer.
    pub(crate) headers: HeaderMap,
    /// Those who watch it are counted: it shows no total.
    pub(crate) counts: bool,
    /// The inner service is asked first, by its own wish or by that of the badge whose rooms it shows.
    pub(crate) is_gated: bool,
    /// Of what is said in the log of live pictures, of stills, and of words that failed.
    pub(crate) failures: Failures,
}

/// What fails with every request is said now and then.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) live: Throttle,
    pub(crate) still: Throttle,
    pub(crate) words: Throttle,
}

/// Lets pages of all sites show a picture, even if they ask for isolation (COEP).
const FOR_ALL: HeaderValue = HeaderValue::from_static("cross-origin");
/// What needs a permission is not for pages of other sites, unless the badge says so.
const FOR_SITE: HeaderValue = HeaderValue::from_static("same-site");

impl Recipe {
    /// What its data says, where this is the badge whose rooms it shows.
    pub(crate) fn says(&self, host: &Self) -> Says {
        Says { max_names: self.settings.max_names_in_data(), records: host.remembers }
    }

    /// How stores and other nodes call a room of it.
    pub(crate) fn key(&self, params: &Params) -> RoomKey {
        RoomKey::new(self.path.clone(), params.path(&self.path))
    }

    /// Whose pages may show it: its `Cross-Origin-Resource-Policy`.
    pub(crate) fn corp(&self) -> HeaderValue {
        let own = self.headers.get(CORP);
        own.cloned().unwrap_or(if self.is_gated { FOR_SITE } else { FOR_ALL })
    }
}
