use policy_sdk::kubernetes::aws_auth::{self, EksLogins, Login};
use policy_sdk::prelude::*;
use policy_sdk::values::base64;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Nobody gets the group system:masters
    ///
    /// The group `system:masters` stands in none of the places that put somebody into it: the groups of the ConfigMap
    /// `aws-auth`, `kubernetes_groups` of EKS access entries (which AWS refuses), the organization of a
    /// CertificateSigningRequest, of cert-manager's Certificate and of a certificate that a shell script makes
    /// (`O=system:masters`). ARNs that match `allowed_arns` pass: break-glass roles.
    ///
    /// Bindings of the group are no finding: it has all rights without any.
    ///
    /// ## Why
    /// The API server lets this group do everything without a look at roles and bindings. No binding
    /// can be deleted to take that back. A certificate with it works until it ends, since Kubernetes knows no
    /// revocation.
    ///
    /// ## Fix
    /// Use a group of your own, and bind it to what its people need:
    ///
    /// ```yaml
    /// mapRoles: |
    ///   - rolearn: arn:aws:iam::111122223333:role/operators
    ///     username: operator
    ///     groups: [operators]
    /// ```
    ///
    /// On EKS an access policy gives administrators their rights: `AmazonEKSClusterAdminPolicy`, which can be taken
    /// back.
    findings: {
        /// Who logs in to EKS gets the group
        Mapped: High, Certain;
        /// AWS refuses the access entry
        Refused: High, Certain;
        /// A certificate with the group is asked for
        Certificate: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["cis:5.1.7"],
    peers: ["KC:C-0246", "TR:KSV-0123"],
    since: "0.1.0",
    applies_to: [
        "core/ConfigMap", "certificates.k8s.io/CertificateSigningRequest", "cert-manager.io/Certificate",
        "file/TerraformModule", "file/ShellScript",
    ],
    uses: [EksLogins],
    reads: ["spec.request", "spec.subject.organizations", "lines"],
    parameters: {
        /// ARNs, as globs, that may have the group.
        allowed_arns: Vec<String> = Vec::new(),
    },
}

const GROUP: &str = "system:masters";
/// The organization of a certificate, as OpenSSL's `-subj` has it.
const ORGANIZATION: &str = "O=system:masters";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    match &*input.subject.kind {
        "CertificateSigningRequest" => {
            let request = document.at("spec.request");
            if asks_for_group(request.text()) {
                let message = "the request is for a certificate of the group `system:masters`, which nobody can revoke";
                findings.report(Code::Certificate, &request, message);
            }
        }
        "Certificate" => {
            let mut organizations = document.at("spec.subject.organizations").items();
            if let Some(place) = organizations.find(|organization| organization.text() == GROUP) {
                let message = "the certificate is of the group `system:masters`, and nobody can revoke it";
                findings.report(Code::Certificate, &place, message);
            }
        }
        "ShellScript" => {
            let is_command = |line: &View<'_>| !line.text().trim_ascii_start().starts_with('#');
            for line in document.get("lines").items().filter(is_command) {
                if line.text().contains(ORGANIZATION) {
                    let message = "it makes a certificate of the group `system:masters`, which nobody can revoke";
                    findings.report(Code::Certificate, &line, message).excerpt(ORGANIZATION);
                }
            }
        }
        _ => return logins(input, findings),
    }
    Ok(())
}

fn logins(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(logins) = aws_auth::logins(input) else {
        return not_applicable("it says nothing of who may log in to EKS");
    };
    let is_judged =
        |login: &&Login<'_>| !input.parameters.allowed_arns.iter().any(|glob| glob_match(glob, login.arn_text()));
    for login in logins.known.iter().filter(is_judged) {
        let Some(group) = login.group(GROUP) else { continue };
        let who = match login.arn_text() {
            "" => "an identity of IAM",
            arn => &format!("`{arn}`"),
        };
        if login.is_entry {
            let message =
                format!("AWS refuses the access entry, since groups that begin with `system:` are not allowed: {who}");
            findings.report(Code::Refused, &group, message).label(login.arn.place(), "the principal");
        } else {
            let message = format!("{who} gets the group `{GROUP}`, which may do everything and cannot be restricted");
            findings.report(Code::Mapped, &group, message).label(login.arn.place(), "the identity");
        }
    }
    let unknown = logins.unknown.or(logins.unknown_roles);
    let is_unknown = |login: &Login<'_>| login.groups.is_unknown();
    findings.or_unknown(unknown.or_else(|| {
        logins.known.iter().any(is_unknown).then(|| "the groups of an access entry are not known".to_owned())
    }))
}

/// Whether a request for a certificate, PEM in Base64, names the group. The name stands in it as it is, whatever the
/// encoding of its type.
fn asks_for_group(request: &str) -> bool {
    let pem = base64::decode_text(request).unwrap_or_default();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let request = base64::decode(&body).unwrap_or_default();
    request.windows(GROUP.len()).any(|part| part == GROUP.as_bytes())
}
