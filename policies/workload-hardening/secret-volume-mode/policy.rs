use policy_sdk::kubernetes::mount;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Files of secrets are not readable by everybody
    ///
    /// The rule checks modes that are set on a `secret` volume, or on a `projected` volume with a Secret among its
    /// sources: `defaultMode`, and `items[].mode` of a single file. They have no permission bit that `max_mode`
    /// lacks; by default only the owner and the group may read the files. The rule reports each volume once. It
    /// skips 0644 in objects read from a cluster, because the API server fills in this default. With `require_set`
    /// a mode has to be set.
    ///
    /// YAML writes a mode in octal with a leading zero (`0440`), JSON in decimal (`288`). Without the zero, `440`
    /// is the mode 0670. `644` without the zero is not a valid mode, and the API server refuses it.
    ///
    /// The fix is safe where the pod sets `fsGroup`, which becomes the group of the files, or where all containers
    /// that mount the volume run as root. Otherwise the program may lose access to the file. If the mode has an
    /// execute bit, the file may be a script, and the fix is unsafe too.
    ///
    /// ## Why
    /// Every process in the container can read the file, whatever user it runs as: also a helper in the same image,
    /// or a process that an attacker starts through the application.
    ///
    /// ## Fix
    /// Give the files to a group of the application:
    ///
    /// ```yaml
    /// spec:
    ///   securityContext:
    ///     fsGroup: 10001
    ///   volumes:
    ///     - name: tls
    ///       secret:
    ///         secretName: cart-tls
    ///         defaultMode: 0440
    /// ```
    findings: {
        /// Files of a secret have more permission bits than allowed
        Open: Low, Certain;
        /// A mode in octal lacks its leading zero
        Decimal: Medium, Certain;
        /// The API server refuses the mode
        Refused: High, Certain;
        /// No mode is set, so everybody may read the files
        Unset: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "object.metadata.uid", "pod.spec.securityContext.fsGroup", "pod.spec.securityContext.runAsUser",
        "pod.spec.volumes[*].name", "pod.spec.volumes[*].secret", "pod.spec.volumes[*].projected",
        "container.securityContext.runAsUser", "container.volumeMounts[*].name",
    ],
    parameters: {
        /// The bits that a mode may have.
        max_mode: Mode = Mode::GroupReads,
        /// Require that a mode is set.
        require_set: bool = false,
    },
}

policy_sdk::choice! {
    /// A mode of files, in octal.
    pub Mode {
        OwnerReads = "0400", GroupReads = "0440", OwnerWrites = "0600", OwnerWritesGroupReads = "0640",
        GroupWrites = "0660"
    }
}

/// The mode that files have where none is set, 0644.
const DEFAULT: i64 = 0o644;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { max_mode, require_set } = &input.parameters;
    let max = i64::from_str_radix(max_mode.as_ref(), 8).unwrap_or_default();
    for volume in workload.spec().get("volumes").items() {
        let (secret, projected) = (volume.get("secret"), volume.get("projected"));
        let sources: Vec<View<'_>> = if secret.exists() {
            vec![secret.clone()]
        } else {
            projected.get("sources").items().map(|source| source.get("secret")).filter(View::exists).collect()
        };
        if sources.is_empty() {
            continue;
        }
        let default = if secret.exists() { secret.get("defaultMode") } else { projected.get("defaultMode") };
        let items = sources.iter().flat_map(|source| source.get("items").items()).map(|item| item.get("mode"));
        let modes: Vec<View<'_>> = std::iter::once(default.clone()).chain(items).filter(View::exists).collect();
        let is_filled_in = input.document.at("object.metadata.uid").exists();
        let is_judged = |mode: &&View<'_>| !(is_filled_in && mode.as_i64() == Some(DEFAULT));
        let name = volume.get("name").text();
        let faults = modes.iter().filter(is_judged).filter_map(|mode| Some((mode, fault(mode.as_i64()?, max)?)));
        let faults: Vec<(&View<'_>, (Code, String))> = faults.collect();
        let fix = || fix(&workload, name, max, faults.iter().map(|(mode, _)| *mode).collect());
        if let Some(((place, (code, what)), more)) = faults.split_first() {
            let message = format!("files of the secret volume `{name}` {what}, expected at most {max:04o}");
            let report = findings.report(*code, place, message).fix(fix());
            more.iter().fold(report, |report, (place, _)| report.label(place, "here too"));
        } else if *require_set && modes.is_empty() {
            let message = format!("the secret volume `{name}` sets no mode, so everybody may read its files");
            findings.report(Code::Unset, &default, message);
        }
    }
    Ok(())
}

/// What is wrong with a mode.
fn fault(mode: i64, max: i64) -> Option<(Code, String)> {
    match mode {
        // 0400, 0440, 0444 and 0500 without their zero.
        400 | 440 | 444 | 500 => {
            Some((Code::Decimal, format!("have the mode `{mode}`, which without a zero in front is {mode:04o}")))
        }
        0..=0o777 if mode & !max == 0 => None,
        0..=0o777 => Some((Code::Open, format!("have the mode {mode:04o}"))),
        _ => Some((
            Code::Refused,
            format!(
                "have the mode `{mode}`, which the API server refuses, since without a zero in front it is {mode:04o}"
            ),
        )),
    }
}

fn fix(workload: &Workload<'_>, volume: &str, max: i64, modes: Vec<&View<'_>>) -> Fix {
    let pod = workload.spec().get("securityContext");
    let is_root = |container: Container<'_>| {
        let own = container.at("securityContext.runAsUser").as_i64();
        own.or_else(|| pod.get("runAsUser").as_i64()) == Some(0)
    };
    let mounts = |container: &Container<'_>| mount::of_volume(container, volume).next().is_some();
    let title = format!("set the mode to {max:04o}");
    let is_readable = pod.get("fsGroup").exists() || workload.containers().filter(mounts).all(is_root);
    let is_safe = is_readable && modes.iter().all(|mode| mode.as_i64().is_some_and(|mode| mode & 0o111 == 0));
    let fix = if is_safe { Fix::safe(title) } else { Fix::unsafe_(title) };
    modes.into_iter().fold(fix, |fix, mode| fix.set(mode, max))
}
