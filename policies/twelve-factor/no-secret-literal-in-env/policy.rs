use policy_sdk::prelude::*;
use policy_sdk::{credential, parameter};

policy_sdk::rule! {
    /// Environment variables hold no literal secrets
    ///
    /// No `env[].value` of a container of any class is a literal secret: by its form (an AWS access
    /// key id, a private key, a JSON web token, a GitHub, GitLab or Slack token, a long random word),
    /// or because the variable's name says so (`DB_PASSWORD`).
    ///
    /// By name alone, placeholders (`$(NAME)`, `<password>`, `CHANGE_ME`), paths and addresses, booleans, and
    /// names with an allowed ending (`_FILE`) pass; so do numbers and durations, unless the name ends
    /// on the telling word (`TOKEN_TTL` passes, `DB_PASSWORD` does not). Messages never show the value.
    ///
    /// ## Why
    /// A manifest is read by everybody who can see the repository or list pods, and stays in the
    /// history for ever. The secret must be rotated, not only moved.
    ///
    /// ## Fix
    /// Rotate the secret, keep the new one in a secret store, and use `valueFrom.secretKeyRef` or a
    /// mounted file.
    severity: Critical,
    priority: P1,
    effort: Medium,
    factor: "III Config",
    aliases: ["KL:env-var-secret", "PO:sensitiveContainerEnvVar", "KC:C-0012"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["container.env[*].name", "container.env[*].value"],
    parameters: {
        /// Parts of a variable's name, in lower case, that say that it is a secret.
        secret_names: Vec<String> = parameter::list([
            "password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "privatekey", "credential",
        ]),
        /// Endings of a variable's name that say that the value only leads to the secret.
        allow_suffix: Vec<String> = parameter::list(["_FILE", "_PATH", "_NAME", "_ARN", "_URL"]),
        /// Bits per character from which a long word counts as random.
        min_entropy: parameter::Decimal = parameter::Decimal { milli: 4000 },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        for variable in container.get("env").items() {
            let (name, value) = (variable.get("name").text(), variable.get("value"));
            let Some(text) = value.scalar_text().filter(|text| !text.is_empty()) else { continue };
            let (code, what) = if let Some(what) = credential::detect(text) {
                ("credential", what)
            } else if is_secret(&input.parameters, name, text) {
                ("name", "a literal secret, as its name says")
            } else if credential::is_random(text, input.parameters.min_entropy) && !is_public(name) {
                ("random", "a long random word, which looks like a secret")
            } else {
                continue;
            };
            let message =
                format!("`{name}` of {} holds {what}, expected a reference to a Secret", container.described());
            findings.report(&value, message).code(code).secret();
        }
    }
    Ok(())
}

/// Whether the name says that the value is a secret, and the value may be one.
fn is_secret(parameters: &Parameters, name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_telling = parameters.secret_names.iter().any(|word| lower.contains(word.as_str()));
    let is_at_the_end = parameters.secret_names.iter().any(|word| lower.ends_with(word.as_str()));
    let upper = name.to_ascii_uppercase();
    is_telling
        && !parameters.allow_suffix.iter().any(|suffix| upper.ends_with(suffix.as_str()))
        && !credential::is_placeholder(value)
        && !is_boolean(value)
        && !leads_elsewhere(value)
        && (is_at_the_end || !is_amount(value))
}

fn is_boolean(value: &str) -> bool {
    matches!(&*value.to_ascii_lowercase(), "true" | "false" | "yes" | "no" | "on" | "off" | "enabled" | "disabled")
}

/// Paths, addresses and references into a secret store.
fn leads_elsewhere(value: &str) -> bool {
    ["/", "./", "../", "~/", "arn:", "vault:"].iter().any(|start| value.starts_with(start))
        || value.contains("://") && credential::urls_with_password(value).is_empty()
}

/// A number, perhaps with a unit.
fn is_amount(value: &str) -> bool {
    let unit = value.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
    unit.len() < value.len() && unit.len() <= 2
}

/// Names of values that are long and random but no secrets.
fn is_public(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["public", "cert", "digest", "checksum", "hash"].iter().any(|word| lower.contains(word))
}
