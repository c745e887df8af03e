//! What kustomizations include.

use crate::input::{Input, Related};
use crate::json::View;
use crate::repository::files::{folder, joined};
use crate::uses::Uses;

crate::usable! {
    /// The kustomizations among the files, with what they include. No relation fits, since a kustomization may include
    /// another.
    pub Kustomizations {
        inventory: {
            kustomizations: {
                kinds: ["file/Kustomization"],
                scope: "cluster",
                reads: ["resources", "bases", "components"],
            },
        },
    }
}

/// A kustomization that includes the subject, a kustomization too.
pub fn includer<'d, P: Uses<Kustomizations>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    let own = joined("", folder(&input.subject.name));
    let is_own = |one: &Related<'_>| one.name() == input.subject.name;
    input.related("kustomizations").find(|one| {
        let directory = folder(one.name());
        !is_own(one) && included(one).iter().any(|entry| joined(directory, entry.text()) == own)
    })
}

/// Where the subject, a kustomization, or one that it includes, takes resources from outside the files.
pub fn outside<'d, P: Uses<Kustomizations>>(input: &Input<'d, P>) -> Option<(Related<'d>, View<'d>)> {
    let all: Vec<Related<'d>> = input.related("kustomizations").collect();
    let own = all.iter().find(|one| one.name() == input.subject.name)?;
    with_included(&all, own).into_iter().find_map(|one| {
        let place = included(&one).into_iter().find(|entry| is_outside(entry.text()))?;
        Some((one, place))
    })
}

/// Whether an entry of `resources` is the address of a repository or a file elsewhere.
fn is_outside(entry: &str) -> bool {
    entry.contains("://") || entry.contains("?ref=") || entry.starts_with("git@") || entry.starts_with("github.com/")
}

/// What a kustomization includes, as it is written.
fn included<'d>(kustomization: &Related<'d>) -> Vec<View<'d>> {
    let lists = ["resources", "bases", "components"].map(|list| kustomization.document.get(list));
    lists.iter().flat_map(View::items).collect()
}

/// A kustomization and those that it includes, themselves or by others.
pub fn with_included<'d>(all: &[Related<'d>], from: &Related<'d>) -> Vec<Related<'d>> {
    let (mut found, mut open): (Vec<Related<'d>>, Vec<Related<'d>>) = (Vec::new(), vec![from.clone()]);
    while let Some(kustomization) = open.pop() {
        if found.iter().any(|one| one.name() == kustomization.name()) {
            continue;
        }
        let directory = folder(kustomization.name());
        for entry in included(&kustomization) {
            let path = joined(directory, entry.text());
            open.extend(all.iter().filter(|other| joined("", folder(other.name())) == path).cloned());
        }
        found.push(kustomization);
    }
    found
}

/// Whether a kustomization lists a file itself, whose path is from the root.
pub fn lists(kustomization: &Related<'_>, file: &str) -> bool {
    let directory = folder(kustomization.name());
    included(kustomization).iter().any(|entry| joined(directory, entry.text()) == file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn what_is_included_and_comes_from_outside_is_found() {
        let entry = |name: &str, document: &str| format!(r#"{{"subject":{{"name":"{name}"}},"document":{document}}}"#);
        let answer = format!(
            "[{},{}]",
            entry("cart", r#"{"resources":["base"]}"#),
            entry("base/kustomization.yaml", r#"{"resources":["https://example.com/a?ref=v1","pod.yaml"]}"#),
        );
        // `look` names every document `cart`, which lies at the root.
        look("shop", "{}", Kustomizations::QUERIES, &[&answer], |input| {
            let (one, place) = outside(input).unwrap();
            assert_eq!((one.name(), place.text()), ("base/kustomization.yaml", "https://example.com/a?ref=v1"));
            assert!(includer(input).is_none());
            assert!(lists(&one, "base/pod.yaml") && !lists(&one, "pod.yaml"));
        });
    }
}
