//! What leadcast does with its database connections, seen from diesel: the text of its statements while somebody wants it, and how
//! long each transaction that may write was open.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

static RECORDING: AtomicBool = AtomicBool::new(false);
static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static WRITES: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

/// Watches every connection that is opened from now on.
pub fn begin() {
    set_default_instrumentation(|| Some(Box::new(Watch::Idle))).expect("nobody has panicked yet");
}

/// From now on, statements are remembered.
pub fn record() {
    RECORDING.store(true, Ordering::Relaxed);
}

/// What was sent since then.
pub fn recorded() -> Vec<String> {
    RECORDING.store(false, Ordering::Relaxed);
    std::mem::take(&mut STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How long each transaction that could write was open, of those that ended since this was last asked.
pub fn writes() -> Vec<Duration> {
    std::mem::take(&mut WRITES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Where a connection is.
enum Watch {
    Idle,
    /// BEGIN is on its way.
    Beginning,
    Writing(Instant),
    /// COMMIT or ROLLBACK is on its way.
    Ending(Instant),
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match (event, &*self) {
            (InstrumentationEvent::StartQuery { query, .. }, _) if RECORDING.load(Ordering::Relaxed) => {
                STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).push(query.to_string());
            }
            (InstrumentationEvent::BeginTransaction { .. }, _) => *self = Self::Beginning,
            (InstrumentationEvent::FinishQuery { query, .. }, Self::Beginning) => {
                let begin = query.to_string();
                let writes = ["BEGIN IMMEDIATE", "BEGIN;"].iter().any(|how| begin.starts_with(how));
                *self = if writes { Self::Writing(Instant::now()) } else { Self::Idle };
            }
            (
                InstrumentationEvent::CommitTransaction { .. } | InstrumentationEvent::RollbackTransaction { .. },
                Self::Writing(began),
            ) => *self = Self::Ending(*began),
            (InstrumentationEvent::FinishQuery { .. }, Self::Ending(began)) => {
                WRITES.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
                *self = Self::Idle;
            }
            _ => {}
        }
    }
}
