//! Figures of many measurements.

use std::time::Duration;

/// Sorted.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Self(times)
    }

    /// The time that this share of them does not exceed.
    pub fn share(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1]
    }

    pub fn longest(&self) -> Duration {
        self.share(100)
    }

    /// How many exceed this.
    pub fn over(&self, limit: Duration) -> usize {
        self.0.len() - self.0.partition_point(|time| *time <= limit)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// In milliseconds.
pub fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}
