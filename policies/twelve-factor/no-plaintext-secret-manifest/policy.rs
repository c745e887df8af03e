use policy_sdk::json::{Json, Kind};
use policy_sdk::kubernetes::file::{self, OwnFile};
use policy_sdk::parameter;
use policy_sdk::prelude::*;
use policy_sdk::values::{base64, credential, pair, secret};

policy_sdk::rule! {
    /// Secrets are not committed in clear
    ///
    /// No value of a Secret in a file is a literal credential: by its form (a private key, an AWS access key id, a token
    /// of GitHub, Stripe and the like, a URL with a password), or under a key that ends with a word that says so
    /// (`password`, `api-key`). `data` is decoded first: base64 hides nothing. In `.dockerconfigjson` it is the password.
    ///
    /// References pass (`${PASSWORD}`, `<path:…>`, `op://…`, `vault:…`, ARNs), and so do values that SOPS encrypted, empty
    /// ones, certificates, names of users and addresses. Secrets that Kubernetes and Helm write themselves are not
    /// checked, nor are those that a request brings to the API server, since that is where Secrets belong. Where an
    /// object comes from the cluster, or Helm rendered it, it is not known what stands in a file.
    ///
    /// Messages never show a value.
    ///
    /// ## Why
    /// Whoever can read the repository, or any old copy of it, has the credential. The history keeps it for ever, so
    /// it must be rotated, not only removed.
    ///
    /// ## Fix
    /// Rotate the credential. Then keep it in a secret store and commit a reference (External Secrets), or commit it
    /// encrypted (SealedSecret, SOPS):
    ///
    /// ```yaml
    /// apiVersion: external-secrets.io/v1
    /// kind: ExternalSecret
    /// metadata: {name: cart-db}
    /// spec:
    ///   secretStoreRef: {kind: ClusterSecretStore, name: aws}
    ///   target: {name: cart-db}
    ///   data:
    ///     - secretKey: password
    ///       remoteRef: {key: shop/cart-db, property: password}
    /// ```
    findings: {
        /// A credential stands in a file
        Plain: High, Likely;
        /// A password that stands in every tutorial, a placeholder, or a file of tests or examples
        Sample: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["KY:disallow-all-secrets", "KC:C-0208"],
    since: "0.1.0",
    applies_to: ["core/Secret"],
    uses: [OwnFile],
    reads: [
        "type", "data", "stringData", "sops.mac", "metadata.uid", "metadata.labels", "metadata.annotations",
    ],
    reads_user: true,
    parameters: {
        /// Endings of a key, in lower case, that say that its value is a secret.
        secret_names: Vec<String> = secret::default_names(),
        /// Types of Secrets that may stand in files.
        allow_types: Vec<String> = parameter::list([]),
    },
}

/// Types that Kubernetes, Helm and kubeadm write themselves.
const WRITTEN: [&str; 3] =
    ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let Parameters { secret_names, allow_types } = &input.parameters;
    let kind = document.get("type").text();
    if input.user.is_some() {
        return not_applicable("a request brings it to the API server");
    }
    if WRITTEN.contains(&kind) || allow_types.iter().any(|allowed| allowed == kind) {
        return not_applicable(format!("Secrets of type `{kind}` are not checked"));
    }
    let mut found: Vec<(Code, &'static str, View<'_>)> = Vec::new();
    for (key, value) in document.get("stringData").entries() {
        found.extend(judge(secret_names, key, value.text()).map(|(code, what)| (code, what, value)));
    }
    for (key, value) in document.get("data").entries() {
        // What is no base64 is filled in before it is sent.
        let Some(text) = base64::decode_text(value.text()) else { continue };
        found.extend(judge(secret_names, key, &text).map(|(code, what)| (code, what, value)));
    }
    if file::is_sample(input) {
        found.iter_mut().for_each(|(code, _, _)| *code = Code::Sample);
    }
    found.sort_by_key(|(code, _, _)| *code == Code::Sample);
    let Some(((code, what, value), others)) = found.split_first() else { return Ok(()) };
    if document.at("metadata.uid").exists() {
        return not_evaluated("it comes from a cluster, and what stands in a file is not known");
    }
    if document.at("metadata.labels").get("app.kubernetes.io/managed-by").text() == "Helm" {
        return not_evaluated("Helm rendered it, and what stands in a file is not known");
    }
    let sops = if document.get("sops").exists() { ", though SOPS encrypted other parts of it" } else { "" };
    let message = format!("the Secret holds {what} in clear{sops}; base64 hides nothing");
    let report = findings.report(*code, value, message).secret();
    others.iter().fold(report, |report, (_, what, value)| report.label(value, *what));
    Ok(())
}

/// What a decoded value holds.
fn judge(names: &[String], key: &str, text: &str) -> Option<(Code, &'static str)> {
    let text = text.trim();
    if text.starts_with("ENC[") {
        return None;
    }
    if let Some(what) = credential::detect(text) {
        return Some((Code::Plain, what));
    }
    if let Some(url) = credential::urls_with_password(text).first() {
        let is_weak = credential::is_sample(url.password) || url.password == url.user;
        return Some((if is_weak { Code::Sample } else { Code::Plain }, "a URL with a password"));
    }
    if key.starts_with(".docker") {
        return holds_registry_password(text).then_some((Code::Plain, "the password of a registry"));
    }
    if pair::holds_pairs(key) {
        let mut pairs = pair::pairs(text);
        return pairs.find_map(|pair| named(names, pair.name, pair.value));
    }
    named(names, key, text)
}

/// What a value is by the name that it has.
fn named(names: &[String], name: &str, value: &str) -> Option<(Code, &'static str)> {
    let is_sample = credential::is_sample(value) || !value.is_empty() && credential::is_placeholder(value);
    // A placeholder is reported as one, so the name is checked with another value.
    let value_of_name = if is_sample { "hunter2" } else { value };
    if value.contains('\n') || credential::is_interpolation(value) || !secret::is_secret(names, name, value_of_name) {
        return None;
    }
    Some(match is_sample {
        true => (Code::Sample, "a password of tutorials, or a placeholder,"),
        false => (Code::Plain, "a literal credential"),
    })
}

/// Whether the configuration of a container client has a password or a token for some registry.
fn holds_registry_password(text: &str) -> bool {
    let Ok(json) = Json::parse(text) else { return false };
    let mut open = vec![json.root()];
    while let Some(view) = open.pop() {
        if view.kind() != Some(Kind::Object) {
            continue;
        }
        let is_secret = |key: &&str| {
            let value = view.get(key).text();
            !credential::is_placeholder(value) && !credential::is_sample(value)
        };
        if ["auth", "password", "identitytoken"].iter().any(is_secret) {
            return true;
        }
        open.extend(view.entries().map(|(_, child)| child));
    }
    false
}
