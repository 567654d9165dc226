//! Requests, sockets and claims: what clients do.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use strum::IntoEnumIterator;

use super::{DURATIONS, Metrics, at_zero};

pub(super) struct RequestMetrics {
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    durations: Family<[(&'static str, &'static str); 1], Histogram>,
    sockets: Gauge,
    subscriptions: Gauge,
    messages_sent: Counter,
    sockets_closed: Family<[(&'static str, u16); 1], Counter>,
    claims: Family<[(&'static str, &'static str); 1], Counter>,
}

/// How a GraphQL request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// Executed, with errors in the result.
    Errors,
    /// Not executed: it was not acceptable.
    Refused,
    Unauthenticated,
    /// The server's fault: a panic, a timeout, the database away or full.
    Failed,
}

impl Verdict {
    /// What it is `otherwise`, unless the server is to blame.
    pub fn of(servers_fault: bool, otherwise: Self) -> Self {
        if servers_fault { Self::Failed } else { otherwise }
    }
}

/// Over HTTP, where a request has a duration.
const HTTP: [&str; 2] = ["get", "post"];
/// Where it may be a stream.
const OPEN_ENDED: [&str; 2] = ["websocket", "sse"];
/// The codes that the server itself closes with, and those that say how a connection was lost.
const CLOSE_CODES: [u16; 16] =
    [1000, 1001, 1002, 1006, 1007, 1009, 1012, 1013, 4400, 4401, 4403, 4408, 4409, 4429, 4499, 4500];
const CLAIM_OUTCOMES: [&str; 10] = [
    "claimed",
    "replayed",
    "lead_full",
    "lead_closed",
    "insufficient_credits",
    "price_changed",
    "not_found",
    "forbidden",
    "invalid",
    "failed",
];

impl RequestMetrics {
    /// Counters get `_total` after their name from the encoder.
    pub fn registered(r: &mut Registry) -> Self {
        let new = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            sockets: Gauge::default(),
            subscriptions: Gauge::default(),
            messages_sent: Counter::default(),
            sockets_closed: Family::default(),
            claims: Family::default(),
        };
        r.register("requests", "GraphQL operations, by transport and outcome", new.requests.clone());
        r.register("request_duration_seconds", "Time to answer a GraphQL request over HTTP", new.durations.clone());
        r.register("websocket_connections", "Open sockets", new.sockets.clone());
        r.register("subscriptions", "Running subscriptions", new.subscriptions.clone());
        r.register("websocket_messages_sent", "Messages written to sockets", new.messages_sent.clone());
        r.register("websocket_closed", "Sockets closed, by close code (1006: lost)", new.sockets_closed.clone());
        r.register("claims", "Attempts to claim a lead, by outcome", new.claims.clone());
        new.begin_at_zero();
        new
    }

    fn begin_at_zero(&self) {
        for transport in HTTP.iter().chain(&OPEN_ENDED) {
            for verdict in Verdict::iter() {
                at_zero(&self.requests, &[("transport", transport), ("outcome", verdict.into())]);
            }
        }
        for transport in HTTP {
            at_zero(&self.durations, &[("transport", transport)]);
        }
        for code in CLOSE_CODES {
            at_zero(&self.sockets_closed, &[("code", code)]);
        }
        for outcome in CLAIM_OUTCOMES {
            at_zero(&self.claims, &[("outcome", outcome)]);
        }
    }
}

impl Metrics {
    pub fn request(&self, transport: &'static str, verdict: Verdict) {
        self.requests.requests.get_or_create(&[("transport", transport), ("outcome", verdict.into())]).inc();
    }

    pub fn request_duration(&self, transport: &'static str, duration: Duration) {
        self.requests.durations.get_or_create(&[("transport", transport)]).observe(duration.as_secs_f64());
    }

    pub fn socket(&self) -> InFlight {
        InFlight::new(&self.requests.sockets)
    }

    pub fn subscription(&self) -> InFlight {
        InFlight::new(&self.requests.subscriptions)
    }

    pub fn message_sent(&self) {
        self.requests.messages_sent.inc();
    }

    /// A client may send any code: all that are not the server's own count as 1000, so that the series stay few.
    pub fn socket_closed(&self, code: u16) {
        let code = if CLOSE_CODES.contains(&code) { code } else { 1000 };
        self.requests.sockets_closed.get_or_create(&[("code", code)]).inc();
    }

    /// `outcome` is `claimed`, `replayed` or the code of the refusal.
    pub fn claim(&self, outcome: &'static str) {
        self.requests.claims.get_or_create(&[("outcome", outcome)]).inc();
    }
}

/// Counts as long as it lives.
pub struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
