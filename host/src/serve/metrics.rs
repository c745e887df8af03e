//! What the server counts, as Prometheus reads it.

use crate::cluster::{KindState, KindStatus};
use crate::visible::visible;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

/// A label value that others wrote: shown as their text is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Text(String);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl EncodeLabelValue for Text {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&visible(&self.0), encoder)
    }
}

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) wire: &'static str,
    pub(super) code: u16,
}

/// Labels of a duration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WireLabels {
    pub(super) wire: &'static str,
}

/// Labels of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DecisionLabels {
    pub(super) bundle: Text,
    pub(super) decision: &'static str,
}

/// Labels of a rule's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RuleLabels {
    pub(super) bundle: Text,
    pub(super) rule: Text,
    pub(super) outcome: &'static str,
}

/// Labels of findings that are exempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ExemptLabels {
    pub(super) bundle: Text,
    pub(super) rule: Text,
    /// What says so.
    pub(super) by: &'static str,
}

/// Labels of a sandbox failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SandboxLabels {
    pub(super) rule: Text,
    pub(super) failure: &'static str,
}

/// Labels of something that has a reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub(super) reason: &'static str,
}

/// Labels of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReloadLabels {
    pub(super) what: &'static str,
    pub(super) outcome: &'static str,
}

/// Labels of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CertificateLabels {
    pub(super) certificate: &'static str,
}

/// Labels of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BundleLabels {
    pub(super) bundle: Text,
    pub(super) version: Text,
    pub(super) digest: Text,
    pub(super) failure_mode: &'static str,
}

/// Labels of a bundle from a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ArtifactLabels {
    pub(super) bundle: Text,
    pub(super) reference: Text,
    pub(super) digest: Text,
}

/// Labels of what is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MemoLabels {
    pub(super) bundle: Text,
    pub(super) result: &'static str,
}

/// Labels of a kind of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: Text,
}

/// Labels of a kind's state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindStateLabels {
    pub(super) kind: Text,
    pub(super) state: &'static str,
}

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    pub(super) requests: Family<RequestLabels, Counter>,
    pub(super) request_seconds: Family<WireLabels, Histogram, fn() -> Histogram>,
    pub(super) review_seconds: Histogram,
    pub(super) decisions: Family<DecisionLabels, Counter>,
    pub(super) rule_outcomes: Family<RuleLabels, Counter>,
    pub(super) exempt_findings: Family<ExemptLabels, Counter>,
    pub(super) sandbox_errors: Family<SandboxLabels, Counter>,
    pub(super) memo: Family<MemoLabels, Counter>,
    pub(super) memo_bytes: Gauge,
    pub(super) request_bytes: Gauge,
    pub(super) request_limit_bytes: Gauge,
    pub(super) queued: Gauge,
    pub(super) judging: Gauge,
    pub(super) rejected: Family<ReasonLabels, Counter>,
    pub(super) connections: Gauge,
    pub(super) connections_cut: Family<ReasonLabels, Counter>,
    pub(super) reloads: Family<ReloadLabels, Counter>,
    pub(super) certificate_expiry: Family<CertificateLabels, Gauge<f64, AtomicU64>>,
    pub(super) bundles: Family<BundleLabels, Gauge>,
    pub(super) artifacts: Family<ArtifactLabels, Gauge>,
    pub(super) inventory_objects: Family<KindLabels, Gauge<i64, AtomicI64>>,
    pub(super) inventory_state: Family<KindStateLabels, Gauge>,
    pub(super) inventory_bytes: Gauge,
}

/// From a tenth of a millisecond to beyond every caller's patience.
const SECONDS: [f64; 15] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("policy_host"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(histogram),
            review_seconds: histogram(),
            decisions: Family::default(),
            rule_outcomes: Family::default(),
            exempt_findings: Family::default(),
            sandbox_errors: Family::default(),
            memo: Family::default(),
            memo_bytes: Gauge::default(),
            request_bytes: Gauge::default(),
            request_limit_bytes: Gauge::default(),
            queued: Gauge::default(),
            judging: Gauge::default(),
            rejected: Family::default(),
            connections: Gauge::default(),
            connections_cut: Family::default(),
            reloads: Family::default(),
            certificate_expiry: Family::default(),
            bundles: Family::default(),
            artifacts: Family::default(),
            inventory_objects: Family::default(),
            inventory_state: Family::default(),
            inventory_bytes: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let Self { registry, .. } = self;
        registry.register("requests", "Requests by wire and HTTP status", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From a request's header to its answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register_with_unit(
            "review_duration",
            "Judging the objects of one request",
            Unit::Seconds,
            self.review_seconds.clone(),
        );
        registry.register("decisions", "Decisions by bundle: allowed, denied, no_verdict", self.decisions.clone());
        registry.register("rule_outcomes", "Outcomes by rule", self.rule_outcomes.clone());
        registry.register(
            "exempt_findings",
            "Findings that an exemption of the bundle or an annotation of the object suppresses",
            self.exempt_findings.clone(),
        );
        registry.register("sandbox_errors", "Rules that could not run", self.sandbox_errors.clone());
        registry.register("memo", "Reviews by whether memory served: hit, miss", self.memo.clone());
        registry.register_with_unit("memo", "Verdicts kept in memory", Unit::Bytes, self.memo_bytes.clone());
        registry.register_with_unit(
            "request_memory",
            "Memory that requests in flight hold",
            Unit::Bytes,
            self.request_bytes.clone(),
        );
        registry.register_with_unit(
            "request_memory_limit",
            "Memory that requests in flight may hold",
            Unit::Bytes,
            self.request_limit_bytes.clone(),
        );
        registry.register("queued_reviews", "Reviews that wait to be evaluated", self.queued.clone());
        registry.register("judging_reviews", "Reviews that are being evaluated", self.judging.clone());
        registry.register("rejected_reviews", "Reviews that could not be evaluated", self.rejected.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("connections_cut", "Connections cut by a bound", self.connections_cut.clone());
        registry.register("reloads", "Reloads of bundles, certificates and followed tags", self.reloads.clone());
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When a certificate expires",
            self.certificate_expiry.clone(),
        );
        registry.register("bundle_info", "The bundles that are served", self.bundles.clone());
        registry.register("bundle_artifact_info", "The artifacts that bundles are from", self.artifacts.clone());
        registry.register("inventory_objects", "Objects of the inventory by kind", self.inventory_objects.clone());
        registry.register_with_unit(
            "inventory",
            "What is kept of the inventory",
            Unit::Bytes,
            self.inventory_bytes.clone(),
        );
        registry.register("inventory_state", "1 for the state that a kind is in", self.inventory_state.clone());
    }

    /// The text that Prometheus reads.
    pub(super) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Takes over how it stands with the inventory.
    pub(super) fn show_inventory(&self, kinds: &[KindStatus]) {
        self.inventory_state.clear();
        self.inventory_objects.clear();
        for status in kinds {
            let kind = Text::from(&*status.kind.to_string());
            let labels = KindStateLabels { kind: kind.clone(), state: status.state.name() };
            self.inventory_state.get_or_create(&labels).set(1);
            if let KindState::Synced { objects, .. } = &status.state {
                self.inventory_objects.get_or_create(&KindLabels { kind }).set(*objects as i64);
            }
        }
        self.inventory_bytes.set(kinds.iter().map(|status| status.bytes as i64).sum());
    }

    pub(super) fn observe_request(&self, wire: &'static str, code: u16, elapsed: Duration) {
        self.requests.get_or_create(&RequestLabels { wire, code }).inc();
        self.request_seconds.get_or_create(&WireLabels { wire }).observe(elapsed.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    /// Counts one of everything: what was never counted is in no answer.
    fn full() -> Metrics {
        let metrics = Metrics::new();
        let text = || Text::from("x");
        metrics.observe_request("evaluate", 200, Duration::from_millis(1));
        metrics.review_seconds.observe(0.1);
        metrics.decisions.get_or_create(&DecisionLabels { bundle: text(), decision: "allowed" }).inc();
        metrics.rule_outcomes.get_or_create(&RuleLabels { bundle: text(), rule: text(), outcome: "pass" }).inc();
        metrics.exempt_findings.get_or_create(&ExemptLabels { bundle: text(), rule: text(), by: "bundle" }).inc();
        metrics.sandbox_errors.get_or_create(&SandboxLabels { rule: text(), failure: "trap" }).inc();
        metrics.memo.get_or_create(&MemoLabels { bundle: text(), result: "hit" }).inc();
        metrics.rejected.get_or_create(&ReasonLabels { reason: "memory" }).inc();
        metrics.connections_cut.get_or_create(&ReasonLabels { reason: "handshake" }).inc();
        metrics.reloads.get_or_create(&ReloadLabels { what: "bundles", outcome: "done" }).inc();
        metrics.certificate_expiry.get_or_create(&CertificateLabels { certificate: "server" }).set(1.0);
        let (bundle, digest) = (text(), text());
        let labels = BundleLabels { bundle, version: text(), digest, failure_mode: "closed" };
        metrics.bundles.get_or_create(&labels).set(1);
        let labels = ArtifactLabels { bundle: text(), reference: text(), digest: text() };
        metrics.artifacts.get_or_create(&labels).set(1);
        metrics.inventory_objects.get_or_create(&KindLabels { kind: text() }).set(1);
        metrics.inventory_state.get_or_create(&KindStateLabels { kind: text(), state: "synced" }).set(1);
        metrics
    }

    /// The series of a text that Prometheus reads: each name with its labels.
    fn series(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut series: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let end = line.find(['{', ' ']).unwrap_or(line.len());
            let labels = line[end..].split('}').next().unwrap_or_default().trim_start_matches('{').split(',');
            let names = labels.filter_map(|label| label.split_once('=').map(|(name, _)| name));
            series.entry(&line[..end]).or_default().extend(names);
        }
        series
    }

    /// Alerts, records and the dashboard that are shipped ask for what the server exports, under its labels.
    #[test]
    fn what_is_shipped_asks_for_metrics_that_there_are() {
        // What Prometheus itself adds to a series, and `le` of a histogram's buckets.
        const ADDED: [&str; 6] = ["namespace", "pod", "job", "instance", "service", "le"];
        let text = full().encode();
        let exported = series(&text);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundles/deploy");
        let mut asked = 0;
        for file in ["prometheusrule.yaml", "dashboard.yaml"] {
            let shipped = std::fs::read_to_string(folder.join(file)).unwrap().replace("\\\"", "\"");
            for (at, _) in shipped.match_indices("policy_host_") {
                // A recorded series has a `:` before or behind.
                let rest = &shipped[at..];
                let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
                let behind = &rest[name.len()..];
                if shipped[..at].ends_with(':') || behind.starts_with(':') {
                    continue;
                }
                asked += 1;
                let labels = exported.get(name).unwrap_or_else(|| panic!("{file}: nothing exports `{name}`"));
                let conditions = behind.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
                for condition in conditions.split(',').filter(|condition| !condition.is_empty()) {
                    let label = condition.split(['=', '!']).next().unwrap_or_default();
                    let is_known = ADDED.contains(&label) || labels.contains(label);
                    assert!(is_known, "{file}: `{name}` has no label `{label}`");
                }
            }
        }
        assert!(asked > 30, "{asked}");
    }

    #[test]
    fn label_values_of_others_are_plain() {
        let metrics = Metrics::new();
        let rule = "a\u{1b}[2J\u{202e}\"\n# forged 1";
        metrics
            .rule_outcomes
            .get_or_create(&RuleLabels { bundle: "b".into(), rule: rule.into(), outcome: "pass" })
            .inc();
        let text = metrics.encode();
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("\n# forged"), "{text}");
        assert!(text.contains("[2J"), "{text}");
    }
}
