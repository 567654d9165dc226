//! The background work: whether it runs, and when it last went well.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use strum::IntoEnumIterator;

use super::at_zero;

/// Who works in the background.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Worker {
    /// Ends leads whose time is up.
    Expiry,
    /// Brings back notifications that were put off.
    Snoozes,
    /// Goes on with announcements to many.
    Announcements,
    /// Tells those whom an event names.
    DirectNews,
    /// Tells the providers that a lead fits.
    BroadcastNews,
    /// Sends what goes out of the application.
    Delivery,
    /// Deletes old events and deliveries.
    Retention,
    /// Deletes old notifications.
    NotificationRetention,
    /// Compares this machine's clock with the database's.
    Clock,
}

impl Worker {
    pub fn name(self) -> &'static str {
        self.into()
    }
}

pub struct WorkerMetrics {
    runs: Family<[(&'static str, &'static str); 2], Counter>,
    last_success: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl WorkerMetrics {
    pub(super) fn registered(r: &mut Registry) -> Self {
        let new = Self { runs: Family::default(), last_success: Family::default() };
        r.register("worker_runs", "Runs of the background workers, by outcome", new.runs.clone());
        let last = "When a worker last went well, in seconds since 1970; 0 before";
        r.register("worker_last_success_timestamp_seconds", last, new.last_success.clone());
        for worker in Worker::iter().map(Worker::name) {
            for outcome in ["ok", "failed"] {
                at_zero(&new.runs, &[("worker", worker), ("outcome", outcome)]);
            }
            at_zero(&new.last_success, &[("worker", worker)]);
        }
        new
    }

    /// `now` in seconds since 1970.
    pub fn went_well(&self, worker: Worker, now: i64) {
        self.runs.get_or_create(&[("worker", worker.name()), ("outcome", "ok")]).inc();
        self.last_success.get_or_create(&[("worker", worker.name())]).set(now);
    }

    pub fn failed(&self, worker: Worker) {
        self.runs.get_or_create(&[("worker", worker.name()), ("outcome", "failed")]).inc();
    }
}
