//! The spans of a trace: a GraphQL operation, a transaction, a worker's run. They say what was done, how it ended and how long
//! it took, and never with what: no token, no variable, no text of a query, nothing of what the database holds.

use opentelemetry::{
    propagation::{Extractor, TextMapPropagator},
    trace::TraceContextExt,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// By which spans are told from logs.
pub const TARGET: &str = "leadcast::spans";
/// Characters of an operation's name: clients choose it.
const NAME: usize = 64;

/// A GraphQL operation. `traceparent` is the W3C header of that name: the caller's span, of which this becomes a child.
pub fn operation(transport: &'static str, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET,
        "operation",
        otel.kind = "server",
        otel.status_code = Empty,
        graphql.operation.r#type = Empty,
        graphql.operation.name = Empty,
        leadcast.transport = transport,
        leadcast.outcome = Empty,
    );
    if let Some(traceparent) = traceparent
        && !span.is_disabled()
    {
        let parent = TraceContextPropagator::new().extract(&Header(traceparent));
        // Refused only once the span has begun, which it has not.
        let _ = span.set_parent(parent);
    }
    span
}

/// Once it is known what the operation of the current span is. `name` is the one that the request gives.
pub fn describe(kind: &'static str, name: Option<&str>) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    span.context().span().update_name(kind);
    span.record("graphql.operation.type", kind);
    if let Some(name) = name {
        span.record("graphql.operation.name", name.chars().take(NAME).collect::<String>());
    }
}

/// A transaction, within whatever asked for it. Without that, as the event tail's that never stops looking, it is no span.
pub fn transaction(mode: &'static str, engine: &'static str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    info_span!(
        target: TARGET,
        "transaction",
        otel.name = mode,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = engine,
        leadcast.mode = mode,
        leadcast.retries = Empty,
    )
}

/// How often the transaction of the current span was repeated, and whether it failed in the end.
pub fn transaction_ended(retries: u64, failed: bool) {
    let span = Span::current();
    span.record("leadcast.retries", retries);
    if failed {
        span.record("otel.status_code", "ERROR");
    }
}

pub fn worker(name: &'static str) -> Span {
    info_span!(target: TARGET, "worker", otel.name = name, otel.status_code = Empty, leadcast.outcome = Empty)
}

/// How the operation or the worker's run ended; `failed`: by the server's fault.
pub fn ended(span: &Span, outcome: &'static str, failed: bool) {
    span.record("leadcast.outcome", outcome);
    if failed {
        span.record("otel.status_code", "ERROR");
    }
}

struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
