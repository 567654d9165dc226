//! Digests: when what was gathered goes out.

use jiff::{SignedDuration, civil::Time, tz::TimeZone};

use super::{
    Frequency, Preferences, QuietHours,
    quiet::{Twice, from_ours, moment, to_ours},
};
use crate::clock::Timestamp;

/// When daily digests go out, on the user's clock.
const DAILY_AT: Time = Time::constant(8, 0, 0, 0);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Preferences {
    /// When the next digest of this frequency goes out: on the full hour, or at 08:00, in the time zone of the quiet hours, else
    /// in UTC. One that falls into quiet hours waits for their end, whatever is in it. Always later than `now`. `None` for what
    /// is not gathered.
    pub fn next_digest(&self, frequency: Frequency, now: Timestamp) -> Option<Timestamp> {
        let quiet_hours = self.quiet_hours();
        let zone = quiet_hours.map_or(TimeZone::UTC, QuietHours::zone);
        let at = from_ours(now)?;
        let due = match frequency {
            Frequency::Hourly => full_hours(at, &zone)?,
            Frequency::Daily => mornings(at, &zone),
            Frequency::Instant | Frequency::Off => return None,
        };
        let goes_out = |due| quiet_hours.and_then(|hours| hours.end_of(due)).unwrap_or(due);
        // One that was due before may still be waiting.
        due.into_iter().map(|due| goes_out(to_ours(due))).find(|at| *at > now)
    }
}

/// The last full hour on the clock, and the next. Not every zone is whole hours away from UTC, nor is every jump of the clock a
/// whole hour.
fn full_hours(now: jiff::Timestamp, zone: &TimeZone) -> Option<Vec<jiff::Timestamp>> {
    let past_the_hour = |at| {
        let past = zone.to_datetime(at).time().duration_since(Time::midnight());
        past.as_nanos()
            .checked_rem(HOUR.as_nanos())
            .and_then(|past| i64::try_from(past).ok())
            .map(SignedDuration::from_nanos)
    };
    let last = now.checked_sub(past_the_hour(now)?).ok()?;
    let mut next = last.checked_add(HOUR).ok()?;
    loop {
        let past = past_the_hour(next)?;
        if past.is_zero() {
            return Some(vec![last, next]);
        }
        next = next.checked_add(HOUR - past).ok()?;
    }
}

/// Those of yesterday, today and tomorrow.
fn mornings(now: jiff::Timestamp, zone: &TimeZone) -> Vec<jiff::Timestamp> {
    let today = zone.to_datetime(now).date();
    let dates = [today.yesterday(), Ok(today), today.tomorrow()].into_iter().flatten();
    dates.filter_map(|date| moment(date, DAILY_AT, zone, Twice::First)).collect()
}

#[cfg(test)]
mod tests;
