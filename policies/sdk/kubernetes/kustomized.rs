//! What kustomizations include and patch.

use crate::input::{Input, Related};
use crate::json::View;
use crate::repository::files::{folder, joined};
use crate::uses::Uses;

crate::usable! {
    /// The kustomizations among the files, with what they include and whether they patch. No relation fits: whom a
    /// patch is for is in the patch.
    pub Kustomizations {
        inventory: {
            kustomizations: {
                kinds: ["file/Kustomization"],
                scope: "cluster",
                reads: [
                    "resources", "bases", "components", "patches[*].path", "patchesStrategicMerge[*]",
                    "patchesJson6902[*].path",
                ],
            },
        },
    }
}

/// The kustomization that includes a file, itself or by others, and has patches: the objects of the file may be
/// different when they are built.
pub fn patched_by<'d, P: Uses<Kustomizations>>(input: &Input<'d, P>, file: &str) -> Option<Related<'d>> {
    let all: Vec<Related<'d>> = input.related("kustomizations").collect();
    let file = joined("", file);
    all.iter().find(|one| has_patches(one) && includes(&all, one, &file)).cloned()
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

fn has_patches(kustomization: &Related<'_>) -> bool {
    let keys = ["patches", "patchesStrategicMerge", "patchesJson6902", "components"];
    keys.iter().any(|key| !kustomization.document.get(key).is_empty())
}

fn includes(all: &[Related<'_>], from: &Related<'_>, file: &str) -> bool {
    with_included(all, from).iter().any(|one| lists(one, file))
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
    fn a_patch_is_found_over_what_is_included() {
        let entry = |name: &str, document: &str| format!(r#"{{"subject":{{"name":"{name}"}},"document":{document}}}"#);
        let answer = format!(
            "[{},{},{}]",
            entry("config/manager/kustomization.yaml", r#"{"resources":["manager.yaml"]}"#),
            entry(
                "config/default/kustomization.yaml",
                r#"{"resources":["../manager","../default"],"patches":[{"path":"port.yaml"}]}"#
            ),
            entry("plain/kustomization.yaml", r#"{"resources":["../config/rbac/role.yaml"]}"#),
        );
        look("shop", "{}", Kustomizations::QUERIES, &[&answer], |input| {
            let by = |file: &str| patched_by(input, file).map(|one| one.name().to_owned());
            assert_eq!(by("config/manager/manager.yaml").as_deref(), Some("config/default/kustomization.yaml"));
            assert_eq!(by("./config/manager/manager.yaml").as_deref(), Some("config/default/kustomization.yaml"));
            assert_eq!((by("config/rbac/role.yaml"), by("manager.yaml")), (None, None));
        });
    }

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
