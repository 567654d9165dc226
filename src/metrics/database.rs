//! The database as this node sees it: transactions, and the pools of connections they wait for.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{DURATIONS, at_zero};
use crate::db::{Db, Pool};

type By<const N: usize, M> = Family<[(&'static str, &'static str); N], M>;

/// What `Db` counts. Clones count together.
#[derive(Clone)]
pub struct DatabaseMetrics {
    transactions: By<1, Histogram>,
    waits: By<1, Histogram>,
    retries: By<1, Counter>,
}

/// What transactions are for.
const MODES: [&str; 4] = ["read", "write", "across", "upkeep"];

impl DatabaseMetrics {
    /// Of a `Db` whose figures nobody reads: a command's.
    pub fn unread() -> Self {
        fn durations() -> By<1, Histogram> {
            Family::new_with_constructor(|| Histogram::new(DURATIONS))
        }
        Self { transactions: durations(), waits: durations(), retries: Family::default() }
    }

    pub(super) fn registered(r: &mut Registry) -> Self {
        let new = Self::unread();
        let transactions = "Time from BEGIN to the end of a transaction, by what it is for";
        r.register("database_transaction_seconds", transactions, new.transactions.clone());
        r.register("database_connection_wait_seconds", "Time to get a connection of a pool", new.waits.clone());
        let retries = "Transactions that lost a race and were repeated, by what they are for";
        r.register("database_transaction_retries", retries, new.retries.clone());
        for mode in MODES {
            at_zero(&new.transactions, &[("mode", mode)]);
            at_zero(&new.retries, &[("mode", mode)]);
        }
        new
    }

    pub fn transaction(&self, mode: &'static str, took: Duration) {
        self.transactions.get_or_create(&[("mode", mode)]).observe(took.as_secs_f64());
    }

    pub fn retry(&self, mode: &'static str) {
        self.retries.get_or_create(&[("mode", mode)]).inc();
    }

    pub fn wait(&self, pool: &'static str, took: Duration) {
        self.waits.get_or_create(&[("pool", pool)]).observe(took.as_secs_f64());
    }
}

/// What is looked at when somebody asks.
pub(super) struct PoolGauges {
    connections: By<2, Gauge>,
    limits: By<1, Gauge>,
    waiting: By<1, Gauge>,
    files: By<1, Gauge>,
}

impl PoolGauges {
    pub fn registered(r: &mut Registry) -> Self {
        let new = Self {
            connections: Family::default(),
            limits: Family::default(),
            waiting: Family::default(),
            files: Family::default(),
        };
        r.register("database_connections", "Connections of a pool, by what they do", new.connections.clone());
        r.register("database_connections_max", "How many connections a pool may have", new.limits.clone());
        r.register("database_connections_waiting", "Who waits for a connection of a pool", new.waiting.clone());
        r.register("database_file_bytes", "Size of the embedded database and its write-ahead log", new.files.clone());
        new
    }

    pub fn look(&self, db: &Db) {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        for Pool { name, idle, in_use, max, waiting } in db.pools() {
            for (state, number) in [("idle", idle), ("in_use", in_use)] {
                self.connections.get_or_create(&[("pool", name), ("state", state)]).set(whole(number));
            }
            self.limits.get_or_create(&[("pool", name)]).set(whole(max));
            self.waiting.get_or_create(&[("pool", name)]).set(whole(waiting));
        }
        for (file, bytes) in db.files() {
            self.files.get_or_create(&[("file", file)]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }
}
