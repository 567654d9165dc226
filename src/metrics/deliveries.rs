//! What goes out of the application.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::at_zero;

pub struct DeliveryMetrics {
    ended: Family<[(&'static str, &'static str); 2], Counter>,
    overdue: Gauge<f64, AtomicU64>,
}

/// As clients see them.
const CHANNELS: [&str; 4] = ["EMAIL", "SMS", "PUSH", "WEBHOOK"];
const OUTCOMES: [&str; 4] = ["sent", "failed", "dead", "unwanted"];

impl DeliveryMetrics {
    pub(super) fn registered(r: &mut Registry) -> Self {
        let new = Self { ended: Family::default(), overdue: Gauge::default() };
        r.register("deliveries", "Attempts to deliver a notification, by channel and outcome", new.ended.clone());
        let overdue = "How long the longest overdue delivery has been due; 0 when none is";
        r.register_with_unit("deliveries_overdue", overdue, Unit::Seconds, new.overdue.clone());
        for channel in CHANNELS {
            for outcome in OUTCOMES {
                at_zero(&new.ended, &[("channel", channel), ("outcome", outcome)]);
            }
        }
        new
    }

    /// So many deliveries on a channel were `sent`, have `failed` for now, or are given up: `dead`, or `unwanted`.
    pub fn ended(&self, channel: &'static str, outcome: &'static str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.ended.get_or_create(&[("channel", channel), ("outcome", outcome)]).inc_by(count);
    }

    /// How long the longest overdue has been due.
    pub fn overdue(&self, by: Duration) {
        self.overdue.set(by.as_secs_f64());
    }
}
