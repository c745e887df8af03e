use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};

policy_sdk::rule! {
    /// Instructions do what they look like
    ///
    /// No `ENV` uses a variable that the same instruction sets: it has the value from before. There is no `MAINTAINER`,
    /// and no `ENV NAME value` without `=`. A file that says that it is generated is not checked by the latter.
    ///
    /// Files with an instruction that nobody knows are not read at all, which is reported as such.
    ///
    /// ## Why
    /// All variables of one `ENV` are replaced before the first is set. `MAINTAINER` and `ENV NAME value` are
    /// deprecated, and the latter takes the rest of the line for the value: `ENV A=1 B=2` sets two, `ENV A 1 B=2` sets
    /// one.
    ///
    /// ## Fix
    /// ```dockerfile
    /// ENV HOME_DIR=/app
    /// ENV DATA_DIR=$HOME_DIR/data
    /// LABEL org.opencontainers.image.authors="team@example.com"
    /// ```
    findings: {
        /// A variable is used in the instruction that sets it
        UsedBeforeSet: Medium, Certain;
        /// `MAINTAINER` is deprecated
        Maintainer: Low, Certain;
        /// `ENV NAME value` is deprecated
        LegacyEnv: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["HL:DL4000", "HL:DL3044", "CK:CKV_DOCKER_6", "TR:DS-0022"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
    reads: [":comments"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let mut legacy = Vec::new();
    for instruction in file.stages.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        let source = instruction.get("source");
        match instruction.keyword() {
            "MAINTAINER" => {
                let message = "`MAINTAINER` is deprecated, expected the label `org.opencontainers.image.authors`";
                findings.report(Code::Maintainer, &source, message);
            }
            "ENV" => {
                let pairs: Vec<(&str, View<'_>)> = instruction.pairs().collect();
                for (at, (name, value)) in pairs.iter().enumerate() {
                    let earlier = pairs[..at].iter().map(|(name, _)| *name);
                    if let Some(used) = earlier.filter(|other| other != name).find(|other| is_used(value.text(), other))
                    {
                        let message =
                            format!("`{name}` uses `${used}`, which this `ENV` sets: it has the value from before");
                        findings.report(Code::UsedBeforeSet, value, message);
                    }
                }
                let is_set = |name: &str| ["=", "\"="].iter().any(|end| source.text().contains(&[name, end].concat()));
                let is_legacy = matches!(pairs[..], [(name, _)] if !is_set(name));
                if is_legacy {
                    legacy.push(source);
                }
            }
            _ => {}
        }
    }
    let comments = input.document.get(":comments").get("comments");
    let is_generated = comments.items().any(|it| {
        let text = it.get("text").text().to_ascii_lowercase();
        text.contains("generated") || text.contains("do not edit")
    });
    if let Some(first) = legacy.first().filter(|_| !is_generated) {
        let message = "`ENV NAME value` is deprecated, expected `ENV NAME=value`";
        let report = findings.report(Code::LegacyEnv, first, message);
        legacy[1..].iter().fold(report, |report, other| report.label(other, "here too"));
    }
    Ok(())
}

/// Whether a text holds `$NAME` or `${NAME}`, the whole of the name.
fn is_used(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = &text[..at];
        let is_variable = before.ends_with("${") || before.ends_with('$') && !before.ends_with("\\$");
        let next = text[at + name.len()..].chars().next();
        is_variable && !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_')
    })
}
