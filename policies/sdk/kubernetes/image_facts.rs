//! What registries say of a workload's images: the documents of the kind `policy-host.dev/Image`, which the host fetches
//! where the operator lets it (`--images`, `images.repositories`). Where it does not, a rule that uses this is not
//! evaluated.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// What registries say of the images of the subject, a workload.
    pub ImageFacts {
        inventory: {
            images: {
                kinds: ["policy-host.dev/Image"],
                scope: "cluster",
                relation: about { image: ["container.image", "pod.spec.volumes[*].image.reference"] },
                reads: [
                    "reference", "digest", "exists", "unknown", "signature",
                    "platforms[*].os", "platforms[*].architecture", "platforms[*].variant", "platforms[*].user",
                    "platforms[*].created", "platforms[*].ageDays", "platforms[*].size",
                ],
            },
        },
    }
}

/// What is known of one image.
pub struct Image<'d> {
    /// The document.
    pub related: Related<'d>,
}

/// What is known of an image, by its reference as it is written; `None` where nothing is.
pub fn image<'d, P: Uses<ImageFacts>>(input: &Input<'d, P>, reference: &str) -> Option<Image<'d>> {
    let mut found = input.related("images").filter(|image| image.document.get("reference").text() == reference);
    found.next().map(|related| Image { related })
}

/// Why something is not known of an image.
pub struct Unknown<'d> {
    /// Why.
    pub reason: &'d str,
    /// Whether it should be known: a registry was to be asked, and did not answer.
    pub failed: bool,
}

/// What the trust policy makes of an image.
pub enum Signature<'d> {
    /// Enough signatures and attestations are there.
    Verified {
        /// By whom, as the trust policy calls them.
        signers: Vec<&'d str>,
        /// The predicate types of the attestations that were verified.
        attestations: Vec<&'d str>,
    },
    /// The trust policy says that it needs none.
    Unsigned,
    /// It is not trusted, and why.
    Refused(&'d str),
}

impl<'d> Image<'d> {
    fn document(&self) -> &View<'d> {
        &self.related.document
    }

    /// True when the registry says that there is no such image.
    pub fn is_missing(&self) -> bool {
        self.document().get("exists").as_bool() == Some(false)
    }

    /// The digest that the reference stands for; empty where that is not known.
    pub fn digest(&self) -> &'d str {
        self.document().get("digest").text()
    }

    /// Why something is not known.
    pub fn unknown(&self) -> Option<Unknown<'d>> {
        let unknown = self.document().get("unknown");
        let reason = unknown.get("reason").as_str()?;
        Some(Unknown { reason, failed: unknown.get("failed").is_true() })
    }

    /// What the trust policy makes of it; `None` where that is not known.
    pub fn signature(&self) -> Option<Signature<'d>> {
        let signature = self.document().get("signature");
        match signature.get("state").as_str()? {
            "verified" => Some(Signature::Verified {
                signers: signature.get("signers").items().map(|signer| signer.text()).collect(),
                attestations: signature.get("attestations").items().map(|one| one.get("type").text()).collect(),
            }),
            "unsigned" => Some(Signature::Unsigned),
            _ => Some(Signature::Refused(signature.get("reason").text())),
        }
    }

    /// What it has for each platform.
    pub fn platforms(&self) -> impl Iterator<Item = Platform<'d>> + use<'d> {
        self.document().get("platforms").items().map(|view| Platform { view })
    }
}

/// An image for one platform.
pub struct Platform<'d> {
    view: View<'d>,
}

impl<'d> Platform<'d> {
    /// `linux/arm64/v8`.
    pub fn name(&self) -> String {
        let parts = ["os", "architecture", "variant"].map(|part| self.view.get(part).text());
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }

    /// The user that its processes start as; empty for root.
    pub fn user(&self) -> &'d str {
        self.view.get("user").text()
    }

    /// True when its processes start as root: on Linux, where users have numbers.
    pub fn is_root(&self) -> bool {
        let user = self.user();
        let user = user.split_once(':').map_or(user, |(user, _)| user);
        self.view.get("os").text() != "windows" && matches!(user, "" | "0" | "root")
    }

    /// Whole days since it was built; `None` where it does not say.
    pub fn age_in_days(&self) -> Option<i64> {
        self.view.get("ageDays").as_i64()
    }

    /// Bytes of its layers, compressed, and of its configuration.
    pub fn size(&self) -> Option<i64> {
        self.view.get("size").as_i64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    fn of<T>(document: &str, check: impl FnOnce(Option<Image<'_>>) -> T) -> T {
        let answer = format!(r#"[{{"subject":{{"name":"x"}},"document":{document}}}]"#);
        look("shop", "{}", ImageFacts::QUERIES, &[&answer], |input| check(image(input, "nginx:1")))
    }

    #[test]
    fn an_image_is_found_by_its_reference() {
        assert!(of(r#"{"reference":"nginx:1"}"#, |image| image.is_some()));
        assert!(of(r#"{"reference":"nginx:2"}"#, |image| image.is_none()));
    }

    #[test]
    fn what_is_known_is_read() {
        let text = r#"{"reference":"nginx:1","exists":true,"digest":"sha256:1","platforms":[
            {"os":"linux","architecture":"arm64","variant":"v8","user":"root:root","ageDays":3,"size":9},
            {"os":"windows","architecture":"amd64","user":""}],
            "signature":{"state":"verified","signers":["ci"],"attestations":[{"type":"t","signer":"ci"}]}}"#;
        of(text, |image| {
            let image = image.unwrap();
            assert!(!image.is_missing() && image.unknown().is_none() && image.digest() == "sha256:1");
            let platforms: Vec<(String, bool)> = image.platforms().map(|one| (one.name(), one.is_root())).collect();
            assert_eq!(platforms, [("linux/arm64/v8".to_owned(), true), ("windows/amd64".to_owned(), false)]);
            let first = image.platforms().next().unwrap();
            assert_eq!((first.age_in_days(), first.size()), (Some(3), Some(9)));
            let Some(Signature::Verified { signers, attestations }) = image.signature() else { panic!("verified") };
            assert_eq!((signers, attestations), (vec!["ci"], vec!["t"]));
        });
    }

    #[test]
    fn what_is_not_known_is_told_apart() {
        of(r#"{"reference":"nginx:1","unknown":{"reason":"away","failed":true}}"#, |image| {
            let unknown = image.unwrap().unknown().unwrap();
            assert!(unknown.failed && unknown.reason == "away");
        });
        assert!(of(r#"{"reference":"nginx:1","exists":false}"#, |image| image.unwrap().is_missing()));
        let refused = r#"{"reference":"nginx:1","signature":{"state":"refused","reason":"nobody"}}"#;
        of(refused, |image| assert!(matches!(image.unwrap().signature(), Some(Signature::Refused("nobody")))));
    }
}
