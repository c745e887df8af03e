use policy_sdk::parameter;
use policy_sdk::prelude::*;
use policy_sdk::values::credential;

policy_sdk::rule! {
    /// Environment variables hold no literal secrets
    ///
    /// No `env[].value` of a container of any class is a literal secret: by its form (an AWS access
    /// key id, a private key, a JSON web token, a token of GitHub, Stripe and the like),
    /// or because the variable's name ends with a word that says so (`DB_PASSWORD`, not `TOKEN_ISSUER`).
    ///
    /// By name alone, placeholders (`$(NAME)`, `<password>`, `CHANGE_ME`), paths, hosts and addresses, booleans and
    /// names of Secrets (those that the pod refers to, and words such as `web-tls`) pass, and so does an access key
    /// beside its secret half (`MINIO_ACCESS_KEY`, `MINIO_SECRET_KEY`), which is the name of a user. A value that
    /// several containers have is told once. Messages never show it.
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
    reads: [
        "container.env[*].name", "container.env[*].value", "container.env[*].valueFrom.secretKeyRef.name",
        "container.envFrom[*].secretRef.name", "pod.spec.volumes[*].secret.secretName",
        "pod.spec.imagePullSecrets[*].name",
    ],
    parameters: {
        /// Endings of a variable's name, in lower case, that say that it is a secret.
        secret_names: Vec<String> = parameter::list([
            "password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "secret_key", "private_key",
            "privatekey", "credential", "credentials",
        ]),
        /// Report long random words under other names too.
        random: bool = false,
        /// Bits per character from which a long word counts as random.
        min_entropy: parameter::Decimal = parameter::Decimal { milli: 4000 },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let secrets = referred(&workload);
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
    if is_secret(parameters, name, value) && !secrets.contains(&value) && !is_half(container, name) {
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

/// The names of the Secrets that the pod refers to.
fn referred<'d>(workload: &Workload<'d>) -> Vec<&'d str> {
    let spec = workload.spec();
    let volumes = spec.get("volumes").items().map(|volume| volume.at("secret.secretName"));
    let pulls = spec.get("imagePullSecrets").items().map(|secret| secret.get("name"));
    let of_containers = workload.containers().flat_map(|container| {
        let variables = container.get("env").items().map(|variable| variable.at("valueFrom.secretKeyRef.name"));
        variables.chain(container.get("envFrom").items().map(|source| source.at("secretRef.name")))
    });
    volumes.chain(pulls).chain(of_containers).map(|name| name.text()).filter(|name| !name.is_empty()).collect()
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
    let words = snake_case(name);
    let Some(owner) = words.strip_suffix("access_key") else { return false };
    container.get("env").items().any(|variable| {
        let other = snake_case(variable.get("name").text());
        other.strip_prefix(owner).is_some_and(|rest| matches!(rest, "secret_key" | "secret_access_key"))
    })
}

/// Whether the name says that the value is a secret, and the value may be one.
fn is_secret(parameters: &Parameters, name: &str, value: &str) -> bool {
    let words = snake_case(name);
    parameters.secret_names.iter().any(|word| words.ends_with(word.as_str()))
        && !credential::is_placeholder(value)
        && !is_boolean(value)
        && !leads_elsewhere(value)
        && !is_host(value)
        && !names_object(value)
}

/// A name in lower case with `_` between its words: `dbPassword` and `db-password` are `db_password`.
fn snake_case(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && was_lower {
            words.push('_');
        }
        was_lower = character.is_ascii_lowercase();
        words.push(if matches!(character, '-' | '.') { '_' } else { character.to_ascii_lowercase() });
    }
    words
}

/// `db.shop:5432`, `db:5432`, `10.0.0.1`.
fn is_host(value: &str) -> bool {
    let (host, port) = value.split_once(':').unwrap_or((value, ""));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    let labels = host.split('.').filter(|label| !label.is_empty()).count();
    is_name && labels > 0 && (is_port || port.is_empty() && labels > 2)
}

/// Lower-case words that end as names of objects do: `web-tls`, `registry-credentials`.
fn names_object(value: &str) -> bool {
    const ENDINGS: [&str; 6] = ["cert", "secret", "tls", "key", "credentials", "config"];
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    value.contains('-')
        && value.split('-').all(is_word)
        && value.rsplit('-').next().is_some_and(|last| ENDINGS.contains(&last))
}

fn is_boolean(value: &str) -> bool {
    matches!(&*value.to_ascii_lowercase(), "true" | "false" | "yes" | "no" | "on" | "off" | "enabled" | "disabled")
}

/// Paths, addresses and references into a secret store.
fn leads_elsewhere(value: &str) -> bool {
    let is_drive = value.get(1..3).is_some_and(|rest| matches!(rest, ":\\" | ":/"));
    is_drive
        || ["/", "./", "../", "~/", "arn:", "vault:"].iter().any(|start| value.starts_with(start))
        || value.contains("://") && credential::urls_with_password(value).is_empty()
}

/// Names of values that are long and random but no secrets.
fn is_public(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["public", "cert", "digest", "checksum", "hash"].iter().any(|word| lower.contains(word))
}
