use policy_sdk::prelude::*;
use policy_sdk::values::credential::is_interpolation;

policy_sdk::rule! {
    /// The role that a ServiceAccount names on EKS is an ARN of a role
    ///
    /// The annotation `eks.amazonaws.com/role-arn` of a ServiceAccount is `arn:PARTITION:iam::ACCOUNT:role/NAME`, with
    /// or without a path before the name, with an account of twelve digits, and without spaces or quotes. With
    /// `allowed_accounts` the account is one of those. A value that something else fills in (`${ROLE_ARN}`,
    /// `<account>`) is not evaluated.
    ///
    /// `eks.amazonaws.com/token-expiration` beside it is between 3600 and 86400 seconds: EKS' webhook takes the nearer
    /// bound instead of anything else, without a word.
    ///
    /// ## Why
    /// The pod starts with any value. Only when it asks for its first object does AWS refuse the token, and libraries
    /// that then try the next source of credentials use the role of the node, with other rights.
    ///
    /// ## Fix
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/shop/cart
    /// ```
    findings: {
        /// It is no ARN of a role
        Invalid: High, Certain;
        /// The annotation is empty, so the pods get no role
        Empty: Medium, Certain;
        /// The role is of an account that is not allowed
        Account: High, Certain;
        /// The token's lifetime is not the one that is written
        Expiration: Info, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["core/ServiceAccount"],
    reads: [
        "metadata.annotations[\"eks.amazonaws.com/role-arn\"]",
        "metadata.annotations[\"eks.amazonaws.com/token-expiration\"]",
    ],
    reads_built: true,
    parameters: {
        /// The accounts of which roles may be; empty for any.
        allowed_accounts: Vec<String> = Vec::new(),
    },
}

/// AWS' partitions.
const PARTITIONS: [&str; 6] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"];
/// The seconds that EKS' webhook gives a token at the least, and Kubernetes at the most.
const LIFETIME: std::ops::RangeInclusive<i64> = 3600..=86400;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let annotations = input.document.at("metadata.annotations");
    let (place, expiration) =
        (annotations.get("eks.amazonaws.com/role-arn"), annotations.get("eks.amazonaws.com/token-expiration"));
    if !place.exists() {
        return not_applicable("it names no role of EKS");
    }
    let arn = place.text();
    let seconds = expiration.as_str().map(|text| text.parse::<i64>());
    if seconds.is_some_and(|seconds| !seconds.is_ok_and(|seconds| LIFETIME.contains(&seconds))) {
        let message = format!("the lifetime `{}` is replaced: it has to be 3600 to 86400 seconds", expiration.text());
        findings.report(Code::Expiration, &expiration, message);
    }
    if is_interpolation(arn) || arn.contains('<') {
        return not_evaluated("the role is filled in later");
    }
    if arn.is_empty() {
        findings.report(Code::Empty, &place, "the role is empty, so the pods get none and use that of the node");
        return Ok(());
    }
    match account_of(arn) {
        Err(reason) => {
            findings.report(Code::Invalid, &place, format!("`{arn}` is no role that AWS knows: {reason}"));
        }
        Ok(account) => {
            let allowed = &input.parameters.allowed_accounts;
            if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed == account) {
                let message =
                    format!("the role is of the account `{account}`, expected one of `{}`", allowed.join("`, `"));
                findings.report(Code::Account, &place, message);
            }
        }
    }
    Ok(())
}

/// The account of a role's ARN, or why it is none.
fn account_of(arn: &str) -> Result<&str, &'static str> {
    let is_space_or_quote = |character: char| character.is_whitespace() || matches!(character, '"' | '\'');
    if arn.contains(is_space_or_quote) {
        return Err("it has a space or a quote in it");
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return Err("expected `arn:aws:iam::ACCOUNT:role/NAME`");
    };
    if !PARTITIONS.contains(&partition) {
        return Err("there is no such partition");
    }
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("an account has twelve digits");
    }
    let Some(name) = resource.strip_prefix("role/") else {
        return Err("it is of something else than a role");
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte);
    if name.is_empty() || name.ends_with('/') || !name.bytes().all(is_allowed) {
        return Err("the name of the role is not one");
    }
    Ok(account)
}
