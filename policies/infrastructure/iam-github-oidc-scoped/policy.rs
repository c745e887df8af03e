use policy_sdk::prelude::*;
use policy_sdk::repository::iam::{self, Statement, Trust, TrustPolicies};
use policy_sdk::repository::terraform::{self, Argument, Block};

policy_sdk::rule! {
    /// A role for GitHub Actions can be taken by the right repositories only
    ///
    /// A statement that lets the OIDC provider of GitHub (`token.actions.githubusercontent.com`) take a role has a
    /// condition on `…:sub` that names repositories, and of each what may run: a branch or tag (`ref:…`) or an
    /// environment. It has a condition on `…:aud` as well. Conditions on `job_workflow_ref` or `repository` stand for
    /// one on `sub`. Both forms of subjects are read: `repo:acme/shop:…` and `repo:acme@123/shop@456:…`.
    ///
    /// Policies are read from `aws_iam_policy_document`, from JSON in `assume_role_policy`, and from calls of the
    /// module `iam-github-oidc-role`. Subjects that are only known after apply are not evaluated.
    ///
    /// ## Why
    /// The provider vouches for every workflow on GitHub, of anybody. Without the condition each of them can take the
    /// role. With a pattern that begins like your organisation it is enough to register a name that fits.
    ///
    /// ## Fix
    /// ```hcl
    /// condition {
    ///   test     = "StringEquals"
    ///   variable = "token.actions.githubusercontent.com:sub"
    ///   values   = ["repo:acme/shop:environment:production"]
    /// }
    /// condition {
    ///   test     = "StringEquals"
    ///   variable = "token.actions.githubusercontent.com:aud"
    ///   values   = ["sts.amazonaws.com"]
    /// }
    /// ```
    findings: {
        /// Every workflow on GitHub may take the role
        Everybody: Critical, Certain;
        /// Repositories that match a pattern may take the role
        Repositories: High, Certain;
        /// A repository that is not in the list may take the role
        OtherRepository: High, Certain;
        /// Every branch, tag and pull request of a repository may take the role
        AnyRef: Medium, Certain;
        /// Every pull request of a repository may take the role
        PullRequest: Medium, Certain;
        /// The condition also holds where the claim is missing
        WithoutClaim: Medium, Certain;
        /// Tokens for every audience may be used to take the role
        NoAudience: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV_AWS_358", "CK:CKV_AWS_393"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [TrustPolicies],
    reads: [
        "resource.aws_iam_openid_connect_provider.*.attributes.url", "module.*.attributes.source",
        "module.*.attributes.subjects", "module.*.attributes.enable_github_oidc", "module.*.attributes.oidc_subjects",
        "module.*.attributes.oidc_wildcard_subjects",
    ],
    parameters: {
        /// The repositories that may take roles, as `acme/shop`; without it, all that are named.
        allowed_repos: Option<Vec<String>> = None,
    },
}

const ISSUER: &str = "token.actions.githubusercontent.com";
/// Claims that name repositories.
const CLAIMS: [&str; 4] = ["sub", "job_workflow_ref", "repository", "repository_id"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    let mut is_any = false;
    let mut statements = Vec::new();
    for (address, trust) in iam::roles(input) {
        match trust {
            // A document is checked where it stands.
            Trust::Known(known) => {
                statements.extend(known.into_iter().filter(|it| !it.place.pointer().starts_with("/data/")))
            }
            Trust::Unknown(expression) if expression.contains(ISSUER) => {
                unknown = Some(format!("the policy of the role `{address}` is only known after apply"));
            }
            Trust::Unknown(_) => {}
        }
    }
    statements.extend(iam::documents(input).flat_map(|(_, document)| iam::of_document(&document)));
    for statement in statements.iter().filter(|it| it.allows && is_of_github(&input.document, it)) {
        is_any = true;
        unknown = judge(input, statement, findings).or(unknown);
    }
    for (_, call) in input.document.get("module").entries() {
        let call = Block::of(call);
        let source = call.argument("source").known().map(View::text).unwrap_or_default();
        let lists = if source.contains("iam-github-oidc-role") {
            &["subjects"][..]
        } else if source.contains("iam-role") && call.argument("enable_github_oidc").known().is_some_and(View::is_true)
        {
            &["oidc_subjects", "oidc_wildcard_subjects"][..]
        } else {
            continue;
        };
        is_any = true;
        for subject in lists.iter().flat_map(|list| elements(call.argument(list))) {
            // The module puts `repo:` before it.
            unknown = judge_subject(input, &subject, "", findings).or(unknown);
        }
    }
    if !is_any && unknown.is_none() {
        return not_applicable("it has no role for GitHub Actions");
    }
    findings.or_unknown(unknown)
}

fn elements<'d>(argument: Argument<'d>) -> Vec<Argument<'d>> {
    match &argument {
        Argument::Known(view) => view.items().map(Argument::of).collect(),
        Argument::Unknown(..) => vec![argument],
        Argument::Absent(_) => Vec::new(),
    }
}

/// Whether a statement is for the provider of GitHub Actions, as its conditions, its principals or their provider say.
fn is_of_github(module: &View<'_>, statement: &Statement<'_>) -> bool {
    let is_provider = |identifier: &Argument<'_>| match identifier {
        Argument::Known(view) => view.text().contains(ISSUER),
        Argument::Unknown(_, expression) => {
            expression.contains(ISSUER)
                || expression.strip_prefix("aws_iam_openid_connect_provider.").is_some_and(|rest| {
                    let name = rest.split(['.', '[']).next().unwrap_or_default();
                    terraform::resources(module, "aws_iam_openid_connect_provider").any(|(address, provider)| {
                        let url = provider.argument("url");
                        address.split('[').next() == Some(name)
                            && url.known().is_some_and(|url| url.text().contains(ISSUER))
                    })
                })
        }
        Argument::Absent(_) => false,
    };
    statement.conditions.iter().any(|condition| condition.key.text().contains(ISSUER))
        || statement.principals.iter().any(|(kind, identifier)| *kind == "Federated" && is_provider(identifier))
}

/// Checks a statement; why it could not be checked in part.
fn judge(input: &Input<'_, Parameters>, statement: &Statement<'_>, findings: &mut Findings) -> Option<String> {
    let narrows =
        |operator: &str| !operator.contains("Not") && (operator.contains("Equals") || operator.contains("Like"));
    let of_claim = |claim: &str| -> Vec<_> {
        statement.conditions.iter().filter(|it| it.key.is_claim(claim) && narrows(it.operator)).collect()
    };
    let partial = statement.is_partial.then(|| "the conditions are made by a `dynamic` block".to_owned());
    if CLAIMS.iter().all(|claim| of_claim(claim).is_empty()) {
        if partial.is_none() {
            let message = "every workflow on GitHub may take the role, expected a condition on `…:sub`";
            findings.report(Code::Everybody, &statement.place, message);
        }
        return partial;
    }
    let mut unknown = None;
    for condition in of_claim("sub") {
        if condition.operator.starts_with("ForAllValues:") || condition.operator.ends_with("IfExists") {
            let message =
                format!("`{}` also holds for tokens without the claim, expected `StringLike`", condition.operator);
            findings.report(Code::WithoutClaim, &condition.place, message);
        }
        // To `StringEquals` a star is a letter.
        let is_literal = !condition.operator.contains("Like");
        for value in &condition.values {
            let has_star = value.known().is_some_and(|view| view.text().contains(['*', '?']));
            if !(is_literal && has_star) {
                unknown = judge_subject(input, value, "repo:", findings).or(unknown);
            }
        }
    }
    if of_claim("aud").is_empty() && partial.is_none() {
        let message = "tokens for every audience may take the role, expected a condition on `…:aud`";
        findings.report(Code::NoAudience, &statement.place, message);
    }
    unknown.or(partial)
}

/// Checks a subject: `repo:acme/shop:ref:refs/heads/main`.
fn judge_subject(
    input: &Input<'_, Parameters>,
    subject: &Argument<'_>,
    begins: &str,
    findings: &mut Findings,
) -> Option<String> {
    let text = match subject {
        Argument::Known(view) => view.text().to_owned(),
        // What stands between `${` and `}` is some name.
        Argument::Unknown(_, expression) => match expression.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
            Some(template) => named(template),
            None => return Some(format!("the subjects `{expression}` are only known after apply")),
        },
        Argument::Absent(_) => return None,
    };
    let is_pattern = |part: &str| part.contains(['*', '?']);
    let place = subject.place();
    let shown = match subject {
        Argument::Unknown(_, expression) => expression.trim_matches('"'),
        _ => &*text,
    };
    let Some(rest) = text.strip_prefix("repo:").or_else(|| begins.is_empty().then_some(&*text)) else {
        if is_pattern(&text[..text.len().min(5)]) {
            let message = format!("every workflow on GitHub that matches `{shown}` may take the role");
            findings.report(Code::Everybody, place, message);
        } else if text.starts_with("\0") {
            return Some(format!("the subject `{shown}` is only known after apply"));
        }
        return None;
    };
    let (repository, what) = rest.split_once(':').unwrap_or((rest, ""));
    let Some((owner, name)) = repository.split_once('/') else {
        if is_pattern(repository) {
            let message = format!("every workflow on GitHub that matches `{shown}` may take the role");
            findings.report(Code::Everybody, place, message);
        } else if repository.contains('\0') {
            return Some(format!("the subject `{shown}` is only known after apply"));
        }
        return None;
    };
    // `acme@123/shop@456` is the same with the numbers that GitHub never gives again.
    let without_number = |part: &str| part.split('@').next().unwrap_or_default().to_ascii_lowercase();
    if is_pattern(&without_number(owner)) {
        let message = format!("repositories of everybody whose name matches `{owner}` may take the role");
        findings.report(Code::Everybody, place, message);
    } else if is_pattern(&without_number(name)) {
        let message = format!("every repository that matches `{shown}` may take the role, expected whole names");
        findings.report(Code::Repositories, place, message);
    } else if what == "*" {
        let message = format!("every branch, tag and pull request that matches `{shown}` may take the role");
        findings.report(Code::AnyRef, place, message);
    } else if what == "pull_request" {
        let message = format!("every pull request that matches `{shown}` may take the role");
        findings.report(Code::PullRequest, place, message);
    }
    let repository = [&*without_number(owner), "/", &*without_number(name)].concat();
    let is_allowed = |allowed: &Vec<String>| allowed.iter().any(|it| it.eq_ignore_ascii_case(&repository));
    if !repository.contains(['*', '?', '\0'])
        && input.parameters.allowed_repos.as_ref().is_some_and(|it| !is_allowed(it))
    {
        let message = format!("the repository `{repository}` may take the role and is not in the list");
        findings.report(Code::OtherRepository, place, message);
    }
    None
}

/// A template with a zero byte for each part that is not known.
fn named(template: &str) -> String {
    let mut parts = template.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('\0');
        text.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    text
}
