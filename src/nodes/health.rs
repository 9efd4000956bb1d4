//! What the application can know of the other nodes.

use std::time::Duration;

/// How a node is connected to the others, from [`Handle::nodes`](crate::Handle::nodes).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodesHealth {
    /// What this node is called: drawn at random when it started.
    pub node: String,
    /// Whether it can speak and listen.
    pub is_connected: bool,
    /// For how long that has been so.
    pub since: Duration,
    /// The others, as far as they have been heard within the [lease](crate::LiveBadgeLayerBuilder::lease).
    pub peers: Vec<PeerHealth>,
}

/// What is known of another node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerHealth {
    /// What it is called.
    pub node: String,
    /// How long ago it was heard last: a second, if all is well.
    pub heard: Duration,
    /// In how many rooms somebody is there, totals included.
    pub rooms: usize,
}
