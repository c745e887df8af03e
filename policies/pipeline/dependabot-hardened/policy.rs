use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Update bots wait before they take a new version, and run nothing of it
    ///
    /// Dependabot waits for `min_days` before it proposes a new version: the `cooldown` of each entry in `updates`, by
    /// itself three days. No entry lets the package manager run code from the repository
    /// (`insecure-external-code-execution: allow`). Renovate's `minimumReleaseAge`, where it is set, is as long.
    ///
    /// Updates that close a vulnerability are never delayed. Entries that only make such
    /// (`open-pull-requests-limit: 0`) pass.
    ///
    /// ## Why
    /// Most versions with malicious code are found and taken back within days. Whoever updates on the first day is who
    /// finds out. Code that runs while the bot resolves dependencies has the bot's credentials for your registries.
    ///
    /// ## Fix
    /// Leave `cooldown` at its default, or make it longer, and leave `insecure-external-code-execution` out:
    ///
    /// ```yaml
    /// updates:
    ///   - package-ecosystem: npm
    ///     directory: /
    ///     schedule: {interval: weekly}
    ///     cooldown:
    ///       default-days: 7
    /// ```
    findings: {
        /// Code of the repository runs with the bot's credentials
        RunsCode: Medium, Certain;
        /// New versions are taken sooner than that
        ShortCooldown: Low, Certain;
        /// Renovate takes new versions sooner than that
        ShortReleaseAge: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Dependencies,
    peers: ["ZZ:dependabot-cooldown", "ZZ:dependabot-execution"],
    since: "0.1.0",
    applies_to: ["file/Dependabot", "file/Renovate"],
    reads: ["updates", "minimumReleaseAge", "packageRules[*].minimumReleaseAge"],
    parameters: {
        /// The days that a new version has been there before it is proposed.
        min_days: Bounded<0, 90> = Bounded::of(3),
    },
}

/// The days that Dependabot waits by itself.
const DEFAULT_DAYS: i64 = 3;
const DAYS: [&str; 4] = ["default-days", "semver-major-days", "semver-minor-days", "semver-patch-days"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let min_days = input.parameters.min_days.get();
    for entry in input.document.get("updates").items() {
        let ecosystem = entry.get("package-ecosystem").text();
        let execution = entry.get("insecure-external-code-execution");
        if execution.text() == "allow" {
            let message = format!("updates of `{ecosystem}` run code of the repository, with the bot's credentials");
            findings.report(Code::RunsCode, &execution, message);
        }
        if entry.get("open-pull-requests-limit").as_i64() == Some(0) {
            continue;
        }
        let cooldown = entry.get("cooldown");
        for key in DAYS {
            let days = cooldown.get(key);
            let waited = days.as_i64().or((key == "default-days").then_some(DEFAULT_DAYS));
            if let Some(waited) = waited.filter(|waited| *waited < min_days) {
                let by_default = if days.exists() { "" } else { " by default" };
                let message = format!(
                    "new versions of `{ecosystem}` are proposed after {}{by_default} (`{key}`), expected {min_days}",
                    counted(waited)
                );
                let fix = Fix::unsafe_(format!("wait for {min_days} days")).set(&days, min_days);
                findings.report(Code::ShortCooldown, &days, message).fix(fix);
            }
        }
    }
    let rules = input.document.select("packageRules[*].minimumReleaseAge");
    for age in std::iter::once(input.document.get("minimumReleaseAge")).chain(rules) {
        if let Some(days) = days(age.text()).filter(|days| *days < min_days) {
            let message =
                format!("new versions are taken after `{}`, {}, expected {min_days}", age.text(), counted(days));
            findings.report(Code::ShortReleaseAge, &age, message);
        }
    }
    Ok(())
}

fn counted(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

/// The whole days of `14 days`, `2 weeks`, `12 hours`.
fn days(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().ok()?;
    let in_hours = match unit.trim().trim_end_matches('s') {
        "hour" | "h" | "hr" => 1,
        "day" | "d" => 24,
        "week" | "w" => 7 * 24,
        "month" => 30 * 24,
        "year" | "y" => 365 * 24,
        "minute" | "min" | "m" => return Some(number / (24 * 60)),
        _ => return None,
    };
    Some(number.checked_mul(in_hours)? / 24)
}
