//! What fails again and again is told once, then once a minute for as long as it lasts, and once when it is over: a database that is
//! away for an hour must not fill the log.

use std::time::Duration;

use tokio::time::Instant;

const BETWEEN_REMINDERS: Duration = Duration::from_mins(1);
/// So long nothing may have failed before it counts as over: with a full disk reads go well while writes fail.
const CALM: Duration = Duration::from_secs(5);

/// One thing that is tried again when it fails.
#[derive(Debug)]
pub struct Trouble {
    what: String,
    failing: Option<Failing>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    told: Instant,
    last: Instant,
}

impl Trouble {
    /// `what` stands before "fails": "the worker expiry".
    pub fn with(what: impl Into<String>) -> Self {
        Self { what: what.into(), failing: None }
    }

    /// It failed (again); it will be tried again.
    pub fn failed(&mut self, error: &str) {
        if let Some(failing_for) = self.is_to_be_told(Instant::now()) {
            let failing_for = (!failing_for.is_zero()).then(|| tracing::field::debug(failing_for));
            tracing::warn!(error, failing_for, "{} fails; it is tried again", self.what);
        }
    }

    /// For how long it has failed, when that is to be told now.
    fn is_to_be_told(&mut self, now: Instant) -> Option<Duration> {
        let failing = self.failing.unwrap_or(Failing { since: now, told: now, last: now });
        let due = self.failing.is_none() || now - failing.told >= BETWEEN_REMINDERS;
        let told = if due { now } else { failing.told };
        self.failing = Some(Failing { told, last: now, ..failing });
        due.then(|| now - failing.since)
    }

    /// It went well.
    pub fn went_well(&mut self) {
        if let Some(failed_for) = self.is_over(Instant::now()) {
            tracing::info!(?failed_for, "{} works again", self.what);
        }
    }

    /// How long ago it began, when it is over now.
    fn is_over(&mut self, now: Instant) -> Option<Duration> {
        let over = self.failing.take_if(|failing| now - failing.last >= CALM)?;
        Some(now - over.since)
    }

    /// Whether it has failed just now.
    pub fn is_recent(&self) -> bool {
        self.failing.is_some_and(|failing| failing.last.elapsed() < CALM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_when_it_begins_and_once_a_minute() {
        let (mut trouble, start) = (Trouble::with("a test"), Instant::now());
        let told = (0..130).filter(|second| trouble.is_to_be_told(start + Duration::from_secs(*second)).is_some());
        assert_eq!(told.collect::<Vec<_>>(), [0, 60, 120]);
    }

    #[test]
    fn what_goes_well_now_and_then_is_not_over() {
        let (mut trouble, start) = (Trouble::with("a test"), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(trouble.is_over(start), None);
        assert_eq!(trouble.is_to_be_told(start), Some(Duration::ZERO));
        for second in 1..20 {
            assert_eq!((trouble.is_over(at(second)), trouble.is_to_be_told(at(second))), (None, None));
        }
        assert_eq!(trouble.is_over(at(23)), None);
        assert_eq!(trouble.is_over(at(24)), Some(Duration::from_secs(24)));
        assert_eq!(trouble.is_to_be_told(at(25)), Some(Duration::ZERO));
    }
}
