use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;
use policy_sdk::values::credential;

policy_sdk::rule! {
    /// Each environment variable is set once
    ///
    /// In `env` of a container of any class no name stands twice; on Windows nodes, where names have no case, `Path`
    /// and `PATH` are one name. A later entry that builds on the earlier one (`value: $(PATH):/opt/bin`) is no
    /// duplicate, nor is a variable that also comes from `envFrom`, since `env` overrides that by design.
    ///
    /// Of equal entries the fix keeps the first. Where the values differ it keeps the last, which is the one that
    /// counts, and needs a person.
    ///
    /// ## Why
    /// The last entry wins, and the others look as if they counted. Whoever edits the wrong one changes nothing.
    /// Server-side apply refuses such a list, and Helm and `kubectl apply` can lose an entry on the next change.
    ///
    /// ## Fix
    /// Keep the entry whose value is meant and remove the others.
    findings: {
        /// A name has two values, of which the last counts
        Duplicate: Medium, Certain;
        /// A name is set twice to the same value
        Repeated: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Config,
    peers: ["KL:duplicate-env-var", "KS:environment-variable-key-duplication", "KC:C-0295"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Windows],
    reads: ["container.env"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_windows = windows::is_only(input);
    for container in input.workload().containers() {
        let variables: Vec<View<'_>> = container.get("env").items().collect();
        for (at, first) in variables.iter().enumerate() {
            let name = first.get("name").text();
            let is_same = |other: &&View<'_>| {
                let other = other.get("name").text();
                other == name || is_windows && other.eq_ignore_ascii_case(name)
            };
            if name.is_empty() || variables[..at].iter().any(|other| is_same(&other)) {
                continue;
            }
            let same: Vec<&View<'_>> = variables[at..].iter().filter(is_same).collect();
            if same.len() > 1 && !same[1..].iter().any(|later| refers(later, name)) {
                judge(&container, &same, findings);
            }
        }
    }
    Ok(())
}

/// Checks the entries of one name.
fn judge(container: &Container<'_>, same: &[&View<'_>], findings: &mut Findings) {
    let ([first, later @ ..], [earlier @ .., last]) = (same, same) else { return };
    let name = first.get("name").text();
    let is_equal = earlier.iter().all(|entry| content(entry) == content(last));
    // Of equal entries the first is kept, which others may refer to. From the end, so that positions hold.
    let (code, ending, fix) = if is_equal {
        let fix = later.iter().rev().fold(Fix::safe(format!("keep one entry of `{name}`")), |fix, it| fix.remove(it));
        (Code::Repeated, "to the same value".to_owned(), fix)
    } else {
        let fix = Fix::unsafe_(format!("keep the last entry of `{name}`"));
        let fix = earlier.iter().rev().fold(fix, |fix, it| fix.remove(it));
        (Code::Duplicate, format!("and {} counts", shown(name, last)), fix)
    };
    let message = format!("{} sets `{name}` {} times, {ending}", container.described(), same.len());
    let place = later.first().map_or_else(|| first.get("name"), |second| second.get("name"));
    findings.report(code, &place, message).label(first, "the first entry").fix(fix);
}

/// Whether an entry takes the value of a name that is set before it.
fn refers(entry: &View<'_>, name: &str) -> bool {
    entry.get("value").text().contains(&["$(", name, ")"].concat())
}

/// All of an entry but its name.
fn content(entry: &View<'_>) -> Vec<(&'static str, String)> {
    let fields = ["value", "valueFrom"].map(|field| (field, entry.get(field)));
    fields.into_iter().filter(|(_, value)| value.exists()).map(|(field, value)| (field, value.to_json())).collect()
}

/// The entry that counts, by its value where that is short and no secret.
fn shown(name: &str, entry: &View<'_>) -> String {
    let lower = name.to_ascii_lowercase();
    let is_secret = ["pass", "secret", "token", "key", "cred", "auth"].iter().any(|word| lower.contains(word));
    match entry.get("value").as_str() {
        Some(value)
            if !is_secret
                && value.len() <= 60
                && credential::detect(value).is_none()
                && credential::urls_with_password(value).is_empty() =>
        {
            format!("the last value `{value}`")
        }
        _ => "the last one".to_owned(),
    }
}
