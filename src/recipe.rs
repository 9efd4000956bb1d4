//! A checked badge: everything that serving it needs, and nothing that could still be wrong.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;

use crate::multipart::Multipart;
use crate::negotiate::{OwnUrls, Reply};
use crate::picture::Picture;
use crate::raster::Size;
use crate::visitor::VisitorKey;

/// Closures see the request's head, never its body: so the layer needs no type parameters.
pub(crate) type VisitorOf = Arc<dyn Fn(&Parts) -> Option<VisitorKey> + Send + Sync>;
pub(crate) type ReplyTo = Arc<dyn Fn(&Parts) -> Reply + Send + Sync>;

/// What a badge's rooms have in common.
pub(crate) struct Recipe {
    pub(crate) picture: Picture,
    /// When it was checked.
    pub(crate) size: Size,
    pub(crate) multipart: Arc<Multipart>,
    /// The least time between two pictures.
    pub(crate) interval: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) leave_grace: Duration,
    pub(crate) visitor_of: VisitorOf,
    pub(crate) reply_to: ReplyTo,
    /// The inner service is asked first.
    pub(crate) gated: bool,
    pub(crate) own_urls: OwnUrls,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("picture", &self.picture).finish_non_exhaustive()
    }
}
