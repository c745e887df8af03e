use policy_sdk::kubernetes::command::{self, Invocation, Invocations};
use policy_sdk::kubernetes::secret_reference::{self, ReferredSecrets};
use policy_sdk::prelude::*;
use policy_sdk::values::{credential, secret};

policy_sdk::rule! {
    /// Command lines hold no secrets
    ///
    /// What a container of any class runs, scripts included, is given no literal secret: no word that is one by its form
    /// (an AWS access key id, a private key, a JSON web token, a token of GitHub, Stripe and the like), and no value of
    /// an option or assignment whose name ends with a word that says so (`--db-password=…`, `--token …`,
    /// `-Dspring.datasource.password=…`, `PGPASSWORD=… psql`, a header `Authorization: …`). Of programs that are known,
    /// other options count too: `mysql -p…`, `sshpass -p`, `redis-cli -a`, `curl -u user:…`; so do those of what
    /// well-known images start, where a container has only options for it: `--requirepass …` of `redis`.
    ///
    /// Options that only lead to a secret pass (`--secret-name`, `--token-file`, `--password-path`), and so do values
    /// that are filled in elsewhere (`$(DB_PASSWORD)`), paths, addresses, booleans, durations and names of Secrets.
    /// Passwords in URLs are reported by `no-credentials-in-url`. Messages never show a value.
    ///
    /// ## Why
    /// Arguments can be read by everybody who may list pods, by every process on the node, and in the
    /// repository's history for ever. The secret must be rotated, not only moved.
    ///
    /// ## Fix
    /// Rotate the secret, keep the new one in a secret store, and let Kubernetes put it in:
    ///
    /// ```yaml
    /// args: ["--db-password=$(DB_PASSWORD)"]
    /// env:
    ///   - name: DB_PASSWORD
    ///     valueFrom: {secretKeyRef: {name: cart-db, key: password}}
    /// ```
    ///
    /// Better still is a file that the program reads: `--password-file=/run/secrets/db/password`.
    findings: {
        /// A credential by its form
        Credential: Critical, Certain;
        /// A literal behind an option that says that it is a secret
        Option: High, Likely;
        /// A password that stands in every tutorial, behind such an option
        Weak: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Invocations, ReferredSecrets],
    reads: ["container.command", "container.args"],
    parameters: {
        /// Endings of an option's name, in lower case, that say that its value is a secret.
        secret_names: Vec<String> = secret::default_names(),
    },
}

/// Programs whose `-p` is a password, in the same word.
const PASSWORD_IN_WORD: [&str; 6] = ["mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-dump", "sshpass"];
/// Programs with options behind which a password stands.
const PASSWORD_BEHIND: [(&str, &[&str]); 10] = [
    ("sshpass", &["-p"]),
    ("redis-cli", &["-a", "--pass"]),
    ("redis-server", &["--requirepass", "--masterauth"]),
    ("valkey-server", &["--requirepass", "--masterauth"]),
    ("keydb-server", &["--requirepass", "--masterauth"]),
    ("dragonfly", &["--requirepass", "--masterauth"]),
    ("docker", &["-p"]),
    ("helm", &["-p"]),
    ("ldapsearch", &["-w"]),
    ("curl", &["-u", "--user", "-U", "--proxy-user"]),
];

/// Something that a program is given under a name.
struct Given<'d> {
    name: &'d str,
    value: &'d str,
    place: View<'d>,
    /// The program takes it for a secret, whatever the name.
    is_secret: bool,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let referred = secret_reference::names(input);
    for container in input.workload().containers() {
        let described = container.described();
        for text in ["command", "args"].into_iter().flat_map(|list| container.get(list).items()) {
            let Some((what, line)) = credential::detect_line(text.text()) else { continue };
            let message = format!("{described} is given {what} on its command line, expected a reference to a Secret");
            findings.report(Code::Credential, &text, message).excerpt(line).secret();
        }
        let invocations = command::invocations(&container);
        for Given { name, value, place, is_secret } in invocations.iter().flat_map(given) {
            let is_secret = match is_secret {
                true => secret::may_be_secret(value),
                false => secret::is_secret_setting(&input.parameters.secret_names, name, value),
            };
            if !is_secret || credential::detect(value).is_some() || referred.contains(&value) {
                continue;
            }
            let (code, what) = match credential::is_sample(value) {
                true => (Code::Weak, "a password of tutorials"),
                false => (Code::Option, "a literal secret"),
            };
            let message = format!("{described} is given {what} as `{name}`, expected a reference to a Secret");
            findings.report(code, &place, message).secret();
        }
    }
    Ok(())
}

/// What a program is given under a name: by options, assignments and headers. Passwords in URLs are another rule's.
fn given<'d>(invocation: &Invocation<'d>) -> Vec<Given<'d>> {
    let program = invocation.program;
    let mut found: Vec<Given<'d>> = Vec::new();
    for assignment in invocation.command.get("assignments").items() {
        let place = assignment.get("value");
        if !place.get("parts").exists() {
            let (name, value) = (assignment.get("name").text(), place.get("text").text());
            found.push(Given { name, value, place, is_secret: false });
        }
    }
    let behind = PASSWORD_BEHIND.iter().find(|(known, _)| *known == program).map_or(&[][..], |(_, options)| options);
    let mut words = invocation.words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(text) = word.known() else { continue };
        let next = words.peek().and_then(|next| Some((next.known()?, next)));
        if behind.contains(&text) {
            if let Some((value, next)) = next {
                // Of `user:password` the password.
                let value = value.split_once(':').map_or(value, |(_, password)| password);
                let is_user = program == "curl" && !next.text().contains(':');
                found.extend((!is_user).then(|| Given {
                    name: text,
                    value,
                    place: View::clone(next),
                    is_secret: true,
                }));
            }
        } else if let Some((name, value, is_secret)) = in_word(program, text) {
            found.push(Given { name, value, place: View::clone(word), is_secret: is_secret || behind.contains(&name) });
        } else if let Some((value, next)) = next.filter(|(value, _)| takes_value(text) && !value.starts_with('-')) {
            found.push(Given { name: text, value, place: View::clone(next), is_secret: false });
        }
    }
    found.retain(|given| credential::urls_with_password(given.value).is_empty());
    found
}

/// A name and its value in one word, and whether it is a secret whatever the name.
fn in_word<'t>(program: &str, text: &'t str) -> Option<(&'t str, &'t str, bool)> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if let Some((name, value)) = text.split_once('=').filter(|(name, _)| is_name(name)) {
        return Some((name, value.trim_matches(['"', '\'']), false));
    }
    if let Some((name, value)) = text.split_once(':').filter(|(name, _)| is_name(name) && !name.starts_with('-')) {
        let value = value.trim();
        // Behind the scheme of authentication.
        return match name.eq_ignore_ascii_case("authorization") {
            true => Some((name, value.split_once(' ')?.1, true)),
            false => text.contains(": ").then_some((name, value, false)),
        };
    }
    let (option, value) = text.split_at_checked(2)?;
    (option == "-p" && !value.is_empty() && PASSWORD_IN_WORD.contains(&program)).then_some((option, value, true))
}

/// Whether an option may have its value in the next word, by its name: `--use-token` has no value.
fn takes_value(option: &str) -> bool {
    const SWITCHES: [&str; 12] = [
        "enable", "disable", "use", "no", "skip", "with", "without", "allow", "require", "rotate", "create", "generate",
    ];
    let name = option.trim_start_matches('-');
    let first = name.split(['-', '_', '.']).next().unwrap_or_default();
    name.len() < option.len() && name.len() > 1 && !SWITCHES.contains(&first)
}
