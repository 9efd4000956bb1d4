//! Which day it is where the application says that days begin.

use std::time::Duration;

use crate::presence::clock::Clock;
#[cfg(feature = "time")]
use crate::presence::zone::Zone;

const DAY: u64 = 24 * 60 * 60;

/// Days since 1970: those of UTC, unless the application names a zone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calendar {
    pub(crate) clock: Clock,
    #[cfg(feature = "time")]
    pub(crate) zone: Option<Zone>,
}

impl Calendar {
    pub(crate) fn today(&self) -> u64 {
        self.day(Duration::ZERO)
    }

    /// The day it was so long ago.
    pub(crate) fn day(&self, ago: Duration) -> u64 {
        let seconds = self.clock.now().saturating_sub(ago).as_secs();
        #[cfg(feature = "time")]
        let seconds = self.zone.as_ref().map_or(seconds, |zone| zone.local(seconds));
        seconds / DAY
    }
}

/// Whether one day is over and the other one has begun. A clock that is set back a little over midnight
/// neither makes yesterday's numbers today's, nor loses today's.
pub(crate) fn is_another(day: u64, now: u64) -> bool {
    now > day || now.saturating_add(1) < day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_since_1970() {
        let calendar = Calendar::default();
        let today = calendar.today();
        assert!((20_000..100_000).contains(&today), "{today}");
        assert_eq!(calendar.day(Duration::from_secs(7 * DAY)) + 7, today);
        assert_eq!(calendar.day(Duration::MAX), 0);
    }

    /// In 2026 summer begins in Berlin on March 29th, a day of 23 hours, and ends on October 25th.
    #[cfg(feature = "time")]
    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        use std::time::SystemTime;

        let day = |zone: &str, seconds: u64| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let zone = Some(Zone::find(zone).unwrap());
            Calendar { clock: Clock::of(move || time), zone }.today()
        };
        let begins = |zone: &str, seconds: u64| {
            assert_eq!(day(zone, seconds), day(zone, seconds - 1) + 1, "{zone} {seconds}");
        };
        begins("Europe/Berlin", 1_774_738_800); // 2026-03-29T00:00:00+01:00
        begins("Europe/Berlin", 1_774_738_800 + 23 * 3600);
        begins("Europe/Berlin", 1_792_879_200); // 2026-10-25T00:00:00+02:00
        begins("Europe/Berlin", 1_792_879_200 + 25 * 3600);
        begins("+05:30", 1_774_742_400 - 19_800);
        begins("UTC", 1_835_395_200); // 2028-02-29, a leap day
        begins("UTC", 1_835_395_200 + DAY);
        assert_eq!(day("America/Los_Angeles", 0), 0, "the day before 1970 is that day, too");
    }
}
