//! Badges that show how many have come, of nodes whose store is shared.

use std::time::Duration;

use tower_livebadge::{
    Badge, Handle, LiveBadge, LiveBadgeLayer, LiveBadgeLayerBuilder, NotFound, Records, Store,
    visitor,
};

use super::{BROWSER, Direct, bar_badge_of, eventually};

pub(crate) const ROOMS: &str = "/{room}/x.png";
pub(crate) const TOTAL: &str = "/total.png";

pub(crate) fn badges(store: impl Store) -> LiveBadgeLayerBuilder {
    let rooms = bar_badge_of("joins").visitors(visitor::header("x-user"));
    LiveBadgeLayer::builder()
        .badge(ROOMS, rooms.leave_grace(Duration::ZERO))
        .badge(TOTAL, bar_badge_of("joins").total_of(ROOMS))
        .store(store)
}

/// Somebody comes, and has seen a picture when this returns.
pub(crate) async fn comes(service: &LiveBadge<NotFound>, path: &str, user: &str) -> Direct {
    let mut viewer = Direct::open(service, path, &[BROWSER[1], ("x-user", user)]).await;
    viewer.next_part().await;
    viewer
}

pub(crate) async fn records(handle: &Handle, path: &str) -> Records {
    handle.room_at(path).unwrap().records().await
}

pub(crate) async fn is_empty(handle: &Handle) {
    eventually("the rooms to be freed", || handle.rooms().is_empty()).await;
}
