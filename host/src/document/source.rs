//! Files and the documents in them.

use super::images::KnownImages;
use super::{Derived, Node, Pointer};
use std::sync::Arc;

/// The text of one file, or of one YAML document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The file's path as it is shown to people, with `/` between its parts; `<stdin>` for standard input.
    pub path: Arc<str>,
    /// The text, which units may share: a Terraform module is read with those that it calls.
    pub text: Arc<str>,
    /// Byte offset of `text` in the file.
    pub offset: usize,
    /// Lines of the file before `text`.
    pub lines_before: usize,
}

/// A place in a file as people count: both numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Source {
    /// A whole file.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into(), offset: 0, lines_before: 0 }
    }

    /// The line and column, in the file, of a byte offset in the text.
    pub fn position(&self, at: usize) -> Position {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: self.lines_before + before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// What a document is written in; decides how fixes are applied to its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// YAML, one document.
    Yaml,
    /// JSON.
    Json,
    /// A Dockerfile.
    Dockerfile,
    /// HashiCorp configuration language.
    Hcl,
    /// JSON5, or JSON with comments.
    Json5,
    /// TOML.
    Toml,
    /// The module file of Go.
    GoMod,
    /// Protocol Buffers.
    Proto,
    /// Variables of an environment.
    Dotenv,
    /// Properties of Java.
    Properties,
    /// A makefile.
    Makefile,
    /// SQL, whatever its dialect.
    Sql,
    /// Text, line by line.
    Text,
    /// Which files there are: nobody wrote it.
    Listing,
}

impl Format {
    /// Whether fixes can be applied to its text.
    pub fn has_fixes(self) -> bool {
        matches!(self, Self::Yaml | Self::Json | Self::Dockerfile | Self::Hcl)
    }
}

/// Who a document is about. For a repository file, `kind` is the file's kind
/// (`Dockerfile`, `GitHubWorkflow`, `TerraformModule`, `Compose`, …), `name` its path, and the rest empty.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Default,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
pub struct Subject {
    /// API group; empty for the core group and for files.
    pub group: String,
    /// API version without the group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects, files, and objects that name none.
    pub namespace: String,
    /// Name, or `generateName`, or a file's path.
    pub name: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`, as the API server says it; `CREATE` outside admission.
    pub operation: String,
}

impl Subject {
    /// Who a Kubernetes object is, by its own words.
    pub fn of_object(root: &Node) -> Self {
        let text = |path: &[&str]| root.path(path).and_then(Node::as_str).unwrap_or_default().to_owned();
        let api_version = text(&["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let name = text(&["metadata", "name"]);
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(&["kind"]),
            namespace: text(&["metadata", "namespace"]),
            name: if name.is_empty() { text(&["metadata", "generateName"]) } else { name },
            operation: "CREATE".to_owned(),
        }
    }
}

impl Subject {
    /// The group, where the kind alone would be taken for one of Kubernetes' own: a Service of Knative is a
    /// `Service.serving.knative.dev`, as kubectl has it.
    fn telling_group(&self) -> Option<&str> {
        let is_own = matches!(self.group.as_str(), "" | "apps" | "autoscaling" | "batch" | "extensions" | "policy");
        let is_other = !is_own && self.group != Document::FILE_GROUP && !self.group.ends_with(".k8s.io");
        (is_other && OWN_KINDS.contains(&self.kind.as_str())).then_some(&self.group)
    }
}

/// Kinds of Kubernetes' own API.
const OWN_KINDS: [&str; 37] = [
    "APIService",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Job",
    "Lease",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PriorityClass",
    "ReplicaSet",
    "ReplicationController",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
];

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(group) = self.telling_group() {
            write!(f, ".{group}")?;
        }
        let name = if self.name.is_empty() { "(unnamed)" } else { &self.name };
        if self.namespace.is_empty() { write!(f, " {name}") } else { write!(f, " {}/{name}", self.namespace) }
    }
}

/// One Kubernetes object or repository file, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Who it is.
    pub subject: Subject,
    /// What it is written in.
    pub format: Format,
    /// The texts that spans point into; never empty. More than one for a Terraform module.
    pub sources: Arc<[Source]>,
    /// Where `root` stands in its source: empty, `/items/3` of a List, `/request/object` of an AdmissionReview.
    pub base: Pointer,
    /// The document.
    pub root: Node,
    /// The object before an UPDATE, when an AdmissionReview carried it.
    pub old: Option<Node>,
    /// The sub-resource that an AdmissionReview is for; empty for the object itself, and where the whole object
    /// changes through one (`ephemeralcontainers`, `resize`).
    pub subresource: String,
    /// Who asks for the change, when an AdmissionReview says it.
    pub user: Option<User>,
    /// Trees of texts in the document, as far as somebody asked for them.
    pub derived: Derived,
    /// What is known of the images that it names, where the request that brought it asked.
    pub images: KnownImages,
}

impl User {
    /// The `userInfo` of an AdmissionReview; `None` when it names nobody.
    pub fn of_review(info: &Node) -> Option<Self> {
        let name = info.get("username").and_then(Node::as_str)?.to_owned();
        let groups = info.get("groups").map_or(&[][..], Node::items);
        Some(Self { name, groups: groups.iter().filter_map(Node::as_str).map(str::to_owned).collect() })
    }
}

/// Who asks the API server for a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Name, `system:serviceaccount:shop:deployer`.
    pub name: String,
    /// Groups, in the order of the request.
    pub groups: Vec<String>,
}

impl Document {
    /// A document that is all of its source, and that no request brought.
    pub fn new(subject: Subject, format: Format, sources: impl Into<Arc<[Source]>>, root: Node) -> Self {
        Self {
            subject,
            format,
            sources: sources.into(),
            base: Pointer::root(),
            root,
            old: None,
            subresource: String::new(),
            user: None,
            derived: Derived::default(),
            images: KnownImages::default(),
        }
    }

    /// True for a repository file, false for a Kubernetes object.
    pub fn is_file(&self) -> bool {
        self.subject.group == Self::FILE_GROUP
    }

    /// The sub-resource that an AdmissionReview is for, as rules are told of it: none where the whole object changes
    /// through one.
    pub fn subresource_of_review(subresource: &str) -> &str {
        if matches!(subresource, "ephemeralcontainers" | "resize") { "" } else { subresource }
    }

    /// The group that sets files apart from objects: no API group has a colon.
    pub const FILE_GROUP: &'static str = ":file";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_kubernetes_has_too_is_shown_with_its_group() {
        let shown = |group: &str, kind: &str| {
            let (group, kind, name) = (group.to_owned(), kind.to_owned(), "activator".to_owned());
            Subject { group, kind, name, namespace: "default".to_owned(), ..Subject::default() }.to_string()
        };
        assert_eq!(shown("serving.knative.dev", "Service"), "Service.serving.knative.dev default/activator");
        for (group, kind) in [
            ("", "Service"),
            ("networking.k8s.io", "Ingress"),
            ("extensions", "Ingress"),
            ("argoproj.io", "Rollout"),
            (Document::FILE_GROUP, "Job"),
        ] {
            assert_eq!(shown(group, kind), format!("{kind} default/activator"), "{group}");
        }
    }
}
