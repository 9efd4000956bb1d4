//! What a badge tells the `metrics` crate; nothing without that feature.

use std::time::Duration;

use crate::observe::observer::Refusal;

/// Of one badge. Its handles are made when something is first told: by then the application has
/// installed its recorder.
#[derive(Debug)]
pub(crate) struct Meter {
    #[cfg(feature = "metrics")]
    badge: String,
    #[cfg(feature = "metrics")]
    handles: std::sync::OnceLock<handles::Handles>,
}

/// How this node is connected with others; of the process, which has one layer with nodes, as a rule.
#[cfg(feature = "metrics")]
pub(crate) fn nodes(is_connected: bool, peers: usize) {
    metrics::describe_gauge!("livebadge_nodes_connected", "whether other nodes can be reached");
    metrics::describe_gauge!("livebadge_nodes_peers", "other nodes that are heard");
    metrics::gauge!("livebadge_nodes_connected").set(f64::from(u8::from(is_connected)));
    metrics::gauge!("livebadge_nodes_peers").set(peers as f64);
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn nodes(_: bool, _: usize) {}

#[cfg(feature = "metrics")]
impl Meter {
    pub(crate) fn new(badge: &str) -> Self {
        Self { badge: badge.to_owned(), handles: std::sync::OnceLock::new() }
    }

    pub(crate) fn viewers_change(&self, by: i8) {
        self.handles().viewers.increment(f64::from(by));
    }

    pub(crate) fn visitors_change(&self, from: usize, to: usize) {
        self.handles().visitors.increment(to as f64 - from as f64);
    }

    pub(crate) fn rooms_change(&self, by: i8) {
        self.handles().rooms.increment(f64::from(by));
    }

    pub(crate) fn cache_hit(&self) {
        self.handles().cache_hits.increment(1);
    }

    pub(crate) fn rendered(&self, took: Duration) {
        self.handles().renders.increment(1);
        self.handles().render_seconds.record(took);
    }

    pub(crate) fn frame(&self) {
        self.handles().frames.increment(1);
    }

    pub(crate) fn heartbeat(&self) {
        self.handles().heartbeats.increment(1);
    }

    pub(crate) fn bytes(&self, bytes: usize) {
        self.handles().bytes.increment(bytes as u64);
    }

    pub(crate) fn still(&self) {
        self.handles().stills.increment(1);
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.handles().refused(&self.badge, refusal);
    }

    fn handles(&self) -> &handles::Handles {
        self.handles.get_or_init(|| handles::Handles::new(&self.badge))
    }
}

#[cfg(not(feature = "metrics"))]
impl Meter {
    pub(crate) fn new(_: &str) -> Self {
        Self {}
    }

    pub(crate) fn viewers_change(&self, _: i8) {}

    pub(crate) fn visitors_change(&self, _: usize, _: usize) {}

    pub(crate) fn rooms_change(&self, _: i8) {}

    pub(crate) fn cache_hit(&self) {}

    pub(crate) fn rendered(&self, _: Duration) {}

    pub(crate) fn frame(&self) {}

    pub(crate) fn heartbeat(&self) {}

    pub(crate) fn bytes(&self, _: usize) {}

    pub(crate) fn still(&self) {}

    pub(crate) fn refused(&self, _: &Refusal) {}
}

#[cfg(feature = "metrics")]
mod handles {
    use metrics::{
        Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge,
        describe_histogram, gauge, histogram,
    };

    use crate::observe::observer::Refusal;

    #[derive(Debug)]
    pub(super) struct Handles {
        pub(super) viewers: Gauge,
        pub(super) visitors: Gauge,
        pub(super) rooms: Gauge,
        pub(super) renders: Counter,
        pub(super) render_seconds: Histogram,
        pub(super) cache_hits: Counter,
        pub(super) frames: Counter,
        pub(super) bytes: Counter,
        pub(super) heartbeats: Counter,
        pub(super) stills: Counter,
    }

    impl Handles {
        pub(super) fn new(badge: &str) -> Self {
            describe_gauge!("livebadge_viewers", "open streams, counted or not");
            describe_gauge!("livebadge_visitors", "visitors of all rooms, added up");
            describe_gauge!("livebadge_rooms", "open rooms");
            describe_counter!("livebadge_renders_total", "pictures drawn");
            describe_histogram!(
                "livebadge_render_seconds",
                Unit::Seconds,
                "time to draw a picture"
            );
            describe_counter!("livebadge_cache_hits_total", "pictures that had been drawn before");
            describe_counter!("livebadge_frames_total", "pictures sent to streams");
            describe_counter!("livebadge_bytes_total", Unit::Bytes, "bytes sent to streams");
            describe_counter!("livebadge_heartbeats_total", "heartbeats sent to streams");
            describe_counter!("livebadge_stills_total", "stills and data sent");
            describe_counter!("livebadge_refusals_total", "streams refused, by reason");
            let badge = || badge.to_owned();
            Self {
                viewers: gauge!("livebadge_viewers", "badge" => badge()),
                visitors: gauge!("livebadge_visitors", "badge" => badge()),
                rooms: gauge!("livebadge_rooms", "badge" => badge()),
                renders: counter!("livebadge_renders_total", "badge" => badge()),
                render_seconds: histogram!("livebadge_render_seconds", "badge" => badge()),
                cache_hits: counter!("livebadge_cache_hits_total", "badge" => badge()),
                frames: counter!("livebadge_frames_total", "badge" => badge()),
                bytes: counter!("livebadge_bytes_total", "badge" => badge()),
                heartbeats: counter!("livebadge_heartbeats_total", "badge" => badge()),
                stills: counter!("livebadge_stills_total", "badge" => badge()),
            }
        }

        pub(super) fn refused(&self, badge: &str, refusal: &Refusal) {
            let reason = match refusal {
                Refusal::TooManyViewers => "too_many_viewers",
                Refusal::TooManyRooms => "too_many_rooms",
                Refusal::RoomFull => "room_full",
                Refusal::TooManyOfVisitor => "too_many_of_visitor",
                Refusal::ShuttingDown => "shutting_down",
            };
            let labels = [("badge", badge.to_owned()), ("reason", reason.to_owned())];
            counter!("livebadge_refusals_total", &labels).increment(1);
        }
    }
}
