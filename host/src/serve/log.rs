//! Logs and traces. Lines carry the request's id and who an object is, never what it holds.

use super::config::{Config, LogFormat};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

/// Why logs or traces could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directives are malformed.
    #[error("`log.level`: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter refuses the endpoint.
    #[error("`traces.endpoint`: {0}")]
    Endpoint(String),
}

/// Sends what is left when it is dropped.
pub(super) struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            // Nobody is left to tell.
            let _ = provider.shutdown();
        }
    }
}

/// Starts logging to standard error, and tracing where an endpoint is configured.
pub(super) fn start(config: &Config) -> Result<Telemetry, LogError> {
    let filter = || EnvFilter::builder().parse(&config.log.level);
    let lines = match config.log.format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .with_filter(filter()?)
            .boxed(),
        LogFormat::Text => fmt::layer().with_ansi(false).with_writer(std::io::stderr).with_filter(filter()?).boxed(),
    };
    let provider = config.traces.endpoint.as_deref().map(exporter).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        // What the exporter itself does is not traced, or it would never end.
        let own = EnvFilter::new("off,policy_host=info");
        tracing_opentelemetry::layer().with_tracer(provider.tracer("policy-host")).with_filter(own)
    });
    // In tests there is one subscriber for many servers.
    let _ = tracing_subscriber::registry().with(lines).with(traces).try_init();
    Ok(Telemetry(provider))
}

fn exporter(endpoint: &str) -> Result<SdkTracerProvider, LogError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| LogError::Endpoint(error.to_string()))?;
    let resource = Resource::builder().with_service_name("policy-host").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Makes a span part of the trace that the caller's headers (`traceparent`) name.
pub(super) fn continue_trace(span: &tracing::Span, headers: &hyper::HeaderMap) {
    if headers.contains_key("traceparent") {
        let context = TraceContextPropagator::new().extract(&Headers(headers));
        // Without a tracer there is nothing to be part of.
        let _ = span.set_parent(context);
    }
}

struct Headers<'h>(&'h hyper::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(hyper::header::HeaderName::as_str).collect()
    }
}
