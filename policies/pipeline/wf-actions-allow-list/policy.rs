use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Used, UsedActions};
use policy_sdk::settings::{AllowedActions, GitHubOwners};
use policy_sdk::tables::github_actions::GitHubActions;

policy_sdk::rule! {
    /// Only approved actions are used
    ///
    /// Where the setting `allowedActions` lists owners, repositories or paths, each action and each reusable workflow
    /// is one of them. Without it nothing is asked. What `denied` lists is never used. Actions of the owners in the
    /// setting `githubOwners` and those of the same repository (`./…`) are one's own.
    ///
    /// No name is one letter away from the name of an action that many use, with the same owner or the same repository:
    /// `action/checkout`, `actions/chekout`.
    ///
    /// ## Why
    /// An action runs with the secrets and the token of its job. Owners whose names look like well-known ones are
    /// registered for those who mistype them. A repository that is mistyped does not exist, and the step fails.
    ///
    /// ## Fix
    /// Write the name of the action that is meant, or ask for approval of this one. GitHub itself can refuse what is
    /// not on a list, too: *Settings*, *Actions*, *General*, *Allow select actions and reusable workflows*.
    findings: {
        /// The name is that of a well-known action, but for one letter of its owner
        Typosquat: High, Likely;
        /// The name is that of a well-known action of the same owner, but for one letter
        Misspelt: Medium, Likely;
        /// An action is not on the list
        NotAllowed: Medium, Certain;
        /// An action is on the list of those that are not used
        Denied: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["ZZ:forbidden-uses", "ZZ:typosquat-uses"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [UsedActions, AllowedActions, GitHubOwners, GitHubActions],
    parameters: {
        /// Actions that are not used, written as in `allowedActions`.
        denied: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let allowed = input.setting::<AllowedActions>();
    let owners = input.setting::<GitHubOwners>();
    let table = input.setting::<GitHubActions>();
    for (_, place, used) in github::used(input) {
        let Used::Action(action) = used else { continue };
        if owners.iter().any(|owner| action.is_of(owner)) {
            continue;
        }
        let names: Vec<&str> = table.rows.iter().map(|known| &*known.name).collect();
        let is_allowed = allowed.iter().any(|pattern| matches(pattern, &action));
        if let Some(meant) = meant(&action, &names).filter(|_| !is_allowed) {
            let message = format!("`{}` is one letter away from `{meant}`", action.repository());
            let owner = meant.split('/').next().unwrap_or_default();
            findings.report(if action.is_of(owner) { Code::Misspelt } else { Code::Typosquat }, &place, message);
        } else if input.parameters.denied.iter().any(|pattern| matches(pattern, &action)) {
            findings.report(Code::Denied, &place, format!("`{}` is not to be used", action.name));
        } else if !allowed.is_empty() && !is_allowed {
            let message = format!("`{}` is not on the list of allowed actions", action.name);
            findings.report(Code::NotAllowed, &place, message);
        }
    }
    Ok(())
}

/// Whether an action is one of `owner/*`, `owner/repository` or `owner/repository/path`; a reference behind `@` has to
/// be the same.
fn matches(pattern: &str, action: &Action<'_>) -> bool {
    let (name, reference) = pattern.split_once('@').unwrap_or((pattern, ""));
    let is_it = match name.strip_suffix("/*") {
        Some(above) => {
            let above = format!("{above}/").to_ascii_lowercase();
            action.name.to_ascii_lowercase().starts_with(&above)
        }
        None => action.name.eq_ignore_ascii_case(name) || action.is(name),
    };
    is_it && (matches!(reference, "" | "*") || reference == action.reference)
}

/// The well-known action whose name differs in one letter, of the owner or of the repository.
fn meant<'n>(action: &Action<'_>, names: &[&'n str]) -> Option<&'n str> {
    let own = action.repository().to_ascii_lowercase();
    if names.contains(&own.as_str()) {
        return None;
    }
    let (owner, repository) = own.split_once('/')?;
    names.iter().copied().find(|name| {
        name.split_once('/').is_some_and(|(known_owner, known)| {
            owner == known_owner && known.len() > 4 && is_one_off(repository, known)
                || repository == known && known_owner.len() > 4 && is_one_off(owner, known_owner)
        })
    })
}

/// Whether one letter was left out, added or replaced, or two were swapped.
fn is_one_off(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let common = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    let (left, right) = (&left[common..], &right[common..]);
    match (left, right) {
        ([], []) => false,
        ([a, b, left @ ..], [c, d, right @ ..]) if a == d && b == c && left == right => true,
        _ => {
            let shorter = |of: &[u8], by: &[u8]| of.get(1..).is_some_and(|rest| rest == by);
            shorter(left, right) || shorter(right, left) || left.get(1..) == right.get(1..)
        }
    }
}
