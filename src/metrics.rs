//! What is counted, in the text format that Prometheus reads. One registry for each [`Metrics`]: nothing is global, so
//! that tests can run servers side by side.

use std::time::Duration;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    request_duration: Family<[(&'static str, &'static str); 1], Histogram>,
    sockets: Gauge,
    subscriptions: Gauge,
    messages_sent: Counter,
    sockets_closed: Family<[(&'static str, u16); 1], Counter>,
    claims: Family<[(&'static str, &'static str); 1], Counter>,
    pub events: EventCounters,
    watermark: Gauge,
    ring_bytes: Gauge,
}

/// What the hub and its streams count. Clones count together.
#[derive(Clone, Debug)]
pub struct EventCounters {
    read: Counter,
    unknown: Counter,
    pub streamed: Counter,
    pub let_go: Counter,
    /// Seconds from when an event happened to when this node's tail had read it.
    pub lag: Histogram,
}

impl Default for EventCounters {
    fn default() -> Self {
        let (read, unknown, streamed, let_go) = Default::default();
        Self { read, unknown, streamed, let_go, lag: Histogram::new(DURATIONS) }
    }
}

impl EventCounters {
    /// An event was read from the log, of a kind that this version knows or not.
    pub fn read(&self, known: bool) {
        self.read.inc();
        if !known {
            self.unknown.inc();
        }
    }
}

/// How a GraphQL request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// Executed, with errors in the result.
    Errors,
    /// Not executed: it was not acceptable.
    Refused,
    Unauthenticated,
    /// The server's fault: a panic, a timeout, the database away.
    Failed,
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

/// Seconds.
const DURATIONS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("leadcast"),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            sockets: Gauge::default(),
            subscriptions: Gauge::default(),
            messages_sent: Counter::default(),
            sockets_closed: Family::default(),
            claims: Family::default(),
            events: EventCounters::default(),
            watermark: Gauge::default(),
            ring_bytes: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// Counters get `_total` after their name from the encoder.
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("requests", "GraphQL operations, by transport and outcome", self.requests.clone());
        let durations = self.request_duration.clone();
        r.register("request_duration_seconds", "Time to answer a GraphQL request over HTTP", durations);
        r.register("websocket_connections", "Open sockets", self.sockets.clone());
        r.register("subscriptions", "Running subscriptions", self.subscriptions.clone());
        r.register("websocket_messages_sent", "Messages written to sockets", self.messages_sent.clone());
        r.register("websocket_closed", "Sockets closed, by close code (1006: lost)", self.sockets_closed.clone());
        r.register("claims", "Attempts to claim a lead, by outcome", self.claims.clone());
        let EventCounters { read, unknown, streamed, let_go, lag } = self.events.clone();
        r.register("events_read", "Events read from the log by this node's tail", read);
        r.register("events_unknown", "Of these, events of a kind that this version does not know", unknown);
        r.register("events_streamed", "Events handed to streams, before their filters", streamed);
        r.register("streams_let_go", "Streams that fell behind and went back to scanning the log", let_go);
        r.register("event_lag_seconds", "From when an event happened to when this node's tail had read it", lag);
        r.register("hub_watermark", "The event id up to which this node has read the log", self.watermark.clone());
        r.register("hub_ring_bytes", "Size of the ring of recent events", self.ring_bytes.clone());
    }

    /// All of them, as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub fn request(&self, transport: &'static str, verdict: Verdict) {
        self.requests.get_or_create(&[("transport", transport), ("outcome", verdict.into())]).inc();
    }

    pub fn request_duration(&self, transport: &'static str, duration: Duration) {
        self.request_duration.get_or_create(&[("transport", transport)]).observe(duration.as_secs_f64());
    }

    pub fn socket(&self) -> InFlight {
        InFlight::new(&self.sockets)
    }

    pub fn subscription(&self) -> InFlight {
        InFlight::new(&self.subscriptions)
    }

    pub fn message_sent(&self) {
        self.messages_sent.inc();
    }

    /// A client may send any code: all that are not the server's own count as 1000, so that the series stay few.
    pub fn socket_closed(&self, code: u16) {
        let known = matches!(code, 1001..=1015 | 4400..=4500);
        self.sockets_closed.get_or_create(&[("code", if known { code } else { 1000 })]).inc();
    }

    /// `outcome` is `claimed`, `replayed` or the code of the refusal.
    pub fn claim(&self, outcome: &'static str) {
        self.claims.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// How far the tail has read, and what it remembers.
    pub fn hub(&self, watermark: i64, ring_bytes: usize) {
        self.watermark.set(watermark);
        self.ring_bytes.set(i64::try_from(ring_bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
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
            r#"leadcast_websocket_closed_total{code="1000"} 1"#,
            "leadcast_websocket_connections 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        drop(open);
        assert!(metrics.encode().expect("a text").contains("leadcast_websocket_connections 0"));
    }
}
