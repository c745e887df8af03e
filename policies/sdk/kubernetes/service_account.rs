//! The ServiceAccount under which a workload's pods run.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The two fields in which the subject's pods may name their ServiceAccount.
    pub AccountFields {
        reads: ["pod.spec.serviceAccountName", "pod.spec.serviceAccount"],
    }
    /// The role of a cloud that the subject, a ServiceAccount, gives its pods.
    pub CloudIdentity {
        reads: [
            "metadata.annotations[\"eks.amazonaws.com/role-arn\"]",
            "metadata.annotations[\"iam.gke.io/gcp-service-account\"]",
            "metadata.annotations[\"azure.workload.identity/client-id\"]",
        ],
    }
    /// The ServiceAccount that the subject's pods name, and whether its token is mounted.
    pub OwnServiceAccount {
        reads: [
            "pod.spec.serviceAccountName", "pod.spec.serviceAccount", "pod.spec.automountServiceAccountToken",
        ],
        inventory: {
            service_account: {
                kinds: ["core/ServiceAccount"],
                scope: "namespace",
                relation: named {
                    kind: "=ServiceAccount",
                    name: "pod.spec.serviceAccountName|pod.spec.serviceAccount=default",
                },
                reads: ["metadata.annotations", "automountServiceAccountToken"],
            },
        },
    }
}

/// The ServiceAccount that pods get which name none.
pub const DEFAULT: &str = "default";

/// The annotations that give a role of a cloud: of EKS, GKE and Azure.
const CLOUD_IDENTITIES: [&str; 3] =
    ["eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"];

/// Where the subject, a ServiceAccount, names the role of a cloud.
pub fn cloud_identity<'d, P: Uses<CloudIdentity>>(input: &Input<'d, P>) -> Option<View<'d>> {
    cloud_identity_of(&input.document)
}

/// Where a ServiceAccount's document names the role of a cloud.
pub fn cloud_identity_of<'d>(account: &View<'d>) -> Option<View<'d>> {
    let annotations = account.at("metadata.annotations");
    CLOUD_IDENTITIES.into_iter().map(|key| annotations.get(key)).find(|identity| !identity.text().is_empty())
}

/// The present field and the one before it, which counts only where the present one is not set.
pub fn fields<'d, P: Uses<AccountFields>>(input: &Input<'d, P>) -> (View<'d>, View<'d>) {
    both_fields(input)
}

fn both_fields<'d, P>(input: &Input<'d, P>) -> (View<'d>, View<'d>) {
    let spec = input.workload().spec();
    (spec.get("serviceAccountName"), spec.get("serviceAccount"))
}

/// Where the subject's pods name their ServiceAccount, in the present field or in the one before it.
pub fn name<'d, P: Uses<OwnServiceAccount>>(input: &Input<'d, P>) -> View<'d> {
    name_of(input)
}

pub(super) fn name_of<'d, P>(input: &Input<'d, P>) -> View<'d> {
    let (present, former) = both_fields(input);
    if !present.text().is_empty() || former.text().is_empty() { present } else { former }
}

/// The ServiceAccount of the subject's pods, where it is among the documents.
pub fn service_account<'d, P: Uses<OwnServiceAccount>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("service_account").next()
}

/// Where it is decided that the token is mounted: by the pod, else by its ServiceAccount; `None` where neither does,
/// and it is.
pub fn automount<'d, P: Uses<OwnServiceAccount>>(input: &Input<'d, P>) -> Option<View<'d>> {
    let of_pod = input.workload().spec().get("automountServiceAccountToken");
    let of_account = service_account(input).map(|account| account.document.get("automountServiceAccountToken"));
    [Some(of_pod), of_account].into_iter().flatten().find(View::exists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn an_empty_identity_is_none() {
        let identity = |annotations: &str| {
            let document = format!(r#"{{"metadata":{{"annotations":{annotations}}}}}"#);
            look("shop", &document, &[], &[], |input| cloud_identity(input).map(|place| place.text().to_owned()))
        };
        assert_eq!(identity(r#"{"iam.gke.io/gcp-service-account":"a@b"}"#).as_deref(), Some("a@b"));
        assert_eq!(identity(r#"{"eks.amazonaws.com/role-arn":""}"#), None);
        assert_eq!(identity("{}"), None);
    }

    #[test]
    fn the_pod_decides_before_its_account() {
        let account = r#"[{"subject":{"name":"cart"},"document":{"automountServiceAccountToken":false}}]"#;
        let mounts = |spec: &str, related: &str| {
            let document = format!(r#"{{"pod":{{"spec":{spec}}}}}"#);
            look("shop", &document, OwnServiceAccount::QUERIES, &[related], |input| {
                (name(input).text().to_owned(), automount(input).and_then(|view| view.as_bool()))
            })
        };
        let former = r#"{"serviceAccount":"cart"}"#;
        let present = r#"{"serviceAccountName":"cart","serviceAccount":"x","automountServiceAccountToken":true}"#;
        assert_eq!(mounts(former, account), ("cart".into(), Some(false)));
        assert_eq!(mounts(present, account), ("cart".into(), Some(true)));
        assert_eq!(mounts("{}", "[]"), (String::new(), None));
        // An empty name is none.
        assert_eq!(mounts(r#"{"serviceAccountName":"","serviceAccount":"cart"}"#, "[]"), ("cart".into(), None));
    }
}
