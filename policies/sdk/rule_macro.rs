//! The [`rule!`] block.

/// Declares a rule: its documentation, its manifest and its parameters. The crate's name is the
/// rule's id, and the crate defines
/// `fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check`.
///
/// The doc comment's first line is the title; `## Why` and `## Fix` head the two texts that stand
/// beside every finding. The fields come in the order of this example, `controls`, `peers`, `renamed_from`,
/// `reads_old`, `inventory` and `parameters` being optional.
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
///     factor: "XV Security",
///     controls: ["pss:baseline"],
///     peers: ["KL:privileged-container"],
///     renamed_from: ["no-privileged-containers"],
///     since: "0.1.0",
///     applies_to: ["workload"],
///     reads: ["container.securityContext.privileged"],
///     inventory: {
///         pdbs: { kinds: ["policy/PodDisruptionBudget"], scope: "namespace", reads: ["spec.selector"] },
///     },
///     parameters: {
///         /// What it does.
///         min_replicas: i64 = 2,
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
/// `peers` are ids that others have for the check, which people search for; `renamed_from` are ids that
/// the rule itself had, which exceptions may still name.
///
/// `applies_to` names `workload` (every kind with a pod template), `workload/Deployment` (one of
/// them), `GROUP/Kind` (`core/ConfigMap`), or `file/Dockerfile`. `reads` are dotted paths; `[*]` is
/// every element, `*` every key, `["a.b/c"]` one key that holds dots, and a path ends with the
/// whole value that stands there. A workload's paths start at `object` or `pod`;
/// `container.X` and `main_container.X` are short for `X` of every (main) container.
#[macro_export]
macro_rules! rule {
    (@within) => {
        $crate::manifest::Within::Path
    };
    (@within $within:ident) => {
        $crate::manifest::Within::$within
    };
    (
        $(#[doc = $doc:literal])*
        findings: {
            $(
                $(#[doc = $finding_doc:literal])*
                $code:ident: $severity:ident, $confidence:ident
                $(, covers: [$($covered:literal),* $(,)?] $(, within: $within:ident)?)?
            );* $(;)?
        },
        priority: $priority:ident,
        effort: $effort:ident,
        factor: $factor:literal,
        $(controls: [$($control:literal),* $(,)?],)?
        $(peers: [$($peer:literal),* $(,)?],)?
        $(renamed_from: [$($former:literal),* $(,)?],)?
        since: $since:literal,
        applies_to: [$($applies_to:literal),* $(,)?],
        reads: [$($read:literal),* $(,)?],
        $(reads_old: $reads_old:literal,)?
        $(inventory: {
            $($query:ident: { kinds: [$($kind:literal),* $(,)?], scope: $scope:literal, reads: [$($query_read:literal),* $(,)?] $(,)? }),* $(,)?
        },)?
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

        /// The rule's manifest, JSON.
        pub fn manifest() -> String {
            $crate::manifest::Manifest {
                id: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                docs: &[$($doc),*],
                priority: stringify!($priority),
                effort: stringify!($effort),
                findings: &[$($crate::manifest::FindingKind {
                    name: stringify!($code),
                    docs: &[$($finding_doc),*],
                    severity: $crate::manifest::Severity::$severity,
                    confidence: $crate::manifest::Confidence::$confidence,
                    covers: &[$($($covered),*)?],
                    within: $crate::rule!(@within $($($within)?)?),
                }),*],
                factor: $factor,
                controls: &[$($($control),*)?],
                peers: &[$($($peer),*)?],
                renamed_from: &[$($($former),*)?],
                since: $since,
                applies_to: &[$($applies_to),*],
                reads: &[$($read),*],
                reads_old: false $(|| $reads_old)?,
                inventory: &[$($($crate::manifest::Query {
                    name: stringify!($query),
                    kinds: &[$($kind),*],
                    scope: $scope,
                    reads: &[$($query_read),*],
                }),*)?],
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

        /// Judges one document, as the component's export does.
        pub fn evaluate(
            request: &$crate::bindings::exports::policy::rule::rule::Request,
        ) -> Result<$crate::bindings::exports::policy::rule::rule::Verdict, String> {
            $crate::input::evaluate::<Parameters>(request, check)
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::bindings::exports::policy::rule::rule::Guest for Component {
                fn manifest() -> String {
                    manifest()
                }

                fn evaluate(
                    request: $crate::bindings::exports::policy::rule::rule::Request,
                ) -> Result<$crate::bindings::exports::policy::rule::rule::Verdict, String> {
                    evaluate(&request)
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}
