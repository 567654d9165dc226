//! What is counted, in the text format that Prometheus reads. One registry for each [`Metrics`]: nothing is global, so
//! that tests can run servers side by side. README.md lists every family; a test compares.
//!
//! No label has values that a client could choose, and series with known labels are there from the start, at 0: a counter
//! that first appears with its first failure cannot be alerted on.

mod database;
mod deliveries;
mod events;
mod keys;
mod requests;
mod workers;

use std::hash::Hash;

use prometheus_client::{
    encoding::text,
    metrics::family::{Family, MetricConstructor},
    registry::Registry,
};

pub use self::{
    database::DatabaseMetrics,
    deliveries::DeliveryMetrics,
    events::EventMetrics,
    keys::KeyMetrics,
    requests::{InFlight, Verdict},
    workers::{Worker, WorkerMetrics},
};
use self::{database::PoolGauges, requests::RequestMetrics};
use crate::db::Db;

pub struct Metrics {
    registry: Registry,
    requests: RequestMetrics,
    pub events: EventMetrics,
    pub database: DatabaseMetrics,
    pub workers: WorkerMetrics,
    pub deliveries: DeliveryMetrics,
    pub keys: KeyMetrics,
    pools: PoolGauges,
}

/// Buckets, in seconds.
const DURATIONS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("leadcast");
        Self {
            requests: RequestMetrics::registered(&mut registry),
            events: EventMetrics::registered(&mut registry),
            database: DatabaseMetrics::registered(&mut registry),
            workers: WorkerMetrics::registered(&mut registry),
            deliveries: DeliveryMetrics::registered(&mut registry),
            keys: KeyMetrics::registered(&mut registry),
            pools: PoolGauges::registered(&mut registry),
            registry,
        }
    }
}

impl Metrics {
    /// Looks at what is not counted, for the next [`Metrics::encode`].
    pub fn look(&self, db: &Db) {
        self.events.look(db);
        self.pools.look(db);
    }

    /// All of them, as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Makes a series be there before anything has happened.
fn at_zero<S: Clone + Hash + Eq, M, C: MetricConstructor<M>>(family: &Family<S, M, C>, labels: &S) {
    drop(family.get_or_create(labels));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_and_units_follow_the_conventions() {
        let metrics = Metrics::default();
        metrics.request("post", Verdict::Ok);
        metrics.request_duration("post", Duration::from_millis(2));
        metrics.claim("claimed");
        metrics.socket_closed(4999);
        let open = metrics.socket();
        let text = metrics.encode().expect("a text");
        for line in [
            r#"leadcast_requests_total{transport="post",outcome="ok"} 1"#,
            r#"leadcast_request_duration_seconds_bucket{le="0.0025",transport="post"} 1"#,
            r#"leadcast_claims_total{outcome="claimed"} 1"#,
            r#"leadcast_claims_total{outcome="failed"} 0"#,
            r#"leadcast_websocket_closed_total{code="1000"} 1"#,
            "leadcast_websocket_connections 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        drop(open);
        assert!(metrics.encode().expect("a text").contains("leadcast_websocket_connections 0"));
    }
}
