//! Logs and traces. Lines carry the request's id and who an object is, never what it holds; an event is one line, whatever
//! its values are.

use super::config::{Config, LogFormat};
use crate::visible::{visible, visible_json};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;
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
    // What this library says of a connection that fails, the inventory says better.
    let filter = || EnvFilter::builder().parse(format!("kube_client=off,{}", config.log.level));
    let lines = match config.log.format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(|| Lines(io::stderr(), visible_json))
            .with_filter(filter()?)
            .boxed(),
        LogFormat::Text => {
            fmt::layer().with_ansi(false).with_writer(|| Lines(io::stderr(), visible)).with_filter(filter()?).boxed()
        }
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

/// A line a write, as `tracing` writes its events; what a line holds is made visible by a function.
struct Lines<W>(W, fn(&str) -> Cow<'_, str>);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let event = String::from_utf8_lossy(bytes);
        let event = event.strip_suffix('\n').unwrap_or(&event);
        self.0.write_all(format!("{}\n", (self.1)(event)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn exporter(endpoint: &str) -> Result<SdkTracerProvider, LogError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| LogError::Endpoint(error.to_string()))?;
    let resource = Resource::builder().with_service_name("policy-host").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(Plain(exporter)).with_resource(resource).build())
}

/// Exports spans whose texts are shown as those of others are elsewhere.
#[derive(Debug)]
struct Plain<E>(E);

impl<E: SpanExporter> SpanExporter for Plain<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(plain);
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Makes the texts of a span visible: its attributes and those of its events, with the names of these.
fn plain(span: &mut SpanData) {
    let attributes = |attributes: &mut Vec<KeyValue>| {
        for KeyValue { value, .. } in attributes {
            if let Value::String(text) = value {
                *value = visible(text.as_str()).into_owned().into();
            }
        }
    };
    attributes(&mut span.attributes);
    for event in &mut span.events.events {
        event.name = visible(&event.name).into_owned().into();
        attributes(&mut event.attributes);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "a\u{1b}[2J\u{202e}\u{9b}\n::error::forged\r\u{2028}b";

    fn logged(
        layer: impl FnOnce(Log) -> Box<dyn tracing_subscriber::Layer<tracing_subscriber::Registry> + Send + Sync>,
    ) -> String {
        let log = Log::default();
        let subscriber = tracing_subscriber::registry().with(layer(log.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", id = HOSTILE).entered();
            tracing::warn!(name = HOSTILE, error = %HOSTILE, "{HOSTILE}");
        });
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// Keeps what it is given.
    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[test]
    fn a_trace_is_plain_text() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(Plain(kept.clone())).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _span = tracing::info_span!("request", id = HOSTILE).entered();
            tracing::warn!(error = %HOSTILE, "{HOSTILE}");
        });
        let spans = kept.0.lock().unwrap();
        let text = format!("{:?} {:?}", spans[0].attributes, spans[0].events);
        assert!(text.contains("[2J"), "{text}");
        // Debug text escapes once more what was not made visible before.
        let raw = spans.iter().flat_map(|span| {
            let events = span.events.events.iter().flat_map(|event| &event.attributes);
            span.attributes.iter().chain(events).map(|attribute| attribute.value.to_string())
        });
        let names = spans.iter().flat_map(|span| span.events.events.iter().map(|event| event.name.to_string()));
        for text in raw.chain(names) {
            assert!(!text.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{text:?}");
        }
    }

    #[test]
    fn an_event_is_one_line_of_plain_text() {
        let writer = |log: Log, visible| move || Lines(log.clone(), visible);
        let text = logged(|log| fmt::layer().with_ansi(false).with_writer(writer(log, visible)).boxed());
        let json = logged(|log| fmt::layer().json().with_writer(writer(log, visible_json)).boxed());
        for line in [&text, &json] {
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(!line.trim_end().contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{line:?}");
        }
        let entry: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(entry["fields"]["name"], HOSTILE);
    }
}
