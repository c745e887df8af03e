use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// CronJobs leave enough time to start a run late
    ///
    /// A `startingDeadlineSeconds` that is set is at least 10, and at most `max` where that is given. With
    /// `require` it has to be set. Without a deadline a late run still starts, which is right for most CronJobs.
    /// Suspended CronJobs are exempt.
    ///
    /// ## Why
    /// The controller checks every 10 seconds which runs are due. If a run has to start within less time, it can be
    /// overdue at every check, and the CronJob silently never runs.
    ///
    /// ## Fix
    /// Set at least a minute, or as long as a late run is still useful. Or remove the field.
    ///
    /// ```yaml
    /// spec:
    ///   schedule: "0 4 * * *"
    ///   startingDeadlineSeconds: 600
    /// ```
    findings: {
        /// The deadline is shorter than the interval of the controller
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

/// How often the controller checks, in seconds.
const CHECKS_EVERY: i64 = 10;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.workload().object.get("spec");
    if spec.get("suspend").is_true() {
        return not_applicable("it is suspended");
    }
    let deadline = spec.get("startingDeadlineSeconds");
    let max = input.parameters.max.map_or(i64::MAX, Bounded::get);
    match deadline.as_i64() {
        Some(seconds) if seconds < CHECKS_EVERY => {
            let message = format!(
                "a run may start {seconds} seconds late at most, but the controller checks every {CHECKS_EVERY} \
                 seconds, so it may never start"
            );
            let fix = Fix::unsafe_("allow a minute").set(&deadline, max.min(60));
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
