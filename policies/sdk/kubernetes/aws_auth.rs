//! Who may log in to EKS: the ConfigMap `aws-auth`, and access entries in Terraform.

use crate::input::Input;
use crate::json::{Kind, View};
use crate::language::unread;
use crate::repository::terraform::{self, Argument};
use crate::uses::Uses;

crate::usable! {
    /// Who may log in to EKS by the subject: the ConfigMap `aws-auth`, or a Terraform module with access entries or a
    /// call of an EKS module.
    pub EksLogins {
        reads: [
            "data.mapRoles:yaml", "data.mapUsers:yaml", "resource.aws_eks_access_entry", "module.*.attributes.source",
            "module.*.attributes.access_entries", "module.*.attributes.aws_auth_roles",
            "module.*.attributes.aws_auth_users", "module.*.attributes.map_roles", "module.*.attributes.map_users",
        ],
    }
}

/// A role or user of IAM who may log in.
pub struct Login<'d> {
    /// Its ARN.
    pub arn: Argument<'d>,
    /// The groups that it gets.
    pub groups: Argument<'d>,
    /// Whether it is said to be a user, whatever its ARN is.
    pub is_user: bool,
    /// Whether it is an access entry, whose groups AWS checks.
    pub is_entry: bool,
}

/// Who may log in, and what is not known of it.
#[derive(Default)]
pub struct Logins<'d> {
    /// What is known.
    pub known: Vec<Login<'d>>,
    /// Why there may be more, users perhaps.
    pub unknown: Option<String>,
    /// Why there may be more roles.
    pub unknown_roles: Option<String>,
}

/// Whether the subject is the ConfigMap `aws-auth`. In files its namespace may be given elsewhere.
fn is_aws_auth<P>(input: &Input<'_, P>) -> bool {
    let subject = input.subject;
    subject.name == "aws-auth" && matches!(&*subject.namespace, "" | "kube-system")
}

/// Who may log in by the subject; `None` where it says nothing of that.
pub fn logins<'d, P: Uses<EksLogins>>(input: &Input<'d, P>) -> Option<Logins<'d>> {
    let mut logins = Logins::default();
    if input.subject.kind == "ConfigMap" {
        if !is_aws_auth(input) {
            return None;
        }
        for (key, field, is_user) in [("mapRoles", "rolearn", false), ("mapUsers", "userarn", true)] {
            let tree = input.document.get("data").get(&[key, ":yaml"].concat());
            if let Some(reason) = unread(&tree) {
                logins.miss(is_user, format!("`{key}` is not YAML: {reason}"));
            }
            logins.add(&tree.get("documents").item(0), field, is_user);
        }
        return Some(logins);
    }
    for (_, entry) in terraform::resources(&input.document, "aws_eks_access_entry") {
        let (arn, groups) = (entry.argument("principal_arn"), entry.argument("kubernetes_groups"));
        logins.known.push(Login { arn, groups, is_user: false, is_entry: true });
    }
    for (name, call) in input.document.get("module").entries() {
        let attributes = call.get("attributes");
        if !attributes.get("source").text().contains("eks") {
            continue;
        }
        for (argument, field, is_user) in [
            ("access_entries", "principal_arn", false),
            ("aws_auth_roles", "rolearn", false),
            ("aws_auth_users", "userarn", true),
            ("map_roles", "rolearn", false),
            ("map_users", "userarn", true),
        ] {
            match Argument::of(attributes.get(argument)) {
                Argument::Known(list) => logins.add(&list, field, is_user),
                Argument::Unknown(..) => {
                    // Access entries may be of either.
                    let is_user = is_user || argument == "access_entries";
                    logins.miss(is_user, format!("`{argument}` of the module `{name}` is not known"));
                }
                Argument::Absent(_) => {}
            }
        }
    }
    let is_any = !logins.known.is_empty() || logins.unknown.is_some() || logins.unknown_roles.is_some();
    is_any.then_some(logins)
}

impl<'d> Logins<'d> {
    /// Notes why there may be more, users or roles.
    fn miss(&mut self, is_user: bool, reason: String) {
        let place = if is_user { &mut self.unknown } else { &mut self.unknown_roles };
        place.get_or_insert(reason);
    }

    /// Adds the entries of a list, or of a mapping of access entries.
    fn add(&mut self, list: &View<'d>, field: &str, is_user: bool) {
        let is_entry = field == "principal_arn";
        let entries: Vec<View<'d>> = match list.kind() {
            Some(Kind::Object) => list.entries().map(|(_, entry)| entry).collect(),
            _ => list.items().collect(),
        };
        let groups = if is_entry { "kubernetes_groups" } else { "groups" };
        self.known.extend(entries.iter().map(|entry| Login {
            arn: Argument::of(entry.get(field)),
            groups: Argument::of(entry.get(groups)),
            is_user,
            is_entry,
        }));
    }
}

impl<'d> Login<'d> {
    /// Its ARN as far as it is known; empty otherwise.
    pub fn arn_text(&self) -> &'d str {
        self.arn.known().map(View::text).unwrap_or_default()
    }

    /// Where it gets a group of that name.
    pub fn group(&self, name: &str) -> Option<View<'d>> {
        self.groups.known()?.items().find(|group| group.text() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::{look, look_at};

    fn told(logins: Option<Logins<'_>>) -> String {
        let Some(logins) = logins else { return "none".into() };
        let mut told: Vec<String> = logins.known.iter().map(|login| login.arn.place().pointer()).collect();
        told.extend(logins.unknown);
        told.extend(logins.unknown_roles);
        told.join(" ")
    }

    #[test]
    fn who_may_log_in_is_told_with_its_place() {
        let module = r#"{"resource":{"aws_eks_access_entry":{"ci":{"attributes":{"principal_arn":"a"}},
                "x":{"attributes":{"principal_arn":{"$unknown":"var.x"}}}}},
            "module":{"eks":{"attributes":{"source":"terraform-aws-modules/eks/aws",
                "access_entries":{"a":{"principal_arn":"b"}},"aws_auth_users":[{"userarn":"c"}],
                "aws_auth_roles":{"$unknown":"var.roles"}}},
                "other":{"attributes":{"source":"x","map_users":[{"userarn":"d"}]}}}}"#;
        let expected = "/resource/aws_eks_access_entry/ci/attributes/principal_arn \
            /resource/aws_eks_access_entry/x/attributes/principal_arn \
            /module/eks/attributes/access_entries/a/principal_arn /module/eks/attributes/aws_auth_users/0/userarn \
            `aws_auth_roles` of the module `eks` is not known";
        look("", module, &[], &[], |input| assert_eq!(told(logins(input)), expected));
        look("", "{}", &[], &[], |input| assert_eq!(told(logins(input)), "none"));
        // The ConfigMap is called `cart`, as every document of tests.
        look_at("ConfigMap", r#"{"data":{"mapUsers":"[]"}}"#, |input| assert_eq!(told(logins(input)), "none"));
    }

    #[test]
    fn entries_are_of_lists_and_mappings() {
        let json = Json::parse(r#"[{"userarn":"a","groups":["x","system:masters"]},{"userarn":"b"}]"#).unwrap();
        let mut logins = Logins::default();
        logins.add(&json.root(), "userarn", true);
        let groups = logins.known.iter().map(|login| login.group("system:masters").map(|place| place.pointer()));
        assert_eq!(groups.collect::<Vec<_>>(), [Some("/0/groups/1".into()), None]);
        assert!(logins.known.iter().all(|login| login.is_user && !login.is_entry));
        assert_eq!(logins.known[1].arn_text(), "b");
    }
}
