use policy_sdk::kubernetes::file::OwnFile;
use policy_sdk::kubernetes::flux::{self, SubstitutingKustomizations};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Placeholders are filled in before an object is applied
    ///
    /// The image of each container, the name of the ServiceAccount, the hosts of an Ingress, ARNs in annotations and
    /// the namespace hold no placeholder: `${TAG}`, `$TAG`, `$(TAG)`, `<tag>`, `REPLACE_ME`, `CHANGEME`,
    /// `TODO`, `PLACEHOLDER`, or a name of a variable such as `IMAGE_TAG`. Kubernetes replaces none of them there.
    ///
    /// Other fields are not checked, since scripts, templates and alerts may mean what they say. `${TAG}` and `$TAG`
    /// pass in a file below the `spec.path` of a Flux Kustomization with `postBuild`, and everywhere with
    /// `substituted: true`. A workload is checked as the kustomizations around it build it.
    ///
    /// ## Why
    /// The API server accepts the object, and no new pod starts (`InvalidImageName`), no request finds its host, or AWS
    /// knows no such role. It is seen only when the rollout hangs.
    ///
    /// ## Fix
    /// Set the value where the manifest is made:
    ///
    /// ```sh
    /// kustomize edit set image shop/cart=registry.example.com/shop/cart:$IMAGE_TAG
    /// ```
    findings: {
        /// A field holds a placeholder
        Placeholder: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload", "networking.k8s.io/Ingress", "core/ServiceAccount"],
    uses: [OwnFile, SubstitutingKustomizations],
    reads: [
        "container.image", "pod.spec.serviceAccountName", "object.metadata.namespace", "metadata.namespace",
        "metadata.annotations[\"eks.amazonaws.com/role-arn\"]",
        "metadata.annotations[\"alb.ingress.kubernetes.io/certificate-arn\"]",
        "spec.rules[*].host", "spec.tls[*].hosts[*]",
    ],
    parameters: {
        /// Variables are replaced by a program before objects are applied (`envsubst`).
        substituted: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (workload, document) = (input.workload(), &input.document);
    let mut fields: Vec<(String, View<'_>)> = Vec::new();
    for container in workload.containers() {
        fields.push((format!("the image of {}", container.described()), container.get("image")));
    }
    fields.push(("`serviceAccountName`".into(), workload.spec().get("serviceAccountName")));
    for path in ["object.metadata.namespace", "metadata.namespace"] {
        fields.push(("the namespace".into(), document.at(path)));
    }
    for annotation in ["eks.amazonaws.com/role-arn", "alb.ingress.kubernetes.io/certificate-arn"] {
        fields.push((format!("`{annotation}`"), document.at("metadata.annotations").get(annotation)));
    }
    for path in ["spec.rules[*].host", "spec.tls[*].hosts[*]"] {
        fields.extend(document.select(path).into_iter().map(|host| ("the host".into(), host)));
    }
    let is_substituted = input.parameters.substituted || flux::substituting(input).is_some();
    for (what, place) in fields {
        let Some(placeholder) = placeholder(place.text()) else { continue };
        let is_variable = placeholder.starts_with("${")
            || (placeholder.starts_with('$') && placeholder.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic));
        if !(is_variable && is_substituted) {
            let message = format!("{what} holds the placeholder `{placeholder}`, which nothing replaces");
            findings.report(Code::Placeholder, &place, message).excerpt(placeholder);
        }
    }
    Ok(())
}

/// The first placeholder in a text.
fn placeholder(text: &str) -> Option<&str> {
    const PAIRS: [(&str, &str); 3] = [("${", "}"), ("$(", ")"), ("<", ">")];
    for (open, close) in PAIRS {
        if let Some(from) = text.find(open)
            && let Some(to) = text[from..].find(close)
        {
            return Some(&text[from..from + to + close.len()]);
        }
    }
    let is_of_name = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    if let Some(from) = text.find('$') {
        let length = text[from + 1..].find(|byte| !is_of_name(byte)).unwrap_or(text.len() - from - 1);
        if length > 0 {
            return Some(&text[from..=from + length]);
        }
    }
    text.split(|byte| !is_of_name(byte)).find(|word| is_telling(word))
}

/// Whether a word says that something has to stand in its place, or is the name of a variable: `IMAGE_TAG`.
fn is_telling(word: &str) -> bool {
    let is_variable = word.contains('_')
        && word.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase()));
    is_variable || matches!(word, "REPLACEME" | "CHANGEME" | "TODO" | "PLACEHOLDER" | "FIXME")
}
