use policy_sdk::language::texts;
use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Block};
use policy_sdk::values::credential::{self, is_sample, name::is_telling, value::may_be_secret};

policy_sdk::rule! {
    /// Terraform holds no credentials
    ///
    /// No string of a module or of a file of variables is a credential by its form, in whatever argument it stands. No
    /// argument that the provider calls a secret (`password` of a database, `secret_string`, keys of a provider, the
    /// value of a `SecureString` …) has a literal as its value, be it written there or the default of a variable. A
    /// value in a file of variables whose name says that it is a secret is none either.
    ///
    /// What passes: values whose changes Terraform ignores (`ignore_changes`), since somebody sets the right one later;
    /// references to data sources and to what is made on apply, empty values and placeholders, ARNs, paths, names of
    /// secrets and public keys. A name alone says nothing in a module. URLs with passwords are what
    /// `no-credentials-in-url` reports. Folders of examples and tests are a remark, unless the form of the value gives
    /// it away.
    ///
    /// ## Why
    /// What is in the repository is in everybody's checkout and in its history, for ever, and Terraform writes it into
    /// the state as well.
    ///
    /// ## Fix
    /// Rotate the credential. Then let AWS make the password (`manage_master_user_password`), read it with a data
    /// source from Secrets Manager, or hand it over with an ephemeral variable and a write-only argument:
    ///
    /// ```hcl
    /// variable "password" {
    ///   type      = string
    ///   ephemeral = true
    /// }
    ///
    /// resource "aws_db_instance" "shop" {
    ///   password_wo         = var.password
    ///   password_wo_version = 1
    /// }
    /// ```
    findings: {
        /// A value is a credential by its form
        Token: Critical, Likely, covers: ["rds-credentials-managed/literal"];
        /// An argument for a secret has a literal
        Literal: High, Likely, covers: ["rds-credentials-managed/literal"];
        /// A variable for a secret has a default
        SensitiveDefault: Low, Likely;
        /// A password that stands in every tutorial, or in an example
        Sample: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    peers: ["CK:CKV_AWS_41", "CK:CKV_AWS_45", "CK:CKV_AWS_46", "TR:AWS-0029"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformVariables"],
    reads: ["path", "blocks", "tfvars", "values", "resource", "provider"],
}

/// Arguments for secrets: the beginning of the resource's type, or `provider.` and a provider, and the arguments.
const SECRETS: [(&str, &[&str]); 21] = [
    ("provider.aws", &["access_key", "secret_key", "token"]),
    ("provider.azurerm", &["client_secret"]),
    ("provider.azuread", &["client_secret"]),
    ("provider.google", &["access_token"]),
    ("provider.datadog", &["api_key", "app_key"]),
    ("provider.", &["password", "token", "api_token", "api_key", "secret_key"]),
    ("aws_db_instance", &["password"]),
    ("aws_rds_cluster", &["master_password"]),
    ("aws_redshift", &["master_password", "admin_user_password"]),
    ("aws_docdb_cluster", &["master_password"]),
    ("aws_elasticache_replication_group", &["auth_token"]),
    ("aws_secretsmanager_secret_version", &["secret_string"]),
    ("aws_iam_server_certificate", &["private_key"]),
    ("aws_acm_certificate", &["private_key"]),
    ("aws_dms_endpoint", &["password"]),
    ("aws_mq_broker", &["password"]),
    ("azurerm_", &["administrator_login_password", "admin_password", "client_secret"]),
    ("azurerm_key_vault_secret", &["value"]),
    ("google_sql_", &["password", "root_password"]),
    ("google_secret_manager_secret_version", &["secret_data"]),
    ("github_actions_", &["plaintext_value"]),
];
/// Folders whose modules nobody applies as they are.
const SAMPLES: [&str; 7] = ["examples", "example", "test", "tests", "fixtures", "testdata", "e2e"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let is_example = module.get("path").text().split('/').any(|folder| SAMPLES.contains(&folder));
    let mut told = Told { values: Vec::new(), is_example, findings };
    // Where a value is written comes before where it is used.
    for (name, value) in module.get("values").entries().chain(module.get("tfvars").entries()) {
        for text in texts(&value) {
            told.by_form(&text);
        }
        let is_secret = is_telling(name) && credential::may_be_named(name, value.text());
        if is_secret && !value.text().is_empty() {
            told.literal(&value, format!("the variable `{name}` is a literal, as its name says a secret"));
        }
    }
    let blocks: Vec<Block<'_>> = module.get("blocks").items().map(Block::of).collect();
    let is_definition = |block: &&Block<'_>| matches!(block.place().get("type").text(), "variable" | "locals");
    let (definitions, others): (Vec<_>, Vec<_>) = blocks.iter().partition(is_definition);
    for block in definitions.iter().chain(&others) {
        for text in texts(&block.place().get("attributes")).iter().chain(&texts(&block.place().get("blocks"))) {
            told.by_form(text);
        }
    }
    for (kind, by_address) in module.get("resource").entries() {
        for (address, resource) in by_address.entries() {
            told.arguments(
                &blocks,
                kind,
                &format!("`{}`", terraform::full_address(kind, address)),
                &Block::of(resource),
            );
        }
    }
    for (name, configurations) in module.get("provider").entries() {
        for provider in configurations.items().map(Block::of) {
            told.arguments(&blocks, &["provider.", name].concat(), &format!("the provider `{name}`"), &provider);
        }
    }
    for block in definitions {
        let default = block.argument("default");
        let Some(value) = default.known().filter(|_| block.argument("sensitive").known().is_some_and(View::is_true))
        else {
            continue;
        };
        let name = block.label(0);
        if may_be_secret(value.text()) && !told.knows(value.text()) && !credential::is_count(name, value.text()) {
            let message = format!("the sensitive variable `{name}` has a default");
            told.findings.report(Code::SensitiveDefault, value, message).secret();
        }
    }
    Ok(())
}

/// What was found, each value once.
struct Told<'f, 'd> {
    values: Vec<&'d str>,
    is_example: bool,
    findings: &'f mut Findings,
}

impl<'d> Told<'_, 'd> {
    fn knows(&self, value: &str) -> bool {
        self.values.iter().any(|known| value.contains(known))
    }

    /// Reports a text that is a credential by its form.
    fn by_form(&mut self, text: &View<'d>) {
        let Some((what, line)) = credential::detect_line(text.text()) else { return };
        if self.knows(text.text()) || credential::is_placeholder(line) {
            return;
        }
        self.values.push(text.text());
        self.findings.report(Code::Token, text, format!("the value is {what}")).excerpt(line).secret();
    }

    /// Reports a literal in an argument for a secret.
    fn literal(&mut self, value: &View<'d>, message: String) {
        if self.knows(value.text()) {
            return;
        }
        self.values.push(value.text());
        let code = if self.is_example || is_sample(value.text()) { Code::Sample } else { Code::Literal };
        self.findings.report(code, value, message).secret();
    }

    /// Checks the arguments of a resource or provider that are for secrets.
    fn arguments(&mut self, blocks: &[Block<'d>], kind: &str, name: &str, block: &Block<'d>) {
        let of_kind = SECRETS.iter().filter(|(begin, _)| kind.starts_with(begin)).flat_map(|(_, names)| names.iter());
        let is_secure = block.argument("type").known().is_some_and(|it| it.text() == "SecureString");
        let parameter = (kind == "aws_ssm_parameter" && is_secure).then_some(&"value");
        for argument in of_kind.chain(parameter) {
            let value = block.argument(argument);
            if is_only_begun_with(block, argument) {
                continue;
            }
            let may_be = |text: &str| (may_be_secret(text) || is_sample(text)) && !text.starts_with('{');
            let Some(value) = value.known().filter(|it| may_be(it.text())) else {
                continue;
            };
            // A default of a variable is cured where it is written.
            let variables = blocks.iter().filter(|it| it.place().get("type").text() == "variable");
            let defaults = variables.map(|it| (it.label(0), it.argument("default")));
            let default = defaults.into_iter().find(|(_, it)| it.known().is_some_and(|it| it.text() == value.text()));
            match default {
                Some((variable, default)) => {
                    let message = format!("`{argument}` of {name} is the default of the variable `{variable}`");
                    self.literal(default.place(), message);
                }
                None => self.literal(value, format!("`{argument}` of {name} is a literal")),
            }
        }
    }
}

/// Whether a value is only there until somebody sets the right one: Terraform ignores its changes.
fn is_only_begun_with(block: &Block<'_>, argument: &str) -> bool {
    let lifecycle = block.argument_at("lifecycle.ignore_changes");
    texts(lifecycle.place()).iter().any(|text| matches!(text.text(), "all") || text.text() == argument)
}
