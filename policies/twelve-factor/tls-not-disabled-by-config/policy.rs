use policy_sdk::kubernetes::production::{self, Production, ProductionObject};
use policy_sdk::language;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Configuration does not switch off encryption and its checks
    ///
    /// In production, no variable of a container and no key of a ConfigMap, YAML and JSON in it included, switches off
    /// the check of certificates (`NODE_TLS_REJECT_UNAUTHORIZED=0`, `*_INSECURE_SKIP_VERIFY=true`,
    /// `*_SSL_VERIFY=false`, `GIT_SSL_NO_VERIFY=1`, `PYTHONHTTPSVERIFY=0`), and no connection to a database does
    /// without it (`sslmode=disable`, `allow` or `prefer`, `useSSL=false`, `verifyServerCertificate=false`). A database
    /// on the machine itself or behind a socket passes.
    ///
    /// With `server_switches` the rule also reports `tls_enabled: false` of a server, which is right only behind a mesh
    /// or a proxy that ends TLS. `keys` names further switches of your own, with the value that they need.
    ///
    /// ## Why
    /// Without the check of certificates an encrypted connection goes to whoever answers: an attacker in the network
    /// reads passwords and changes answers, and nothing shows it.
    ///
    /// ## Fix
    /// Remove the switch, and mount the certificate of the company's authority for what is signed by it
    /// (`SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`, `sslrootcert`). Connect to databases with `sslmode=verify-full`.
    findings: {
        /// The check of certificates is switched off
        Verification: Medium, Likely;
        /// A connection to a database may go without TLS
        Database: Medium, Likely;
        /// A server's own TLS is switched off
        Server: Low, Guess;
        /// A switch has another value than the one that is required
        Key: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload", "core/ConfigMap"],
    uses: [Production, ProductionObject],
    reads: [
        "container.env[*].name", "container.env[*].value",
        "data", "data.*:yaml", "data.*:json",
    ],
    parameters: {
        /// Values of `sslmode` that are good enough.
        allowed_sslmodes: Vec<String> = list(["require", "verify-ca", "verify-full"]),
        /// Report switches of a server's own TLS, too.
        server_switches: bool = false,
        /// Further switches, by their last words, with the value that they need: `api_key_required: "true"`.
        keys: Vec<(String, String)> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "ConfigMap" {
        if !production::is_production_object(input) {
            return not_applicable("it is not of production");
        }
        let data = input.document.get("data");
        for (key, value) in data.entries() {
            let language = match key.rsplit_once('.') {
                Some((_, "yaml" | "yml")) => "yaml",
                Some((_, "json")) => "json",
                _ => "",
            };
            let tree = data.get(&[key, ":", language].concat());
            if language.is_empty() || !tree.exists() {
                judge(input, "", key, &value, findings);
            } else {
                for (key, value) in language::scalars(&tree) {
                    judge(input, "", &key, &value, findings);
                }
            }
        }
        return Ok(());
    }
    if !production::is_production(input) {
        return not_applicable("it is not of production");
    }
    for container in input.workload().containers() {
        for variable in container.get("env").items() {
            let of = container.described();
            judge(input, &of, variable.get("name").text(), &variable.get("value"), findings);
        }
    }
    Ok(())
}

fn judge(input: &Input<'_, Parameters>, of: &str, name: &str, value: &View<'_>, findings: &mut Findings) {
    let text = match value.as_bool() {
        Some(true) => "true",
        Some(false) => "false",
        None => value.scalar_text().unwrap_or_default(),
    };
    let Some((code, part, what)) = fault(&input.parameters, &words(name), text) else { return };
    let of = if of.is_empty() { String::new() } else { format!(" of {of}") };
    // A DSN may hold a password, so only the switch in it is shown.
    let report = findings.report(code, value, format!("`{name}`{of} is set to `{part}`: {what}"));
    if value.as_str().is_some_and(|text| text != part) {
        report.excerpt(part);
    }
}

/// A name in lower case with `_` between its words: `tls.insecureSkipVerify` is `tls_insecure_skip_verify`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && was_lower {
            words.push('_');
        }
        was_lower = character.is_ascii_lowercase();
        words.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' });
    }
    words
}

/// Switches that are bad when they are on.
const SKIPS: [&str; 11] = [
    "insecure_skip_verify",
    "skip_tls_verify",
    "tls_skip_verify",
    "ssl_skip_verify",
    "skip_ssl_verify",
    "skip_verify_tls",
    "insecure_skip_tls_verify",
    "tls_insecure",
    "ssl_insecure",
    "ssl_no_verify",
    "skip_ssl_validation",
];

/// Switches that are bad when they are off.
const CHECKS: [&str; 10] = [
    "tls_verify",
    "ssl_verify",
    "verify_tls",
    "verify_ssl",
    "ssl_verification",
    "tls_verification",
    "verify_server_cert",
    "tls_reject_unauthorized",
    "pythonhttpsverify",
    "ssl_certificate_validation",
];

/// Switches of a server's own TLS.
const SERVERS: [&str; 4] = ["tls_enabled", "ssl_enabled", "enable_tls", "enable_ssl"];

const WITHOUT_TLS: &str = "the connection may go without TLS, or to anybody";

/// What is wrong with a value, the part of it that is, and what comes of that.
fn fault<'v>(parameters: &Parameters, name: &str, value: &'v str) -> Option<(Code, &'v str, String)> {
    let lower = value.trim().to_ascii_lowercase();
    let is_on = matches!(&*lower, "true" | "1" | "yes" | "on");
    let is_off = matches!(&*lower, "false" | "0" | "no" | "off");
    let ends = |endings: &[&str]| endings.iter().any(|ending| ends_with_words(name, ending));
    // `SKIP_TLS_VERIFY=false` checks.
    let skips = name.split('_').any(|word| matches!(word, "skip" | "no" | "disable" | "insecure"));
    if is_on && ends(&SKIPS) || is_off && ends(&CHECKS) && !skips {
        return Some((Code::Verification, value, "certificates are not checked".to_owned()));
    }
    if let Some((_, needed)) = parameters.keys.iter().find(|(key, _)| ends_with_words(name, &words(key)))
        && !value.is_empty()
        && !needed.eq_ignore_ascii_case(value.trim())
    {
        return Some((Code::Key, value, format!("expected `{needed}`")));
    }
    if is_off && parameters.server_switches && ends(&SERVERS) {
        return Some((Code::Server, value, "the server takes requests without TLS".to_owned()));
    }
    if ends(&["sslmode", "pgsslmode", "ssl_mode"]) && is_weak(parameters, &lower) {
        return Some((Code::Database, value, WITHOUT_TLS.to_owned()));
    }
    connection(parameters, value)
}

/// Whether a name is some words, or ends with them.
fn ends_with_words(name: &str, words: &str) -> bool {
    name.strip_suffix(words).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

/// Whether a mode of PostgreSQL or MySQL is known, and not good enough.
fn is_weak(parameters: &Parameters, mode: &str) -> bool {
    let mode = match mode.replace('_', "-").as_str() {
        "disable" | "disabled" => "disable",
        "allow" => "allow",
        "prefer" | "preferred" => "prefer",
        "require" | "required" => "require",
        "verify-ca" => "verify-ca",
        "verify-full" | "verify-identity" => "verify-full",
        _ => return false,
    };
    !parameters.allowed_sslmodes.iter().any(|allowed| allowed == mode)
}

/// What is wrong with the address of a database: a URL with options, or the pairs of libpq.
fn connection<'v>(parameters: &Parameters, value: &'v str) -> Option<(Code, &'v str, String)> {
    let is_option = |part: &&str| !part.is_empty();
    let mut options = value.split(['?', '&', ';', ' ', '\n']).filter(is_option);
    let is_database =
        value.contains("://") || value.contains("jdbc:") || value.contains("host=") || value.contains("@tcp(");
    if !is_database || is_near(value) {
        return None;
    }
    options.find_map(|option| {
        let (name, setting) = option.split_once('=')?;
        let (name, setting) = (name.to_ascii_lowercase(), setting.trim_matches(['\'', '"']).to_ascii_lowercase());
        match &*name {
            "sslmode" | "ssl-mode" if is_weak(parameters, &setting) => {
                Some((Code::Database, option, WITHOUT_TLS.to_owned()))
            }
            "usessl" if setting == "false" => {
                Some((Code::Database, option, "the connection goes without TLS".to_owned()))
            }
            "verifyservercertificate" if setting == "false" => {
                Some((Code::Verification, option, "certificates are not checked".to_owned()))
            }
            _ => None,
        }
    })
}

/// Whether an address is that of the machine itself, or of a socket.
fn is_near(value: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]", "host=/", "@/", ":///", "%2Fvar%2Frun", "unix("]
        .iter()
        .any(|it| value.contains(it))
}
