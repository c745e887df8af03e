//! Probes and lifecycle hooks: their handlers and timing, and the probes that fixes write.

use super::workload::Container;
use crate::finding::Fix;
use crate::input::Input;
use crate::json::View;
use crate::object;
use crate::settings::ConventionalProbesLabel;
use crate::uses::{self, Uses};
use crate::write::{Raw, ToJson};
use std::ops::Deref;

crate::usable! {
    /// All of the probes of the subject's containers, with their timing.
    pub Probes {
        reads: ["container.startupProbe", "container.livenessProbe", "container.readinessProbe"],
    }
    /// Whether the subject says that its health endpoints keep to the conventions.
    pub ConventionalProbes {
        reads: ["object.metadata.labels", "pod.metadata.labels"],
        setting: ConventionalProbesLabel,
    }
}

crate::choice! {
    /// What a probe can be.
    pub ProbeHandler { HttpGet = "httpGet", Grpc = "grpc", TcpSocket = "tcpSocket", Exec = "exec" }
}

/// A probe or a lifecycle hook: something with handlers. Dereferences to its [`View`].
#[derive(Clone)]
pub struct Probe<'d>(pub View<'d>);

impl<'d> Probe<'d> {
    /// The handlers that are set, with their names.
    pub fn handlers(&self) -> impl Iterator<Item = (&'static str, View<'d>)> + use<'d> {
        let view = self.0.clone();
        ["httpGet", "grpc", "tcpSocket", "exec", "sleep"]
            .into_iter()
            .map(move |name| (name, view.get(name)))
            .filter(|(_, handler)| handler.exists())
    }

    /// Seconds before the first time.
    pub fn initial_delay_seconds(&self) -> i64 {
        self.number("initialDelaySeconds", 0)
    }

    /// Seconds from one time to the next.
    pub fn period_seconds(&self) -> i64 {
        self.number("periodSeconds", 10)
    }

    /// Seconds after which an answer is late.
    pub fn timeout_seconds(&self) -> i64 {
        self.number("timeoutSeconds", 1)
    }

    /// Failures in a row that count.
    pub fn failure_threshold(&self) -> i64 {
        self.number("failureThreshold", 3)
    }

    /// Successes in a row that count.
    pub fn success_threshold(&self) -> i64 {
        self.number("successThreshold", 1)
    }

    /// Seconds until a failure is noticed.
    pub fn detection_seconds(&self) -> i64 {
        self.period_seconds().saturating_mul(self.failure_threshold())
    }

    /// A number, with Kubernetes' default, which also stands for 0.
    fn number(&self, field: &str, default: i64) -> i64 {
        self.0.get(field).as_i64().filter(|number| *number != 0).unwrap_or(default)
    }
}

impl<'d> Deref for Probe<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

/// The probes of the subject's containers, with the container and the field of each.
pub fn probes<'d, P: Uses<Probes>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = (Container<'d>, &'static str, Probe<'d>)> {
    input
        .workload()
        .containers()
        .flat_map(|container| container.probes().map(move |(field, probe)| (container.clone(), field, probe)))
}

/// A fix that adds a probe which asks a conventional endpoint: safe where the subject says that it has one.
pub fn added<P: Uses<ConventionalProbes>>(
    input: &Input<'_, P>,
    title: &str,
    place: &View<'_>,
    probe: impl ToJson,
) -> Fix {
    let label = uses::read::<ConventionalProbesLabel, P>(input);
    let is_conventional = input.workload().label(&label).is_some_and(|value| value != "false");
    let fix = if is_conventional { Fix::safe(title) } else { Fix::unsafe_(title) };
    fix.set(place, probe)
}

/// An HTTP probe of the container's port named `http`, where it has one.
pub fn http_probe(container: &Container<'_>, path: &str, period_seconds: i64) -> Option<Raw> {
    port_named(container, "http")?;
    Some(object! {
        "httpGet": object! { "path": path, "port": "http" },
        "initialDelaySeconds": 5,
        "periodSeconds": period_seconds,
    })
}

/// A gRPC probe of the container's port named `grpc`, where it has one.
pub fn grpc_probe(container: &Container<'_>, period_seconds: i64) -> Option<Raw> {
    let number = port_named(container, "grpc")?.get("containerPort").as_i64()?;
    Some(object! {
        "grpc": object! { "port": number },
        "initialDelaySeconds": 5,
        "periodSeconds": period_seconds,
    })
}

fn port_named<'d>(container: &Container<'d>, name: &str) -> Option<View<'d>> {
    container.get("ports").items().find(|port| port.get("name").as_str() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::kubernetes::workload::Workload;
    use crate::testing::look;

    #[test]
    fn timing_has_the_defaults_of_kubernetes() {
        let document = r#"{"pod":{"spec":{"containers":[{"name":"cart",
            "livenessProbe":{"periodSeconds":5,"failureThreshold":0},
            "readinessProbe":{"failureThreshold":2,"timeoutSeconds":3}}]}}}"#;
        look("shop", document, &[], &[], |input| {
            let probes: Vec<_> = probes(input).collect();
            let seen = probes.iter().map(|(container, field, probe)| {
                (container.name(), *field, probe.detection_seconds(), probe.timeout_seconds())
            });
            let expected = [("cart", "livenessProbe", 15, 1), ("cart", "readinessProbe", 20, 3)];
            assert_eq!(seen.collect::<Vec<_>>(), expected);
            let probe = &probes[0].2;
            assert_eq!((probe.initial_delay_seconds(), probe.success_threshold()), (0, 1));
        });
    }

    #[test]
    fn probes_follow_the_names_of_ports() {
        let ports = r#"[{"name":"grpc","containerPort":50052},{"name":"http","containerPort":8080}]"#;
        let text = format!(r#"{{"pod":{{"spec":{{"containers":[{{"ports":{ports}}},{{"name":"bare"}}]}}}}}}"#);
        let json = Json::parse(&text).unwrap();
        let containers: Vec<Container<'_>> = Workload::new("Pod", &json.root()).containers().collect();
        let http = r#"{"httpGet":{"path":"/readyz","port":"http"},"initialDelaySeconds":5,"periodSeconds":9}"#;
        let grpc = r#"{"grpc":{"port":50052},"initialDelaySeconds":5,"periodSeconds":9}"#;
        assert_eq!(http_probe(&containers[0], "/readyz", 9).map(|probe| probe.0).as_deref(), Some(http));
        assert_eq!(grpc_probe(&containers[0], 9).map(|probe| probe.0).as_deref(), Some(grpc));
        assert!(http_probe(&containers[1], "/readyz", 9).is_none() && grpc_probe(&containers[1], 9).is_none());
    }
}
