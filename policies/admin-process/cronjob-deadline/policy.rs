use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// CronJobs leave time to start a run late
    ///
    /// A `startingDeadlineSeconds` that is set is at least 10, and at most `max` where that is given. With `require` it has to be
    /// set; without it a run starts however late it is, which is right for most. Suspended CronJobs are not judged.
    ///
    /// ## Why
    /// The controller looks every 10 seconds which runs are due. One that may not start later than in less than that may be
    /// overdue each time the controller looks, so the CronJob silently never runs.
    ///
    /// ## Fix
    /// Set a minute or more, as late as a run is still of use, or remove the field:
    ///
    /// ```yaml
    /// spec:
    ///   schedule: "0 4 * * *"
    ///   startingDeadlineSeconds: 600
    /// ```
    findings: {
        /// The deadline is shorter than the time in which the controller looks again
        Short: Low, Certain;
        /// A run may start later than allowed
        Long: Low, Certain;
        /// No deadline is set
        Missing: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Admin,
    peers: ["KS:cronjob-has-deadline"],
    since: "0.1.0",
    applies_to: ["workload/CronJob"],
    reads: ["object.spec.startingDeadlineSeconds", "object.spec.suspend"],
    parameters: {
        /// The longest deadline, in seconds.
        max: Option<Bounded<10, 31536000>> = None,
        /// Require a deadline.
        require: bool = false,
    },
}

/// How often the controller looks, in seconds.
const LOOKS_EVERY: i64 = 10;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.workload().object.get("spec");
    if spec.get("suspend").is_true() {
        return not_applicable("it is suspended");
    }
    let deadline = spec.get("startingDeadlineSeconds");
    let max = input.parameters.max.map_or(i64::MAX, Bounded::get);
    match deadline.as_i64() {
        Some(seconds) if seconds < LOOKS_EVERY => {
            let message = format!(
                "a run may start {seconds} seconds late at most, but the controller looks every {LOOKS_EVERY} seconds, so it may \
                 never start"
            );
            let fix = Fix::unsafe_("let it start a minute late").set(&deadline, max.min(60));
            findings.report(Code::Short, &deadline, message).fix(fix);
        }
        Some(seconds) if seconds > max => {
            let message = format!("a run may start {seconds} seconds late, expected at most {max}");
            findings.report(Code::Long, &deadline, message);
        }
        None if input.parameters.require => {
            findings.report(Code::Missing, &deadline, "a run may start however late it is: no deadline is set");
        }
        _ => {}
    }
    Ok(())
}
