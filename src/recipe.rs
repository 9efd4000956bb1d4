//! A checked badge: everything that serving it needs, and nothing that could still be wrong.

use std::sync::Arc;

use crate::multipart::Multipart;
use crate::picture::Picture;
use crate::raster::Size;
use crate::rules::Rules;

/// A checked badge.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) path: String,
    /// The badge whose rooms it shows: itself, as a rule.
    pub(crate) host: usize,
    pub(crate) picture: Picture,
    /// As it was when it was checked.
    pub(crate) size: Size,
    pub(crate) multipart: Arc<Multipart>,
    pub(crate) rules: Rules,
}
