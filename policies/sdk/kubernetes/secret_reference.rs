//! The Secrets that a workload refers to.

use crate::input::Input;
use crate::uses::Uses;

crate::usable! {
    /// The names of the Secrets that the subject refers to.
    pub ReferredSecrets {
        reads: [
            "container.env[*].valueFrom.secretKeyRef.name", "container.envFrom[*].secretRef.name",
            "pod.spec.volumes[*].secret.secretName", "pod.spec.imagePullSecrets[*].name",
        ],
    }
}

/// The names of the Secrets that the subject, a workload, refers to.
pub fn names<'d, P: Uses<ReferredSecrets>>(input: &Input<'d, P>) -> Vec<&'d str> {
    let workload = input.workload();
    let spec = workload.spec();
    let volumes = spec.get("volumes").items().map(|volume| volume.at("secret.secretName"));
    let pulls = spec.get("imagePullSecrets").items().map(|secret| secret.get("name"));
    let of_containers = workload.containers().flat_map(|container| {
        let variables = container.get("env").items().map(|variable| variable.at("valueFrom.secretKeyRef.name"));
        variables.chain(container.get("envFrom").items().map(|source| source.at("secretRef.name")))
    });
    volumes.chain(pulls).chain(of_containers).map(|name| name.text()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn every_way_to_refer_to_a_secret() {
        let document = r#"{"pod":{"spec":{"volumes":[{"secret":{"secretName":"a"}},{"emptyDir":{}}],
            "imagePullSecrets":[{"name":"b"}],"containers":[{"env":[{"name":"x","value":"y"},
            {"valueFrom":{"secretKeyRef":{"name":"c"}}}],"envFrom":[{"secretRef":{"name":"d"}}]}]}}}"#;
        look("shop", document, &[], &[], |input| assert_eq!(names(input), ["a", "b", "c", "d"]));
    }
}
