use policy_sdk::kubernetes::config::{self, ConfigSources, Holder, Keys};
use policy_sdk::kubernetes::mount::{self, Mount, Mounts};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Volumes hide neither system directories nor the trusted certificates
    ///
    /// No container of any class mounts a whole volume (without `subPath`) on a directory of the system such as `/etc`,
    /// `/usr` or `/lib`. On a directory of trusted certificates (`/etc/ssl`, `/etc/ssl/certs`, `/etc/pki/tls/certs`) it
    /// mounts only what holds such certificates: a ConfigMap or Secret with a bundle of authorities, the node's own
    /// directory, or an `emptyDir` that an init container fills. For a ConfigMap of unknown keys the rule
    /// decides nothing.
    ///
    /// ## Why
    /// A mount hides everything that the image has at that path. Without the certificates of public authorities every TLS
    /// connection to the outside fails; without `/etc` or `/lib` most programs do not even start.
    ///
    /// ## Fix
    /// Mount certificates and keys in a directory of their own and name that in the configuration, or mount a single file:
    /// ```yaml
    /// volumeMounts:
    ///   - name: tls
    ///     mountPath: /etc/cart/tls
    ///   - name: company-ca
    ///     mountPath: /etc/ssl/certs/company.crt
    ///     subPath: company.crt
    /// ```
    findings: {
        /// A volume hides a directory of the system
        SystemDirectory: Medium, Certain;
        /// A volume without certificates of authorities hides the trusted ones
        TrustStore: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Mounts, ConfigSources],
}

/// Directories without which programs do not run. The root has no name.
const SYSTEM: [&str; 9] = ["", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/lib"];

/// Directories in which programs look for the authorities that they trust.
const TRUST_STORES: [&str; 3] = ["/etc/ssl", "/etc/ssl/certs", "/etc/pki/tls/certs"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let containers: Vec<Container<'_>> = workload.containers().collect();
    let mut unknown = None;
    for container in &containers {
        let whole = mount::mounts(&workload, container).into_iter().filter(|mount| !mount.part().exists());
        for mount in whole.filter(|mount| mount.source() != "hostPath" && mount.place.get("mountPath").exists()) {
            let path = mount.place.get("mountPath");
            let called = format!("{} mounts the volume `{}`", container.described(), mount.place.get("name").text());
            if SYSTEM.contains(&mount.path()) {
                let message = format!("{called} on `{}` and hides all that the image has there", path.text());
                findings.report(Code::SystemDirectory, &path, message);
            } else if TRUST_STORES.contains(&mount.path()) {
                match holds_authorities(input, &containers, &mount) {
                    Some(true) => {}
                    Some(false) => {
                        let message =
                            format!("{called} on `{}` and hides the certificates that it trusts", path.text());
                        findings.report(Code::TrustStore, &path, message).label(&mount.volume, "the volume");
                    }
                    None => unknown = Some(format!("what the volume `{}` holds", mount.place.get("name").text())),
                }
            }
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(what) => not_evaluated(format!("{what} is not known, and it is mounted over the trusted certificates")),
        None => Ok(()),
    }
}

/// Whether what is mounted holds certificates of authorities; `None` where that is not known.
fn holds_authorities(input: &Input<'_, Parameters>, containers: &[Container<'_>], mount: &Mount<'_>) -> Option<bool> {
    match mount.source() {
        "emptyDir" => {
            let name = mount.place.get("name").text();
            let mut inits = containers.iter().filter(|it| matches!(it.class, Class::Init | Class::Sidecar));
            Some(inits.any(|init| mount::of_volume(init, name).next().is_some()))
        }
        "configMap" | "secret" | "projected" => {
            let held = config::of_volume(&mount.volume).into_iter().map(|source| {
                let keys = config::keys(input, source.holder, source.name.text());
                let taken: Vec<&str> = source.keys.iter().map(View::text).collect();
                match (&keys, source.holder) {
                    _ if !taken.is_empty() => Some(is_bundle(&taken)),
                    (Keys::Known(_, keys), _) => Some(is_bundle(keys)),
                    // Of a Secret that is mounted there, a key and its certificate are most likely.
                    (Keys::Absent | Keys::Unknown(_), Holder::Secret) => Some(false),
                    (Keys::Absent | Keys::Unknown(_), Holder::ConfigMap) => None,
                }
            });
            let held: Vec<Option<bool>> = held.collect();
            // A projected volume may have other sources, such as a bundle of the cluster.
            let has_others =
                mount.volume.at("projected.sources").items().any(|it| it.get("clusterTrustBundle").exists());
            if has_others || held.contains(&Some(true)) {
                return Some(true);
            }
            if held.contains(&None) { None } else { Some(false) }
        }
        "persistentVolumeClaim" | "ephemeral" | "" => Some(false),
        _ => Some(true),
    }
}

/// Whether one of some files holds certificates of authorities, as they are called: all certificates do but that of a
/// server beside its key.
fn is_bundle(files: &[&str]) -> bool {
    let is_key = |file: &str| file.ends_with(".key") || file.contains("-key.") || file.contains("privkey");
    let has_key = files.iter().any(|file| is_key(file));
    files.iter().any(|file| {
        let is_certificate = [".crt", ".pem", ".cer", ".0"].iter().any(|ending| file.ends_with(ending));
        let is_called =
            file.split(['-', '_', '.']).any(|word| matches!(word, "ca" | "cacert" | "cacerts" | "bundle" | "root"));
        is_certificate && !is_key(file) && (is_called || !has_key)
    })
}
