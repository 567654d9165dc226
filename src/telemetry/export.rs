//! Sends traces to a collector: OTLP over HTTP, from a thread of its own with a bounded queue. A collector that is away costs a
//! line in the log now and then, and the traces.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData},
};

/// For a collector to take a batch.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long the end of the process may be held up.
pub const LAST_CHANCE: Duration = Duration::from_secs(2);
/// Spans that wait at most; what comes when it is full is dropped.
const QUEUE: usize = 8_192;
const BETWEEN_BATCHES: Duration = Duration::from_secs(2);
const BETWEEN_COMPLAINTS: Duration = Duration::from_mins(1);

/// `endpoint` is the collector's address without a path.
pub fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    let failed = |error: &dyn std::error::Error| format!("traces cannot be sent to LEADCAST_OTLP_ENDPOINT: {error}");
    // No proxy of the environment: the collector is a neighbour.
    let client = reqwest::blocking::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(|e| failed(&e))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|e| failed(&e))?;
    let batches =
        BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(BETWEEN_BATCHES).build();
    let exporter = Exporter { inner: exporter, complained: Mutex::default() };
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Ok(SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("leadcast").with_attribute(version).build())
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .build())
}

/// Tells the log of failures, once a minute at most.
#[derive(Debug)]
struct Exporter {
    inner: SpanExporter,
    complained: Mutex<Option<Instant>>,
}

impl opentelemetry_sdk::trace::SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.inner.export(batch).await;
        if let Err(error) = &sent {
            self.complain(spans, error);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl Exporter {
    fn complain(&self, spans: usize, error: &OTelSdkError) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|last| last.elapsed() >= BETWEEN_COMPLAINTS) {
            *complained = Some(Instant::now());
            tracing::warn!(%error, spans, "the collector of LEADCAST_OTLP_ENDPOINT takes no traces; these are lost");
        }
    }
}
