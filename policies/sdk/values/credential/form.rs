//! Credentials that are known by their form, whatever they are called: the published formats of tokens and keys.
//!
//! The program that runs rules uses this file too, to star such values out wherever they stand.

use std::ops::Range;

/// Something with the form of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is: `a GitHub token`.
    pub what: &'static str,
    /// Where it stands in the text.
    pub range: Range<usize>,
}

/// A token that begins with some letters.
struct Token {
    what: &'static str,
    prefixes: &'static [&'static str],
    /// What follows the prefix.
    letters: Letters,
    /// How many at least; and at the most, where that is known.
    least: usize,
    most: usize,
}

/// Letters of a token behind its prefix.
#[derive(Clone, Copy)]
enum Letters {
    /// Upper case and digits of base 32.
    Base32,
    /// Upper case and digits.
    Upper,
    /// Letters and digits.
    Alphanumeric,
    /// Digits of base 16, in lower case.
    Hex,
    /// Letters, digits, `_` and `-`.
    Word,
    /// Those and `.`.
    Dotted,
    /// Those of base 64 but `=`, which ends it, and `.`, `_`, `-`.
    Base64,
}

const fn token(
    what: &'static str,
    prefixes: &'static [&'static str],
    letters: Letters,
    least: usize,
    most: usize,
) -> Token {
    Token { what, prefixes, letters, least, most }
}

/// No bound that is known.
const ANY: usize = usize::MAX;

/// From what the services say of their tokens.
const TOKENS: [Token; 71] = [
    token("an AWS access key id", &["AKIA", "ASIA", "ABIA", "ACCA"], Letters::Base32, 16, 16),
    token("a GitHub token", &["ghp_", "gho_", "ghu_", "ghr_"], Letters::Alphanumeric, 36, 255),
    token("a GitHub token", &["ghs_"], Letters::Dotted, 36, ANY),
    token("a GitHub token", &["github_pat_"], Letters::Word, 50, 255),
    token(
        "a GitLab token",
        &[
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-",
            "glffct-",
        ],
        Letters::Dotted,
        20,
        ANY,
    ),
    token("a Slack token", &["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"], Letters::Word, 18, ANY),
    token("a Slack token", &["xoxe.xoxp-", "xoxe.xoxb-", "xapp-"], Letters::Word, 24, ANY),
    token("a Stripe key", &["sk_live_", "rk_live_"], Letters::Alphanumeric, 16, ANY),
    token("a Stripe key", &["whsec_"], Letters::Base64, 32, ANY),
    token("a Google API key", &["AIza"], Letters::Word, 35, 35),
    token("a client secret of Google", &["GOCSPX-"], Letters::Word, 28, 28),
    token("an access token of Google", &["ya29."], Letters::Dotted, 30, ANY),
    token("a token of a package registry", &["npm_"], Letters::Alphanumeric, 36, 36),
    token("a token of a package registry", &["pypi-AgE"], Letters::Word, 50, ANY),
    token("a token of a package registry", &["rubygems_"], Letters::Hex, 48, 48),
    token("a token of a package registry", &["dckr_pat_", "dckr_oat_"], Letters::Word, 27, ANY),
    token("a token of a package registry", &["CLOJARS_"], Letters::Alphanumeric, 60, 60),
    token("a Hugging Face token", &["hf_", "api_org_"], Letters::Alphanumeric, 30, 40),
    token("a DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"], Letters::Hex, 64, 64),
    token("an Anthropic key", &["sk-ant-"], Letters::Word, 60, ANY),
    token("an OpenAI key", &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"], Letters::Word, 40, ANY),
    token("an OpenRouter key", &["sk-or-v1-"], Letters::Hex, 64, 64),
    token("a Groq key", &["gsk_"], Letters::Alphanumeric, 48, 60),
    token("an xAI key", &["xai-"], Letters::Alphanumeric, 70, 90),
    token("an NVIDIA key", &["nvapi-"], Letters::Word, 60, ANY),
    token("a Perplexity key", &["pplx-"], Letters::Alphanumeric, 48, 60),
    token("a Replicate token", &["r8_"], Letters::Alphanumeric, 37, 40),
    token("an age key", &["AGE-SECRET-KEY-1"], Letters::Upper, 58, 58),
    token("a Vault token", &["hvs.", "hvb.", "hvr."], Letters::Word, 24, ANY),
    token("a Doppler token", &["dp.pt.", "dp.st.", "dp.ct.", "dp.scim.", "dp.audit."], Letters::Dotted, 40, ANY),
    token("a Grafana token", &["glsa_"], Letters::Word, 41, 41),
    token("a Grafana token", &["glc_"], Letters::Base64, 32, ANY),
    token("a New Relic key", &["NRAK-", "NRBR-", "NRII-", "NRJS-"], Letters::Alphanumeric, 19, 40),
    token("a Sentry token", &["sntryu_"], Letters::Hex, 64, 64),
    token("a Sentry token", &["sntrys_eyJ"], Letters::Base64, 60, ANY),
    token("a Linear key", &["lin_api_"], Letters::Alphanumeric, 40, 40),
    token("a Notion token", &["ntn_"], Letters::Alphanumeric, 40, 60),
    token("a Figma token", &["figd_", "figu_"], Letters::Word, 40, ANY),
    token("a Postman key", &["PMAK-"], Letters::Word, 59, 59),
    token("a Shopify token", &["shpat_", "shpss_", "shppa_", "shpca_"], Letters::Alphanumeric, 32, 32),
    token("a Square token", &["sq0atp-", "sq0csp-", "sq0idp-", "EAAAE", "EAAAl"], Letters::Word, 22, 64),
    token("a Mailgun key", &["key-"], Letters::Hex, 32, 32),
    token("a Sendinblue key", &["xkeysib-", "xsmtpsib-"], Letters::Word, 64, ANY),
    token("a PlanetScale token", &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"], Letters::Dotted, 32, ANY),
    token("a Supabase token", &["sbp_"], Letters::Hex, 40, 40),
    token("a Supabase key", &["sb_secret_"], Letters::Word, 30, ANY),
    token("a Pulumi token", &["pul-"], Letters::Hex, 40, 40),
    token("a Databricks token", &["dapi"], Letters::Hex, 32, 32),
    token("a Fly token", &["fo1_", "fm2_"], Letters::Base64, 43, ANY),
    token("an Atlassian token", &["ATATT3xFf"], Letters::Base64, 100, ANY),
    token("an Atlassian token", &["ATBB", "ATCTT3xFf"], Letters::Base64, 24, ANY),
    token("a Tailscale key", &["tskey-auth-", "tskey-api-", "tskey-client-", "tskey-scim-"], Letters::Word, 20, ANY),
    token("a 1Password token", &["ops_eyJ"], Letters::Base64, 100, ANY),
    token("a CircleCI token", &["CCIPAT_", "CCIPRJ_"], Letters::Word, 40, ANY),
    token("a Buildkite token", &["bkua_"], Letters::Alphanumeric, 40, 40),
    token("an Artifactory key", &["AKCp"], Letters::Alphanumeric, 60, 80),
    token("an Adafruit key", &["aio_"], Letters::Alphanumeric, 28, 28),
    token("an EasyPost key", &["EZAK", "EZTK"], Letters::Alphanumeric, 54, 54),
    token("a Contentful token", &["CFPAT-"], Letters::Word, 43, 43),
    token("a Prefect key", &["pnu_", "pnb_"], Letters::Alphanumeric, 36, 36),
    token("a ReadMe key", &["rdme_"], Letters::Alphanumeric, 70, 70),
    token("a Sourcegraph token", &["sgp_"], Letters::Word, 40, 80),
    token("a Typeform token", &["tfp_"], Letters::Dotted, 40, 60),
    token("a Duffel token", &["duffel_live_"], Letters::Word, 43, 43),
    token("a Dynatrace token", &["dt0c01.", "dt0s01.", "dt0s16."], Letters::Dotted, 80, 100),
    token("a Flutterwave key", &["FLWSECK-", "FLWSECK_TEST-"], Letters::Word, 12, ANY),
    token("a Heroku key", &["HRKU-"], Letters::Word, 36, ANY),
    token("a Scalingo token", &["tk-us-"], Letters::Word, 48, 48),
    token("a Frame.io token", &["fio-u-"], Letters::Word, 64, 64),
    token("a Shippo token", &["shippo_live_"], Letters::Hex, 40, 40),
    token("an Infracost key", &["ico-"], Letters::Alphanumeric, 32, 32),
];

/// Which prefix of which token begins with a letter: [`ORDER`] has those of one first letter in a row, from [`FIRST`] on.
const PREFIXES: usize = {
    let (mut count, mut at) = (0, 0);
    while at < TOKENS.len() {
        count += TOKENS[at].prefixes.len();
        at += 1;
    }
    count
};
const ORDER: [(u8, u8); PREFIXES] = ordered().0;
const FIRST: [u8; 129] = ordered().1;

const fn ordered() -> ([(u8, u8); PREFIXES], [u8; 129]) {
    let mut order = [(0, 0); PREFIXES];
    let mut first = [0; 129];
    let (mut letter, mut next) = (0, 0);
    while letter < 128 {
        first[letter] = next as u8;
        let mut token = 0;
        while token < TOKENS.len() {
            let mut prefix = 0;
            while prefix < TOKENS[token].prefixes.len() {
                if TOKENS[token].prefixes[prefix].as_bytes()[0] as usize == letter {
                    order[next] = (token as u8, prefix as u8);
                    next += 1;
                }
                prefix += 1;
            }
            token += 1;
        }
        letter += 1;
    }
    first[128] = next as u8;
    (order, first)
}

/// The credentials in a text, in the order in which they stand there, and none in another. It is looked at once: each word
/// is asked what its first letter may begin.
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut was_word = false;
    for (at, byte) in text.bytes().enumerate() {
        let is_word = byte.is_ascii_alphanumeric();
        if is_word && !was_word {
            found.extend(token_at(text, at));
            found.extend(other_at(text, at, byte));
        } else if byte == b'~' {
            found.extend(entra_secret(text, at));
        }
        was_word = is_word;
    }
    found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    let mut end = 0;
    found.retain(|found| {
        let is_new = found.range.start >= end;
        end = end.max(found.range.end);
        is_new
    });
    found
}

impl Letters {
    fn hold(self, byte: u8) -> bool {
        match self {
            Letters::Base32 => byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'),
            Letters::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Letters::Alphanumeric => byte.is_ascii_alphanumeric(),
            Letters::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Letters::Word => is_word(byte),
            Letters::Dotted => is_word(byte) || byte == b'.',
            Letters::Base64 => is_word(byte) || matches!(byte, b'.' | b'+' | b'/'),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether letters of a kind go on before a place: what begins there is a part of something longer. So no letter is looked
/// at for two beginnings.
fn goes_on(text: &str, at: usize, letters: Letters) -> bool {
    at > 0 && text.as_bytes().get(at - 1).is_some_and(|byte| letters.hold(*byte))
}

/// How many bytes at the beginning of a text are letters of a kind.
fn run(text: &str, letters: Letters) -> usize {
    text.bytes().take_while(|byte| letters.hold(*byte)).count()
}

/// A token that a word begins with.
fn token_at(text: &str, at: usize) -> Option<Found> {
    let first = usize::from(*text.as_bytes().get(at)?);
    let candidates = ORDER.get(usize::from(*FIRST.get(first)?)..usize::from(*FIRST.get(first + 1)?))?;
    candidates.iter().find_map(|(token, prefix)| {
        let token = &TOKENS[usize::from(*token)];
        let prefix = token.prefixes[usize::from(*prefix)];
        let rest = text[at..].strip_prefix(prefix).filter(|_| !goes_on(text, at, token.letters))?;
        let length = run(rest, token.letters);
        // Behind a token of a known length nothing goes on.
        let is_whole = token.most == ANY || !rest[length..].starts_with(|next: char| next.is_alphanumeric());
        let is_it = (token.least..=token.most).contains(&length) && is_whole && !is_filler(&rest[..length]);
        is_it.then(|| Found { what: token.what, range: at..at + prefix.len() + length })
    })
}

/// What else a word may begin.
fn other_at(text: &str, at: usize, first: u8) -> Option<Found> {
    let rest = &text[at..];
    match first {
        b'B' if rest.starts_with("BEGIN ") && text[..at].ends_with("-----") => private_key(text, at - 5),
        b'L' if rest.starts_with("LS0tLS1CRUdJTi") && !goes_on(text, at, Letters::Base64) => encoded_key(rest, at),
        b'e' if rest.starts_with("eyJ") && !goes_on(text, at, Letters::Dotted) => {
            web_token(rest, at).or_else(|| older_grafana(rest, at))
        }
        b'S' if rest.starts_with("SG.") && !goes_on(text, at, Letters::Dotted) => send_grid(rest, at),
        b'A' if rest.starts_with("AccountKey=") => key_of_azure(text, at + "AccountKey=".len(), 80),
        b'S' | b's' if starts_with_ignoring_case(rest, "sharedaccesskey=") => {
            key_of_azure(text, at + "sharedaccesskey=".len(), 40)
        }
        b's' if rest.starts_with("sk-") && !goes_on(text, at, Letters::Word) => older_openai(rest, at),
        b'a' if rest.starts_with("atlasv1.") => terraform_cloud(text, at),
        b'A' if rest.starts_with("AA") && text[..at].ends_with(':') => telegram(text, at),
        b'h' | b'd' => webhook(rest, at),
        b'p' | b'P' => connection(text, at),
        _ => None,
    }
}

fn starts_with_ignoring_case(text: &str, lower: &str) -> bool {
    text.as_bytes().get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Whether a place is the beginning of a word.
fn begins_word(text: &str, at: usize) -> bool {
    !text.as_bytes().get(at.wrapping_sub(1)).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// Whether letters stand for others: one that is repeated, or words that say so.
fn is_filler(text: &str) -> bool {
    let first = text.bytes().find(u8::is_ascii_alphanumeric);
    let is_repeated = text.bytes().filter(u8::is_ascii_alphanumeric).all(|byte| Some(byte) == first);
    let lower = text.to_ascii_lowercase();
    is_repeated
        || ["xxxx", "your_", "your-", "_here", "-here", "placeholder", "redacted", "replace"]
            .iter()
            .any(|word| lower.contains(word))
}

/// PEM with a private key: from its header on as far as it goes. A header without a key behind it is none.
fn private_key(text: &str, at: usize) -> Option<Found> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    let rest = &text[at + BEGIN.len()..];
    let header = rest.split("-----").next().filter(|header| header.len() < 40 && header.contains("PRIVATE KEY"))?;
    let body_start = at + BEGIN.len() + header.len() + 5;
    let behind = text.get(body_start..).filter(|_| rest[header.len()..].starts_with("-----"))?;
    // What follows up to the next dashes, whatever those are.
    let body = behind.split("-----").next().unwrap_or_default();
    // Line breaks may be escaped, and headers such as `Proc-Type:` stand before the key.
    let lines = body.split(|letter: char| letter.is_whitespace() || matches!(letter, '\\' | '"' | '\''));
    let longest = lines.map(|line| run(line.trim_start_matches(['n', 'r']), Letters::Base64)).max().unwrap_or(0);
    if longest < 16 || body.contains("...") || body.contains('…') {
        return None;
    }
    let close = match behind[body.len()..].strip_prefix(END) {
        Some(rest) => {
            body.len() + END.len() + rest.find("-----").filter(|close| *close < 40).map_or(0, |close| close + 5)
        }
        // Cut off: as far as the letters of a key go.
        None => {
            let is_of_key = |letter: char| letter.is_ascii_alphanumeric() || "+/=-_\\ \r\n\t".contains(letter);
            body.find(|letter| !is_of_key(letter)).unwrap_or(body.len())
        }
    };
    Some(Found { what: "a private key", range: at..body_start + close })
}

/// A private key in PEM, in base 64.
fn encoded_key(rest: &str, at: usize) -> Option<Found> {
    // Of `-----BEGIN PRIVATE KEY`, and of those of RSA, EC, OpenSSH, and encrypted ones.
    const HEADERS: [&str; 5] = [
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt",
        "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS",
        "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ",
        "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVkt",
    ];
    let length = run(rest, Letters::Base64);
    let is_it = HEADERS.iter().any(|header| rest.starts_with(header) && length >= header.len() + 40);
    is_it.then(|| Found { what: "a private key", range: at..at + length })
}

/// A JSON web token, signed or encrypted.
fn web_token(rest: &str, at: usize) -> Option<Found> {
    let word = rest[..run(rest, Letters::Dotted)].trim_end_matches('.');
    let parts: Vec<&str> = word.split('.').collect();
    let is_signed = parts.len() == 3 && parts[1].starts_with("eyJ") && parts[1].len() > 10;
    let is_encrypted = parts.len() == 5 && parts.iter().skip(2).all(|part| part.len() > 10);
    let is_elided = word.contains("...") || parts.last().is_some_and(|part| part.len() < 8);
    let is_it = parts[0].len() > 10 && (is_signed || is_encrypted) && !is_elided;
    is_it.then(|| Found { what: "a JSON web token", range: at..at + word.len() })
}

/// A key of an older Grafana: JSON in base 64, which begins with `{"k":"`.
fn older_grafana(rest: &str, at: usize) -> Option<Found> {
    let length = run(rest, Letters::Base64);
    let is_it = rest.starts_with("eyJrIjoi") && length >= 60;
    is_it.then(|| Found { what: "a Grafana token", range: at..at + length })
}

/// `SG.`, 22 letters, a dot, 43 letters.
fn send_grid(rest: &str, at: usize) -> Option<Found> {
    let inner = &rest["SG.".len()..];
    let first = run(inner, Letters::Word);
    let second = run(inner[first..].strip_prefix('.')?, Letters::Word);
    let is_it = (16..=24).contains(&first) && (38..=44).contains(&second);
    is_it.then(|| Found { what: "a SendGrid key", range: at..at + "SG.".len() + first + 1 + second })
}

/// OpenAI marks its older keys in the middle.
fn older_openai(rest: &str, at: usize) -> Option<Found> {
    let word = &rest[..run(rest, Letters::Word)];
    let marked = word.find("T3BlbkFJ")?;
    (word.len() >= marked + 28).then(|| Found { what: "an OpenAI key", range: at..at + word.len() })
}

/// How far is looked back from a mark in the middle of a token, and on.
const LONGEST_BEFORE: usize = 64;
const LONGEST_BEHIND: usize = 256;

/// 14 letters, `.atlasv1.`, and at least 60.
fn terraform_cloud(text: &str, at: usize) -> Option<Found> {
    let before = text[..at].strip_suffix('.')?;
    let length = before.bytes().rev().take(LONGEST_BEFORE).take_while(u8::is_ascii_alphanumeric).count();
    let behind = &text.as_bytes()[at + "atlasv1.".len()..];
    let behind = behind.iter().take(LONGEST_BEHIND).take_while(|byte| Letters::Base64.hold(**byte)).count();
    let range = at - 1 - length..at + "atlasv1.".len() + behind;
    (length >= 14 && behind >= 60).then_some(Found { what: "a Terraform Cloud token", range })
}

/// The secret of an application of Entra: three letters, a digit, `Q~`, and some thirty letters.
fn entra_secret(text: &str, tilde: usize) -> Option<Found> {
    let is_letter = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'~');
    let before = text[..tilde].strip_suffix('Q')?;
    let length = before.bytes().rev().take(LONGEST_BEFORE).take_while(|byte| is_letter(*byte)).count();
    let behind = text[tilde + 1..].bytes().take(LONGEST_BEFORE).take_while(|byte| is_letter(*byte)).count();
    let is_it = length == 4 && before.ends_with(|digit: char| digit.is_ascii_digit()) && (31..=34).contains(&behind);
    is_it.then(|| Found { what: "a client secret of Azure", range: before.len() - length..tilde + 1 + behind })
}

/// Telegram: the number of the bot, `:AA`, and 33 letters.
fn telegram(text: &str, at: usize) -> Option<Found> {
    let before = &text[..at - 1];
    let digits = before.bytes().rev().take(LONGEST_BEFORE).take_while(u8::is_ascii_digit).count();
    let length = if goes_on(text, at, Letters::Word) { 0 } else { run(&text[at..], Letters::Word) };
    let is_it = (8..=10).contains(&digits) && length == 35 && begins_word(text, before.len() - digits);
    is_it.then(|| Found { what: "a Telegram token", range: before.len() - digits..at + length })
}

/// The address of a webhook, which whoever knows it may call.
fn webhook(rest: &str, at: usize) -> Option<Found> {
    const HOSTS: [(&str, usize); 4] = [
        ("hooks.slack.com/services/T", 30),
        ("hooks.slack.com/workflows/T", 30),
        ("discord.com/api/webhooks/", 60),
        ("discordapp.com/api/webhooks/", 60),
    ];
    let (host, least) = HOSTS.into_iter().find(|(host, _)| rest.starts_with(host))?;
    let path = &rest[host.len()..];
    let length = path.bytes().take_while(|byte| is_word(*byte) || *byte == b'/').count();
    let last = path[..length].rsplit('/').next().unwrap_or_default();
    let is_it = length >= least && path[..length].contains('/') && !is_filler(last);
    is_it.then(|| Found { what: "the address of a webhook", range: at..at + host.len() + length })
}

/// The key behind `AccountKey=` and its like.
fn key_of_azure(text: &str, start: usize, least: usize) -> Option<Found> {
    let length = run(&text[start..], Letters::Base64);
    let is_it = length >= least && !is_filler(&text[start..start + length]);
    is_it.then(|| Found { what: "a key of Azure", range: start..start + length })
}

/// How much of a line is looked at on either side of a password.
const LONGEST_LINE: usize = 320;

/// The last bytes of a text, in whole letters.
fn ending(text: &str) -> &str {
    let mut start = text.len().saturating_sub(LONGEST_LINE);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The first bytes of a text, in whole letters.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_LINE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Names of what a connection string says besides the password.
const OF_CONNECTIONS: [&str; 13] = [
    "server",
    "data source",
    "datasource",
    "host",
    "hostname",
    "address",
    "addr",
    "network address",
    "user id",
    "uid",
    "user",
    "username",
    "initial catalog",
];

/// The password of a connection string on one line: `Server=db;User Id=app;Password=…`, `host=db password=…`, or the
/// query of an address, `?user=app&password=…`.
fn connection(text: &str, at: usize) -> Option<Found> {
    let key = ["password", "pwd"].into_iter().find(|key| starts_with_ignoring_case(&text[at..], key))?;
    let behind = text[at + key.len()..].strip_prefix(' ').unwrap_or(&text[at + key.len()..]);
    let raw = behind.strip_prefix('=')?;
    let raw = raw.strip_prefix(' ').unwrap_or(raw);
    let (quote, raw) = match raw.chars().next() {
        Some(quote @ ('\'' | '"')) => (Some(quote), &raw[1..]),
        _ => (None, raw),
    };
    let nearest = at - ending(&text[..at]).len();
    let line_start = text[nearest..at].rfind('\n').map_or(nearest, |newline| nearest + newline + 1);
    let before = ending(&text[line_start..at]);
    if before.ends_with(['_', '-', '.', '$', '{']) {
        return None;
    }
    let separator = before.trim_end_matches([' ', '"', '\'']).chars().next_back();
    let ends: &[char] = match separator {
        _ if quote.is_some() => &['\'', '"'],
        Some('?' | '&') => &['&', '"', '\'', '`', ' ', '#', ';', ')'],
        Some(';') => &[';', '"', '\'', '`'],
        Some(_) if before.ends_with(' ') => &[' ', '"', '\'', '`', ';', ','],
        None => &[';', '"', '`'],
        Some(_) => return None,
    };
    let line = beginning(raw).split(['\n', '\r']).next().unwrap_or_default();
    let password = line.split(ends).next().unwrap_or_default();
    let others = said(before) + said(line);
    let is_connection = others > 0 && (others > 1 || matches!(separator, Some(';' | '?' | '&')));
    if !is_connection || password.trim().is_empty() || is_filled_in(password) {
        return None;
    }
    let start = raw.as_ptr() as usize - text.as_ptr() as usize;
    Some(Found { what: "a password in a connection string", range: start..start + password.len() })
}

/// How many names of connections have a value in a text.
fn said(text: &str) -> usize {
    let names = text.match_indices('=').filter(|(at, _)| {
        let name = text[..*at].trim_end().as_bytes();
        OF_CONNECTIONS.iter().any(|known| {
            let start = name.len().checked_sub(known.len());
            start.is_some_and(|start| {
                name[start..].eq_ignore_ascii_case(known.as_bytes())
                    && !start.checked_sub(1).is_some_and(|before| name[before].is_ascii_alphanumeric())
            })
        })
    });
    names.take(2).count()
}

/// Whether a password is put there by somebody else: `${NAME}`, `$(NAME)`, `{name}`, `<password>`, `****`, `%s`.
fn is_filled_in(password: &str) -> bool {
    let password = password.trim();
    ["${", "$(", "{{"].iter().any(|open| password.contains(open))
        || password.starts_with(['{', '<', '[', '$', '%', ':', '@', '?'])
        || super::value::is_placeholder(password)
}
