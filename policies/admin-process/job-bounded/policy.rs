use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Jobs cannot block their schedule or retry without limit
    ///
    /// A CronJob with `concurrencyPolicy: Forbid` limits the time of a run, with `activeDeadlineSeconds` of its
    /// Jobs or of their pods. With the parameter `jobs` the rule asks the same of all Jobs, and of CronJobs with
    /// the other policies (`Allow`, which is the default, and `Replace`). If `max_deadline` is set, the limit is at
    /// most that. A `backoffLimit` that is set is at most `max_backoff`; the default is 6. Suspended CronJobs are
    /// exempt.
    ///
    /// ## Why
    /// With `Forbid`, a run that hangs on a lock or a connection prevents all later runs. No Job fails and no alert
    /// fires, but the schedule has stopped.
    ///
    /// ## Fix
    /// Allow more time than the longest run takes, and less than two intervals of the schedule:
    ///
    /// ```yaml
    /// spec:
    ///   concurrencyPolicy: Forbid
    ///   jobTemplate:
    ///     spec:
    ///       activeDeadlineSeconds: 3600
    /// ```
    findings: {
        /// A run that hangs prevents all later runs
        Blocking: Medium, Likely;
        /// A Job may run for ever
        Unbounded: Low, Likely;
        /// A Job may run longer than allowed
        Deadline: Low, Certain;
        /// A Job is tried more often than allowed
        Backoff: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Admin,
    since: "0.1.0",
    applies_to: ["workload/Job", "workload/CronJob"],
    reads: [
        "object.spec.concurrencyPolicy", "object.spec.suspend", "object.spec.activeDeadlineSeconds",
        "object.spec.backoffLimit", "object.spec.jobTemplate.spec.activeDeadlineSeconds",
        "object.spec.jobTemplate.spec.backoffLimit", "pod.spec.activeDeadlineSeconds",
    ],
    parameters: {
        /// The longest time that a Job may run, in seconds.
        max_deadline: Option<Bounded<1, 31536000>> = None,
        /// The most retries.
        max_backoff: Bounded<0, 1000> = Bounded::of(6),
        /// Check standalone Jobs, and CronJobs whose runs do not wait for each other, too.
        jobs: bool = false,
    },
}

/// The limit that the fix sets where none is asked for, in seconds.
const AN_HOUR: i64 = 3600;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { max_deadline, max_backoff, jobs } = &input.parameters;
    let is_cron_job = workload.kind() == "CronJob";
    if !is_cron_job && !jobs {
        return not_applicable("standalone Jobs are only checked with `jobs`");
    }
    let spec = workload.object.get("spec");
    if is_cron_job && spec.get("suspend").is_true() {
        return not_applicable("it is suspended");
    }
    let job = if is_cron_job { spec.at("jobTemplate.spec") } else { spec.clone() };
    let policy = spec.get("concurrencyPolicy");
    let is_blocking = is_cron_job && policy.text() == "Forbid";
    let of_job = job.get("activeDeadlineSeconds");
    let deadline = [of_job.clone(), workload.spec().get("activeDeadlineSeconds")].into_iter().find(View::exists);
    let max = max_deadline.map(Bounded::get);
    let fix = |title: &str, seconds: i64| Fix::unsafe_(format!("{title} {seconds} seconds")).set(&of_job, seconds);
    let seconds = deadline.as_ref().and_then(View::as_i64);
    if deadline.is_none() && is_blocking {
        let message = "a run may take any time, and under `concurrencyPolicy: Forbid` no other starts before it ends";
        let report = findings.report(Code::Blocking, &of_job, message).label(&policy, "the policy");
        report.fix(fix("stop a run after", max.unwrap_or(AN_HOUR)));
    } else if deadline.is_none() && *jobs {
        let report =
            findings.report(Code::Unbounded, &of_job, "the Job may run for ever: it has no `activeDeadlineSeconds`");
        report.fix(fix("stop it after", max.unwrap_or(AN_HOUR)));
    } else if let (Some(deadline), Some(seconds), Some(max)) = (&deadline, seconds, max)
        && seconds > max
    {
        let message = format!("the Job may run {seconds} seconds, expected at most {max}");
        findings.report(Code::Deadline, deadline, message);
    }
    let backoff = job.get("backoffLimit");
    if let Some(retries) = backoff.as_i64().filter(|retries| *retries > max_backoff.get()) {
        let message = format!("the Job is tried again {retries} times, expected at most {}", max_backoff.get());
        findings.report(Code::Backoff, &backoff, message);
    }
    Ok(())
}
