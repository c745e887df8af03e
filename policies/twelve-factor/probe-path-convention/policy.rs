use policy_sdk::kubernetes::probe::{self, Probes};
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;
use policy_sdk::values::{credential, secret};

policy_sdk::rule! {
    /// Probes ask the health endpoints that the platform agreed on
    ///
    /// Where `liveness_paths` is set, the `path` of each liveness probe by HTTP matches one of its globs, and where
    /// `readiness_paths` is set, so does that of each readiness probe. A startup probe may ask either. What stands behind
    /// a `?` does not matter, and a path without a slash in front has one, as the kubelet adds it.
    ///
    /// Whatever is set, no probe carries a credential: in its path, in a parameter such as `?token=…`, or in an
    /// `Authorization` header.
    ///
    /// ## Why
    /// Where all services answer on the same paths, dashboards, load balancers and people on call know where to
    /// look. A credential in a probe can be read by everybody who may list pods, and stands in access logs.
    ///
    /// ## Fix
    /// Serve liveness on `/healthz` and readiness on `/readyz`, and let both answer without authentication.
    ///
    /// ```yaml
    /// livenessProbe:
    ///   httpGet: {path: /healthz, port: http}
    /// readinessProbe:
    ///   httpGet: {path: /readyz, port: http}
    /// ```
    findings: {
        /// A probe asks another path than those agreed on
        Path: Low, Certain;
        /// A probe carries a credential
        Credential: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Probes],
    parameters: {
        /// Globs of the paths that liveness probes may ask; empty for any.
        liveness_paths: Vec<String> = Vec::new(),
        /// Globs of the paths that readiness probes may ask; empty for any.
        readiness_paths: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { liveness_paths, readiness_paths } = &input.parameters;
    let names = secret::default_names();
    for (container, field, probe) in probe::probes(input) {
        let request = probe.get("httpGet");
        let path = request.get("path");
        let subject = format!("the `{field}` of {}", container.described());
        judge_credentials(&names, &subject, &request, findings);
        let expected: Vec<&str> = match field {
            "livenessProbe" => liveness_paths.iter().map(String::as_str).collect(),
            "readinessProbe" => readiness_paths.iter().map(String::as_str).collect(),
            _ if liveness_paths.is_empty() || readiness_paths.is_empty() => Vec::new(),
            _ => liveness_paths.iter().chain(readiness_paths).map(String::as_str).collect(),
        };
        if expected.is_empty() || !request.exists() || !request.get("host").text().is_empty() {
            continue;
        }
        let asked = ["/", path.text().split('?').next().unwrap_or_default().trim_start_matches('/')].concat();
        if !expected.iter().any(|glob| glob_match(glob, &asked)) {
            let message = format!("{subject} asks `{asked}`, expected one of `{}`", expected.join("`, `"));
            findings.report(Code::Path, &path, message);
        }
    }
    if findings.is_empty() && liveness_paths.is_empty() && readiness_paths.is_empty() {
        return not_applicable("no paths are agreed on: `liveness_paths` and `readiness_paths` are not set");
    }
    Ok(())
}

fn judge_credentials(names: &[String], subject: &str, request: &View<'_>, findings: &mut Findings) {
    let path = request.get("path");
    let (_, query) = path.text().split_once('?').unwrap_or_default();
    let parameters = query.split('&').filter_map(|parameter| parameter.split_once('='));
    let mut secrets = parameters.filter(|(name, value)| secret::is_secret_setting(names, name, value));
    if credential::detect(path.text()).is_some() || secrets.next().is_some() {
        let message = format!("{subject} has a credential in its path, expected an endpoint that asks for none");
        findings.report(Code::Credential, &path, message).secret();
    }
    for header in request.get("httpHeaders").items() {
        let (name, value) = (header.get("name").text(), header.get("value"));
        let is_authorization = name.eq_ignore_ascii_case("authorization") && secret::may_be_secret(value.text());
        if is_authorization
            || credential::detect(value.text()).is_some()
            || secret::is_secret_setting(names, name, value.text())
        {
            let message =
                format!("{subject} has a credential in its header `{name}`, expected an endpoint that asks for none");
            findings.report(Code::Credential, &value, message).secret();
        }
    }
}
