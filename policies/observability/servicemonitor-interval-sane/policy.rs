use policy_sdk::kubernetes::monitoring::{self, OwnMonitor};

use policy_sdk::language::unread;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A monitor's times fit together
    ///
    /// Of each endpoint of a ServiceMonitor or PodMonitor, and of a Probe: `scrapeTimeout` is not longer than `interval`.
    /// Where the interval is not written it is `scrapeInterval` of each Prometheus among the documents, 30 seconds unless
    /// set. Both are durations as Prometheus writes them (`30s`, `1m30s`). `interval` lies between `min_seconds` and
    /// `max_seconds`. `path` begins with `/` and has no `?`: what stands behind it belongs to `params`.
    ///
    /// ## Why
    /// The operator refuses a monitor whose timeout is longer than its interval, and then scrapes nothing of it. It says
    /// so only in its own log. A series without a new sample for five minutes is gone, so long intervals leave holes.
    ///
    /// ## Fix
    /// Make the timeout shorter, or the interval longer:
    ///
    /// ```yaml
    /// endpoints:
    ///   - port: metrics
    ///     interval: 30s
    ///     scrapeTimeout: 10s
    /// ```
    findings: {
        /// The timeout is longer than the interval
        Timeout: Medium, Certain;
        /// The timeout is longer than the interval of the Prometheus
        Inherited: Medium, Likely;
        /// A time is no duration: the API server refuses it
        Duration: High, Certain;
        /// The path has a query, which is asked for as part of the path
        Query: Medium, Certain;
        /// The path does not begin with `/`
        Path: Low, Certain;
        /// The interval is unusually short or long
        Interval: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: [
        "monitoring.coreos.com/ServiceMonitor", "monitoring.coreos.com/PodMonitor", "monitoring.coreos.com/Probe",
    ],
    uses: [OwnMonitor],
    reads: [
        "spec.endpoints[*].interval:duration", "spec.endpoints[*].scrapeTimeout:duration",
        "spec.podMetricsEndpoints[*].interval:duration", "spec.podMetricsEndpoints[*].scrapeTimeout:duration",
        "spec.interval:duration", "spec.scrapeTimeout:duration", "spec.interval", "spec.scrapeTimeout",
    ],
    inventory: {
        // The interval of a Prometheus as a duration. What selects a monitor decides nothing here: any of them may.
        intervals: {
            kinds: ["monitoring.coreos.com/Prometheus", "monitoring.coreos.com/PrometheusAgent"],
            scope: "cluster",
            reads: ["spec.scrapeInterval:duration", "spec.scrapeInterval"],
        },
    },
    parameters: {
        /// The shortest usual interval, in seconds.
        min_seconds: i64 = 5,
        /// The longest usual interval, in seconds.
        max_seconds: i64 = 120,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "Probe" {
        check_times(input, &input.document.get("spec"), findings);
        return Ok(());
    }
    for endpoint in monitoring::endpoints(input) {
        check_times(input, &endpoint, findings);
        let path = endpoint.get("path");
        if path.text().contains('?') {
            let message = format!("the `?` of `{}` is asked for as part of the path, expected `params`", path.text());
            findings.report(Code::Query, &path, message);
        } else if !path.text().is_empty() && !path.text().starts_with('/') {
            let message = format!("`path` is `{}`, expected one that begins with `/`", path.text());
            findings.report(Code::Path, &path, message);
        }
    }
    Ok(())
}

fn check_times(input: &Input<'_, Parameters>, of: &View<'_>, findings: &mut Findings) {
    let (interval, timeout) = (time(of, "interval", findings), time(of, "scrapeTimeout", findings));
    let timeout_place = of.get("scrapeTimeout");
    if let Some(interval) = interval {
        let (min, max) = (input.parameters.min_seconds, input.parameters.max_seconds);
        let place = of.get("interval");
        let text = place.text();
        if timeout.is_some_and(|timeout| timeout > interval) {
            let message = format!("`scrapeTimeout` is {}, longer than `interval`, {text}", timeout_place.text());
            findings.report(Code::Timeout, &timeout_place, message).label(&place, "the interval");
        }
        if interval < min * 1000 || interval > max * 1000 {
            let message = format!("`interval` is {text}, expected {min} to {max} seconds");
            findings.report(Code::Interval, &place, message);
        }
    } else if let Some(timeout) = timeout.filter(|_| !of.get("interval").exists()) {
        for prometheus in input.related("intervals") {
            let spec = prometheus.document.get("spec");
            let written = spec.get("scrapeInterval");
            let (text, millis) = match spec.get("scrapeInterval:duration").get("prometheus").as_i64() {
                Some(millis) => (written.text(), millis),
                None if !written.exists() => ("30s", 30_000),
                None => continue,
            };
            if timeout > millis {
                let name = prometheus.name();
                let message = format!(
                    "`scrapeTimeout` is {}, longer than the interval of Prometheus `{name}`, {text}",
                    timeout_place.text()
                );
                findings.report(Code::Inherited, &timeout_place, message);
                return;
            }
        }
    }
}

/// A time in milliseconds; `None` where it is absent, empty or none.
fn time(of: &View<'_>, field: &str, findings: &mut Findings) -> Option<i64> {
    let place = of.get(field);
    if place.text().is_empty() {
        return None;
    }
    let tree = of.get(&[field, ":duration"].concat());
    let millis = tree.get("prometheus").as_i64();
    if millis.is_none() && place.text() != "0" && (tree.exists() || unread(&tree).is_some()) {
        let message = format!("`{field}` is `{}`, expected a duration such as `30s`", place.text());
        findings.report(Code::Duration, &place, message);
    }
    millis.filter(|millis| *millis > 0)
}
