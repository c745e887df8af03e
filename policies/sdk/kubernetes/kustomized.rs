//! Whether kustomizations patch objects of a file.

use crate::input::{Input, Related};
use crate::repository::files::{folder, joined};
use crate::uses::Uses;

crate::usable! {
    /// The kustomizations among the files, with what they include and whether they patch. No relation fits: whom a patch
    /// is for is in the patch.
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

/// The kustomization that includes a file, itself or by others, and has patches: the objects of the file may be different
/// when they are built.
pub fn patched_by<'d, P: Uses<Kustomizations>>(input: &Input<'d, P>, file: &str) -> Option<Related<'d>> {
    let all: Vec<Related<'d>> = input.related("kustomizations").collect();
    let file = joined("", file);
    all.iter().find(|one| has_patches(one) && includes(&all, one, &file)).cloned()
}

fn has_patches(kustomization: &Related<'_>) -> bool {
    let keys = ["patches", "patchesStrategicMerge", "patchesJson6902", "components"];
    keys.iter().any(|key| !kustomization.document.get(key).is_empty())
}

fn includes(all: &[Related<'_>], from: &Related<'_>, file: &str) -> bool {
    let (mut seen, mut open): (Vec<String>, Vec<Related<'_>>) = (Vec::new(), vec![from.clone()]);
    while let Some(kustomization) = open.pop() {
        let directory = folder(kustomization.name());
        let lists = ["resources", "bases", "components"].map(|list| kustomization.document.get(list));
        for entry in lists.iter().flat_map(|list| list.items()) {
            let path = joined(directory, entry.text());
            if path == file {
                return true;
            }
            if !seen.contains(&path) {
                open.extend(all.iter().filter(|other| joined("", folder(other.name())) == path).cloned());
                seen.push(path);
            }
        }
    }
    false
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
}
