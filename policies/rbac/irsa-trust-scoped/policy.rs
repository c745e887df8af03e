use policy_sdk::prelude::*;
use policy_sdk::repository::iam::{self, Statement, Trust, TrustPolicies};
use policy_sdk::repository::terraform::{Argument, Block, resources};

policy_sdk::rule! {
    /// A role of EKS can be taken by named ServiceAccounts only
    ///
    /// A statement that lets the OIDC provider of an EKS cluster take a role (`sts:AssumeRoleWithWebIdentity`) has a
    /// condition on `…:sub` whose values are whole names, `system:serviceaccount:NAMESPACE:NAME`, without wildcards,
    /// and one on `…:aud`. Several exact names pass, and so does `StringLike` without a wildcard. Policies are read
    /// from `aws_iam_policy_document` and from JSON in `assume_role_policy`; calls of the modules for such roles by
    /// `oidc_providers`.
    ///
    /// Roles of other providers (GitHub, GitLab …) are not checked here. A policy that `jsonencode` builds of values
    /// that are only known after apply is not evaluated.
    ///
    /// ## Why
    /// The provider vouches for every pod of the cluster. Without the condition any pod, in any namespace, takes the
    /// role; with a wildcard in the name it is enough to create a ServiceAccount that matches.
    ///
    /// ## Fix
    /// ```hcl
    /// condition {
    ///   test     = "StringEquals"
    ///   variable = "${local.issuer}:sub"
    ///   values   = ["system:serviceaccount:shop:cart"]
    /// }
    /// condition {
    ///   test     = "StringEquals"
    ///   variable = "${local.issuer}:aud"
    ///   values   = ["sts.amazonaws.com"]
    /// }
    /// ```
    findings: {
        /// Every ServiceAccount of the cluster may take the role
        NoSubject: High, Certain;
        /// ServiceAccounts that match a pattern may take the role
        Wildcard: High, Certain;
        /// Tokens for every audience of the provider may be used to take the role
        NoAudience: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV_AWS_60"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    uses: [TrustPolicies],
    reads: [
        "resource.aws_iam_openid_connect_provider.*.attributes.url", "module.*.attributes.source",
        "module.*.attributes.oidc_providers", "module.*.attributes.assume_role_condition_test",
        "module.*.attributes.trust_condition_test",
    ],
}

/// Words in the name of an OIDC provider that is no cluster's.
const OTHERS: [&str; 8] =
    ["github", "gitlab", "bitbucket", "circleci", "buildkite", "terraform", "spacelift", "google"];
/// Words in the name of one that is.
const CLUSTERS: [&str; 5] = ["eks", "irsa", "cluster", "k8s", "kubernetes"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    let mut is_any = false;
    let roles = iam::roles(input);
    let of_roles = roles.iter().filter_map(|(address, trust)| match trust {
        // A document is checked where it stands.
        Trust::Known(statements) => Some(statements.iter().filter(|it| !it.place.pointer().starts_with("/data/"))),
        Trust::Unknown(expression) => {
            if expression.contains("AssumeRoleWithWebIdentity") {
                unknown = Some(format!("the policy of the role `{address}` is only known after apply"));
            }
            None
        }
    });
    let of_roles: Vec<Statement<'_>> = of_roles.flatten().cloned().collect();
    let of_documents = iam::documents(input).flat_map(|(_, document)| iam::of_document(&document));
    for statement in of_roles.into_iter().chain(of_documents) {
        let is_web =
            |action: &Argument<'_>| action.known().is_some_and(|it| it.text() == "sts:AssumeRoleWithWebIdentity");
        if !statement.allows || !statement.actions.iter().any(is_web) {
            continue;
        }
        match is_of_cluster(&input.document, &statement) {
            Some(true) => {
                is_any = true;
                if !judge(&statement, findings) {
                    unknown = Some("the conditions are made by a `dynamic` block".to_owned());
                }
            }
            Some(false) => {}
            None => unknown = Some("of which OIDC provider the role is is not known".to_owned()),
        }
    }
    for (_, call) in input.document.get("module").entries() {
        let attributes = call.get("attributes");
        if attributes.get("source").text().contains("iam-role-for-service-accounts") {
            is_any = true;
            judge_call(&attributes, findings);
        }
    }
    if !is_any && unknown.is_none() {
        return not_applicable("it has no role for ServiceAccounts");
    }
    findings.or_unknown(unknown)
}

/// Whether a statement is for the provider of an EKS cluster, as far as that is known.
fn is_of_cluster(module: &View<'_>, statement: &Statement<'_>) -> Option<bool> {
    let names_account = |value: &Argument<'_>| match value {
        Argument::Known(view) => view.text().contains("system:serviceaccount:"),
        Argument::Unknown(_, expression) => expression.contains("system:serviceaccount:"),
        Argument::Absent(_) => false,
    };
    if statement.conditions.iter().flat_map(|condition| &condition.values).any(names_account) {
        return Some(true);
    }
    let mut federated = statement.principals.iter().filter(|(kind, _)| *kind == "Federated").peekable();
    if federated.peek().is_none() {
        return if statement.is_partial { None } else { Some(false) };
    }
    let known: Vec<Option<bool>> = federated.map(|(_, identifier)| is_cluster(module, identifier)).collect();
    if known.contains(&Some(true)) {
        Some(true)
    } else {
        known.into_iter().find(Option::is_none).unwrap_or(Some(false))
    }
}

fn is_cluster(module: &View<'_>, identifier: &Argument<'_>) -> Option<bool> {
    let expression = match identifier {
        Argument::Known(view) => return Some(view.text().contains("oidc.eks.")),
        Argument::Unknown(_, expression) => expression.to_ascii_lowercase(),
        Argument::Absent(_) => return Some(false),
    };
    let has = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    let of_words = |text: &str| {
        if has(text, &OTHERS) { Some(false) } else { has(text, &CLUSTERS).then_some(true) }
    };
    of_words(&expression).or_else(|| {
        let name = expression.strip_prefix("aws_iam_openid_connect_provider.")?.split(['.', '[']).next()?.to_owned();
        let (_, provider) = resources(module, "aws_iam_openid_connect_provider")
            .find(|(address, _)| address.to_ascii_lowercase().split('[').next() == Some(&*name))?;
        match Block::argument(&provider, "url") {
            Argument::Known(url) => Some(url.text().contains("oidc.eks.")),
            Argument::Unknown(_, expression) => of_words(&expression.to_ascii_lowercase()),
            Argument::Absent(_) => None,
        }
    })
}

/// Checks a statement for a cluster's provider; false where it cannot be checked.
fn judge(statement: &Statement<'_>, findings: &mut Findings) -> bool {
    // What is only excluded leaves all others in.
    let narrows =
        |operator: &str| !operator.contains("Not") && (operator.contains("Equals") || operator.contains("Like"));
    let of_claim =
        |claim| statement.conditions.iter().filter(move |it| it.key.is_claim(claim) && narrows(it.operator)).peekable();
    let mut subjects = of_claim("sub");
    if subjects.peek().is_none() {
        if statement.is_partial {
            return false;
        }
        let message = "every ServiceAccount of the cluster may take the role, expected a condition on `…:sub`";
        findings.report(Code::NoSubject, &statement.place, message);
        return true;
    }
    for subject in subjects.filter(|subject| subject.operator.contains("Like")) {
        for value in &subject.values {
            let (text, is_pattern) = match value {
                Argument::Known(view) => (view.text(), view.text().contains(['*', '?'])),
                Argument::Unknown(_, expression) => {
                    (*expression, expression.contains(":*:") || expression.ends_with(":*\""))
                }
                Argument::Absent(_) => continue,
            };
            if is_pattern {
                let text = text.trim_matches('"');
                let message =
                    format!("every ServiceAccount that matches `{text}` may take the role, expected whole names");
                findings.report(Code::Wildcard, value.place(), message);
            }
        }
    }
    if of_claim("aud").peek().is_none() && !statement.is_partial {
        let message = "tokens for every audience of the provider may take the role, expected a condition on `…:aud`";
        findings.report(Code::NoAudience, &statement.place, message);
    }
    true
}

/// Checks a call of a module that makes such a role.
fn judge_call(attributes: &View<'_>, findings: &mut Findings) {
    let tests = ["assume_role_condition_test", "trust_condition_test"].map(|name| attributes.get(name));
    if !tests.iter().any(|test| test.text().contains("Like")) {
        return;
    }
    for (_, provider) in attributes.get("oidc_providers").entries() {
        for account in provider.get("namespace_service_accounts").items() {
            if account.text().contains(['*', '?']) {
                let message = format!(
                    "every ServiceAccount that matches `{}` may take the role, expected whole names",
                    account.text()
                );
                findings.report(Code::Wildcard, &account, message);
            }
        }
    }
}
