use policy_sdk::json::Kind;
use policy_sdk::parameter;
use policy_sdk::prelude::*;
use policy_sdk::values::credential::{self, UrlWithPassword};

policy_sdk::rule! {
    /// URLs carry no passwords
    ///
    /// No text in a workload, ConfigMap, Compose file, GitHub workflow, Dockerfile, Terraform module or file of
    /// variables holds a URL such as `postgres://user:password@host`, unless the password is filled in elsewhere
    /// (`${NAME}`, `$(NAME)`, `{{ name }}`, `$NAME`, `<password>`, `****`). In a workflow, and in a Compose file for
    /// tests, a URL of an allowed host or of one of the file's own `services` is only a remark. It is milder where
    /// the password is the user's name or a well-known one (`postgres`, `changeme`), or the host is the machine
    /// itself, an example or a service of the same Compose file.
    ///
    /// ## Why
    /// Connection URLs end up in logs, error messages and process lists, password and all, and a
    /// file in the repository is read by more people than the database is meant for.
    ///
    /// ## Fix
    /// Rotate the password, and put the URL together from parts of which the password comes from a
    /// Secret: `postgres://app:$(DB_PASSWORD)@db/shop`.
    findings: {
        /// The user or the password is a token by its form
        Token: Critical, Certain, covers: ["no-secret-literal-in-env"];
        /// A URL holds a password
        Password: High, Likely, covers: ["no-secret-literal-in-env"];
        /// A well-known password, or one of a host that is only there for a test
        Weak: Low, Guess, covers: ["no-secret-literal-in-env"];
        /// The password of a database that a workflow or a Compose file for tests starts itself
        TestDatabase: Info, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["KC:C-0012"],
    since: "0.1.0",
    applies_to: [
        "workload", "core/ConfigMap", "file/Compose", "file/GitHubWorkflow", "file/TerraformModule",
        "file/TerraformVariables", "file/Dockerfile",
    ],
    reads: [
        // Workloads and ConfigMaps.
        "object.spec", "object.metadata.annotations", "data", "metadata.annotations",
        // Compose files and workflows.
        "services", "configs", "secrets", "volumes", "networks", "on", "env", "jobs",
        // Terraform modules and files of variables.
        "blocks", "tfvars", "values",
        // Dockerfiles.
        "args[*].default", "stages[*].image", "stages[*].instructions",
    ],
    parameters: {
        /// Hosts of test databases in workflows.
        allowed_hosts_in_ci: Vec<String> = parameter::list(["localhost", "127.0.0.1", "postgres", "redis"]),
        /// The schemes to look for, also with TLS (`rediss`) or a driver (`postgresql+asyncpg`); empty for all.
        schemes: Vec<String> = Vec::new(),
    },
}

/// What is written in a Terraform module; its `data` and the like show the same in effect.
const OF_MODULES: [&str; 2] = ["blocks", "tfvars"];

/// Texts that repeat what is checked where it stands.
const REPEATED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_module = input.subject.kind == "TerraformModule";
    let reads = READS.iter().filter(|path| !is_module || OF_MODULES.contains(path));
    let read = reads.flat_map(|path| input.document.select(path));
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

/// Schemes in which an `@` is part of an address.
const ADDRESSES: [&str; 3] = ["mailto", "sip", "sips"];

fn judge(input: &Input<'_, Parameters>, text: &View<'_>, findings: &mut Findings) {
    for url in credential::urls_with_password(text.text()) {
        let schemes = &input.parameters.schemes;
        let is_address = ADDRESSES.iter().any(|scheme| scheme.eq_ignore_ascii_case(url.scheme));
        if is_address || !schemes.is_empty() && !url.has_scheme(schemes) {
            continue;
        }
        let UrlWithPassword { scheme, user, password, host, line } = url;
        let (code, what) = if let Some(what) = credential::detect(user).or_else(|| credential::detect(password)) {
            (Code::Token, what)
        } else if is_of_test(input, host) {
            (Code::TestDatabase, "a password")
        } else if password == user || credential::is_sample(password) || is_nearby(input, host) {
            (Code::Weak, "a password, perhaps a harmless one")
        } else {
            (Code::Password, "a password")
        };
        let of_host = if host.is_empty() { String::new() } else { format!(" of host `{host}`") };
        let message = format!("a `{scheme}` URL{of_host} holds {what}, expected it from a secret");
        findings.report(code, text, message).excerpt(line).secret();
    }
}

/// Whether the host is a service that a workflow or a Compose file starts for its tests.
fn is_of_test(input: &Input<'_, Parameters>, host: &str) -> bool {
    let is_allowed = || input.parameters.allowed_hosts_in_ci.iter().any(|allowed| allowed == host);
    let file = input.subject.name.rsplit('/').next().unwrap_or_default();
    let mut jobs = input.document.get("jobs").entries();
    match input.subject.kind.as_str() {
        "GitHubWorkflow" => is_allowed() || jobs.any(|(_, job)| job.get("services").get(host).exists()),
        "Compose" => {
            let is_for_tests = file.split(['.', '-', '_']).any(|part| matches!(part, "test" | "tests" | "override"));
            is_for_tests && (is_allowed() || input.document.get("services").get(host).exists())
        }
        _ => false,
    }
}

/// Whether the host is the machine itself, an example, or a service of the same Compose file.
fn is_nearby(input: &Input<'_, Parameters>, host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "host.docker.internal")
        || host == "example"
        || host.starts_with("example.")
        || input.subject.kind == "Compose" && input.document.get("services").get(host).exists()
}
