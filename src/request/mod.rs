//! What a request says: its head, read once, and nothing else.
//!
//! Owns the parsing of whatever a client sends: paths, queries, `Accept`, fetch metadata, cookies,
//! forwarded addresses, and what may be shown of a name. Touches nothing of the crate but errors. Called by `badge` (what an
//! application may decide by a request) and by `serve` (what becomes of it).

pub(crate) mod accept;
pub(crate) mod address;
pub(crate) mod cookie;
pub(crate) mod etag;
pub(crate) mod head;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod params;
pub(crate) mod peer;
pub(crate) mod program;
pub(crate) mod pseudonym;
pub(crate) mod pulse;
pub(crate) mod query;
pub(crate) mod random;
pub(crate) mod style;
pub(crate) mod theme;
pub(crate) mod view;
pub mod visitor;
