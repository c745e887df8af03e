//! The [`rule!`] block.

/// Declares a rule: its documentation, its manifest and its parameters. The name of its folder is the
/// rule's id, and the module defines
/// `fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check`.
///
/// The doc comment's first line is the title; `## Why` and `## Fix` head the two texts that stand
/// beside every finding. The fields come in the order of this example; `controls`, `peers`,
/// `renamed_from` and `uses` to `parameters` are optional.
///
/// ```ignore
/// policy_sdk::rule! {
///     /// Containers are not privileged.
///     ///
///     /// ## Why
///     /// A privileged container owns the node.
///     ///
///     /// ## Fix
///     /// Drop `privileged`, or add the one capability that is needed.
///     findings: {
///         /// A container is privileged.
///         Privileged: High, Certain, covers: ["pss-privilege-escalation"], within: Container;
///     },
///     priority: P0,
///     effort: Small,
///     factor: Security,
///     controls: ["pss:baseline"],
///     peers: ["KL:privileged-container"],
///     renamed_from: ["no-privileged-containers"],
///     since: "0.1.0",
///     applies_to: ["workload"],
///     uses: [Production, KubernetesVersion, Beside<NetworkPolicy>],
///     reads: ["container.securityContext.privileged"],
///     reads_old: true,
///     reads_built: true,
///     reads_user: true,
///     operations: ["CREATE", "UPDATE", "CONNECT"],
///     subresources: ["exec"],
///     inventory: {
///         pdbs: {
///             kinds: ["policy/PodDisruptionBudget"],
///             scope: "namespace",
///             relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
///             reads: ["spec.maxUnavailable"],
///         },
///     },
///     parameters: {
///         /// What it does.
///         min_replicas: Bounded<1, 100> = Bounded::of(2),
///     },
/// }
/// ```
///
/// `findings` are the kinds of finding that the rule has. Each becomes a variant of the enum `Code`, which
/// `findings.report(Code::Privileged, …)` names, and a code (`privileged`) in the manifest: with what it
/// means, how bad it is and how sure the rule is. Where one cure heals two findings, the kind whose cure
/// it is `covers` the other, a rule (`"other-rule"`) or a kind of it (`"other-rule/code"`), at the same
/// path, or `within` the same `Container` or `Document`; the host then tells only the one that covers.
///
/// A kind that says that something is missing names the queries that would have found it
/// (`Missing: Medium, Likely, absence: ["pdbs"];`). It is only told where all that could answer them is known: not
/// beside templates, charts, or objects whose controllers make such documents. Queries that only say whether the rule
/// applies are not named. `absence` alone means every query of the rule.
///
/// `peers` are ids that others have for the check, which people search for; `renamed_from` are ids that
/// the rule itself had, which exceptions may still name.
///
/// `factor` is one of [`Factor`](crate::factor::Factor).
///
/// `reads_old` asks for the object before an UPDATE, `reads_user` for who asks for the change. With `reads_built` an
/// object of files is checked as the kustomizations around it build it, with their labels, images and patches; a rule
/// that asks for other documents always checks it so. Without `operations` a rule is asked about CREATE and UPDATE,
/// without `subresources` about objects themselves.
///
/// `applies_to` names `workload` (every kind with a pod template), `workload/Deployment` (one of
/// them), `GROUP/Kind` (`core/ConfigMap`), or `file/Dockerfile`. `reads` are dotted paths; `[*]` is
/// every element, `*` every key, `["a.b/c"]` one key that holds dots, and a path ends with the
/// whole value that stands there. A workload's paths start at `object` or `pod`;
/// `container.X` and `main_container.X` are short for `X` of every (main) container.
///
/// # What a rule uses
///
/// `uses` lists types of three kinds, which own what they read. That puts their paths, queries and settings into the
/// manifest, and lets the rule call their accessors; without it, a call does not compile. Nor does a rule that repeats
/// a path or the name of a query which something in its `uses` owns.
///
/// * A *view* is of the subject, or of documents that belong to it: `Services`, `OwnRole`, `Claims` of
///   [`kubernetes`](crate::kubernetes), `Permissions` of [`repository`](crate::repository). `Beside<K>` is the name
///   that a new document of the kind `K` would take. [`usable!`](crate::usable!) declares one.
/// * A *setting* is a value that a bundle gives once, for all rules: those of [`settings`](crate::settings), read by
///   `input.setting::<KubernetesVersion>()`. [`setting!`](crate::setting!) declares one.
/// * A *table* is a setting with rows, a source and a date: [`tables`](crate::tables). Whether something has ended is
///   told by `table.has_ended(input, end)`, for which the rule uses [`Today`](crate::settings::Today) as well.
///   [`table!`](crate::table!) declares one.
///
/// # Parameters
///
/// A parameter is a [`Parameter`](crate::parameter::Parameter): text, a number, a flag, a list or map of texts, an
/// `Option`. Where the values are a closed set it is a [`choice!`](crate::choice!), a number with bounds is
/// [`Bounded`](crate::parameter::Bounded), and what has fields is a [`record!`](crate::record!).
///
/// # Related documents
///
/// A query of one's own is for what no view has; the second rule that needs it makes a view of it. A query of
/// `inventory` asks for the documents of some `kinds`, in the subject's namespace or, with the scope `cluster`, in all,
/// and says by its `relation` how they belong to the subject. The host answers with those alone, from an index. Each
/// relation is told from the standpoint of the document *there*, the one that answers, and the one *here*:
///
/// | `relation:` | the document there |
/// | --- | --- |
/// | `selects { there: "spec.selector", here: "pod.metadata.labels" }` | has a selector that matches labels here: Service, PodDisruptionBudget, NetworkPolicy |
/// | `selected { there: "pod.metadata.labels", here: "spec.selector" }` | has labels that a selector here matches |
/// | `names { kind: "spec.scaleTargetRef.kind", name: "spec.scaleTargetRef.name" }` | names the one here |
/// | `named { kind: "=ConfigMap", name: ["container.envFrom[*].configMapRef.name"] }` | is named here |
/// | `same { there: ["spec.host"], here: ["spec.host"] }` | has the same values as the one here; several parts are one key |
/// | `of { there: "namespace" }`, `of { there: "owner" }` | is the namespace of the one here, or its owner |
/// | `calls {}`, `called {}` | is a file that uses the one here (`uses: ./…`, a module's `source`, the Dockerfile that is built, the files and dependencies of a chart), or that the one here uses |
/// | `built { image: "container.image" }` | is the Dockerfile of an image here; [`Related::images`](crate::input::Related::images) says of which |
/// | `about { image: "container.image" }` | is what a registry says of an image here: the kind `policy-host.dev/Image`, which the view [`ImageFacts`](crate::kubernetes::image_facts::ImageFacts) reads |
///
/// Without `relation` all documents of the kinds in scope are told, and paid for. The subject itself is one of them
/// where it belongs to the answer.
///
/// * A value is `PATH`, `PATH|PATH` (the first that has anything), `PATH=TEXT` (TEXT where nothing stands) or `=TEXT`.
///   Paths that go through the same list go through its elements together.
/// * `selects` and `selected` match within one namespace with the scope `namespace` and anywhere with `cluster`, unless
///   the selector says itself which namespaces it looks into: `namespaces:` for `any` and `matchNames`, as in
///   Prometheus' monitors, `namespace_labels:` for a selector of their labels. How a selector is written and what an
///   empty one selects follows from its kind; `form: "map"` is for other kinds with plain maps of labels, `absent:
///   "everything"` for those where an absent selector selects everything.
/// * `names` and `named` take `group:` (a group or an `apiVersion`) and `namespace:`, by default that of the document
///   with the reference. With the scope `cluster` an object without a namespace is meant from every namespace.
/// * `via: "services"` puts the documents of an earlier query here, one after another, over up to three queries.
///   [`Related::via`](crate::input::Related::via) says by which of them a document came.
/// * `unless: "pdbs"` asks only where the earlier query of that name finds nothing: for what may have been meant
///   where nothing is right.
/// * Where a bound is exceeded, or the labels of a namespace decide and are not known, the rule is not evaluated.
#[macro_export]
macro_rules! rule {
    // What is said of a kind of finding behind its severity and confidence.
    (@covers covers: [$($covered:literal),* $(,)?] $(, $($rest:tt)*)?) => {
        &[$($covered),*]
    };
    (@within within: $within:ident $(, $($rest:tt)*)?) => {
        $crate::manifest::Within::$within
    };
    (@absence absence: [$($query:literal),+ $(,)?] $(, $($rest:tt)*)?) => {
        $crate::manifest::Absence::Of(&[$($query),+])
    };
    (@absence absence $(, $($rest:tt)*)?) => {
        $crate::manifest::Absence::OfAny
    };
    (@$wanted:ident $said:ident $(: $value:tt)? $(, $($rest:tt)*)?) => {
        $crate::rule!(@$wanted $($($rest)*)?)
    };
    (@covers) => {
        &[]
    };
    (@within) => {
        $crate::manifest::Within::Path
    };
    (@absence) => {
        $crate::manifest::Absence::None
    };
    (
        $(#[doc = $doc:literal])*
        findings: {
            $(
                $(#[doc = $finding_doc:literal])*
                $code:ident: $severity:ident, $confidence:ident $(, $said:ident $(: $value:tt)?)*
            );* $(;)?
        },
        priority: $priority:ident,
        effort: $effort:ident,
        factor: $factor:ident,
        $(controls: [$($control:literal),* $(,)?],)?
        $(peers: [$($peer:literal),* $(,)?],)?
        $(renamed_from: [$($former:literal),* $(,)?],)?
        since: $since:literal,
        applies_to: [$($applies_to:literal),* $(,)?],
        $(uses: [$($used:ty),* $(,)?],)?
        $(reads: [$($read:literal),* $(,)?],)?
        $(reads_old: $reads_old:literal,)?
        $(reads_built: $reads_built:literal,)?
        $(reads_user: $reads_user:literal,)?
        $(operations: [$($operation:literal),* $(,)?],)?
        $(subresources: [$($subresource:literal),* $(,)?],)?
        $(inventory: { $($inventory:tt)* },)?
        $(parameters: {
            $($(#[doc = $parameter_doc:literal])* $parameter:ident: $type:ty = $default:expr),* $(,)?
        },)?
    ) => {
        $(#[doc = $doc])*
        pub struct Parameters {
            $($($(#[doc = $parameter_doc])* pub $parameter: $type,)*)?
        }

        /// What the rule finds.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[doc = $finding_doc])* $code,)*
        }

        impl $crate::finding::FindingCode for Code {
            fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }
        }

        impl $crate::parameter::Parameters for Parameters {
            #[allow(unused_variables, reason = "a rule may have no parameters")]
            fn read(set: &$crate::json::View<'_>) -> Result<Self, String> {
                Ok(Self {
                    $($($parameter: $crate::parameter::read_or(set, stringify!($parameter), || $default)?,)*)?
                })
            }
        }

        /// The paths that the rule lists.
        #[allow(dead_code, reason = "for rules that walk through all that they read")]
        const READS: &[&str] = &[$($($read),*)?];

        const QUERIES: &[$crate::manifest::Query] = $crate::queries! { $($($inventory)*)? };

        const USES: &[$crate::uses::Used] = &[$($($crate::uses::Used::of::<$used>()),*)?];

        const FINDINGS: &[$crate::manifest::FindingKind] = &[$($crate::manifest::FindingKind {
            name: stringify!($code),
            docs: &[$($finding_doc),*],
            severity: $crate::manifest::Severity::$severity,
            confidence: $crate::manifest::Confidence::$confidence,
            covers: $crate::rule!(@covers $($said $(: $value)?),*),
            within: $crate::rule!(@within $($said $(: $value)?),*),
            absence: $crate::rule!(@absence $($said $(: $value)?),*),
        }),*];

        const _: () = $crate::uses::check(READS, QUERIES, USES);
        const _: () = $crate::uses::check_absence(FINDINGS, QUERIES, USES);

        $($(impl $crate::uses::Uses<$used> for Parameters {})*)?

        /// The rule, as its component holds it.
        pub const RULE: $crate::input::Rule = $crate::input::Rule { manifest, answer };

        fn manifest() -> String {
            $crate::manifest::Manifest {
                module: module_path!(),
                version: env!("CARGO_PKG_VERSION"),
                docs: &[$($doc),*],
                priority: stringify!($priority),
                effort: stringify!($effort),
                findings: FINDINGS,
                factor: $crate::factor::Factor::$factor,
                controls: &[$($($control),*)?],
                peers: &[$($($peer),*)?],
                renamed_from: &[$($($former),*)?],
                since: $since,
                applies_to: &[$($applies_to),*],
                reads: READS,
                reads_old: false $(|| $reads_old)?,
                reads_built: false $(|| $reads_built)?,
                reads_user: false $(|| $reads_user)?,
                operations: &[$($($operation),*)?],
                subresources: &[$($($subresource),*)?],
                inventory: QUERIES,
                uses: USES,
                parameters: vec![$($({
                    let default: $type = $default;
                    (
                        stringify!($parameter),
                        &[$($parameter_doc),*] as &[&str],
                        <$type as $crate::parameter::Parameter>::schema(),
                        $crate::parameter::Parameter::default_json(&default),
                    )
                }),*)?],
            }
            .to_json()
        }

        fn answer(
            question: &$crate::input::Question<'_>,
        ) -> $crate::bindings::exports::policy::rule::rules::Answer {
            let declared =
                $crate::input::Declared { queries: QUERIES, uses: USES, reads_user: false $(|| $reads_user)? };
            $crate::input::answer::<Parameters>(question, &declared, check)
        }
    };
}

/// Exports rules, a constant slice of them, as a component.
#[macro_export]
macro_rules! component {
    ($rules:expr) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::bindings::exports::policy::rule::rules::Guest for Component {
                fn manifests() -> String {
                    $crate::input::manifests($rules)
                }

                fn evaluate(
                    request: $crate::bindings::exports::policy::rule::rules::Request,
                ) -> Vec<$crate::bindings::exports::policy::rule::rules::Answer> {
                    $crate::input::evaluate($rules, &request)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}

/// The queries of an `inventory:`.
#[doc(hidden)]
#[macro_export]
macro_rules! queries {
    (
        $($query:ident: {
            kinds: [$($kind:literal),* $(,)?],
            scope: $scope:literal,
            $(via: $via:literal,)?
            $(unless: $unless:literal,)?
            $(relation: $relation:ident { $($field:ident: $value:tt),* $(,)? },)?
            reads: [$($read:literal),* $(,)?] $(,)?
        }),* $(,)?
    ) => {
        &[$($crate::manifest::Query {
            name: stringify!($query),
            kinds: &[$($kind),*],
            scope: $scope,
            via: &[$($via)?],
            unless: &[$($unless)?],
            relation: &[$((
                stringify!($relation),
                &[$((stringify!($field), $crate::terms!($value))),*],
            ))?],
            reads: &[$($read),*],
        }),*]
    };
}

/// One value of a relation, or a list of them.
#[doc(hidden)]
#[macro_export]
macro_rules! terms {
    ([$($term:literal),* $(,)?]) => {
        &[$($term),*]
    };
    ($term:literal) => {
        &[$term]
    };
}
