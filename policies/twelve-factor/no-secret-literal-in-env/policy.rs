use policy_sdk::kubernetes::secret_reference::{self, ReferredSecrets};
use policy_sdk::parameter;
use policy_sdk::prelude::*;
use policy_sdk::values::credential::{self, name};
use policy_sdk::values::secret;

policy_sdk::rule! {
    /// Environment variables hold no literal secrets
    ///
    /// No `env[].value` of a container of any class is a literal secret: by its form (an AWS access
    /// key id, a private key, a JSON web token, a token of GitHub, Stripe and the like),
    /// or because the variable's name ends with a word that says so (`DB_PASSWORD`, not `TOKEN_ISSUER` or `TOKENIZER`).
    ///
    /// By name alone, placeholders (`$(NAME)`, `<password>`, `CHANGE_ME`), paths, hosts and addresses, booleans, UUIDs,
    /// durations, code, texts for people, and names of Secrets (those that the pod refers to, and words such as
    /// `web-tls`) pass; so do words without a digit under the name of a token or key, which are generated, and an
    /// access key beside its secret half (`MINIO_ACCESS_KEY`, `MINIO_SECRET_KEY`), which is the name of a user. A value
    /// that several containers have is reported once. Messages never show it.
    ///
    /// ## Why
    /// A manifest is read by everybody who can see the repository or list pods, and stays in the
    /// history for ever. The secret must be rotated, not only moved.
    ///
    /// ## Fix
    /// Rotate the secret, keep the new one in a secret store, and use `valueFrom.secretKeyRef` or a
    /// mounted file.
    findings: {
        /// A credential by its form
        Credential: Critical, Certain;
        /// A literal under a name that says that it is a secret
        Name: High, Likely;
        /// A well-known password or the name of its user, under such a name
        Weak: Low, Guess;
        /// A long random word
        Random: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["KL:env-var-secret", "PO:sensitiveContainerEnvVar", "KC:C-0012"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ReferredSecrets],
    reads: ["container.env[*].name", "container.env[*].value"],
    parameters: {
        /// Endings of a variable's name, in lower case, that say that it is a secret.
        secret_names: Vec<String> = secret::default_names(),
        /// Report long random words under other names too.
        random: bool = false,
        /// Bits per character from which a long word counts as random.
        min_entropy: parameter::Decimal = parameter::Decimal { milli: 4000 },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let secrets = secret_reference::names(input);
    let containers: Vec<Container<'_>> = workload.containers().collect();
    let variables = || {
        containers.iter().flat_map(|container| container.get("env").items().map(move |variable| (container, variable)))
    };
    let mut told: Vec<(&str, &str)> = Vec::new();
    for (container, variable) in variables() {
        let (name, value) = (variable.get("name").text(), variable.get("value"));
        let Some(text) = value.scalar_text().filter(|text| !text.is_empty()) else { continue };
        let Some((code, what)) = fault(&input.parameters, container, name, text, &secrets) else { continue };
        if told.contains(&(name, text)) {
            continue;
        }
        told.push((name, text));
        let message = format!("`{name}` of {} holds {what}, expected a reference to a Secret", container.described());
        let report = findings.report(code, &value, message).secret();
        let same = variables().map(|(_, other)| other).filter(|other| {
            let other_value = other.get("value");
            other.get("name").text() == name
                && other_value.scalar_text() == Some(text)
                && other_value.pointer() != value.pointer()
        });
        same.fold(report, |report, other| report.label(&other.get("value"), "the same here"));
    }
    Ok(())
}

fn fault(
    parameters: &Parameters,
    container: &Container<'_>,
    name: &str,
    value: &str,
    secrets: &[&str],
) -> Option<(Code, &'static str)> {
    if let Some(what) = credential::detect(value) {
        return Some((Code::Credential, what));
    }
    if secret::is_secret(&parameters.secret_names, name, value)
        && !secrets.contains(&value)
        && !is_half(container, name)
    {
        return Some(if is_user(container, value) {
            (Code::Weak, "the name of its user")
        } else if credential::is_sample(value) {
            (Code::Weak, "a well-known password")
        } else {
            (Code::Name, "a literal secret, as its name says")
        });
    }
    let is_random = parameters.random && credential::is_random(value, parameters.min_entropy) && !is_public(name);
    is_random.then_some((Code::Random, "a long random word, which looks like a secret"))
}

/// Whether another variable says that the value is the name of a user.
fn is_user(container: &Container<'_>, value: &str) -> bool {
    container.get("env").items().any(|variable| {
        let name = variable.get("name").text();
        let lower = name.to_ascii_lowercase();
        let is_name = lower.ends_with("user") || lower.ends_with("username") || is_half(container, name);
        is_name && variable.get("value").scalar_text() == Some(value)
    })
}

/// Whether the name is of an access key that has a secret half beside it, so that it only says whose that is:
/// `MINIO_ACCESS_KEY` and `MINIO_SECRET_KEY`.
fn is_half(container: &Container<'_>, name: &str) -> bool {
    let words = secret::snake_case(name);
    let Some(owner) = words.strip_suffix("access_key") else { return false };
    container.get("env").items().any(|variable| {
        let other = secret::snake_case(variable.get("name").text());
        other.strip_prefix(owner).is_some_and(|rest| matches!(rest, "secret_key" | "secret_access_key"))
    })
}

/// Names of values that are long and random but no secrets.
fn is_public(name: &str) -> bool {
    const PUBLIC: [&str; 9] =
        ["public", "pub", "cert", "certificate", "digest", "checksum", "hash", "sha", "fingerprint"];
    name::words(name).iter().any(|word| PUBLIC.contains(&word.as_str()))
}
