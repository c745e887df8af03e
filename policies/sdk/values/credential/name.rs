//! Names that say that what stands under them is a secret. Words are parts of a name, not of a word: `TOKENIZER`,
//! `SECRETARIAT` and `MONKEY` say nothing.
//!
//! The program that runs rules uses this file too.

/// What a name ends with that says that its value is a secret, as words or written together.
pub const ENDINGS: [&[&str]; 31] = [
    &["password"],
    &["passwd"],
    &["passwort"],
    &["passphrase"],
    &["pwd"],
    &["passcode"],
    &["secret"],
    &["token"],
    &["api", "key"],
    &["access", "key"],
    &["account", "key"],
    &["auth", "key"],
    &["secret", "key"],
    &["private", "key"],
    &["priv", "key"],
    &["signing", "key"],
    &["encryption", "key"],
    &["master", "key"],
    &["license", "key"],
    &["service", "key"],
    &["shared", "key"],
    &["storage", "key"],
    &["app", "key"],
    &["application", "key"],
    &["hmac", "key"],
    &["jwt", "key"],
    &["cookie", "key"],
    &["session", "key"],
    &["credential"],
    &["credentials"],
    &["creds"],
];

/// Words that other words are written together with: `pgpassword`, `mysqlpasswd`.
const GLUED: [&str; 8] =
    ["password", "passwd", "passphrase", "apikey", "secretkey", "accesskey", "privatekey", "authtoken"];
/// What `token` and `secret` are written together with, and still say the same.
const BEFORE: [&str; 24] = [
    "access", "api", "app", "auth", "bearer", "bot", "client", "cookie", "deploy", "github", "gitlab", "git", "jwt",
    "login", "npm", "oauth", "refresh", "service", "session", "shared", "signing", "slack", "user", "webhook",
];
/// What stands before `pass` where that is a password; tests pass too, and mountains have passes.
const BEFORE_PASS: [&str; 40] = [
    "db",
    "database",
    "smtp",
    "mail",
    "email",
    "redis",
    "mysql",
    "mariadb",
    "postgres",
    "postgresql",
    "pg",
    "mongo",
    "mongodb",
    "rabbitmq",
    "amqp",
    "mqtt",
    "kafka",
    "default",
    "user",
    "root",
    "admin",
    "ftp",
    "sftp",
    "ssh",
    "ldap",
    "bind",
    "keystore",
    "truststore",
    "store",
    "key",
    "proxy",
    "http",
    "basic",
    "auth",
    "login",
    "registry",
    "docker",
    "vnc",
    "rpc",
    "elastic",
];
/// Words before the telling one that make something else of it: `NEXT_PAGE_TOKEN` is a place in a list, `EOS_TOKEN` one
/// of a language model's, `FORGOT_PASSWORD` a text on a page, `USE_TOKEN` a switch, `PUBLIC_API_KEY` for everybody.
const TURNING: [&str; 53] = [
    "existing",
    "next",
    "page",
    "paging",
    "pagination",
    "continuation",
    "continue",
    "cursor",
    "sync",
    "resume",
    "eos",
    "bos",
    "pad",
    "unk",
    "sep",
    "cls",
    "mask",
    "stop",
    "special",
    "max",
    "min",
    "num",
    "count",
    "use",
    "enable",
    "enabled",
    "disable",
    "disabled",
    "require",
    "required",
    "allow",
    "has",
    "is",
    "no",
    "forgot",
    "reset",
    "change",
    "confirm",
    "show",
    "hide",
    "public",
    "publishable",
    "sitekey",
    "site",
    "idempotency",
    "cache",
    "csrf",
    "xsrf",
    "validate",
    "verify",
    "check",
    "rotate",
    "missing",
];
/// Words behind the telling one that say nothing new: `DB_PASSWORD_PROD`, `API_KEY_1`.
const BEHIND: [&str; 13] = [
    "value",
    "prod",
    "production",
    "dev",
    "staging",
    "test",
    "old",
    "new",
    "primary",
    "secondary",
    "base64",
    "b64",
    "plain",
];

/// The words of a name, in lower case: of `dbPassword`, `DB_PASSWORD`, `db-password` and `DBPassword` the same two.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let letters: Vec<char> = name.chars().collect();
    let mut word = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = at.checked_sub(1).map(|at| letters[at]);
        let begins = match before {
            Some(before) if letter.is_uppercase() => {
                // `dbPassword`, and the `P` of `DBPassword`.
                before.is_lowercase()
                    || before.is_numeric()
                    || before.is_uppercase() && letters.get(at + 1).is_some_and(|next| next.is_lowercase())
            }
            // `password1`: the number is a word of its own.
            Some(before) if letter.is_numeric() => before.is_alphabetic(),
            Some(before) => before.is_numeric() && letter.is_alphabetic() && !word.is_empty(),
            None => false,
        };
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(letter.to_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Whether a name says that its value is a secret.
pub fn is_telling(name: &str) -> bool {
    let words = words(name);
    let words = without_tail(&words);
    let is_together = |ending: &[&str]| words.last().is_some_and(|last| *last == ending.concat());
    let length = |ending: &&[&str]| match ends(&words, ending) {
        true => Some(ending.len()),
        false => is_together(ending).then_some(1),
    };
    let ending = ENDINGS.iter().find_map(length);
    let is_pass = matches!(words[..], [.., before, "pass"] if BEFORE_PASS.contains(&before));
    let is_glued = words.last().is_some_and(|last| is_glued(last));
    let length = ending.or((is_pass || is_glued).then_some(1));
    let Some(length) = length else { return false };
    let before = &words[..words.len() - length];
    !before.last().is_some_and(|word| TURNING.contains(word)) && !before.first().is_some_and(|word| is_question(word))
}

/// Whether a name ends with the words of one of some others, as they are or written together: a rule's own list of names.
pub fn ends_with_any(name: &str, endings: &[String]) -> bool {
    let words = words(name);
    let words = without_tail(&words);
    let letters = words.concat();
    endings.iter().any(|ending| may_end(&letters, ending) && ends_with(&words, ending))
}

/// Whether the letters of a name can end with a name: a look that costs less than taking that apart.
fn may_end(letters: &str, ending: &str) -> bool {
    let mut wanted = ending.bytes().rev().filter(u8::is_ascii_alphanumeric);
    let mut last = letters.bytes().rev();
    !ending.is_ascii() || wanted.all(|letter| last.next() == Some(letter.to_ascii_lowercase()))
}

fn ends_with(words: &[&str], ending: &str) -> bool {
    let wanted = self::words(ending);
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let together = wanted.concat();
    ends(words, &wanted)
        || words
            .last()
            .is_some_and(|last| *last == together || GLUED.contains(&together.as_str()) && last.ends_with(&together))
        || is_compound(words, &together)
}

/// Whether what stands under a name that says so is generated, and not thought up: a token or a key.
pub fn is_of_generated(name: &str) -> bool {
    let words = words(name);
    let words = without_tail(&words);
    words.last().is_some_and(|last| {
        ["token", "key", "credential", "credentials", "creds"].iter().any(|end| last.ends_with(end))
    })
}

/// Whether the words before the telling ones make something else of them.
pub fn is_turned(name: &str) -> bool {
    let words = words(name);
    words.len() > 1 && (TURNING.contains(&words[words.len() - 2].as_str()) || is_question(words[0].as_str()))
}

/// Words up to those that say nothing at the end.
fn without_tail(words: &[String]) -> Vec<&str> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let says_nothing = |word: &&str| BEHIND.contains(word) || word.bytes().all(|byte| byte.is_ascii_digit());
    while words.len() > 1 && words.last().is_some_and(says_nothing) {
        words.pop();
    }
    words
}

fn is_question(word: &str) -> bool {
    matches!(
        word,
        "use" | "enable" | "disable" | "require" | "allow" | "has" | "is" | "no" | "show" | "hide" | "validate"
    )
}

fn ends(words: &[&str], ending: &[&str]) -> bool {
    words.len() >= ending.len() && words[words.len() - ending.len()..] == *ending
}

fn is_glued(word: &str) -> bool {
    GLUED.iter().any(|glued| word.ends_with(glued))
        || ["token", "secret"].iter().any(|end| word.strip_suffix(end).is_some_and(|before| BEFORE.contains(&before)))
}

fn is_compound(words: &[&str], together: &str) -> bool {
    matches!(together, "token" | "secret")
        && words.last().and_then(|last| last.strip_suffix(together)).is_some_and(|before| BEFORE.contains(&before))
}
