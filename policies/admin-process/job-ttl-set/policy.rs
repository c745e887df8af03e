use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Finished Jobs are removed
    ///
    /// A standalone Job sets `ttlSecondsAfterFinished`, to at most `max`. A CronJob does not set it for its Jobs:
    /// `successfulJobsHistoryLimit` and `failedJobsHistoryLimit` remove them.
    ///
    /// Hooks of Helm and Argo CD need no TTL, because both delete a hook before they run it again. A TTL of 0 is a
    /// fault there: the Job is gone before Argo CD has seen it finish, and the sync waits for ever. Exempt are Jobs
    /// with an owner, suspended Jobs, and Jobs with `generateName`.
    ///
    /// Jobs that Argo CD or Flux manage are exempt too. When such a Job is removed, they create it again, and it
    /// runs again. The rule knows them by their Applications, Kustomizations and HelmReleases among the documents,
    /// or by their labels and annotations on the Job. For the same reason the fix is unsafe.
    ///
    /// ## Why
    /// A finished Job and its pods stay until somebody deletes them. They fill up lists and the storage of the API
    /// server, and nobody can create the next Job with the same name.
    ///
    /// ## Fix
    /// Keep the Job as long as somebody may need its logs. If Argo CD or Flux manage it, make it a hook instead.
    ///
    /// ```yaml
    /// spec:
    ///   ttlSecondsAfterFinished: 86400
    /// ```
    findings: {
        /// A Job stays after it is finished
        Missing: Low, Certain;
        /// A Job stays longer than allowed
        Long: Low, Certain;
        /// Two settings remove the Jobs of a CronJob
        OfCronJob: Low, Certain;
        /// A hook is gone before Argo CD has seen it end
        GoneHook: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Admin,
    peers: ["KL:job-ttl-seconds-after-finished", "KY:add-ttl-jobs"],
    since: "0.1.0",
    applies_to: ["workload/Job", "workload/CronJob"],
    reads: [
        "object.metadata.annotations", "object.metadata.labels", "object.metadata.name",
        "object.metadata.ownerReferences", "object.spec.suspend", "object.spec.ttlSecondsAfterFinished",
        "object.spec.jobTemplate.spec.ttlSecondsAfterFinished",
    ],
    inventory: {
        // No relation fits: these objects do not name the Job, so any of them may manage it.
        appliers: {
            kinds: [
                "argoproj.io/Application", "argoproj.io/ApplicationSet", "kustomize.toolkit.fluxcd.io/Kustomization",
                "helm.toolkit.fluxcd.io/HelmRelease",
            ],
            scope: "cluster",
            reads: [],
        },
    },
    parameters: {
        /// The longest time that a finished Job may stay, in seconds.
        max: Bounded<0, 31536000> = Bounded::of(86400),
    },
}

const HOOKS: [&str; 2] = ["helm.sh/hook", "argocd.argoproj.io/hook"];
/// Labels and annotations of objects that Argo CD and Flux apply.
const NOTES: [&str; 3] =
    ["argocd.argoproj.io/tracking-id", "kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let object = input.workload().object;
    let (metadata, spec) = (object.get("metadata"), object.get("spec"));
    let max = input.parameters.max.get();
    if input.subject.kind == "CronJob" {
        let ttl = spec.at("jobTemplate.spec.ttlSecondsAfterFinished");
        if let Some(seconds) = ttl.as_i64() {
            let message = format!(
                "Jobs are removed {seconds} seconds after they end, and by the history limits of the CronJob; expected \
                 only the latter"
            );
            let fix = Fix::unsafe_("leave it to the history limits").remove(&ttl);
            findings.report(Code::OfCronJob, &ttl, message).fix(fix);
        }
        return Ok(());
    }
    let has = |keys: &[&str]| {
        let noted = |map: &str| keys.iter().any(|key| metadata.get(map).get(key).exists());
        noted("annotations") || noted("labels")
    };
    let ttl = spec.get("ttlSecondsAfterFinished");
    if has(&HOOKS) {
        if ttl.as_i64() == Some(0) {
            let message = "the hook is removed as soon as it ends, so Argo CD may wait for it for ever";
            let fix = Fix::unsafe_("keep it for 60 seconds").set(&ttl, 60);
            findings.report(Code::GoneHook, &ttl, message).fix(fix);
        }
        return Ok(());
    }
    match ttl.as_i64() {
        Some(seconds) if seconds > max => {
            let message = format!("the Job stays {seconds} seconds after it is finished, expected at most {max}");
            findings.report(Code::Long, &ttl, message);
        }
        Some(_) => {}
        None if !metadata.get("name").exists() => {
            return not_applicable("it has `generateName`, so whoever creates it removes it");
        }
        None if !metadata.get("ownerReferences").is_empty() => return not_applicable("it has an owner"),
        None if spec.get("suspend").is_true() => return not_applicable("it is suspended"),
        None if has(&NOTES) || input.related("appliers").next().is_some() => {
            return not_applicable("Argo CD or Flux would create it again, and it would run again");
        }
        None => {
            let message = "the Job stays after it is finished: it has no `ttlSecondsAfterFinished`";
            let fix = Fix::unsafe_(format!("remove it {max} seconds after it is finished")).set(&ttl, max);
            findings.report(Code::Missing, &ttl, message).fix(fix);
        }
    }
    Ok(())
}
