//! What a rule can use: types that own the paths, queries and settings that their accessors read.
//!
//! A rule lists them in `uses:` of its [`rule!`](crate::rule!) block. That puts what they own into its manifest and
//! lets it call their accessors; without it, a call does not compile. So a path is written once, beside the code that
//! reads it.

use crate::input::Input;
use crate::json::View;
use crate::manifest::{Absence, FindingKind, Query};
use crate::parameter::Parameter;

/// Something that a rule can list in `uses:`.
pub trait Usable {
    /// The paths of the subject that its accessors read, as in `reads:`.
    const READS: &'static [&'static str] = &[];
    /// The queries whose answers its accessors read, as in `inventory:`.
    const QUERIES: &'static [Query] = &[];
    /// The settings that its accessors read.
    const SETTINGS: &'static [Declaration] = &[];
}

/// A rule that lists `U`; [`rule!`](crate::rule!) implements it for the rule's `Parameters`.
#[diagnostic::on_unimplemented(
    message = "the rule does not say that it uses `{U}`",
    label = "this reads what the rule's manifest does not list",
    note = "add `{U}` to `uses:` of the `rule!` block"
)]
pub trait Uses<U: Usable> {}

/// A value that a bundle or a configuration gives once, for all rules that use it. Made by [`setting!`](crate::setting!).
pub trait Setting: Usable {
    /// Its type.
    type Value: Parameter;
    /// Its name in a bundle's `settings`.
    const NAME: &'static str;

    /// What it is where nobody sets it.
    fn default() -> Self::Value;
}

/// A setting as a manifest holds it.
#[doc(hidden)]
pub struct Declaration {
    pub name: &'static str,
    pub docs: &'static [&'static str],
    pub schema: fn() -> String,
    pub default: fn() -> String,
    pub fits: fn(&View<'_>) -> bool,
}

impl Declaration {
    /// The declaration of a setting.
    pub const fn of<S: Setting>(docs: &'static [&'static str]) -> Self {
        Self {
            name: S::NAME,
            docs,
            schema: S::Value::schema,
            default: || S::default().default_json(),
            fits: |value| S::Value::read(value).is_some(),
        }
    }
}

/// What one entry of `uses:` owns.
#[doc(hidden)]
pub struct Used {
    pub reads: &'static [&'static str],
    pub queries: &'static [Query],
    pub settings: &'static [Declaration],
}

impl Used {
    /// What a type owns.
    pub const fn of<U: Usable>() -> Self {
        Self { reads: U::READS, queries: U::QUERIES, settings: U::SETTINGS }
    }
}

/// Refuses, where a rule is compiled, what it lists and something in its `uses:` owns, and two queries of one name.
#[doc(hidden)]
pub const fn check(reads: &[&str], queries: &[Query], used: &[Used]) {
    let mut at = 0;
    while at < used.len() {
        let one = &used[at];
        assert!(!have_one_in_common(reads, one.reads), "`reads:` repeats a path that something in `uses:` owns");
        check_queries(queries, one.queries);
        let mut other = at + 1;
        while other < used.len() {
            check_queries(one.queries, used[other].queries);
            other += 1;
        }
        at += 1;
    }
}

/// Refuses, where a rule is compiled, a kind of finding that says that nothing answers a query which the rule has not.
#[doc(hidden)]
pub const fn check_absence(findings: &[FindingKind], queries: &[Query], used: &[Used]) {
    let mut at = 0;
    while at < findings.len() {
        match findings[at].absence {
            Absence::None => {}
            Absence::OfAny => {
                let mut count = queries.len();
                let mut other = 0;
                while other < used.len() {
                    count += used[other].queries.len();
                    other += 1;
                }
                assert!(count > 0, "a finding says `absence`, but the rule has no query");
            }
            Absence::Of(names) => {
                let mut name = 0;
                while name < names.len() {
                    let mut is_known = has_query(queries, names[name]);
                    let mut other = 0;
                    while other < used.len() {
                        is_known |= has_query(used[other].queries, names[name]);
                        other += 1;
                    }
                    assert!(is_known, "`absence:` names a query that the rule does not have");
                    name += 1;
                }
            }
        }
        at += 1;
    }
}

const fn has_query(queries: &[Query], name: &str) -> bool {
    let mut at = 0;
    while at < queries.len() {
        if is_equal(queries[at].name, name) {
            return true;
        }
        at += 1;
    }
    false
}

const fn check_queries(some: &[Query], others: &[Query]) {
    let mut at = 0;
    while at < some.len() {
        let mut other = 0;
        while other < others.len() {
            assert!(!is_equal(some[at].name, others[other].name), "two queries have the same name");
            other += 1;
        }
        at += 1;
    }
}

const fn have_one_in_common(some: &[&str], others: &[&str]) -> bool {
    let mut at = 0;
    while at < some.len() {
        let mut other = 0;
        while other < others.len() {
            if is_equal(some[at], others[other]) {
                return true;
            }
            other += 1;
        }
        at += 1;
    }
    false
}

/// Constants cannot be compared by `==`.
const fn is_equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The queries of what a rule uses, and its own, which may name those as earlier ones.
pub(crate) fn queries(own: &'static [Query], used: &'static [Used]) -> Vec<&'static Query> {
    used.iter().flat_map(|used| used.queries).chain(own).collect()
}

/// The settings of what a rule uses, each name once.
pub(crate) fn settings(used: &'static [Used]) -> Vec<&'static Declaration> {
    let mut settings: Vec<&'static Declaration> = Vec::new();
    for setting in used.iter().flat_map(|used| used.settings) {
        if !settings.iter().any(|known| known.name == setting.name) {
            settings.push(setting);
        }
    }
    settings
}

impl<P> Input<'_, P> {
    /// The value of a setting: what the bundle or the configuration says, else its default.
    pub fn setting<S: Setting>(&self) -> S::Value
    where
        P: Uses<S>,
    {
        read::<S, P>(self)
    }

    /// The value of a setting that the bundle or the configuration gives; `None` where neither does.
    pub fn setting_if_set<S: Setting>(&self) -> Option<S::Value>
    where
        P: Uses<S>,
    {
        S::Value::read(&self.settings.get(S::NAME))
    }
}

/// The value of a setting, for something usable that owns it.
pub(crate) fn read<S: Setting, P>(input: &Input<'_, P>) -> S::Value {
    S::Value::read(&input.settings.get(S::NAME)).unwrap_or_else(S::default)
}

/// Declares something that rules can use, by what it owns; its accessors are functions that ask for
/// `P: Uses<…>`. `reads` and `inventory` are written as in [`rule!`](crate::rule!), `setting:` is one that the accessors
/// read. All may be missing.
///
/// ```
/// use policy_sdk::input::Input;
/// use policy_sdk::uses::Uses;
///
/// policy_sdk::usable! {
///     /// The Namespace of the subject.
///     pub OwnNamespace {
///         inventory: {
///             own_namespace: {
///                 kinds: ["core/Namespace"],
///                 scope: "cluster",
///                 relation: of { there: "namespace" },
///                 reads: ["metadata.labels"],
///             },
///         },
///     }
/// }
///
/// pub fn is_known<P: Uses<OwnNamespace>>(input: &Input<'_, P>) -> bool {
///     input.related("own_namespace").next().is_some()
/// }
/// ```
#[macro_export]
macro_rules! usable {
    ($($(#[doc = $doc:literal])* $visibility:vis $name:ident {
        $(reads: [$($read:literal),* $(,)?],)?
        $(inventory: { $($inventory:tt)* },)?
        $(setting: $setting:ty,)?
    })+) => {
        $(
            $(#[doc = $doc])*
            $visibility struct $name;

            impl $crate::uses::Usable for $name {
                const READS: &'static [&'static str] = &[$($($read),*)?];
                const QUERIES: &'static [$crate::manifest::Query] = $crate::queries! { $($($inventory)*)? };
                $(const SETTINGS: &'static [$crate::uses::Declaration] =
                    <$setting as $crate::uses::Usable>::SETTINGS;)?
            }
        )+
    };
}

/// Declares settings. The doc comment stands in the documentation of each rule that uses the setting.
///
/// ```
/// policy_sdk::setting! {
///     /// The label that names the team of a workload.
///     pub TeamLabel, "teamLabel": String = "team".into();
/// }
/// ```
#[macro_export]
macro_rules! setting {
    ($($(#[doc = $doc:literal])* $visibility:vis $name:ident, $key:literal: $type:ty = $default:expr;)+) => {
        $(
            $(#[doc = $doc])*
            $visibility struct $name;

            impl $crate::uses::Setting for $name {
                type Value = $type;
                const NAME: &'static str = $key;

                fn default() -> $type {
                    $default
                }
            }

            impl $crate::uses::Usable for $name {
                const SETTINGS: &'static [$crate::uses::Declaration] =
                    &[$crate::uses::Declaration::of::<Self>(&[$($doc),*])];
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::usable! {
        Labels {
            reads: ["pod.metadata.labels"],
            inventory: { services: { kinds: ["core/Service"], scope: "namespace", reads: [] }, },
        }
    }

    const USED: &[Used] = &[Used::of::<Labels>()];

    #[test]
    fn what_is_not_repeated_is_well() {
        check(&["pod.metadata", "pod.metadata.labels.app"], &[], USED);
    }

    #[test]
    #[should_panic = "repeats a path"]
    fn a_path_that_is_owned_is_not_written_again() {
        check(&["pod.metadata.labels"], &[], USED);
    }

    #[test]
    #[should_panic = "same name"]
    fn queries_have_names_of_their_own() {
        check(&[], Labels::QUERIES, USED);
    }

    fn missing(absence: Absence) -> [FindingKind; 1] {
        use crate::manifest::{Confidence, Severity, Within};
        let (severity, confidence, within) = (Severity::Low, Confidence::Likely, Within::Path);
        [FindingKind { name: "Missing", docs: &[], severity, confidence, covers: &[], within, absence }]
    }

    #[test]
    fn what_is_missing_would_answer_a_query() {
        check_absence(&missing(Absence::Of(&["services"])), &[], USED);
        check_absence(&missing(Absence::Of(&["services"])), Labels::QUERIES, &[]);
        check_absence(&missing(Absence::OfAny), &[], USED);
        check_absence(&missing(Absence::None), &[], &[]);
    }

    #[test]
    #[should_panic = "names a query that the rule does not have"]
    fn absence_names_queries_of_the_rule() {
        check_absence(&missing(Absence::Of(&["services", "service"])), &[], USED);
    }

    #[test]
    #[should_panic = "the rule has no query"]
    fn absence_needs_a_query() {
        check_absence(&missing(Absence::OfAny), &[], &[]);
    }
}
