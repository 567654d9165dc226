//! Logs, and traces for those who collect them. Started once, by the program: they are the process's own.
//!
//! Logs are events of `tracing`, written to stderr. Traces are spans of one target ([`spans`]) that only the exporter is interested
//! in: without a collector in the settings nobody is, and to make one costs a look at a flag.

mod export;
pub mod spans;

use std::io::{self, IsTerminal};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter::FilterExt, filter::filter_fn, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::{LogFormat, Settings};

/// What must be told that the process ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Begins to log and, when the settings name a collector, to trace. Not to be called on a runtime.
pub fn start(settings: &Settings) -> Result<Telemetry, String> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| {
        format!("LEADCAST_LOG (--log) cannot be understood: {error}. Try `info` or `leadcast=debug`.")
    })?;
    let traces = settings.otlp_endpoint.as_deref().map(export::provider).transpose()?;
    let log =
        log(settings.log_format).with_filter(filter.and(filter_fn(|metadata| metadata.target() != spans::TARGET)));
    let exported = traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("leadcast"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.target() == spans::TARGET))
    });
    tracing_subscriber::registry().with(exported).with(log).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, message = panic.payload_as_str().unwrap_or("no message"), "panic");
    }));
    Ok(Telemetry { traces })
}

fn log<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    // A log that nobody reads any more is no reason to fail.
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let layer = layer.with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().boxed(),
    }
}

impl Telemetry {
    /// Sends what is left to the collector, if that is quick. Not to be called on a runtime.
    pub fn finish(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown_with_timeout(export::LAST_CHANCE)
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}
