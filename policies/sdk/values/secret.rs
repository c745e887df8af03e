//! Whether a name says that a value is a secret, and whether the value may be one.

use super::{credential, duration};
use crate::parameter;

/// Endings of names, in lower case, that say that a value is a secret.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "private_key",
    "privatekey",
    "credential",
    "credentials",
];

/// The endings that rules look for where nobody says otherwise: the default of a parameter.
pub fn default_names() -> Vec<String> {
    parameter::list(NAMES)
}

/// Whether a name says that the value is a secret, and the value may be one: it is no placeholder, boolean, address,
/// path, or name of an object.
pub fn is_secret(names: &[String], name: &str, value: &str) -> bool {
    let words = snake_case(name);
    names.iter().any(|ending| words.ends_with(ending.as_str())) && may_be_secret(value)
}

/// [`is_secret`] for the keys of files and the options of programs, which more often than environment variables name an
/// object that holds the secret (`existingSecret: grafana`), or a number or duration (`max-token: 4096`).
pub fn is_secret_setting(names: &[String], name: &str, value: &str) -> bool {
    let words = snake_case(name);
    let is_password = words.ends_with("password") || words.ends_with("passwd");
    is_secret(names, name, value)
        && !names_secret_object(&words, value)
        && (is_password || duration::parse_millis(value).is_none())
}

/// A name in lower case with `_` between its words: `dbPassword` and `db-password` are `db_password`.
pub fn snake_case(name: &str) -> String {
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

/// Whether a literal value may be a secret at all.
pub fn may_be_secret(value: &str) -> bool {
    !credential::is_placeholder(value)
        && !is_boolean(value)
        && !leads_elsewhere(value)
        && !is_host(value)
        && !names_object(value)
}

/// Whether a key such as `existingSecret`, `pullSecret` or `secret` names a Secret: its value is lower-case words.
fn names_secret_object(words: &str, value: &str) -> bool {
    let is_of_object =
        words == "secret" || ["existing_secret", "pull_secret", "tls_secret"].iter().any(|end| words.ends_with(end));
    is_of_object && value.bytes().all(|byte| byte.is_ascii_lowercase() || b"-/".contains(&byte))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_a_name_are_told_apart() {
        for (name, words) in [
            ("dbPassword", "db_password"),
            ("db-password", "db_password"),
            ("spring.datasource.password", "spring_datasource_password"),
            ("PGPASSWORD", "pgpassword"),
            ("APIKey", "apikey"),
        ] {
            assert_eq!(snake_case(name), words);
        }
    }

    #[test]
    fn a_name_ends_with_what_says_secret() {
        let is_secret = |name, value| is_secret(&default_names(), name, value);
        for name in ["DB_PASSWORD", "PGPASSWORD", "clientSecret", "github-token", "aws.secret.access.key"] {
            assert!(is_secret(name, "hunter2"), "{name}");
        }
        for name in ["TOKEN_TTL", "secret-name", "PASSWORD_FILE", "tokens", "server-tokens", "SECRET_KEY_ID"] {
            assert!(!is_secret(name, "hunter2"), "{name}");
        }
        for value in [
            "",
            "true",
            "$(DB_PASSWORD)",
            "<password>",
            "/run/secrets/db",
            "https://login.example.com",
            "web-tls",
            "db.shop:5432",
            "arn:aws:secretsmanager:x",
            "vault:secret/data/shop#password",
        ] {
            assert!(!is_secret("DB_PASSWORD", value), "{value}");
        }
    }

    #[test]
    fn settings_name_objects_numbers_and_durations() {
        let is_secret = |name, value| is_secret_setting(&default_names(), name, value);
        for (name, value) in
            [("existingSecret", "grafana"), ("secret", "shop-db"), ("maxToken", "4096"), ("accessToken", "15m")]
        {
            assert!(!is_secret(name, value), "{name}");
        }
        for (name, value) in [("secret", "hunter2"), ("clientSecret", "grafana"), ("password", "12345")] {
            assert!(is_secret(name, value), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(name in "[a-zA-Z_.\\-é]{0,20}", value in "[a-z:/@${}<>.é \"-]{0,30}") {
            let _ = is_secret_setting(&default_names(), &name, &value);
        }
    }
}
