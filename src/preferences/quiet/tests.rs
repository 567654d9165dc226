//! Quiet hours against the clocks of real zones, on nights on which they jump.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::*;
use crate::preferences::{Own, Rules};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

pub fn hours(start: &str, end: &str, zone: &str, except: &[Priority]) -> QuietHours {
    QuietHours {
        start: start.parse().expect("a time"),
        end: end.parse().expect("a time"),
        time_zone: zone.to_owned(),
        except_priorities: Priorities(except.iter().copied().collect()),
    }
}

pub fn with(quiet_hours: Option<QuietHours>) -> Preferences {
    Preferences::new("ann".into(), Own { quiet_hours, ..Own::default() }, Rules::default())
}

/// Zone, start, end, now, until when it is quiet (empty: it is not).
const CASES: &[(&str, &str, &str, &str, &str)] = &[
    // Over midnight, on an ordinary night, to the microsecond.
    ("Europe/Berlin", "22:00", "07:00", "2026-01-10T20:59:59.999999Z", ""),
    ("Europe/Berlin", "22:00", "07:00", "2026-01-10T21:00:00Z", "2026-01-11T06:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-01-10T23:00:00Z", "2026-01-11T06:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-01-11T05:59:59.999999Z", "2026-01-11T06:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-01-11T06:00:00Z", ""),
    ("Europe/Berlin", "22:00", "07:00", "2026-12-31T22:30:00Z", "2027-01-01T06:00:00Z"),
    // Within a day.
    ("Europe/Berlin", "13:00", "14:30", "2026-07-01T10:59:00Z", ""),
    ("Europe/Berlin", "13:00", "14:30", "2026-07-01T11:00:00Z", "2026-07-01T12:30:00Z"),
    ("Europe/Berlin", "13:00", "14:30", "2026-07-01T12:30:00Z", ""),
    ("Europe/Berlin", "00:00", "23:59", "2026-07-01T21:58:00Z", "2026-07-01T21:59:00Z"),
    ("Europe/Berlin", "00:00", "23:59", "2026-07-01T21:59:00Z", ""),
    ("Europe/Berlin", "23:59", "00:00", "2026-07-01T21:59:00Z", "2026-07-01T22:00:00Z"),
    // The short night in spring, and the long one in autumn.
    ("Europe/Berlin", "22:00", "07:00", "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-03-29T04:59:59Z", "2026-03-29T05:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-03-29T05:00:00Z", ""),
    ("Europe/Berlin", "22:00", "07:00", "2026-03-29T19:59:59Z", ""),
    ("Europe/Berlin", "22:00", "07:00", "2026-03-29T20:00:00Z", "2026-03-30T05:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-10-25T05:30:00Z", "2026-10-25T06:00:00Z"),
    ("Europe/Berlin", "22:00", "07:00", "2026-10-25T06:00:00Z", ""),
    ("America/New_York", "22:00", "07:00", "2026-03-08T02:59:59Z", ""),
    ("America/New_York", "22:00", "07:00", "2026-03-08T03:00:00Z", "2026-03-08T11:00:00Z"),
    ("America/New_York", "22:00", "07:00", "2026-03-08T11:00:00Z", ""),
    ("America/New_York", "22:00", "07:00", "2026-11-01T02:00:00Z", "2026-11-01T12:00:00Z"),
    ("America/New_York", "22:00", "07:00", "2026-11-01T11:59:59Z", "2026-11-01T12:00:00Z"),
    ("America/New_York", "22:00", "07:00", "2026-11-01T12:00:00Z", ""),
    // They begin, end, or do both in the hour that is left out.
    ("Europe/Berlin", "02:30", "05:00", "2026-03-29T00:59:59Z", ""),
    ("Europe/Berlin", "02:30", "05:00", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"),
    ("Europe/Berlin", "23:00", "02:30", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "23:00", "02:30", "2026-03-29T01:00:00Z", ""),
    ("Europe/Berlin", "02:10", "02:50", "2026-03-28T01:10:00Z", "2026-03-28T01:50:00Z"),
    ("Europe/Berlin", "02:10", "02:50", "2026-03-29T01:00:00Z", ""),
    ("America/New_York", "02:30", "05:00", "2026-03-08T07:00:00Z", "2026-03-08T09:00:00Z"),
    // In the hour that comes twice: from the first time to the second.
    ("Europe/Berlin", "02:30", "05:00", "2026-10-25T00:29:59Z", ""),
    ("Europe/Berlin", "02:30", "05:00", "2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z"),
    ("Europe/Berlin", "02:30", "05:00", "2026-10-25T01:15:00Z", "2026-10-25T04:00:00Z"),
    ("Europe/Berlin", "22:00", "02:30", "2026-10-25T00:45:00Z", "2026-10-25T01:30:00Z"),
    ("Europe/Berlin", "22:00", "02:30", "2026-10-25T01:30:00Z", ""),
    ("America/New_York", "22:00", "01:30", "2026-11-01T05:45:00Z", "2026-11-01T06:30:00Z"),
    // Which joins two nights that lie less than an hour apart.
    ("Europe/Berlin", "02:45", "02:15", "2026-10-25T00:00:00Z", "2026-10-26T01:15:00Z"),
    ("Europe/Berlin", "02:45", "02:15", "2026-10-23T23:00:00Z", "2026-10-24T00:15:00Z"),
    // The clock jumps back over midnight: at 00:00, and once, in Newfoundland, at 00:01.
    ("Asia/Beirut", "23:30", "06:00", "2025-10-25T20:45:00Z", "2025-10-26T04:00:00Z"),
    ("America/St_Johns", "00:00", "06:00", "2010-11-07T02:29:59Z", ""),
    ("America/St_Johns", "00:00", "06:00", "2010-11-07T03:00:00Z", "2010-11-07T09:30:00Z"),
    // A whole day was left out.
    ("Pacific/Apia", "22:00", "07:00", "2011-12-30T09:00:00Z", "2011-12-30T17:00:00Z"),
    ("UTC", "22:00", "07:00", "2026-03-29T01:00:00Z", "2026-03-29T07:00:00Z"),
];

#[test]
fn quiet_hours_go_by_the_clock_at_the_wall() {
    for &(zone, start, end, now, until) in CASES {
        let found = with(Some(hours(start, end, zone, &[]))).quiet_until(at(now), Priority::Normal);
        let expected = (!until.is_empty()).then(|| at(until));
        let shown = found.map(|at| at.to_string());
        assert_eq!(found, expected, "{start} to {end} in {zone} at {now}: until {shown:?}");
    }
}

/// Minute by minute around every jump of a year: it is quiet exactly when the clock shows such a time, until it does not.
#[test]
fn every_minute_around_a_jump_is_as_the_clock_shows() {
    let zones =
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Cairo", "America/Havana"];
    let mut jumps = 0;
    for name in zones {
        let zone = time_zone(name).expect("a zone");
        let (from, to) = (from_ours(at("2026-01-01T00:00:00Z")), from_ours(at("2027-01-01T00:00:00Z")));
        let (from, to) = from.zip(to).expect("moments");
        for jump in zone.following(from).map(|jump| jump.timestamp()).take_while(|jump| *jump < to) {
            jumps += 1;
            for (start, end) in [("22:00", "07:00"), ("06:00", "22:00"), ("12:30", "13:30")] {
                let hours = hours(start, end, name, &[]);
                let mut until = None;
                for minute in (-36 * 60..36 * 60).rev() {
                    let now = jump + SignedDuration::from_mins(minute);
                    let clock = TimeOfDay(zone.to_datetime(now).time());
                    let quiet = if hours.start < hours.end {
                        hours.start <= clock && clock < hours.end
                    } else {
                        hours.start <= clock || clock < hours.end
                    };
                    until = if quiet { until } else { Some(to_ours(now)) };
                    if let Some(until) = until {
                        let expected = quiet.then_some(until);
                        assert_eq!(hours.end_of(to_ours(now)), expected, "{start} to {end} in {name} at {now}");
                    }
                }
            }
        }
    }
    assert_eq!(jumps, 2 * zones.len());
}

#[test]
fn what_matters_breaks_through() {
    let night = at("2026-01-10T23:00:00Z");
    let until = Some(at("2026-01-11T06:00:00Z"));
    let found = with(Some(hours("22:00", "07:00", "Europe/Berlin", &[Priority::High])));
    assert_eq!(found.quiet_until(night, Priority::High), None);
    assert_eq!(found.quiet_until(night, Priority::Normal), until);
    assert_eq!(found.quiet_until(night, Priority::Low), until);
    assert_eq!(with(None).quiet_until(night, Priority::Low), None);
}

#[test]
fn a_time_of_day_has_four_digits_and_a_colon() {
    for good in ["00:00", "07:30", "22:00", "23:59"] {
        assert_eq!(good.parse::<TimeOfDay>().map(|time| time.to_string()).as_deref(), Ok(good));
    }
    for bad in [
        "", "7:30", "07:3", "24:00", "23:60", "07.30", "0730", "07:30:00", " 07:30", "07:30 ", "+7:30", "-1:00",
        "07:+3", "ab:cd", "07:３0", "7:300", "007:0", "::::: ",
    ] {
        assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
    }
}

/// No machine has anything to do with it: jiff was compiled to look at nothing but what it carries.
#[test]
fn zones_are_known_by_their_names() {
    for (name, known) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("AMERICA/NEW_YORK", "America/New_York"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("UTC", "UTC"),
        ("Etc/GMT-2", "Etc/GMT-2"),
    ] {
        assert_eq!(time_zone(name).as_ref().and_then(TimeZone::iana_name), Some(known));
    }
    let long = "x".repeat(100_000);
    for name in [
        "",
        " ",
        "Mars/Base",
        "+02:00",
        "UTC+2",
        "CEST",
        "Etc/Unknown",
        "etc/unknown",
        "Europe/Berlin ",
        "Europe",
        "Berlin",
        "../../etc/passwd",
        "/etc/localtime",
        "EST5EDT4",
        "Europe/Berlin\0",
        "local",
        &long,
    ] {
        assert!(time_zone(name).is_none(), "{name}");
    }
}

#[test]
fn they_are_kept_as_they_are_shown() {
    let kept = hours("22:00", "07:00", "Europe/Berlin", &[Priority::High, Priority::Low]);
    let json = serde_json::json!({ "start": "22:00", "end": "07:00", "timeZone": "Europe/Berlin",
        "exceptPriorities": ["LOW", "HIGH"] });
    assert_eq!(serde_json::to_value(&kept).expect("JSON"), json);
    assert_eq!(serde_json::from_value::<QuietHours>(json).expect("quiet hours"), kept);
    assert_eq!(kept.except_priorities.0, BTreeSet::from([Priority::Low, Priority::High]));
}

/// A program of before knows fewer zones.
#[test]
fn a_zone_that_is_gone_is_taken_for_utc() {
    let found = hours("22:00", "07:00", "Europe/Atlantis", &[]).end_of(at("2026-07-01T22:30:00Z"));
    assert_eq!(found, Some(at("2026-07-02T07:00:00Z")));
}
