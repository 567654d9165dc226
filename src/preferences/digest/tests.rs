//! Digests over midnight, over jumps of the clock, and in quiet hours.

use super::*;
use crate::{
    notifications::Priority,
    preferences::quiet::{
        tests::{hours, with},
        time_zone,
    },
};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

const HOURLY: Frequency = Frequency::Hourly;
const DAILY: Frequency = Frequency::Daily;

/// Quiet hours (start, end, zone) or none, the frequency, now, and when the digest goes out.
type Case = (Option<(&'static str, &'static str, &'static str)>, Frequency, &'static str, &'static str);

const NIGHT: Option<(&str, &str, &str)> = Some(("22:00", "07:00", "Europe/Berlin"));
const MORNING: Option<(&str, &str, &str)> = Some(("07:00", "09:30", "Europe/Berlin"));
const NOON_IN_NEW_YORK: Option<(&str, &str, &str)> = Some(("12:00", "12:30", "America/New_York"));
const NOON_IN_INDIA: Option<(&str, &str, &str)> = Some(("12:00", "12:30", "Asia/Kolkata"));
const NOON_ON_LORD_HOWE: Option<(&str, &str, &str)> = Some(("12:00", "12:30", "Australia/Lord_Howe"));

const CASES: &[Case] = &[
    // In UTC, over midnight and the turn of the year. On the hour it is the next one.
    (None, HOURLY, "2026-05-01T09:15:00Z", "2026-05-01T10:00:00Z"),
    (None, HOURLY, "2026-05-01T09:59:59.999999Z", "2026-05-01T10:00:00Z"),
    (None, HOURLY, "2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z"),
    (None, HOURLY, "2026-05-01T10:00:00.000001Z", "2026-05-01T11:00:00Z"),
    (None, HOURLY, "2026-12-31T23:30:00Z", "2027-01-01T00:00:00Z"),
    (None, DAILY, "2026-05-01T00:00:00Z", "2026-05-01T08:00:00Z"),
    (None, DAILY, "2026-05-01T07:59:59.999999Z", "2026-05-01T08:00:00Z"),
    (None, DAILY, "2026-05-01T08:00:00Z", "2026-05-02T08:00:00Z"),
    (None, DAILY, "2026-12-31T12:00:00Z", "2027-01-01T08:00:00Z"),
    // In the user's zone, whatever the date is there.
    (NOON_IN_NEW_YORK, DAILY, "2026-05-02T01:00:00Z", "2026-05-02T12:00:00Z"),
    (NOON_IN_INDIA, DAILY, "2026-05-01T20:00:00Z", "2026-05-02T02:30:00Z"),
    (NOON_IN_INDIA, HOURLY, "2026-05-01T07:10:00Z", "2026-05-01T07:30:00Z"),
    (NOON_IN_INDIA, HOURLY, "2026-05-01T07:30:00Z", "2026-05-01T08:30:00Z"),
    // On the mornings after the clock has jumped, and across the jump.
    (NIGHT, DAILY, "2026-03-28T12:00:00Z", "2026-03-29T06:00:00Z"),
    (NIGHT, DAILY, "2026-10-24T12:00:00Z", "2026-10-25T07:00:00Z"),
    (NOON_IN_NEW_YORK, DAILY, "2026-03-07T20:00:00Z", "2026-03-08T12:00:00Z"),
    (NOON_IN_NEW_YORK, DAILY, "2026-10-31T20:00:00Z", "2026-11-01T13:00:00Z"),
    (MORNING, HOURLY, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
    (MORNING, HOURLY, "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
    (MORNING, HOURLY, "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
    (NOON_IN_NEW_YORK, HOURLY, "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z"),
    // By half an hour: 02:00 is 02:30, and 02:00 is 01:30.
    (NOON_ON_LORD_HOWE, HOURLY, "2026-10-03T15:15:00Z", "2026-10-03T16:00:00Z"),
    (NOON_ON_LORD_HOWE, HOURLY, "2026-04-04T14:45:00Z", "2026-04-04T15:30:00Z"),
    // In quiet hours they wait for the end, also of the short and of the long night.
    (NIGHT, HOURLY, "2026-05-01T19:30:00Z", "2026-05-02T05:00:00Z"),
    (NIGHT, HOURLY, "2026-05-02T04:10:00Z", "2026-05-02T05:00:00Z"),
    (NIGHT, HOURLY, "2026-05-02T05:00:00Z", "2026-05-02T06:00:00Z"),
    (NIGHT, HOURLY, "2026-03-28T20:30:00Z", "2026-03-29T05:00:00Z"),
    (NIGHT, HOURLY, "2026-10-24T19:30:00Z", "2026-10-25T06:00:00Z"),
    (MORNING, DAILY, "2026-05-01T12:00:00Z", "2026-05-02T07:30:00Z"),
    // What was due and waits is the next to go out.
    (MORNING, DAILY, "2026-05-02T06:30:00Z", "2026-05-02T07:30:00Z"),
    (MORNING, DAILY, "2026-05-02T07:30:00Z", "2026-05-03T07:30:00Z"),
    (MORNING, HOURLY, "2026-05-02T07:10:00Z", "2026-05-02T07:30:00Z"),
    (MORNING, HOURLY, "2026-05-02T07:30:00Z", "2026-05-02T08:00:00Z"),
    (Some(("07:00", "06:00", "UTC")), DAILY, "2026-05-02T03:00:00Z", "2026-05-02T06:00:00Z"),
    (Some(("22:10", "22:50", "UTC")), HOURLY, "2026-05-02T22:30:00Z", "2026-05-02T23:00:00Z"),
];

#[test]
fn the_next_digest() {
    for &(quiet, frequency, now, expected) in CASES {
        let found = with(quiet.map(|(start, end, zone)| hours(start, end, zone, &[]))).next_digest(frequency, at(now));
        let shown = found.map(|at| at.to_string());
        assert_eq!(found, Some(at(expected)), "{frequency:?} with {quiet:?} at {now}: {shown:?}");
    }
}

#[test]
fn what_is_not_gathered_has_none() {
    for frequency in [Frequency::Instant, Frequency::Off] {
        assert_eq!(with(None).next_digest(frequency, at("2026-05-01T09:15:00Z")), None);
    }
}

/// A digest has no priority of its own.
#[test]
fn exceptions_are_not_for_digests() {
    let all = [Priority::Low, Priority::Normal, Priority::High];
    let found = with(Some(hours("22:00", "07:00", "UTC", &all)));
    assert_eq!(found.next_digest(HOURLY, at("2026-05-01T22:30:00Z")), Some(at("2026-05-02T07:00:00Z")));
}

/// At any time of six days with a jump in the middle: later than now, never in quiet hours, on the clock unless it has waited,
/// and not skipped.
#[test]
fn a_digest_is_never_late_and_never_early() {
    for (zone, middle) in [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Asia/Kathmandu", "2026-05-01T00:00:00Z"),
    ] {
        let clock = time_zone(zone).expect("a zone");
        for (start, end) in [("22:00", "07:00"), ("07:45", "08:20"), ("23:10", "08:00")] {
            let quiet = hours(start, end, zone, &[]);
            let found = with(Some(quiet.clone()));
            for frequency in [HOURLY, DAILY] {
                let mut before = None;
                for step in 0..6 * 24 * 4 {
                    let minutes = SignedDuration::from_mins(step * 15 - 3 * 24 * 60);
                    let now = to_ours(from_ours(at(middle)).expect("a moment") + minutes);
                    let next = found.next_digest(frequency, now).expect("a digest");
                    let what = format!("{frequency:?}, {start} to {end} in {zone}, at {now}: {next}");
                    assert!(next > now, "{what}");
                    assert_eq!(quiet.end_of(next), None, "{what}");
                    let shown = clock.to_datetime(from_ours(next).expect("a moment")).time();
                    let on_time = if frequency == HOURLY { shown.minute() == 0 } else { shown == DAILY_AT };
                    assert!(on_time || shown.to_string().starts_with(end), "{what}");
                    // As long as it has not gone out it stays the next.
                    assert!(before.is_none_or(|before| before == next || before <= now), "{what}");
                    before = Some(next);
                }
            }
        }
    }
}
