//! The PersistentVolumeClaims that a workload's pods share.

use super::workload::Workload;
use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The claims that the subject's volumes name.
    pub Claims {
        reads: ["pod.spec.volumes[*].persistentVolumeClaim.claimName"],
        inventory: {
            claims: {
                kinds: ["core/PersistentVolumeClaim"],
                scope: "namespace",
                relation: named {
                    kind: "=PersistentVolumeClaim",
                    name: "pod.spec.volumes[*].persistentVolumeClaim.claimName",
                },
                reads: ["spec.accessModes", "spec.storageClassName"],
            },
        },
    }
    /// The templates from which a StatefulSet makes claims, one for each of its pods.
    pub ClaimTemplates {
        reads: [
            "object.spec.volumeClaimTemplates[*].metadata.name",
            "object.spec.volumeClaimTemplates[*].spec",
            "object.spec.persistentVolumeClaimRetentionPolicy",
        ],
    }
}

/// The places where the subject's volumes name claims.
pub fn names<'d, P: Uses<Claims>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    volumes(&input.workload()).map(|volume| volume.at("persistentVolumeClaim.claimName")).filter(View::exists)
}

/// The claims that the subject's volumes name, as far as they are among the documents.
pub fn claims<'d, P: Uses<Claims>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("claims")
}

/// The place where a claim is named that one node or pod alone may mount.
pub fn of_one_node<'d, P: Uses<Claims>>(input: &Input<'d, P>) -> Option<View<'d>> {
    names(input).find(|name| {
        claims(input).any(|claim| claim.name() == name.text() && is_of_one_node(&claim.document.at("spec.accessModes")))
    })
}

/// Whether access modes let one node or pod alone mount the volume.
pub fn is_of_one_node(modes: &View<'_>) -> bool {
    !modes.is_empty() && modes.items().all(|mode| matches!(mode.text(), "ReadWriteOnce" | "ReadWriteOncePod"))
}

/// Whether access modes let one pod alone mount the volume, and no second one on the same node either.
pub fn is_of_one_pod(modes: &View<'_>) -> bool {
    !modes.is_empty() && modes.items().all(|mode| mode.text() == "ReadWriteOncePod")
}

/// Whether a claim's `spec` asks for a disk of the node itself, as its storage class is called.
pub fn is_local(spec: &View<'_>) -> bool {
    class_has_word(spec, &["local", "hostpath"])
}

/// Whether the pod's `fsGroup` decides who may write to the volume of a claim's `spec`, as far as its access modes and the
/// name of its storage class tell. Drivers of file servers and of directories of a node ignore the group.
pub fn follows_group(spec: &View<'_>) -> bool {
    const FILE_SERVERS: [&str; 7] = ["nfs", "efs", "azurefile", "cephfs", "filestore", "smb", "gluster"];
    is_of_one_node(&spec.get("accessModes")) && !is_local(spec) && !class_has_word(spec, &FILE_SERVERS)
}

fn class_has_word(spec: &View<'_>, words: &[&str]) -> bool {
    spec.get("storageClassName").text().split(['-', '.', '_']).any(|word| words.contains(&word))
}

/// The subject's templates of claims.
pub fn templates<'d, P: Uses<ClaimTemplates>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    input.workload().object.at("spec.volumeClaimTemplates").items()
}

fn volumes<'d>(workload: &Workload<'d>) -> impl Iterator<Item = View<'d>> + use<'d> {
    workload.spec().get("volumes").items()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn a_claim_of_one_node_is_found_where_it_is_named() {
        let document = r#"{"pod":{"spec":{"volumes":[{"emptyDir":{}},
            {"persistentVolumeClaim":{"claimName":"shared"}},{"persistentVolumeClaim":{"claimName":"own"}}]}}}"#;
        let claim = |name: &str, mode: &str| {
            format!(r#"{{"subject":{{"name":"{name}"}},"document":{{"spec":{{"accessModes":["{mode}"]}}}}}}"#)
        };
        let place = |mode: &str| {
            let related = format!("[{},{}]", claim("shared", "ReadWriteMany"), claim("own", mode));
            look("shop", document, Claims::QUERIES, &[&related], |input| {
                assert_eq!(names(input).count(), 2);
                of_one_node(input).map(|name| name.pointer())
            })
        };
        assert_eq!(place("ReadWriteOncePod").as_deref(), Some("/pod/spec/volumes/2/persistentVolumeClaim/claimName"));
        assert_eq!(place("ReadOnlyMany"), None);
    }

    #[test]
    fn claims_say_for_whom_and_where_they_are() {
        let spec = |modes: &str, class: &str| format!(r#"{{"accessModes":{modes},"storageClassName":"{class}"}}"#);
        let of = |modes: &str, class: &str| {
            look("shop", &spec(modes, class), &[], &[], |input| {
                (is_of_one_pod(&input.document.get("accessModes")), is_local(&input.document))
            })
        };
        assert_eq!(of(r#"["ReadWriteOncePod"]"#, "local-path"), (true, true));
        assert_eq!(of(r#"["ReadWriteOnce"]"#, "gp3"), (false, false));
        assert_eq!(of("[]", "openebs-hostpath"), (false, true));
        assert_eq!(of("[]", "locality"), (false, false));
        let follows = |modes: &str, class: &str| {
            look("shop", &spec(modes, class), &[], &[], |input| follows_group(&input.document))
        };
        assert!(follows(r#"["ReadWriteOnce"]"#, "gp3") && follows(r#"["ReadWriteOnce"]"#, ""));
        assert!(!follows(r#"["ReadWriteMany"]"#, "gp3") && !follows(r#"["ReadWriteOnce"]"#, "efs-sc"));
        assert!(!follows(r#"["ReadWriteOnce"]"#, "local-path"));
    }
}
