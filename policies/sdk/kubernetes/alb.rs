//! Application load balancers of AWS: what the annotations of an Ingress, those of its group and the parameters of its
//! class say together.

use super::ingress::IngressClasses;
use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

/// How annotations of the controller begin.
pub const PREFIX: &str = "alb.ingress.kubernetes.io/";

crate::usable! {
    /// The Ingresses that share a load balancer with the subject, an Ingress: those with the same `group.name`.
    pub AlbGroup {
        reads: ["metadata.annotations"],
        inventory: {
            alb_group: {
                kinds: ["networking.k8s.io/Ingress"],
                scope: "cluster",
                relation: same {
                    there: "metadata.annotations[\"alb.ingress.kubernetes.io/group.name\"]",
                    here: "metadata.annotations[\"alb.ingress.kubernetes.io/group.name\"]",
                },
                reads: ["metadata.annotations"],
            },
        },
    }
}

/// The load balancer of an Ingress.
pub struct Alb<'d> {
    own: View<'d>,
    others: Vec<Related<'d>>,
    params: Option<Related<'d>>,
    missing: Option<&'d str>,
}

/// A place in the subject, or in another document.
pub struct Place<'d> {
    /// The other document.
    pub of: Option<Related<'d>>,
    /// Where it stands.
    pub view: View<'d>,
}

/// What a load balancer listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listeners {
    /// Plain HTTP.
    pub http: bool,
    /// HTTPS.
    pub https: bool,
}

/// The load balancer of the subject, an Ingress that the controller of AWS answers.
pub fn alb<'d, P: Uses<IngressClasses> + Uses<AlbGroup>>(input: &Input<'d, P>) -> Alb<'d> {
    let subject = input.subject;
    let is_other = |it: &Related<'d>| it.name() != subject.name || it.namespace() != subject.namespace;
    let params = input.related("ingress_class_params").next();
    let class = input.related("ingress_class").next();
    let named = class.map(|class| class.document.at("spec.parameters.name").text()).filter(|name| !name.is_empty());
    Alb {
        own: input.document.at("metadata.annotations"),
        others: input.related("alb_group").filter(is_other).collect(),
        missing: named.filter(|_| params.is_none()),
        params,
    }
}

impl<'d> Alb<'d> {
    /// Why it is not known what the load balancer is like: the parameters of the class are not among the documents, or
    /// they put all Ingresses of the class into one group.
    pub fn unknown(&self) -> Option<String> {
        let group = self.param("group.name");
        let of_class = || format!("the class puts all its Ingresses into the group `{}`", group.text());
        let missing = self.missing.map(|name| format!("the IngressClassParams `{name}` are not among the documents"));
        missing.or_else(|| group.exists().then(of_class))
    }

    /// Where an annotation of the controller stands: of the subject, else of its group.
    pub fn annotation(&self, name: &str) -> Option<Place<'d>> {
        let key = [PREFIX, name].concat();
        let own = self.own.get(&key);
        if own.exists() {
            return Some(Place { of: None, view: own });
        }
        self.others.iter().find_map(|other| {
            let view = other.document.at("metadata.annotations").get(&key);
            view.exists().then(|| Place { of: Some(other.clone()), view })
        })
    }

    /// Where the subject would have an annotation of the controller.
    pub fn own(&self, name: &str) -> View<'d> {
        self.own.get(&[PREFIX, name].concat())
    }

    /// A value of the class's parameters, by its path in `spec`; absent where nothing is known of them. A view of
    /// another document.
    pub fn param(&self, path: &str) -> View<'d> {
        match &self.params {
            Some(params) => params.document.get("spec").at(path),
            None => self.own.get("parameters of the class").at(path),
        }
    }

    /// Where a setting stands: in the parameters of the class, which go first, else in an annotation.
    pub fn setting(&self, param: &str, annotation: &str) -> Option<Place<'d>> {
        let view = self.param(param);
        if view.exists() { Some(Place { of: self.params.clone(), view }) } else { self.annotation(annotation) }
    }

    /// Whether it has a certificate that is written down.
    pub fn has_certificate(&self) -> bool {
        self.has_class_certificate() || self.annotation("certificate-arn").is_some()
    }

    fn has_class_certificate(&self) -> bool {
        ["certificateArn", "certificateARNs"].iter().any(|field| !self.param(field).is_empty())
    }

    /// What it listens for, all Ingresses of the group together.
    pub fn listeners(&self) -> Listeners {
        let others = self.others.iter().map(|other| self.listeners_by(&other.document.at("metadata.annotations")));
        others
            .fold(self.own_listeners(), |all, it| Listeners { http: all.http || it.http, https: all.https || it.https })
    }

    /// What the subject makes it listen for.
    pub fn own_listeners(&self) -> Listeners {
        self.listeners_by(&self.own)
    }

    /// Without `listen-ports` an Ingress listens for HTTPS where it has a certificate, else for HTTP.
    fn listeners_by(&self, annotations: &View<'_>) -> Listeners {
        let of = |name: &str| annotations.get(&[PREFIX, name].concat());
        let written = of("listen-ports");
        if written.exists() {
            let names = |protocol: &str| written.text().contains(protocol);
            return Listeners { http: names("\"HTTP\""), https: names("\"HTTPS\"") };
        }
        let has_certificate = of("certificate-arn").exists() || self.has_class_certificate();
        Listeners { http: !has_certificate, https: has_certificate }
    }

    /// Whether only the network of the cluster reaches it, as where nobody sets a scheme.
    pub fn is_internal(&self) -> bool {
        self.setting("scheme", "scheme").is_none_or(|place| place.view.text() != "internet-facing")
    }

    /// The name of the group, empty where the Ingress has a load balancer of its own.
    pub fn group(&self) -> &'d str {
        self.own("group.name").text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    const QUERIES: &[crate::manifest::Query] = &[];

    fn listeners(annotations: &str) -> (bool, bool) {
        let document = format!(r#"{{"metadata":{{"annotations":{annotations}}}}}"#);
        look("shop", &document, QUERIES, &[], |input| {
            let Listeners { http, https } = alb(input).listeners();
            (http, https)
        })
    }

    #[test]
    fn listeners_follow_from_ports_else_from_certificates() {
        assert_eq!(listeners("{}"), (true, false));
        assert_eq!(listeners(r#"{"alb.ingress.kubernetes.io/certificate-arn":"arn:x"}"#), (false, true));
        let both = r#"{"alb.ingress.kubernetes.io/listen-ports":"[{\"HTTP\": 80}, {\"HTTPS\": 443}]"}"#;
        assert_eq!(listeners(both), (true, true));
    }

    #[test]
    fn a_group_shares_what_one_of_it_says() {
        let group = r#"[{"subject":{"name":"other","namespace":"shop"},"document":{"metadata":{"annotations":{
            "alb.ingress.kubernetes.io/ssl-redirect":"443","alb.ingress.kubernetes.io/certificate-arn":"arn:x"}}}}]"#;
        let document = r#"{"metadata":{"annotations":{"alb.ingress.kubernetes.io/group.name":"all"}}}"#;
        look("shop", document, AlbGroup::QUERIES, &[group], |input| {
            let alb = alb(input);
            assert_eq!(alb.listeners(), Listeners { http: true, https: true });
            let place = alb.annotation("ssl-redirect").unwrap();
            assert_eq!((place.of.unwrap().name().to_owned(), place.view.text()), ("other".to_owned(), "443"));
            assert!(alb.has_certificate() && alb.is_internal() && alb.group() == "all" && alb.unknown().is_none());
        });
    }
}
