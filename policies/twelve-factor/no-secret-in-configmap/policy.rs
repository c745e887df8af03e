use policy_sdk::json::Kind;
use policy_sdk::language::unread;
use policy_sdk::prelude::*;
use policy_sdk::values::{base64, credential, pair, secret};

policy_sdk::rule! {
    /// ConfigMaps hold no secrets
    ///
    /// No value of `data` or `binaryData` is a secret by its form (a private key, an AWS access key id, a JSON web
    /// token, a token of GitHub, Stripe and the like), and none is a literal under a key that ends with a word that
    /// says so: `DB_PASSWORD`, and in files of YAML or JSON, properties, INI, TOML and environment files
    /// `smtp.password`. Scripts, templates, pages and programs are searched for exact forms alone.
    ///
    /// Keys that only lead to a secret pass (`token-file`, `secret-name`, `password_policy`), as do values that are
    /// filled in elsewhere (`${PASSWORD}`), placeholders, paths, addresses, booleans, numbers and durations. Passwords
    /// in URLs are reported by `no-credentials-in-url`. Messages never show a value.
    ///
    /// ## Why
    /// ConfigMaps can be read by nearly everybody who may look at a namespace, are not encrypted at rest, and stand in
    /// the repository's history for ever. The secret must be rotated, not only moved.
    ///
    /// ## Fix
    /// Rotate the secret, and keep the new one in a secret store. Let the application read it from its environment or a
    /// mounted file, and leave a reference in the configuration:
    ///
    /// ```yaml
    /// smtp:
    ///   host: smtp.example.com
    ///   password_file: /run/secrets/smtp/password
    /// ```
    findings: {
        /// A credential by its form
        Credential: Critical, Certain;
        /// A literal under a key that says that it is a secret
        Key: High, Likely;
        /// A password that stands in every tutorial, under such a key
        Weak: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["PO:sensitiveConfigmapContent", "KC:C-0012", "TR:KSV-0109", "TR:KSV-01010"],
    since: "0.1.0",
    applies_to: ["core/ConfigMap"],
    reads: ["data", "data.*:yaml", "binaryData"],
    parameters: {
        /// Endings of a key, in lower case, that say that its value is a secret.
        secret_names: Vec<String> = secret::default_names(),
    },
}

/// Endings of files in which names and values are something else.
const SOURCES: [&str; 21] = [
    ".sh", ".bash", ".py", ".js", ".ts", ".rb", ".lua", ".go", ".pl", ".php", ".sql", ".html", ".css", ".md", ".txt",
    ".tpl", ".tmpl", ".gotmpl", ".ps1", ".groovy", ".xml",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (data, names) = (input.document.get("data"), &input.parameters.secret_names);
    let mut not_read = None;
    for (key, value) in data.entries() {
        let text = value.text();
        if let Some((what, line)) = credential::detect_line(text) {
            let message = format!("`{key}` holds {what}, expected a reference to a Secret");
            findings.report(Code::Credential, &value, message).excerpt(line).secret();
        }
        let tree = data.get(&[key, ":yaml"].concat());
        let documents: Vec<View<'_>> = tree.get("documents").items().filter(|it| !it.is_empty()).collect();
        // What a template makes of itself is not known.
        if text.contains("{{") || SOURCES.iter().any(|ending| key.ends_with(ending)) {
            continue;
        }
        if pair::holds_pairs(key) {
            for pair in pair::pairs(text) {
                judge(names, (key, pair.name), pair.value, findings, |findings, code, message| {
                    findings.report(code, &value, message).excerpt(pair.line).secret();
                });
            }
        } else if !documents.is_empty() {
            documents.iter().for_each(|document| walk(names, key, document, findings));
        } else if !text.contains('\n') {
            judge(names, (key, key), text, findings, |findings, code, message| {
                findings.report(code, &value, message).secret();
            });
        }
        let is_data = [".yaml", ".yml", ".json"].iter().any(|ending| key.ends_with(ending));
        if let Some(reason) = unread(&tree).filter(|_| is_data) {
            not_read = Some(format!("`{key}` cannot be read: {reason}"));
        }
    }
    for (key, value) in input.document.get("binaryData").entries() {
        if let Some(what) = base64::decode_text(value.text()).as_deref().and_then(credential::detect) {
            let message = format!("`{key}` holds {what}, expected a reference to a Secret");
            findings.report(Code::Credential, &value, message).secret();
        }
    }
    match not_read.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// Checks a value by its name. Of `file`, where it stands in one.
fn judge(
    names: &[String],
    (file, name): (&str, &str),
    value: &str,
    findings: &mut Findings,
    report: impl FnOnce(&mut Findings, Code, String),
) {
    let is_url = !credential::urls_with_password(value).is_empty();
    if is_url || credential::detect(value).is_some() || !secret::is_secret_setting(names, name, value) {
        return;
    }
    let (code, what) = match credential::is_sample(value) {
        true => (Code::Weak, "a password of tutorials"),
        false => (Code::Key, "a literal secret"),
    };
    let of_file = if file == name { String::new() } else { format!(" of `{file}`") };
    report(
        findings,
        code,
        format!("`{name}`{of_file} holds {what}, as its name says, expected a reference to a Secret"),
    );
}

/// Checks all texts of a document in a file, by the keys that they stand under.
fn walk(names: &[String], file: &str, document: &View<'_>, findings: &mut Findings) {
    // A schema describes passwords, but holds no real ones.
    if document.get("kind").text() == "CustomResourceDefinition" {
        return;
    }
    let mut open: Vec<(&str, View<'_>)> = vec![("", document.clone())];
    while let Some((key, view)) = open.pop() {
        let start = open.len();
        match view.kind() {
            Some(Kind::Object) => open.extend(view.entries()),
            Some(Kind::Array) => open.extend(view.items().map(|item| (key, item))),
            _ => {
                let value = view.scalar_text().unwrap_or_default();
                judge(names, (file, key), value, findings, |findings, code, message| {
                    findings.report(code, &view, message).secret();
                });
            }
        }
        // The first comes to lie on top, so that findings come in the document's order.
        open[start..].reverse();
    }
}
