//! What templates can do with times: `{{ now | date("%H:%M", "Europe/Berlin") }}`.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use crate::presence::zone::Zone;

/// To write a time takes as long as so many steps.
const FUEL: u64 = 20;

pub(crate) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("date", date);
    environment.add_filter("until", until);
    environment.add_filter("since", since);
}

/// A time in a format of `strftime`, in a zone: `date("%H:%M", "Europe/Berlin")`, or by its distance from
/// UTC, `"+02:00"`.
fn date(
    state: &State<'_, '_>,
    time: &Value,
    format: &str,
    zone: Option<&str>,
) -> Result<String, Error> {
    state.consume_fuel(FUEL + format.len() as u64 / 64)?;
    write(timestamp(time)?, format, zone_of(zone.unwrap_or("UTC"))?)
}

fn write(time: Timestamp, format: &str, zone: TimeZone) -> Result<String, Error> {
    strtime::format(format, &time.to_zoned_datetime(zone)).map_err(|error| {
        invalid(format!("{format:?} is no format such as \"%Y-%m-%d %H:%M:%S\": {error}"))
    })
}

/// So many whole seconds from now to this time: 0 when it has come.
fn until(state: &State<'_, '_>, time: &Value) -> Result<i64, Error> {
    let left = timestamp(time)?.duration_since(now(state)?);
    // What is not over has something left.
    let is_part = left.subsec_nanos() > 0;
    Ok((left.as_secs() + i64::from(is_part)).max(0))
}

/// So many whole seconds from this time to now: 0 before it comes.
fn since(state: &State<'_, '_>, time: &Value) -> Result<i64, Error> {
    Ok(now(state)?.duration_since(timestamp(time)?).as_secs().max(0))
}

fn now(state: &State<'_, '_>) -> Result<Timestamp, Error> {
    let now = state.lookup("now").ok_or_else(|| invalid("there is no now".to_owned()))?;
    timestamp(&now)
}

/// Why no time can be written like this.
pub(crate) fn flaw(format: &str, zone: &str) -> Option<String> {
    let written = zone_of(zone).and_then(|zone| write(Timestamp::UNIX_EPOCH, format, zone));
    written.err().map(|error| error.detail().unwrap_or_default().to_owned())
}

fn zone_of(name: &str) -> Result<TimeZone, Error> {
    Zone::find(name).map(|Zone(zone)| zone).map_err(invalid)
}

/// Seconds since 1970, or a text as RFC 3339 has it.
fn timestamp(time: &Value) -> Result<Timestamp, Error> {
    let parsed = match time.kind() {
        ValueKind::Number => f64::try_from(time.clone()).ok().and_then(|seconds| {
            let since_1970 = SignedDuration::try_from_secs_f64(seconds).ok()?;
            Timestamp::from_duration(since_1970).ok()
        }),
        ValueKind::String => time.as_str().and_then(|text| text.trim().parse().ok()),
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => None,
    };
    parsed.ok_or_else(|| {
        let what = "is no time; it takes seconds since 1970, or a text such as \
                    \"2027-01-31T12:00:00Z\"";
        invalid(format!("{time} {what}"))
    })
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn say(template: &str, now: i64, time: impl Into<Value>) -> Result<String, String> {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let slots = context! { now, time => time.into() };
        environment.render_str(template, slots).map_err(|error| error.to_string())
    }

    fn date(time: impl Into<Value>, format: &str, zone: &str) -> Result<String, String> {
        say(&format!("{{{{ time | date({format:?}, {zone:?}) }}}}"), 0, time)
    }

    #[test]
    fn a_time_is_that_of_its_zone_also_where_the_clocks_change() {
        let berlin = |time: i64| date(time, "%d %H:%M:%S %Z", "Europe/Berlin").unwrap();
        // In 2026 summer begins on March 29th and ends on October 25th, each at 1:00 UTC.
        assert_eq!(berlin(1_774_745_999), "29 01:59:59 CET");
        assert_eq!(berlin(1_774_746_000), "29 03:00:00 CEST");
        assert_eq!(berlin(1_792_889_999), "25 02:59:59 CEST");
        assert_eq!(berlin(1_792_890_000), "25 02:00:00 CET");
        assert_eq!(date(0, "%H:%M", "+05:30").unwrap(), "05:30");
        assert_eq!(date(0, "%H:%M", "-03:00").unwrap(), "21:00");
        assert_eq!(say("{{ time | date('%F %T') }}", 0, 0).unwrap(), "1970-01-01 00:00:00");
    }

    #[test]
    fn a_leap_year_has_its_day() {
        let day = |time: &str| date(time, "%F %j", "UTC").unwrap();
        assert_eq!(day("2028-02-28T23:59:59Z"), "2028-02-28 059");
        assert_eq!(day("2028-02-29T00:00:00Z"), "2028-02-29 060");
        assert_eq!(day("2028-03-01T01:00:00+01:00"), "2028-03-01 061");
        assert!(date("2027-02-29T00:00:00Z", "%F", "UTC").is_err());
    }

    #[test]
    fn seconds_left_are_rounded_up_and_seconds_gone_down() {
        for (time, left, gone) in
            [(100.0, "10", "0"), (90.5, "1", "0"), (89.5, "0", "0"), (80.0, "0", "10")]
        {
            assert_eq!(say("{{ time | until }}", 90, time).unwrap(), left, "{time}");
            assert_eq!(say("{{ time | since }}", 90, time).unwrap(), gone, "{time}");
        }
        assert_eq!(say("{{ time | until }}", 90, "1970-01-01T00:02:00Z").unwrap(), "30");
    }

    #[test]
    fn what_is_no_zone_no_format_and_no_time_is_said() {
        for (format, zone, time, said) in [
            ("%H", "Europe/Berlln", Value::from(0), "no time zone \"Europe/Berlln\""),
            ("%H", "", Value::from(0), "no time zone"),
            ("%!", "UTC", Value::from(0), "is no format"),
            ("%H", "UTC", Value::from("soon"), "soon is no time"),
            ("%H", "UTC", Value::from("2027-01-01"), "is no time"),
            ("%H", "UTC", Value::from(1e300), "is no time"),
            ("%H", "UTC", Value::from(f64::NAN), "is no time"),
            ("%H", "UTC", Value::from(vec![1]), "is no time"),
        ] {
            let error = date(time, format, zone).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(flaw("%A, %d %B %Y", "America/Argentina/Buenos_Aires"), None);
        assert!(flaw("%F", "Mars/Olympus").is_some() && flaw("%H:%M:%", "UTC").is_some());
    }
}
