//! The bundle file, as it is written.

use super::settings::Settings;
use crate::located::word_or_mapping;
use crate::manifest::{Confidence, Severity};
use crate::workload::WorkloadKind;
use serde::{Deserialize, Deserializer, Serialize};

/// What happens to a finding where it can be enforced. `eval` fails on `deny` findings only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// Refused at admission; fails a pipeline.
    #[default]
    Deny,
    /// Told to whoever asks, and let through.
    Warn,
    /// Recorded only.
    Audit,
}

impl Enforcement {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Enforcement::Deny => "deny",
            Enforcement::Warn => "warn",
            Enforcement::Audit => "audit",
        }
    }
}

/// What a finding that the bundle enforces by `deny` comes to when an object is updated that had it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUpdate {
    /// It warns; only what is new denies.
    #[default]
    New,
    /// It denies, except while the object is being deleted.
    All,
}

impl OnUpdate {
    fn is_new(&self) -> bool {
        *self == OnUpdate::New
    }
}

/// A bundle file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The bundle's name.
    pub name: String,
    /// Its version, semver.
    pub version: String,
    /// One line on what it is for.
    #[serde(default)]
    pub description: String,
    /// A shipped bundle, or a bundle file below the directory of this one or beside it, that has all that this one does
    /// not say: its rules go before those here, which say more of them or switch them off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Enforcement of rules that do not say their own.
    #[serde(default)]
    pub enforcement: Enforcement,
    /// Which findings it reports.
    #[serde(default, skip_serializing_if = "Level::is_all")]
    pub report: Level,
    /// What its rules take for granted of the clusters and the repository, by the names of the settings.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// The rules; there have to be some unless it extends a bundle.
    #[serde(default)]
    pub rules: Vec<RuleEntry>,
    /// Who is exempt from what, why and until when.
    #[serde(default)]
    pub exemptions: Vec<ExemptionEntry>,
    /// Whether objects under review may lift rules by the annotation `ignore.policy-host.dev/RULE`: whoever may write
    /// them then decides. `eval` honours it anyway.
    #[serde(default)]
    pub annotations: bool,
    /// What denies an update: only what is new, or all that is found.
    #[serde(default, skip_serializing_if = "OnUpdate::is_new")]
    pub on_update: OnUpdate,
    /// Further kinds that carry a pod template.
    #[serde(default)]
    pub workloads: Vec<WorkloadKind>,
}

/// How bad and how sure findings have to be: what is under either is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Level {
    /// The mildest.
    #[serde(default = "any_severity")]
    pub severity: Severity,
    /// The least sure.
    #[serde(default = "any_confidence")]
    pub confidence: Confidence,
}

fn any_severity() -> Severity {
    Severity::Info
}

fn any_confidence() -> Confidence {
    Confidence::Guess
}

/// Everything.
impl Default for Level {
    fn default() -> Self {
        Self { severity: any_severity(), confidence: any_confidence() }
    }
}

impl Level {
    /// Whether a finding is bad and sure enough.
    pub fn includes(self, severity: Severity, confidence: Confidence) -> bool {
        severity >= self.severity && confidence >= self.confidence
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// One rule of a bundle: its id alone, or with settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RuleEntry {
    /// `- readiness-probe-required`
    Id(String),
    /// With settings.
    Settings(RuleSettings),
}

impl<'de> Deserialize<'de> for RuleEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word_or_mapping(deserializer, Self::Id, Self::Settings)
    }
}

/// A rule with settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleSettings {
    /// The rule's id.
    pub rule: String,
    /// A component file, relative to the bundle file; without it the rule is one of the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// False switches the rule off.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Overrides the severity of its findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Overrides the bundle's enforcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Enforcement>,
    /// The rule's parameters.
    #[serde(default)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

fn yes() -> bool {
    true
}

impl RuleEntry {
    /// The entry with all settings spelt out.
    pub fn settings(&self) -> RuleSettings {
        match self {
            RuleEntry::Settings(settings) => settings.clone(),
            RuleEntry::Id(rule) => RuleSettings {
                rule: rule.clone(),
                component: None,
                enabled: true,
                severity: None,
                enforcement: None,
                parameters: serde_json::Map::new(),
            },
        }
    }
}

/// One exemption. Everything that is named must match; what is left out matches anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExemptionEntry {
    /// The rules that it lifts.
    pub rules: Vec<String>,
    /// Globs of files, from the directory of the file that this stands in; never of what a server is asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Kinds.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Globs of namespaces.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Globs of object names, or of file paths.
    #[serde(default)]
    pub names: Vec<String>,
    /// Labels that the object or its pod template must have.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
    /// Globs of image references: of the container that the finding is about, or of any in `containers` when it is
    /// about the pod.
    #[serde(default)]
    pub images: Vec<String>,
    /// Names of containers that the finding must be about.
    #[serde(default)]
    pub containers: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it; a bundle has to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// The last day on which it holds, `2027-01-31`; without it, it holds until it is removed.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub expires: Option<jiff::civil::Date>,
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<jiff::civil::Date>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    let day = |text: String| {
        text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no day like 2027-01-31")))
    };
    text.map(day).transpose()
}
