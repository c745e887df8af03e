use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile, expanded};

policy_sdk::rule! {
    /// The stop signal can be handled
    ///
    /// The last `STOPSIGNAL` of the final stage, or of a stage that it is built from, is a signal, and neither
    /// `SIGKILL` nor `SIGSTOP`. Which other one is right depends on the program: `SIGQUIT` for nginx, `SIGWINCH` for
    /// httpd, `SIGRTMIN+3` for systemd. Without one it is `SIGTERM`. A value from a variable without a default is not
    /// evaluated.
    ///
    /// ## Why
    /// Docker and Kubernetes send this signal to stop the container. No program can handle `SIGKILL`: it ends at
    /// once, with requests open and files half-written. A pod's `lifecycle.stopSignal` wins over it.
    ///
    /// ## Fix
    /// Drop the instruction, or name the signal on which the program shuts down:
    ///
    /// ```dockerfile
    /// STOPSIGNAL SIGTERM
    /// ```
    findings: {
        /// No program can handle the signal
        NotHandled: Medium, Certain;
        /// The value is no signal, so that containers do not start
        Unknown: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

/// The signals of Linux, without `SIG`.
const SIGNALS: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let shipped = dockerfile(input).shipped();
    let found = shipped
        .iter()
        .find_map(|stage| Some((stage, stage.instructions().filter(|it| it.is("STOPSIGNAL")).last()?.get("command"))));
    let Some((stage, place)) = found else { return Ok(()) };
    let Some(signal) = expanded(stage, place.text().trim()) else {
        return not_evaluated(format!("the signal `{}` is not known", place.text()));
    };
    let upper = signal.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if matches!(name, "KILL" | "9" | "STOP" | "19") {
        let message =
            format!("`{signal}` stops the container, and no program can handle it, expected `SIGTERM` or the like");
        let fix = Fix::unsafe_("stop it by `SIGTERM`").set(&place, "SIGTERM");
        findings.report(Code::NotHandled, &place, message).fix(fix);
    } else if !is_signal(name) {
        findings.report(Code::Unknown, &place, format!("`{signal}` is no signal, so that containers do not start"));
    }
    Ok(())
}

/// A name, a number up to 64, `RTMIN+3` or `RTMAX-2`.
fn is_signal(name: &str) -> bool {
    let number = |text: &str| text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let real_time = name.strip_prefix("RTMIN+").or_else(|| name.strip_prefix("RTMAX-"));
    SIGNALS.contains(&name)
        || number(name)
        || real_time.is_some_and(|offset| offset.parse::<u8>().is_ok_and(|it| it < 32))
}
