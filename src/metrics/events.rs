//! The event log: what the tail reads, what streams are handed, and what holds them up.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::DURATIONS;
use crate::db::Db;

/// Clones count together.
#[derive(Clone, Debug)]
pub struct EventMetrics {
    read: Counter,
    unknown: Counter,
    pub streamed: Counter,
    pub let_go: Counter,
    /// Seconds from when an event happened to when this node's tail had read it.
    pub lag: Histogram,
    pub epochs: Counter,
    watermark: Gauge,
    watermark_age: Gauge<f64, AtomicU64>,
    ring_bytes: Gauge,
}

impl EventMetrics {
    pub(super) fn registered(r: &mut Registry) -> Self {
        let new = Self {
            read: Counter::default(),
            unknown: Counter::default(),
            streamed: Counter::default(),
            let_go: Counter::default(),
            lag: Histogram::new(DURATIONS),
            epochs: Counter::default(),
            watermark: Gauge::default(),
            watermark_age: Gauge::default(),
            ring_bytes: Gauge::default(),
        };
        r.register("events_read", "Events read from the log by this node's tail", new.read.clone());
        r.register("events_unknown", "Of these, events of a kind that this version does not know", new.unknown.clone());
        r.register("events_streamed", "Events handed to streams, before their filters", new.streamed.clone());
        r.register("event_lag_seconds", "From when an event happened to when the tail had read it", new.lag.clone());
        r.register("streams_let_go", "Streams that fell behind and went back to scanning the log", new.let_go.clone());
        r.register("epochs_begun", "New epochs of the log that this node has noticed", new.epochs.clone());
        r.register("hub_watermark", "The event id up to which this node has read the log", new.watermark.clone());
        let age = "For how long events have been waiting for a transaction that is still open";
        r.register("watermark_age_seconds", age, new.watermark_age.clone());
        r.register("hub_ring_bytes", "Size of the ring of recent events", new.ring_bytes.clone());
        new
    }

    /// An event was read from the log, of a kind that this version knows or not.
    pub fn read(&self, known: bool) {
        self.read.inc();
        if !known {
            self.unknown.inc();
        }
    }

    /// How far the tail has read, and what it remembers.
    pub fn hub(&self, watermark: i64, ring_bytes: usize) {
        self.watermark.set(watermark);
        self.ring_bytes.set(i64::try_from(ring_bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn look(&self, db: &Db) {
        self.watermark_age.set(db.held.age().as_secs_f64());
    }
}
