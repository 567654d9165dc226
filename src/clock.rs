//! Time. This file alone asks the machine for it; everything else is handed a [`Timestamp`] or a [`Clock`].
//!
//! On PostgreSQL several nodes share one database, so the database's clock decides what has expired: `db` measures how far
//! it is from this machine's and keeps the difference here. Tests move the clock with [`Clock::advance`].

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Serialize};

use crate::db::sql_types;

/// A moment in UTC, in whole microseconds since 1970 (what both databases can keep).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = sql_types::Timestamptz)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// For libraries that speak of time in the standard library's way. The epoch for what lies before it.
    pub fn as_system_time(self) -> SystemTime {
        UNIX_EPOCH + self.since(Self(0))
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, as precise as needed: `2026-11-20T09:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// RFC 3339 with any offset; fractions below a microsecond are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.as_microsecond()))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The time as the database has it. Cheap to clone; clones move together.
#[derive(Clone, Default, Debug)]
pub struct Clock(Arc<Offsets>);

#[derive(Debug)]
struct Offsets {
    made: Instant,
    database: AtomicI64,
    test: AtomicI64,
}

impl Default for Offsets {
    fn default() -> Self {
        Self { made: Instant::now(), database: AtomicI64::default(), test: AtomicI64::default() }
    }
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        let offsets = self.0.database.load(Ordering::Relaxed) + self.0.test.load(Ordering::Relaxed);
        Timestamp(system().0.saturating_add(offsets))
    }

    /// The time since this clock was made. Unlike [`Clock::now`] it never goes back.
    pub fn elapsed(&self) -> Duration {
        let moved = u64::try_from(self.0.test.load(Ordering::Relaxed)).unwrap_or_default();
        self.0.made.elapsed() + Duration::from_micros(moved)
    }

    /// Notes what the database's clock showed just now.
    pub fn set_database_time(&self, database: Timestamp) {
        self.0.database.store(database.0.saturating_sub(system().0), Ordering::Relaxed);
    }

    /// Moves this clock on, for tests.
    pub fn advance(&self, by: Duration) {
        self.0.test.fetch_add(micros(by), Ordering::Relaxed);
    }
}

fn system() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros))
}
