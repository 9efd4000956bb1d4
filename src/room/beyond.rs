//! Whom a room tells of what becomes of it beyond its viewers: the application, the store, and other nodes.

use std::sync::Arc;

use crate::presence::counts::Gist;
use crate::room::archive::Archive;
use crate::room::nodes::Nodes;
use crate::room::opened::Room;
use crate::room::reporter::Reporter;

/// The application, and the store and the other nodes if there are any.
#[derive(Debug)]
pub(crate) struct Beyond {
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) archive: Option<Arc<Archive>>,
    pub(crate) nodes: Option<Arc<Nodes>>,
}

impl Beyond {
    /// A room has become another; `has_news` if somebody came or went, although as many may be there.
    pub(crate) fn note(&self, room: &Room, has_news: bool, before: &Gist, now: &Gist) {
        if let Some(archive) = self.archive.as_ref().filter(|_| now.records != before.records) {
            archive.note(room);
        }
        let is_other = has_news || now.here != before.here;
        if let Some(nodes) = self.nodes.as_ref().filter(|_| is_other && !room.shows_others()) {
            nodes.note(room);
        }
    }
}
