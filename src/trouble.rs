//! What fails again and again is told once, then once a minute for as long as it lasts, and once when it is over: a database that is
//! away for an hour must not fill the log.

use std::time::Duration;

use tokio::time::Instant;

const BETWEEN_REMINDERS: Duration = Duration::from_mins(1);

/// One thing that is tried again when it fails.
#[derive(Debug)]
pub struct Trouble {
    what: String,
    /// Since when it fails, and when that was told last.
    failing: Option<(Instant, Instant)>,
}

impl Trouble {
    /// `what` stands before "fails": "the worker expiry".
    pub fn with(what: impl Into<String>) -> Self {
        Self { what: what.into(), failing: None }
    }

    /// It failed (again); it will be tried again.
    pub fn failed(&mut self, error: &str) {
        if let Some(failing_for) = self.is_to_be_told(Instant::now()) {
            tracing::warn!(error, ?failing_for, "{} fails; it is tried again", self.what);
        }
    }

    /// For how long it has failed, when that is to be told now.
    fn is_to_be_told(&mut self, now: Instant) -> Option<Duration> {
        let (since, told) = self.failing.unwrap_or((now, now));
        let due = self.failing.is_none() || now - told >= BETWEEN_REMINDERS;
        due.then(|| {
            self.failing = Some((since, now));
            now - since
        })
    }

    /// It went well.
    pub fn went_well(&mut self) {
        if let Some((since, _)) = self.failing.take() {
            tracing::info!(failed_for = ?since.elapsed(), "{} works again", self.what);
        }
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
        trouble.went_well();
        assert_eq!(trouble.is_to_be_told(start), Some(Duration::ZERO));
    }
}
