use policy_sdk::prelude::*;
use policy_sdk::repository::helm::is_for_tests;
use policy_sdk::repository::helm::values::{self, Written};
use policy_sdk::values::credential::{self, name};
use policy_sdk::values::secret;

policy_sdk::rule! {
    /// Values of charts hold no secrets
    ///
    /// No value in the values files of a chart is a credential by its form (a private key, an AWS access key id, a
    /// token of GitHub, Stripe and the like), a password in a URL, or a literal under a key that ends with a word that
    /// says so (`password`, `token`, `secretKey`).
    ///
    /// Keys that only lead to a secret pass (`existingSecret`, `secretName`, `passwordKey`, `tokenFile`), as do empty
    /// values, placeholders (`CHANGE_ME`, `<password>`), paths, addresses, numbers, and values with actions (`{{ …
    /// }}`). A password that stands in every tutorial (`admin`, `supersecret`, `minio123`) is a finding of its own: the
    /// chart installs it as it is. In values for tests a literal is a remark. Messages never show a value.
    ///
    /// ## Why
    /// The values are in the repository, in every copy of the chart and in the release that helm keeps in the cluster.
    /// Who installs the chart without a look at all of them runs with a password that everybody knows.
    ///
    /// ## Fix
    /// Take the name of a Secret, and make up a password only where there is none:
    ///
    /// ```yaml
    /// # values.yaml
    /// auth:
    ///   existingSecret: ""
    ///   passwordKey: password
    /// ```
    findings: {
        /// A credential by its form
        Credential: High, Certain;
        /// A password of tutorials, with which the chart is installed
        Default: Medium, Likely;
        /// A literal under a key that says that it is a secret
        Literal: Medium, Likely;
        /// Such a literal in values for tests
        Test: Info, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    since: "0.1.0",
    applies_to: ["file/HelmValues"],
    uses: [Written],
    parameters: {
        /// Endings of a key, in lower case, that say that its value is a secret.
        secret_names: Vec<String> = secret::default_names(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_for_test = is_for_tests(&input.subject.name) || values::is_for_ci(&input.subject.name);
    for value in values::all(&input.document) {
        judge(&input.parameters.secret_names, (value.key, &value.way), &value.view, is_for_test, findings);
    }
    Ok(())
}

fn judge(names: &[String], (key, way): (&str, &str), view: &View<'_>, is_for_test: bool, findings: &mut Findings) {
    let value = view.scalar_text().unwrap_or_default();
    if let Some((what, line)) = credential::detect_line(value) {
        // A password is only as telling as a literal one.
        let code = match is_for_test {
            true => Code::Test,
            false if what.contains("password") => Code::Literal,
            false => Code::Credential,
        };
        let message = format!("`{way}` holds {what}, expected the name of a Secret");
        findings.report(code, view, message).excerpt(line).secret();
        return;
    }
    let urls = credential::urls_with_password(value);
    let has_password = urls.iter().any(|url| !credential::is_placeholder(url.password));
    // The name of a key in a Secret.
    let is_key = secret::snake_case(key).ends_with("key") && name::is_telling(value);
    let is_literal =
        urls.is_empty() && !is_key && !value.contains("{{") && secret::is_secret_setting(names, key, value);
    if !has_password && !is_literal {
        return;
    }
    let is_known = credential::is_well_known(value)
        || urls.iter().any(|url| credential::is_well_known(url.password))
        || repeats(key, value);
    let (code, what) = match (is_for_test, is_known, has_password) {
        (true, ..) => (Code::Test, "a literal secret, for tests"),
        (false, true, _) => (Code::Default, "a default password that everybody knows"),
        (false, false, true) => (Code::Literal, "a password in a URL"),
        (false, false, false) => (Code::Literal, "a literal secret, as its name says"),
    };
    findings.report(code, view, format!("`{way}` is {what}")).secret();
}

/// Whether a value is made of the key that it stands under: `accountKey: my-account-key`.
fn repeats(key: &str, value: &str) -> bool {
    let letters = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
    let (key, value) = (letters(key).to_ascii_lowercase(), letters(value).to_ascii_lowercase());
    key.len() > 5 && value.contains(&key)
}
