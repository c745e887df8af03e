//! Roles and their bindings: who may do what.

use super::service_account;
use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The subject itself, a Role or ClusterRole.
    pub OwnRole {
        reads: [
            "metadata.labels", "rules[*].verbs", "rules[*].resources", "rules[*].resourceNames", "rules[*].apiGroups",
            "rules[*].nonResourceURLs",
        ],
    }
    /// The bindings of the subject, a Role or ClusterRole.
    pub RoleBindings {
        inventory: {
            role_bindings: {
                kinds: ["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"],
                scope: "cluster",
                relation: names { kind: "roleRef.kind", group: "roleRef.apiGroup", name: "roleRef.name" },
                reads: ["subjects"],
            },
        },
    }
    /// The bindings that name a ServiceAccount of the name that the subject, a workload, runs as. Those of groups of
    /// accounts are not among them: no value of the subject is such a group's name.
    pub AccountBindings {
        reads: ["pod.spec.serviceAccountName", "pod.spec.serviceAccount"],
        inventory: {
            account_bindings: {
                kinds: ["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"],
                scope: "cluster",
                relation: same {
                    there: ["subjects[*].kind", "subjects[*].name"],
                    here: ["=ServiceAccount", "pod.spec.serviceAccountName|pod.spec.serviceAccount=default"],
                },
                reads: ["subjects"],
            },
        },
    }
    /// The cluster roles that the ServiceAccount has as which the subject, a workload, runs: by bindings of its name,
    /// and of groups that it is in. For those no relation fits: no value of the subject is the name of such a group.
    pub AccountRoles {
        reads: ["pod.spec.serviceAccountName", "pod.spec.serviceAccount"],
        inventory: {
            own_cluster_bindings: {
                kinds: ["rbac.authorization.k8s.io/ClusterRoleBinding"],
                scope: "cluster",
                relation: same {
                    there: ["subjects[*].kind", "subjects[*].name"],
                    here: ["=ServiceAccount", "pod.spec.serviceAccountName|pod.spec.serviceAccount=default"],
                },
                reads: ["roleRef", "subjects"],
            },
            own_cluster_roles: {
                kinds: ["rbac.authorization.k8s.io/ClusterRole"],
                scope: "cluster",
                via: "own_cluster_bindings",
                relation: named { kind: "roleRef.kind", group: "roleRef.apiGroup", name: "roleRef.name" },
                reads: ["rules"],
            },
            group_cluster_bindings: {
                kinds: ["rbac.authorization.k8s.io/ClusterRoleBinding"],
                scope: "cluster",
                reads: ["roleRef", "subjects"],
            },
            group_cluster_roles: {
                kinds: ["rbac.authorization.k8s.io/ClusterRole"],
                scope: "cluster",
                via: "group_cluster_bindings",
                relation: named { kind: "roleRef.kind", group: "roleRef.apiGroup", name: "roleRef.name" },
                reads: ["rules"],
            },
        },
    }
    /// The subject itself, a RoleBinding or ClusterRoleBinding.
    pub OwnBinding {
        reads: ["roleRef", "subjects", "metadata.labels[\"kubernetes.io/bootstrapping\"]"],
    }
    /// The role that the subject, a binding, gives.
    pub BoundRole {
        reads: ["roleRef"],
        inventory: {
            bound_role: {
                kinds: ["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"],
                scope: "cluster",
                relation: named { kind: "roleRef.kind", group: "roleRef.apiGroup", name: "roleRef.name" },
                reads: ["rules"],
            },
        },
    }
}

/// What one entry of a role's `rules` grants.
#[derive(Clone)]
pub struct Grant<'d>(pub View<'d>);

impl<'d> Grant<'d> {
    /// Whether it is for named objects only.
    pub fn is_narrowed(&self) -> bool {
        !self.0.get("resourceNames").is_empty()
    }

    /// The place that grants a verb, by its name or as `*`.
    pub fn verb(&self, verb: &str) -> Option<View<'d>> {
        self.0.get("verbs").items().find(|granted| matches!(granted.text(), "*") || granted.text() == verb)
    }

    /// The place that grants a resource of a group, by its name, as `*`, or a sub-resource as `*/exec`.
    pub fn resource(&self, group: &str, resource: &str) -> Option<View<'d>> {
        let is_group = |granted: View<'_>| granted.text() == "*" || granted.text() == group;
        let sub_resource = resource.split_once('/').map(|(_, sub_resource)| sub_resource);
        let is_resource = |granted: &View<'_>| {
            let granted = granted.text();
            granted == "*"
                || granted == resource
                || granted.strip_prefix("*/").is_some_and(|it| sub_resource == Some(it))
        };
        self.0.get("apiGroups").items().any(is_group).then_some(())?;
        self.0.get("resources").items().find(is_resource)
    }

    /// A verb on a resource of a group, one of these each, where the entry grants it by names. What it grants by `*` is
    /// for `rbac-no-wildcards` to tell, whose cure is to write the names.
    pub fn by_name(&self, group: &str, resources: &[&str], verbs: &[&str]) -> Option<Granted<'d>> {
        let one_of = |field: &str, names: &[&str]| self.0.get(field).items().find(|it| names.contains(&it.text()));
        one_of("apiGroups", &[group, "*"])?;
        Some(Granted { resource: one_of("resources", resources)?, verb: one_of("verbs", verbs)? })
    }

    /// Whether something other than reading is granted.
    pub fn writes(&self) -> bool {
        !self.0.get("verbs").items().all(|verb| matches!(verb.text(), "get" | "list" | "watch"))
    }
}

/// A verb on a resource that an entry of a role grants by their names.
#[derive(Clone)]
pub struct Granted<'d> {
    /// Where the resource is named.
    pub resource: View<'d>,
    /// Where the verb is named.
    pub verb: View<'d>,
}

impl Granted<'_> {
    /// How messages call it.
    pub fn described(&self) -> String {
        format!("`{}` on `{}`", self.verb.text(), self.resource.text())
    }
}

/// How far a role reaches, as far as the bindings among the documents tell.
pub enum Reach<'d> {
    /// Into namespaces: a Role, or a ClusterRole that nothing but RoleBindings bind.
    Namespaces,
    /// Everywhere, by this ClusterRoleBinding.
    Everywhere(Related<'d>),
    /// A ClusterRole that nothing binds.
    Unbound,
}

/// Who is bound.
#[derive(Clone)]
pub struct Subject<'d>(pub View<'d>);

impl<'d> Subject<'d> {
    /// `User`, `Group` or `ServiceAccount`.
    pub fn kind(&self) -> &'d str {
        self.0.get("kind").text()
    }

    /// Its name.
    pub fn name(&self) -> &'d str {
        self.0.get("name").text()
    }

    /// The namespace of a ServiceAccount.
    pub fn namespace(&self) -> &'d str {
        self.0.get("namespace").text()
    }

    /// How messages call it: its kind and name, with the namespace of an account.
    pub fn described(&self) -> String {
        let (kind, name, namespace) = (self.kind(), self.name(), self.namespace());
        let of_account = Some(namespace).filter(|it| kind == "ServiceAccount" && !it.is_empty());
        of_account.map_or_else(|| format!("{kind} `{name}`"), |namespace| format!("{kind} `{namespace}/{name}`"))
    }

    /// Whom it stands for, where it is not one user, account or group of somebody's own making.
    pub fn crowd(&self) -> Option<Crowd<'d>> {
        let name = self.name();
        match (self.kind(), name) {
            ("User", "system:anonymous") | ("Group", "system:unauthenticated") => Some(Crowd::Anybody),
            ("Group", "system:authenticated") => Some(Crowd::Authenticated),
            ("Group", "system:serviceaccounts") => Some(Crowd::Accounts),
            ("Group", _) => name.strip_prefix("system:serviceaccounts:").map(Crowd::AccountsOf),
            _ => None,
        }
    }

    /// Whether it is the group of that name.
    pub fn is_group(&self, name: &str) -> bool {
        self.kind() == "Group" && self.name() == name
    }
}

/// Whom a subject stands for that is more than one user, account or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd<'d> {
    /// Whoever reaches the API server.
    Anybody,
    /// Whoever logs in.
    Authenticated,
    /// Every ServiceAccount.
    Accounts,
    /// Every ServiceAccount of a namespace.
    AccountsOf(&'d str),
}

/// The grants of the subject, a role.
pub fn grants<'d, P: Uses<OwnRole>>(input: &Input<'d, P>) -> impl Iterator<Item = Grant<'d>> + use<'d, P> {
    grants_of(&input.document)
}

/// The grants of a role's document.
pub fn grants_of<'d>(role: &View<'d>) -> impl Iterator<Item = Grant<'d>> + use<'d> {
    role.get("rules").items().map(Grant)
}

/// The verb by which an entry of a role lets a subject give itself rights that it does not have.
pub fn escalation<'d>(grant: &Grant<'d>) -> Option<Granted<'d>> {
    const EXTRAS: &str = "authentication.k8s.io";
    const IMPERSONATE: &[&str] = &["impersonate"];
    let roles = grant.by_name("rbac.authorization.k8s.io", &["roles", "clusterroles"], &["escalate", "bind"]);
    let people = || grant.by_name("", &["users", "groups", "serviceaccounts"], IMPERSONATE);
    let extras = || {
        // A key of the extras is a sub-resource of its own: `userextras/scopes`.
        let resources = grant.0.get("resources");
        let extra = resources.items().find(|resource| resource.text().starts_with("userextras/"));
        let extra = extra.as_ref().map_or("userextras", View::text);
        grant.by_name(EXTRAS, &["uids", "userextras", extra], IMPERSONATE)
    };
    roles.or_else(people).or_else(extras)
}

/// Where an entry of a role lets all Secrets be read.
pub fn reads_secrets<'d>(grant: &Grant<'d>) -> Option<Granted<'d>> {
    if grant.is_narrowed() { None } else { grant.by_name("", &["secrets"], &["list", "watch", "get"]) }
}

/// Whether the subject, a role, is one that Kubernetes makes for itself. Its name says nothing, since any author may
/// choose it.
pub fn is_built_in<P: Uses<OwnRole>>(input: &Input<'_, P>) -> bool {
    is_made_by_kubernetes(&input.document)
}

/// The same of the subject, a binding.
pub fn is_built_in_binding<P: Uses<OwnBinding>>(input: &Input<'_, P>) -> bool {
    is_made_by_kubernetes(&input.document)
}

fn is_made_by_kubernetes(document: &View<'_>) -> bool {
    document.at("metadata.labels").get("kubernetes.io/bootstrapping").text() == "rbac-defaults"
}

/// The built-in roles for people (`admin`, `edit`, `view`) into which the subject, a ClusterRole, is put, with the
/// place of the label.
pub fn aggregated_into<'d, P: Uses<OwnRole>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = (&'d str, View<'d>)> + use<'d, P> {
    let labels = input.document.at("metadata.labels").entries();
    let into = |key: &'d str| key.strip_prefix("rbac.authorization.k8s.io/aggregate-to-");
    labels.filter(|(_, value)| value.text() == "true").filter_map(move |(key, place)| Some((into(key)?, place)))
}

/// The bindings of the subject, a role.
pub fn bindings<'d, P: Uses<RoleBindings>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("role_bindings")
}

/// How far the subject, a role, reaches.
pub fn reach<'d, P: Uses<RoleBindings>>(input: &Input<'d, P>) -> Reach<'d> {
    if input.subject.kind == "Role" {
        return Reach::Namespaces;
    }
    let mut bindings = bindings(input).peekable();
    if bindings.peek().is_none() {
        return Reach::Unbound;
    }
    bindings.find(|binding| binding.kind() == "ClusterRoleBinding").map_or(Reach::Namespaces, Reach::Everywhere)
}

/// A binding that names the ServiceAccount of the subject, a workload.
pub fn binding_of_account<'d, P: Uses<AccountBindings>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    let is_account = names_account(input);
    input.related("account_bindings").find(|binding| subjects_of(&binding.document).any(|subject| is_account(&subject)))
}

/// Whether a subject of a binding is the ServiceAccount of this one, a workload. A namespace that is not written may be
/// any.
fn names_account<'i, P>(input: &'i Input<'_, P>) -> impl Fn(&Subject<'_>) -> bool + use<'i, P> {
    let own = &*input.subject.namespace;
    let name = Some(service_account::name_of(input).text()).filter(|name| !name.is_empty());
    let name = name.unwrap_or(service_account::DEFAULT).to_owned();
    move |subject| {
        let is_near = own.is_empty() || subject.namespace().is_empty() || subject.namespace() == own;
        subject.kind() == "ServiceAccount" && subject.name() == name && is_near
    }
}

/// A role of an account.
pub struct Held<'d> {
    /// The ClusterRoleBinding that gives it.
    pub binding: Related<'d>,
    /// The role, where it is among the documents.
    pub role: Option<Related<'d>>,
}

impl<'d> Held<'d> {
    /// Where the binding names the role.
    pub fn name(&self) -> View<'d> {
        self.binding.document.at("roleRef.name")
    }
}

/// The cluster roles that the ServiceAccount of the subject, a workload, has in the whole cluster.
pub fn account_roles<'d, P: Uses<AccountRoles>>(input: &Input<'d, P>) -> Vec<Held<'d>> {
    let own = &*input.subject.namespace;
    let is_account = names_account(input);
    let is_its_group = |subject: &Subject<'_>| match subject.crowd() {
        Some(Crowd::Anybody | Crowd::Authenticated | Crowd::Accounts) => true,
        Some(Crowd::AccountsOf(namespace)) => namespace == own,
        None => false,
    };
    let mut held = Vec::new();
    for (bindings, roles) in
        [("own_cluster_bindings", "own_cluster_roles"), ("group_cluster_bindings", "group_cluster_roles")]
    {
        for (at, binding) in input.related(bindings).enumerate() {
            let is_own = bindings == "own_cluster_bindings";
            let mut subjects = subjects_of(&binding.document);
            if subjects.any(|subject| if is_own { is_account(&subject) } else { is_its_group(&subject) }) {
                let role = input.related(roles).find(|role| role.via().any(|by| by == at));
                held.push(Held { binding, role });
            }
        }
    }
    held
}

/// Who is bound by a binding's document.
pub fn subjects_of<'d>(binding: &View<'d>) -> impl Iterator<Item = Subject<'d>> + use<'d> {
    binding.get("subjects").items().map(Subject)
}

/// Who is bound by the subject, a binding.
pub fn subjects<'d, P: Uses<OwnBinding>>(input: &Input<'d, P>) -> impl Iterator<Item = Subject<'d>> + use<'d, P> {
    subjects_of(&input.document)
}

/// Where the subject, a binding, names its role.
pub fn role_ref<'d, P: Uses<OwnBinding>>(input: &Input<'d, P>) -> View<'d> {
    input.document.get("roleRef")
}

/// The role that the subject, a binding, gives, where it is among the documents.
pub fn bound_role<'d, P: Uses<BoundRole>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("bound_role").next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn an_account_is_bound_by_its_name_and_namespace() {
        let bound = |namespace: &str, subject: &str| {
            let related = format!(r#"[{{"subject":{{}},"document":{{"subjects":[{subject}]}}}}]"#);
            let document = r#"{"pod":{"spec":{"serviceAccountName":"cart"}}}"#;
            look(namespace, document, AccountBindings::QUERIES, &[&related], |input| {
                binding_of_account(input).is_some()
            })
        };
        let account = r#"{"kind":"ServiceAccount","name":"cart","namespace":"shop"}"#;
        assert!(bound("shop", account) && bound("", account) && !bound("bank", account));
        assert!(bound("bank", r#"{"kind":"ServiceAccount","name":"cart"}"#));
        assert!(!bound("shop", r#"{"kind":"User","name":"cart"}"#));
        assert!(!bound("shop", r#"{"kind":"ServiceAccount","name":"web","namespace":"shop"}"#));
    }

    #[test]
    fn an_account_has_roles_by_its_name_and_its_groups() {
        let binding = |subject: &str| {
            format!(r#"{{"subject":{{}},"document":{{"roleRef":{{"name":"r"}},"subjects":[{subject}]}}}}"#)
        };
        let own = binding(r#"{"kind":"ServiceAccount","name":"default","namespace":"shop"}"#);
        let other = binding(r#"{"kind":"ServiceAccount","name":"default","namespace":"bank"}"#);
        let group = |name: &str| binding(&format!(r#"{{"kind":"Group","name":"{name}"}}"#));
        let role = r#"{"subject":{"name":"r"},"via":[1],"document":{}}"#;
        let groups = [group("system:serviceaccounts:bank"), group("system:serviceaccounts"), group("developers")];
        let answers = [[other, own].join(","), role.into(), groups.join(","), role.into()].map(|it| format!("[{it}]"));
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        look("shop", "{}", AccountRoles::QUERIES, &answers, |input| {
            let held = account_roles(input);
            assert_eq!(held.iter().map(|held| held.role.is_some()).collect::<Vec<_>>(), [true, true]);
            assert_eq!(held[0].name().text(), "r");
        });
    }

    #[test]
    fn grants_are_found_where_they_stand() {
        let document = r#"{"rules":[
            {"apiGroups":[""],"resources":["configmaps","pods/exec"],"verbs":["get","create"],"resourceNames":["x"]},
            {"apiGroups":["*"],"resources":["*/exec"],"verbs":["*"]},
            {"apiGroups":["apps"],"resources":["*"],"verbs":["list"]}]}"#;
        look("", document, &[], &[], |input| {
            let place = |view: Option<View<'_>>| view.map(|view| view.pointer()).unwrap_or_default();
            let grants: Vec<Grant<'_>> = grants(input).collect();
            assert_eq!(place(grants[0].resource("", "pods/exec")), "/rules/0/resources/1");
            assert_eq!(place(grants[0].verb("create")), "/rules/0/verbs/1");
            assert_eq!(place(grants[1].resource("", "pods/exec")), "/rules/1/resources/0");
            assert_eq!(place(grants[1].verb("delete")), "/rules/1/verbs/0");
            assert!(grants[1].resource("", "pods").is_none() && grants[2].resource("", "pods").is_none());
            let facts = grants.iter().map(|grant| (grant.is_narrowed(), grant.writes()));
            assert_eq!(facts.collect::<Vec<_>>(), [(true, true), (false, true), (false, false)]);
        });
    }

    #[test]
    fn what_is_granted_by_name_is_told_with_its_places() {
        let document = r#"{"metadata":{"labels":{"rbac.authorization.k8s.io/aggregate-to-edit":"true",
                "rbac.authorization.k8s.io/aggregate-to-view":"false"}},
            "rules":[{"apiGroups":["","apps"],"resources":["pods","secrets"],"verbs":["create","get"]},
            {"apiGroups":["*"],"resources":["secrets"],"verbs":["*"]},
            {"apiGroups":["apps"],"resources":["secrets"],"verbs":["get"]}]}"#;
        look("", document, &[], &[], |input| {
            let told = grants(input).map(|grant| {
                let granted = grant.by_name("", &["secrets"], &["get", "list"])?;
                Some((granted.described(), granted.resource.pointer()))
            });
            let expected = ("`get` on `secrets`".to_owned(), "/rules/0/resources/1".to_owned());
            assert_eq!(told.collect::<Vec<_>>(), [Some(expected), None, None]);
            assert_eq!(aggregated_into(input).map(|(role, _)| role).collect::<Vec<_>>(), ["edit"]);
        });
    }

    #[test]
    fn a_role_reaches_as_far_as_its_bindings() {
        let reach_of = |bindings: &str| {
            let of = |kind: &str| format!(r#"{{"subject":{{"kind":"{kind}"}},"document":{{}}}}"#);
            let related: Vec<String> = bindings.split_whitespace().map(of).collect();
            look("", "{}", RoleBindings::QUERIES, &[&format!("[{}]", related.join(","))], |input| match reach(input) {
                Reach::Namespaces => "namespaces",
                Reach::Everywhere(_) => "everywhere",
                Reach::Unbound => "unbound",
            })
        };
        assert_eq!(reach_of(""), "unbound");
        assert_eq!(reach_of("RoleBinding"), "namespaces");
        assert_eq!(reach_of("RoleBinding ClusterRoleBinding"), "everywhere");
    }

    #[test]
    fn subjects_are_told_by_kind() {
        let document = r#"{"roleRef":{"name":"admin"},"subjects":[{"kind":"Group","name":"system:masters"},
            {"kind":"ServiceAccount","name":"default","namespace":"shop"}]}"#;
        look("", document, &[], &[], |input| {
            let subjects: Vec<Subject<'_>> = subjects(input).collect();
            assert!(subjects[0].is_group("system:masters") && !subjects[1].is_group("default"));
            assert_eq!((subjects[1].kind(), subjects[1].namespace()), ("ServiceAccount", "shop"));
            assert_eq!(subjects[0].described(), "Group `system:masters`");
            assert_eq!(subjects[1].described(), "ServiceAccount `shop/default`");
            assert_eq!(role_ref(input).get("name").text(), "admin");
        });
        for (kind, name, crowd) in [
            ("User", "system:anonymous", Some(Crowd::Anybody)),
            ("Group", "system:anonymous", None),
            ("Group", "system:unauthenticated", Some(Crowd::Anybody)),
            ("Group", "system:authenticated", Some(Crowd::Authenticated)),
            ("Group", "system:serviceaccounts", Some(Crowd::Accounts)),
            ("Group", "system:serviceaccounts:shop", Some(Crowd::AccountsOf("shop"))),
            ("ServiceAccount", "system:authenticated", None),
        ] {
            let document = format!(r#"{{"subjects":[{{"kind":"{kind}","name":"{name}"}}]}}"#);
            look("", &document, &[], &[], |input| {
                assert_eq!(subjects(input).next().and_then(|subject| subject.crowd()), crowd, "{kind} {name}");
            });
        }
    }
}
