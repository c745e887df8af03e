use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Finished Jobs are removed
    ///
    /// A Job that stands by itself sets `ttlSecondsAfterFinished`, to at most `max`. A CronJob does not set it for its Jobs:
    /// `successfulJobsHistoryLimit` and `failedJobsHistoryLimit` remove them.
    ///
    /// Hooks of Helm and Argo CD are deleted before they run again, so nothing is asked of them; but with a time of 0 such a Job is gone
    /// before Argo CD has seen it end, and the sync waits for ever. Jobs that have an owner, are suspended, or are named by the
    /// server (`generateName`) are others' to remove.
    ///
    /// Nor is anything asked of Jobs that Argo CD or Flux applies, by the objects of theirs that are among the documents or by what they
    /// note on the Job: once it is removed they apply it again, and it runs again.
    ///
    /// The fix needs a person for the same reason.
    ///
    /// ## Why
    /// A finished Job and its pods stay until somebody deletes them: they fill lists and the API server's storage, and the next
    /// Job of the name cannot be created.
    ///
    /// ## Fix
    /// Keep it as long as somebody may want its logs. Where Argo CD or Flux applies the Job, make it a hook instead, since these create what
    /// is gone once more.
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
        /// A CronJob's Jobs are removed by two settings
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
        // No relation fits: whether they apply the Job is not written in them, only that there are none tells something.
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
/// What Argo CD and Flux note on an object that they apply.
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
                "Jobs are removed {seconds} seconds after they end, and by the CronJob's history limits; expected the latter"
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
        None if !metadata.get("name").exists() => return not_applicable("the server names it, so others remove it"),
        None if !metadata.get("ownerReferences").is_empty() => return not_applicable("it has an owner"),
        None if spec.get("suspend").is_true() => return not_applicable("it is suspended"),
        None if has(&NOTES) || input.related("appliers").next().is_some() => {
            return not_applicable("Argo CD or Flux would apply it again once it is removed, and it would run again");
        }
        None => {
            let message = "the Job stays after it is finished: it has no `ttlSecondsAfterFinished`";
            let fix = Fix::unsafe_(format!("remove it {max} seconds after it is finished")).set(&ttl, max);
            findings.report(Code::Missing, &ttl, message).fix(fix);
        }
    }
    Ok(())
}
