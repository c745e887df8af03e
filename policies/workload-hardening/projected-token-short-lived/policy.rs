use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Projected tokens have an audience and a short life
    ///
    /// A `serviceAccountToken` that a volume projects lives no longer than `max` seconds, one day by default (without
    /// `expirationSeconds` it is an hour), and names its `audience`. Without one the token is for the API server, which
    /// is right where it is projected for that: in the volume `kube-api-access-…` that each pod gets, beside the ConfigMap
    /// `kube-root-ca.crt`, or where a container mounts it at `/var/run/secrets/kubernetes.io/serviceaccount`.
    ///
    /// The API server takes between 10 minutes and 2³² seconds.
    ///
    /// ## Why
    /// A token that is stolen is good until it ends. One without an audience also opens the API server, although it
    /// was given to somebody else: whoever gets it may act as the pod.
    ///
    /// ## Fix
    /// Name who the token is for. The kubelet replaces it long before it ends, so an hour is enough for any program
    /// that reads the file anew.
    ///
    /// ```yaml
    /// projected:
    ///   sources:
    ///     - serviceAccountToken:
    ///         path: token
    ///         audience: sts.amazonaws.com
    ///         expirationSeconds: 3600
    /// ```
    findings: {
        /// A token lives too long
        Long: Low, Certain;
        /// A token that is not for the API server has no audience
        NoAudience: Low, Likely;
        /// The API server refuses a life so short or so long
        Refused: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.volumes[*].name", "pod.spec.volumes[*].projected.sources[*].serviceAccountToken",
        "pod.spec.volumes[*].projected.sources[*].configMap.name",
        "container.volumeMounts[*].name", "container.volumeMounts[*].mountPath",
    ],
    parameters: {
        /// The longest life of a token, in seconds.
        max: Bounded<600, 4294967296> = Bounded::of(86400),
    },
}

/// What the API server accepts, in seconds.
const ACCEPTED: std::ops::RangeInclusive<i64> = 600..=1 << 32;
/// Where programs look for the token of the API server.
const API_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let max = input.parameters.max.get();
    for volume in workload.spec().get("volumes").items() {
        let name = volume.get("name").text();
        let sources: Vec<View<'_>> = volume.at("projected.sources").items().collect();
        let has_root_ca = sources.iter().any(|source| source.at("configMap.name").text() == "kube-root-ca.crt");
        let mounts = workload.containers().flat_map(|container| container.get("volumeMounts").items());
        let is_for_api = name.starts_with("kube-api-access-")
            || has_root_ca
            || mounts.filter(|mount| mount.get("name").text() == name).any(is_at_api_token);
        for token in sources.iter().map(|source| source.get("serviceAccountToken")).filter(View::exists) {
            let (seconds, audience) = (token.get("expirationSeconds"), token.get("audience"));
            match seconds.as_i64() {
                Some(life) if !ACCEPTED.contains(&life) => {
                    let message = format!("the API server refuses a token of {life} seconds, expected at least 600");
                    findings.report(Code::Refused, &seconds, message);
                }
                Some(life) if life > max => {
                    let message = format!("the token of volume `{name}` lives {life} seconds, expected at most {max}");
                    let fix = Fix::unsafe_(format!("let it live {max} seconds")).set(&seconds, max);
                    findings.report(Code::Long, &seconds, message).fix(fix);
                }
                _ => {}
            }
            if audience.text().is_empty() && !is_for_api {
                let message = format!("the token of volume `{name}` names no audience, so the API server takes it");
                findings.report(Code::NoAudience, &audience, message);
            }
        }
    }
    Ok(())
}

fn is_at_api_token(mount: View<'_>) -> bool {
    let path = mount.get("mountPath").text();
    // The link on which `/var/run` stands.
    let path = path.strip_prefix("/run/").map_or_else(|| path.to_owned(), |rest| ["/var/run/", rest].concat());
    path.strip_prefix(API_TOKEN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
