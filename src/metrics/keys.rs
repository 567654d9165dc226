//! The keys that tokens are checked with, when they come from a JWKS.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::at_zero;

/// Clones count together.
#[derive(Clone, Debug)]
pub struct KeyMetrics {
    reads: Family<[(&'static str, &'static str); 1], Counter>,
    keys: Gauge,
}

impl KeyMetrics {
    pub(super) fn registered(r: &mut Registry) -> Self {
        let new = Self { reads: Family::default(), keys: Gauge::default() };
        r.register("jwks_reads", "Reads of the JWKS, by outcome", new.reads.clone());
        r.register("jwks_keys", "Keys of the JWKS that tokens are checked with", new.keys.clone());
        for outcome in ["ok", "failed"] {
            at_zero(&new.reads, &[("outcome", outcome)]);
        }
        new
    }

    /// It was read: so many keys. Or it could not be.
    pub fn read(&self, keys: Option<usize>) {
        self.reads.get_or_create(&[("outcome", if keys.is_some() { "ok" } else { "failed" })]).inc();
        if let Some(keys) = keys {
            self.keys.set(i64::try_from(keys).unwrap_or(i64::MAX));
        }
    }
}
