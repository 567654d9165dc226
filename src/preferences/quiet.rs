//! Quiet hours: from when to when, on the clock at the user's wall, nothing may disturb it.
//!
//! A wall clock jumps. Hours that begin or end within an hour that a night leaves out do so at the jump; within an hour that
//! comes twice they begin the first time and end the second. So they never last shorter than the clock says, and each night's
//! have one beginning and one end.

use std::{fmt, str::FromStr};

use diesel::deserialize::FromSqlRow;
use jiff::{
    ToSpan,
    civil::{Date, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

use super::{Preferences, Priorities};
use crate::{clock::Timestamp, db, notifications::Priority};

/// A time of day in whole minutes: `22:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(Time);

impl FromStr for TimeOfDay {
    type Err = String;

    /// Two digits, a colon, two digits: from `00:00` to `23:59`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let time = match (text.len(), text.split_once(':')) {
            (5, Some((hour, minute))) if hour.len() == 2 => number(hour).zip(number(minute)),
            _ => None,
        };
        let time = time.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
        time.map(Self).ok_or_else(|| format!("{text:?} is no time of day"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

/// From `start` to `end`, which is on the next day when it is earlier. They are never the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, FromSqlRow)]
#[serde(rename_all = "camelCase")]
pub struct QuietHours {
    pub start: TimeOfDay,
    pub end: TimeOfDay,
    /// A name of the IANA database.
    pub time_zone: String,
    /// What is let through.
    pub except_priorities: Priorities,
}
db::json_value!(QuietHours);

/// The zone of this name, in its usual spelling. The rules are those that are built into the program: the same on every node, and
/// also where the machine has none.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    let is_a_place = |zone: &TimeZone| !zone.is_unknown() && zone.iana_name() != Some("Factory");
    TimeZone::get(name).ok().filter(is_a_place)
}

/// Which of two moments that the wall clock calls the same.
#[derive(Clone, Copy)]
pub(super) enum Twice {
    First,
    Second,
}

/// When the wall clock shows this, or, where it never does, when it jumps over it. `None` outside of the calendar.
pub(super) fn moment(date: Date, time: Time, zone: &TimeZone, twice: Twice) -> Option<jiff::Timestamp> {
    let at = zone.to_ambiguous_timestamp(date.to_datetime(time));
    match (at.offset(), twice) {
        (AmbiguousOffset::Gap { .. }, _) => {
            let before = at.earlier().ok()?;
            zone.following(before).next().map(|jump| jump.timestamp())
        }
        (_, Twice::First) => at.earlier().ok(),
        (_, Twice::Second) => at.later().ok(),
    }
}

pub(super) fn from_ours(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(at.as_micros()).ok()
}

pub(super) fn to_ours(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_microsecond())
}

impl QuietHours {
    /// A zone that is no longer known, which only an older program can have to do with, is taken for UTC.
    pub(super) fn zone(&self) -> TimeZone {
        time_zone(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// When the quiet hours that `at` lies in are over; `None` when it lies in none.
    pub(super) fn end_of(&self, at: Timestamp) -> Option<Timestamp> {
        let zone = self.zone();
        let mut quiet_until = from_ours(at)?;
        let today = zone.to_datetime(quiet_until).date();
        let mut found = None;
        // Those of yesterday may last until now. Those of tomorrow begin before the clock says tomorrow where it jumps back over
        // midnight. And where they last nearly all day, an hour that comes twice may join two nights.
        for days in -1..=1 {
            let Some((begin, end)) = today.checked_add(days.days()).ok().and_then(|date| self.of(date, &zone)) else {
                continue;
            };
            if begin <= quiet_until && quiet_until < end {
                quiet_until = end;
                found = Some(to_ours(end));
            }
        }
        found
    }

    /// Those that begin on this day.
    fn of(&self, date: Date, zone: &TimeZone) -> Option<(jiff::Timestamp, jiff::Timestamp)> {
        let last = if self.start < self.end { date } else { date.tomorrow().ok()? };
        Some((moment(date, self.start.0, zone, Twice::First)?, moment(last, self.end.0, zone, Twice::Second)?))
    }
}

impl Preferences {
    /// When the quiet hours that `now` lies in are over: until then nothing of this priority may disturb. `None`: it may.
    pub fn quiet_until(&self, now: Timestamp, priority: Priority) -> Option<Timestamp> {
        let hours = self.quiet_hours().filter(|hours| !hours.except_priorities.0.contains(&priority))?;
        hours.end_of(now)
    }

    /// The same for a digest, whatever is in it.
    pub fn digests_quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet_hours()?.end_of(now)
    }
}

#[cfg(test)]
pub(super) mod tests;
