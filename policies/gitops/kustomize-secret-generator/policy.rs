use policy_sdk::prelude::*;
use policy_sdk::repository::files;
use policy_sdk::repository::files::{folder, joined};
use policy_sdk::values::{credential, secret};

policy_sdk::rule! {
    /// Kustomizations make no Secret from committed plain text
    ///
    /// `literals` of a `secretGenerator` hold no credential: no value under a key that ends with a word such as
    /// `password` or `api-key`, other than placeholders, `$(NAME)`, `${NAME}` and nothing. Files of `envs` and `files`
    /// are not committed, or encrypted. A file that `.gitignore` names is not committed.
    ///
    /// Of `.env` files the rule sees the values, and reports those that are credentials and not encrypted by SOPS
    /// (`ENC[`). Of other files it sees only the name: those that are called `.enc`, `.sops`, `.age`, `.gpg` or `.asc`
    /// pass. Where the repository has a `.sops.yaml` it is not known which of the others are encrypted, so the rule is
    /// not evaluated for them. Messages never show a value.
    ///
    /// ## Why
    /// Whoever can read the repository, or any old copy of it, has the credential. The history keeps it for ever.
    ///
    /// ## Fix
    /// Rotate the credential. Keep it in a secret store and commit a reference (External Secrets), or encrypt the file
    /// with SOPS, which Flux and the ksops plugin decrypt.
    findings: {
        /// A literal is a credential
        Literal: High, Likely;
        /// A committed file of variables holds a credential
        Variables: High, Likely;
        /// A committed file becomes a Secret
        File: High, Likely;
        /// A password that stands in every tutorial, or a file of tests, examples or documentation
        Sample: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    since: "0.1.0",
    applies_to: ["file/Kustomization"],
    reads: ["secretGenerator"],
    inventory: {
        // No relations fit: paths are from the folder of the kustomization.
        repository: { kinds: ["file/Repository"], scope: "cluster", reads: ["path", "files[*].path"] },
        variables: { kinds: ["file/Dotenv"], scope: "cluster", reads: ["entries"] },
    },
    parameters: {
        /// Endings of a key, in lower case, that say that its value is a secret.
        secret_names: Vec<String> = secret::default_names(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let generators = input.document.get("secretGenerator");
    if generators.is_empty() {
        return not_applicable("it makes no Secrets");
    }
    let mut unclear = None;
    for generator in generators.items() {
        check_literals(input, &generator, findings);
        let envs = generator.get("envs").items().chain([generator.get("env")]);
        for place in envs.filter(|place| !place.text().is_empty()) {
            check_variables(input, &place, findings);
        }
        for place in generator.get("files").items() {
            // `key=path`
            let path = place.text().split_once('=').map_or(place.text(), |(_, path)| path);
            unclear = check_file(input, &place, path, findings).or(unclear);
        }
    }
    findings.or_unknown(unclear)
}

fn check_literals(input: &Input<'_, Parameters>, generator: &View<'_>, findings: &mut Findings) {
    let is_credential = |literal: &View<'_>| {
        let (key, value) = literal.text().split_once('=').unwrap_or_default();
        secret::is_secret(&input.parameters.secret_names, key, value.trim_matches(['"', '\'']))
    };
    let literals: Vec<View<'_>> = generator.get("literals").items().filter(is_credential).collect();
    let [first, others @ ..] = &literals[..] else { return };
    let keys: Vec<&str> = literals.iter().filter_map(|it| it.text().split_once('=')).map(|(key, _)| key).collect();
    let message = format!(
        "the Secret `{}` is made from committed credentials: `{}`",
        generator.get("name").text(),
        keys.join("`, `")
    );
    let is_sample = |it: &View<'_>| it.text().split_once('=').is_some_and(|(_, value)| credential::is_sample(value));
    let code = if files::is_sample(&input.subject.name) || literals.iter().all(is_sample) {
        Code::Sample
    } else {
        Code::Literal
    };
    let report = findings.report(code, first, message);
    others.iter().fold(report, |report, other| report.label(other, "this too")).secret();
}

fn check_variables(input: &Input<'_, Parameters>, place: &View<'_>, findings: &mut Findings) {
    let path = joined(folder(&input.subject.name), place.text());
    let Some(file) = input.related("variables").find(|file| joined("", file.name()) == path) else { return };
    let is_credential = |entry: &View<'_>| {
        let (key, value) = (entry.get("name").text(), entry.get("value").text());
        !value.starts_with("ENC[") && secret::is_secret(&input.parameters.secret_names, key, value)
    };
    let keys: Vec<&str> =
        file.document.get("entries").items().filter(is_credential).map(|entry| entry.get("name").text()).collect();
    if !keys.is_empty() {
        let message = format!("`{}` is committed and holds credentials: `{}`", place.text(), keys.join("`, `"));
        let code = if files::is_sample(&path) { Code::Sample } else { Code::Variables };
        findings.report(code, place, message);
    }
}

/// Checks a file of which only the name is known; the reason where that does not tell enough.
fn check_file(input: &Input<'_, Parameters>, place: &View<'_>, path: &str, findings: &mut Findings) -> Option<String> {
    const ENCRYPTED: [&str; 6] = ["enc", "sops", "age", "gpg", "asc", "encrypted"];
    let wanted = joined(folder(&input.subject.name), path);
    let name = wanted.rsplit('/').next().unwrap_or_default();
    if name.split('.').any(|part| ENCRYPTED.contains(&part)) {
        return None;
    }
    let mut repositories = input.related("repository").peekable();
    if repositories.peek().is_none() {
        return Some("it is not known which files are committed".into());
    }
    for repository in repositories {
        let root = repository.document.get("path").text().to_owned();
        let mut files = repository.document.get("files").items().map(|file| file.get("path"));
        if let Some(file) = files.find(|file| joined(&root, file.text()) == wanted) {
            let mut files = repository.document.get("files").items().map(|file| file.get("path").text());
            if files.any(|path| path.rsplit('/').next() == Some(".sops.yaml")) {
                return Some(format!("SOPS may have encrypted `{path}`"));
            }
            let message = format!("`{path}` is committed and becomes a Secret");
            let code = if files::is_sample(&wanted) { Code::Sample } else { Code::File };
            findings.report(code, place, message).label_in(&repository, &file, "the file");
            return None;
        }
    }
    None
}
