//! A checked badge: everything that serving it needs, and nothing that could still be wrong.

use std::sync::Arc;

use crate::badge::settings::Settings;
use crate::picture::paint::Picture;
use crate::picture::raster::Size;
use crate::presence::crowd::Crowd;
use crate::stream::multipart::Multipart;

/// A checked badge.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) path: String,
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
    pub(crate) multipart: Arc<Multipart>,
    pub(crate) settings: Settings,
}
