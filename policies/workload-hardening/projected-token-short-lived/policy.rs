use policy_sdk::kubernetes::mount;
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Projected tokens have an audience and a short lifetime
    ///
    /// A `serviceAccountToken` in a projected volume is valid for at most `max` seconds, one day by default
    /// (without `expirationSeconds` it is one hour), and names its `audience`. A token without an audience is valid
    /// for the API server. That is correct where it is meant for the API server: in the volume `kube-api-access-…`
    /// that every pod gets, in a volume that also projects the ConfigMap `kube-root-ca.crt`, or where a container
    /// mounts it at `/var/run/secrets/kubernetes.io/serviceaccount`.
    ///
    /// The API server accepts lifetimes between 10 minutes and 2³² seconds.
    ///
    /// ## Why
    /// A stolen token works until it expires. Without an audience it also works for the API server, so whoever
    /// receives the token can act as the pod.
    ///
    /// ## Fix
    /// Name the audience. The kubelet renews the token long before it expires, so one hour is enough for a program
    /// that reads the file again.
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
        /// A token is valid for too long
        Long: Low, Certain;
        /// A token that is not for the API server has no audience
        NoAudience: Low, Likely;
        /// The API server refuses the lifetime
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
        /// The longest lifetime of a token, in seconds.
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
        let is_for_api = name.starts_with("kube-api-access-")
            || has_root_ca
            || workload.containers().any(|container| mount::of_volume(&container, name).any(is_at_api_token));
        for token in sources.iter().map(|source| source.get("serviceAccountToken")).filter(View::exists) {
            let (seconds, audience) = (token.get("expirationSeconds"), token.get("audience"));
            match seconds.as_i64() {
                Some(life) if !ACCEPTED.contains(&life) => {
                    let message = format!("the API server refuses a token of {life} seconds, expected at least 600");
                    findings.report(Code::Refused, &seconds, message);
                }
                Some(life) if life > max => {
                    let message =
                        format!("the token of volume `{name}` is valid for {life} seconds, expected at most {max}");
                    let fix = Fix::unsafe_(format!("limit it to {max} seconds")).set(&seconds, max);
                    findings.report(Code::Long, &seconds, message).fix(fix);
                }
                _ => {}
            }
            if audience.text().is_empty() && !is_for_api {
                let message = format!("the token of volume `{name}` names no audience, so the API server accepts it");
                findings.report(Code::NoAudience, &audience, message);
            }
        }
    }
    Ok(())
}

fn is_at_api_token(mount: View<'_>) -> bool {
    let path = mount.get("mountPath").text();
    // `/var/run` is a link to `/run`.
    let path = path.strip_prefix("/run/").map_or_else(|| path.to_owned(), |rest| ["/var/run/", rest].concat());
    path.strip_prefix(API_TOKEN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
