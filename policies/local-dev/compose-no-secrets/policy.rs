use policy_sdk::prelude::*;
use policy_sdk::repository::compose::with_defaults;
use policy_sdk::values::credential::{self, is_well_known, name::is_telling};

policy_sdk::rule! {
    /// Compose files hold no secrets
    ///
    /// No value of a service's `environment`, `build.args`, `labels`, `command` or `entrypoint`, and no `content` of
    /// `configs`, is a credential by its form, and no value of `environment` or `build.args` is a literal where its
    /// name says that it is a secret. A variable counts with its default: `${PASSWORD}` and `${PASSWORD:?}` are right,
    /// `${PASSWORD:-xyz}` is `xyz`. `*_FILE` and `secrets` are right.
    ///
    /// Passwords that stand in every tutorial, or are the name of the service or of its user, are a remark; they are
    /// more than that where the service has a port that is published on all addresses of the machine. URLs with
    /// passwords are what `no-credentials-in-url` reports.
    ///
    /// ## Why
    /// The file is in the repository and in everybody's checkout, and so is what it holds, for ever. A password of a
    /// database on a published port can be tried by everybody in the same network.
    ///
    /// ## Fix
    /// Rotate it, and let Compose read it from a file that is not committed:
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     environment:
    ///       POSTGRES_PASSWORD_FILE: /run/secrets/db
    ///     secrets: [db]
    /// secrets:
    ///   db: {file: ./db-password.txt}
    /// ```
    findings: {
        /// A value is a credential by its form
        Token: Critical, Certain, covers: ["no-credentials-in-url"];
        /// A literal under a name that says that it is a secret
        Literal: Medium, Likely;
        /// A well-known password of a service that others can reach
        Published: Low, Likely;
        /// A well-known password of a service that only this machine can reach
        Sample: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["file/Compose"],
    reads: [
        "services.*.environment", "services.*.build", "services.*.labels", "services.*.command", "services.*.entrypoint",
        "services.*.ports", "services.*.network_mode", "configs.*.content",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for (name, service) in input.document.get("services").entries() {
        let environment = pairs(&service.get("environment"));
        let user = environment
            .iter()
            .find(|(name, ..)| name.to_ascii_uppercase().ends_with("USER"))
            .map(|(_, value, _)| value.clone());
        let is_published = is_published(&service);
        for (variable, value, place) in environment.iter().chain(&pairs(&service.at("build.args"))) {
            let who = format!("`{variable}` of service `{name}`");
            let is_well_known =
                is_well_known(value) || value == name || user.as_ref().is_some_and(|user| user == value);
            if let Some(what) = credential::detect(value) {
                findings.report(Code::Token, place, format!("{who} is {what}")).secret();
            } else if !is_telling(variable) || value.contains('$') || value.is_empty() {
                continue;
            } else if is_well_known && is_published {
                let message = format!("{who} is a well-known password, and the service is published on all addresses");
                findings.report(Code::Published, place, message).secret();
            } else if is_well_known {
                findings.report(Code::Sample, place, format!("{who} is a well-known password")).secret();
            } else if credential::may_be_named(variable, value) {
                findings
                    .report(Code::Literal, place, format!("{who} is a literal, as its name says a secret"))
                    .secret();
            }
        }
        for key in ["labels", "command", "entrypoint"] {
            let view = service.get(key);
            let texts = view.items().chain(view.entries().map(|(_, value)| value)).chain([view.clone()]);
            for text in texts {
                if let Some((what, line)) = credential::detect_line(text.text()) {
                    findings
                        .report(Code::Token, &text, format!("`{key}` of service `{name}` holds {what}"))
                        .excerpt(line)
                        .secret();
                }
            }
        }
    }
    for (name, config) in input.document.get("configs").entries() {
        let content = config.get("content");
        if let Some((what, line)) = credential::detect_line(content.text()) {
            findings.report(Code::Token, &content, format!("config `{name}` holds {what}")).excerpt(line).secret();
        }
    }
    Ok(())
}

/// Names, values with the defaults of variables, and places: of a mapping, or of a list of `NAME=value`.
fn pairs<'d>(view: &View<'d>) -> Vec<(&'d str, String, View<'d>)> {
    let mapped = view.entries().map(|(name, value)| (name, value.scalar_text().unwrap_or_default(), value));
    let listed = view.items().filter_map(|item| item.text().split_once('=').map(|(name, value)| (name, value, item)));
    mapped.chain(listed).map(|(name, value, place)| (name, with_defaults(value), place)).collect()
}

/// Whether a port is published on all addresses: `5432:5432`, `published` without `host_ip`.
fn is_published(service: &View<'_>) -> bool {
    let is_local =
        |address: &str| address.starts_with("127.") || address == "localhost" || address == "[::1]" || address == "::1";
    service.get("network_mode").text() == "host"
        || service.get("ports").items().any(|port| match port.as_str() {
            Some(short) => {
                short.matches(':').count() < 2
                    || !is_local(short.split(':').next().unwrap_or_default()) && !short.starts_with("[::1]")
            }
            None => !is_local(port.get("host_ip").text()),
        })
}
