use policy_sdk::credential::{self, UrlWithPassword};
use policy_sdk::json::Kind;
use policy_sdk::parameter;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// URLs carry no passwords
    ///
    /// No text in a workload, ConfigMap, Compose file, GitHub workflow, Terraform module or Dockerfile
    /// holds a URL such as `postgres://user:password@host` of one of the schemes (also with TLS, as
    /// `rediss`, or a driver, as `postgresql+asyncpg`), unless the password is filled in elsewhere
    /// (`${NAME}`, `$(NAME)`, `{{ name }}`, `$NAME`, `<password>`, `****`). In a workflow, a URL of an allowed
    /// host or of one of the workflow's own `services` is only a remark.
    ///
    /// ## Why
    /// Connection URLs end up in logs, error messages and process lists, password and all, and a
    /// file in the repository is read by more people than the database is meant for.
    ///
    /// ## Fix
    /// Rotate the password, and put the URL together from parts of which the password comes from a
    /// Secret: `postgres://app:$(DB_PASSWORD)@db/shop`.
    severity: Critical,
    priority: P1,
    effort: Medium,
    factor: "III Config",
    aliases: ["KC:C-0012"],
    since: "0.1.0",
    applies_to: [
        "workload", "core/ConfigMap", "file/Compose", "file/GitHubWorkflow", "file/TerraformModule",
        "file/Dockerfile",
    ],
    reads: [
        // Workloads and ConfigMaps.
        "object.spec", "object.metadata.annotations", "data", "metadata.annotations",
        // Compose files and workflows.
        "services", "configs", "secrets", "volumes", "networks", "on", "env", "jobs",
        // Terraform modules.
        "blocks", "tfvars",
        // Dockerfiles.
        "args[*].default", "stages[*].image", "stages[*].instructions",
    ],
    parameters: {
        /// Hosts of test databases in workflows.
        allowed_hosts_in_ci: Vec<String> = parameter::list(["localhost", "127.0.0.1", "postgres", "redis"]),
        /// The schemes to look for.
        schemes: Vec<String> =
            parameter::list(["postgres", "postgresql", "mysql", "mongodb", "redis", "amqp", "http", "https"]),
    },
}

/// Texts that repeat what is judged where it stands.
const REPEATED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let read = READS.iter().flat_map(|path| input.document.select(path));
    let mut open: Vec<(&str, View<'_>)> = Vec::new();
    push(&mut open, read.map(|view| ("", view)));
    while let Some((key, view)) = open.pop() {
        match view.kind() {
            Some(Kind::String) => judge(input, &view, findings),
            Some(Kind::Array) => push(&mut open, view.items().map(|item| (key, item))),
            Some(Kind::Object) => {
                // Of an instruction of a Dockerfile, only what is not written elsewhere as well.
                let repeated: &[&str] = match view.get("instruction").exists() {
                    true if view.get("pairs").exists() || view.get("trigger").exists() => &["source", "command"],
                    true if view.get("exec").exists() => &["source", "command", "sources", "destination"],
                    true => &["source", "sources", "destination"],
                    false => &[REPEATED],
                };
                push(&mut open, view.entries().filter(|(key, _)| !repeated.contains(key)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first comes to lie on top, so that findings come in the document's order.
fn push<'d>(open: &mut Vec<(&'d str, View<'d>)>, children: impl Iterator<Item = (&'d str, View<'d>)>) {
    let start = open.len();
    open.extend(children);
    open[start..].reverse();
}

fn judge(input: &Input<'_, Parameters>, text: &View<'_>, findings: &mut Findings) {
    for url in credential::urls_with_password(text.text()) {
        if !url.has_scheme(&input.parameters.schemes) {
            continue;
        }
        let UrlWithPassword { scheme, host, line, .. } = url;
        let message = format!("a `{scheme}` URL of host `{host}` holds a password, expected it from a secret");
        let report = findings.report(text, message).excerpt(line).secret();
        if is_of_test(input, host) {
            report.code("test-database").severity(Severity::Info);
        }
    }
}

/// Whether the host is a service that a workflow starts for its tests.
fn is_of_test(input: &Input<'_, Parameters>, host: &str) -> bool {
    let mut jobs = input.document.get("jobs").entries();
    input.subject.kind == "GitHubWorkflow"
        && (input.parameters.allowed_hosts_in_ci.iter().any(|allowed| allowed == host)
            || jobs.any(|(_, job)| job.get("services").get(host).exists()))
}
