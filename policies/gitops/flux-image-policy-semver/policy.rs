use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::language::unread;
use policy_sdk::prelude::*;
use policy_sdk::values::semver_range::{Dialect, Range};

policy_sdk::rule! {
    /// An ImagePolicy selects tags that mean a version
    ///
    /// An ImagePolicy of Flux has exactly one policy: `semver`, `alphabetical` or `numerical`. With `alphabetical` or
    /// `numerical`, `filterTags.pattern` says which tags count; Flux' own documentation has them for tags of builds.
    /// The pattern matches whole tags (`^` and `$`), and has the group that `extract` names. A range of `semver`
    /// without an upper end (`*`, `>=0`) has a pattern too. Versions before a release are selected only where the
    /// range names one; in production it does not.
    ///
    /// With `allow_build_tags: false`, production has `semver`.
    ///
    /// ## Why
    /// The automation commits whatever tag the policy selects. With `alphabetical` and no pattern that is the tag which
    /// somebody pushed last under a name late in the alphabet, a branch or a test among them.
    ///
    /// ## Fix
    /// Follow versions:
    ///
    /// ```yaml
    /// spec:
    ///   filterTags:
    ///     pattern: '^v(?P<version>\d+\.\d+\.\d+)$'
    ///     extract: $version
    ///   policy:
    ///     semver:
    ///       range: 1.x
    /// ```
    findings: {
        /// It has no policy, or several
        Policy: Medium, Certain;
        /// Any tag is selected
        AnyTag: Low, Likely;
        /// The pattern matches parts of tags
        Unanchored: Low, Likely;
        /// The pattern lacks the group that is extracted
        NoGroup: Medium, Certain;
        /// The range has no end
        AnyVersion: Low, Likely;
        /// Production follows versions before a release, or tags of builds
        NotReleased: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["image.toolkit.fluxcd.io/ImagePolicy"],
    uses: [ProductionObject],
    reads: ["spec.policy", "spec.filterTags", "spec.filterTags.pattern:regex"],
    parameters: {
        /// Production may follow tags of builds by `alphabetical` and `numerical`.
        allow_build_tags: bool = true,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (policy, filter) = (input.document.at("spec.policy"), input.document.at("spec.filterTags"));
    let pattern = filter.get("pattern");
    let policies: Vec<(&str, View<'_>)> = policy.entries().collect();
    match &policies[..] {
        [("semver", semver)] => check_range(input, &semver.get("range"), !pattern.text().is_empty(), findings),
        [(order, place)] => {
            if pattern.text().is_empty() {
                let message =
                    format!("`{order}` selects any tag that is pushed, since there is no `filterTags.pattern`");
                findings.report(Code::AnyTag, place, message);
            }
            if !input.parameters.allow_build_tags && production::is_production_object(input) {
                let message = format!("production follows tags of builds by `{order}`, expected `semver`");
                findings.report(Code::NotReleased, place, message);
            }
        }
        _ => {
            let names: Vec<&str> = policies.iter().map(|(name, _)| *name).collect();
            let found = if names.is_empty() { "none".into() } else { format!("`{}`", names.join("`, `")) };
            let message = format!("it has {found} of `semver`, `alphabetical` and `numerical`, so no tag is selected");
            findings.report(Code::Policy, &policy, message);
        }
    }
    if pattern.text().is_empty() {
        return Ok(());
    }
    let tree = filter.get("pattern:regex");
    if let Some(reason) = unread(&tree) {
        return not_evaluated(format!("the pattern cannot be read: {reason}"));
    }
    // Whatever follows counts as the end: `main-(?P<ts>.*)`.
    let has_end = tree.get("end").is_true() || pattern.text().trim_end_matches(')').ends_with(".*");
    if !tree.get("start").is_true() || !has_end {
        let message = format!("the pattern `{}` also matches parts of tags, since it lacks `^` or `$`", pattern.text());
        findings.report(Code::Unanchored, &pattern, message);
    }
    let extract = filter.get("extract");
    if let Some(group) = groups(extract.text()).into_iter().find(|group| !has_group(pattern.text(), group)) {
        let message = format!("`extract` names the group `{group}`, which the pattern does not have");
        findings.report(Code::NoGroup, &extract, message);
    }
    Ok(())
}

fn check_range(input: &Input<'_, Parameters>, place: &View<'_>, is_filtered: bool, findings: &mut Findings) {
    let text = place.scalar_text().unwrap_or_default();
    let Some(range) = Range::parse(text, Dialect::Helm) else { return };
    let has_any = text.trim() == "*" || !range.has_end();
    if has_any && !is_filtered {
        let message = format!("the range `{text}` has no end, so the next major version is selected as well");
        findings.report(Code::AnyVersion, place, message);
    }
    let demands = text.split([',', ' ', '|']).map(|part| part.trim_start_matches(['<', '>', '=', '^', '~', 'v']));
    let is_before_release =
        demands.into_iter().any(|demand| demand.split_once('+').map_or(demand, |it| it.0).contains('-'));
    // `1.2 - 1.4` has a dash of its own.
    if is_before_release && !text.contains(" - ") && production::is_production_object(input) {
        let message = format!("production follows versions before a release, since the range is `{text}`");
        findings.report(Code::NotReleased, place, message);
    }
}

/// The groups that a replacement names: `$version`, `${version}`, `$1`.
fn groups(extract: &str) -> Vec<&str> {
    let is_of_name = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    let names = extract.split('$').skip(1).map(|rest| rest.strip_prefix('{').unwrap_or(rest));
    names
        .map(|rest| &rest[..rest.find(|byte| !is_of_name(byte)).unwrap_or(rest.len())])
        .filter(|it| !it.is_empty())
        .collect()
}

/// Whether a pattern has a group of that name or number. A bracket in a class counts as a group, which is lenient.
fn has_group(pattern: &str, group: &str) -> bool {
    match group.parse::<usize>() {
        Ok(number) => {
            let open = pattern.matches('(').count() - pattern.matches("\\(").count() - pattern.matches("(?:").count();
            number <= open
        }
        Err(_) => ["(?P<", "(?<"].iter().any(|open| pattern.contains(&[open, group, ">"].concat())),
    }
}
