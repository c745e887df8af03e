//! Whether a name says that a value is a secret, and whether the value may be one.

use super::credential::{self, name, value};
use super::duration;

/// The endings that rules look for where nobody says otherwise: the default of a parameter.
pub fn default_names() -> Vec<String> {
    name::ENDINGS.iter().map(|words| words.join("_")).collect()
}

/// Whether a name says that the value is a secret, and the value may be one: it is no placeholder, boolean, address,
/// path, or name of an object.
pub fn is_secret(names: &[String], name: &str, value: &str) -> bool {
    let is_telling = name::ends_with_any(name, names) && !name::is_turned(name);
    is_telling && (credential::may_be_named(name, value) || credential::is_sample(value))
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
    name::words(name).join("_")
}

/// Whether a literal value may be a secret at all.
pub fn may_be_secret(value: &str) -> bool {
    value::may_be_secret(value)
}

/// Whether a key such as `existingSecret`, `pullSecret` or `secret` names a Secret: its value is lower-case words.
fn names_secret_object(words: &str, value: &str) -> bool {
    let is_of_object =
        words == "secret" || ["existing_secret", "pull_secret", "tls_secret"].iter().any(|end| words.ends_with(end));
    is_of_object && value.bytes().all(|byte| byte.is_ascii_lowercase() || b"-/".contains(&byte))
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
            ("APIKey", "api_key"),
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
