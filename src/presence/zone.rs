//! Time zones: those in the binary, because a machine may have none, or others.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone.
#[derive(Debug, Clone)]
pub(crate) struct Zone(pub(crate) TimeZone);

impl Zone {
    /// By its name, or by its distance from UTC; or why there is none.
    pub(crate) fn find(name: &str) -> Result<Self, String> {
        let zone = DateTimeParser::new().parse_time_zone_with(&ZONES, name);
        zone.map(Self).map_err(|_| {
            format!(
                "there is no time zone {name:?}; it takes a name such as \"Europe/Berlin\", or an offset \
                 such as \"+02:00\""
            )
        })
    }

    /// What clocks there show, in seconds since they showed the beginning of 1970; none before.
    pub(crate) fn local(&self, utc: u64) -> u64 {
        let time = i64::try_from(utc).ok().and_then(|utc| Timestamp::from_second(utc).ok());
        let offset = time.map_or(0, |time| self.0.to_offset(time).seconds());
        utc.saturating_add_signed(offset.into())
    }
}
