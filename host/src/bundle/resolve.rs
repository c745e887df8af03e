//! From a bundle's definition to rules that can run.

use super::definition::{Enforcement, ExemptionEntry, Level, OnUpdate, RuleEntry, RuleSettings};
use super::exemption::{Exemption, ExemptionSource, Ignoring};
use super::layers::{Layer, Layers};
use super::library::{Library, LibraryError, RuleSource, unique_names};
use super::schema::check_schema;
use super::settings::Settings;
use crate::digest::Hasher;
use crate::document::{Pointer, PointerError};
use crate::engine::Engine;
use crate::kinds::Wanted;
use crate::located::LocatedError;
use crate::manifest::{FindingKind, Severity, Target};
use crate::workload::{WorkloadKind, WorkloadKinds};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a bundle could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file says something that cannot be.
    #[error(transparent)]
    Definition(#[from] LocatedError),
    /// A component is missing or refused.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Neither a shipped bundle nor a file.
    #[error("there is no bundle `{name}`: neither a shipped one ({known}) nor a file or directory{close}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
        /// What may be meant: `; did you mean …?`.
        close: String,
    },
}

/// Something about a bundle that its owner should know, and that does not stop it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice(pub String);

/// Why an exemption does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Void {
    /// Its last day is over.
    Expired,
    /// None of the rules that it names is there.
    UnknownRule,
}

/// A rule of a bundle.
pub struct BundleRule {
    /// The rule.
    pub source: Arc<RuleSource>,
    /// Overrides its severity.
    pub severity: Option<Severity>,
    /// What happens to its findings.
    pub enforcement: Enforcement,
    /// The parameters that the bundle sets, JSON.
    pub parameters: String,
    /// What is set of the settings that it uses, JSON.
    pub settings: String,
    /// Codes of its findings that are not told: they are not selected, or ignored.
    pub untold: BTreeSet<String>,
}

impl BundleRule {
    /// A rule with the defaults of its own.
    fn new(source: Arc<RuleSource>) -> Self {
        Self {
            source,
            severity: None,
            enforcement: Enforcement::default(),
            parameters: "{}".to_owned(),
            settings: "{}".to_owned(),
            untold: BTreeSet::new(),
        }
    }

    /// A rule as an entry has it; where the entry says nothing, as it is in what its bundle extends.
    fn of_entry(
        source: &Arc<RuleSource>,
        entry: &RuleSettings,
        extended: Option<&Self>,
        enforcement: Enforcement,
    ) -> Self {
        let mut parameters = extended.map(Self::parameters).unwrap_or_else(|| serde_json::json!({}));
        if let Some(parameters) = parameters.as_object_mut() {
            parameters.extend(entry.parameters.clone());
        }
        let own = extended.map(|rule| rule.enforcement);
        Self {
            severity: entry.severity.or(extended.and_then(|rule| rule.severity)),
            enforcement: entry.enforcement.or(own).unwrap_or(enforcement),
            parameters: parameters.to_string(),
            ..Self::new(Arc::clone(source))
        }
    }

    /// The parameters that the bundle sets.
    fn parameters(&self) -> serde_json::Value {
        serde_json::from_str(&self.parameters).unwrap_or_default()
    }

    /// As a bundle file has it.
    pub fn entry(&self) -> RuleEntry {
        let parameters = self.parameters().as_object().cloned().unwrap_or_default();
        let (rule, enforcement) = (self.id().to_owned(), self.enforcement);
        if parameters.is_empty() && self.severity.is_none() && enforcement == Enforcement::default() {
            return RuleEntry::Id(rule);
        }
        RuleEntry::Settings(RuleSettings {
            severity: self.severity,
            enforcement: Some(enforcement),
            parameters,
            ..RuleEntry::Id(rule).settings()
        })
    }

    /// The rule's id.
    pub fn id(&self) -> &str {
        &self.source.manifest.id
    }

    /// Whether findings of a kind are told here, where those under a level are not.
    pub fn tells(&self, code: &str, level: Level) -> bool {
        let kind = self.source.manifest.kind(code);
        !self.untold.contains(code) && kind.is_some_and(|kind| level.includes(self.severity_of(kind), kind.confidence))
    }

    /// How bad a kind of its findings is here.
    pub fn severity_of(&self, kind: &FindingKind) -> Severity {
        self.severity.unwrap_or(kind.severity)
    }

    /// How bad the worst kind of its findings is here.
    pub fn worst(&self) -> Severity {
        self.severity.unwrap_or(self.source.manifest.worst())
    }
}

/// A bundle, resolved.
pub struct Bundle {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line on what it is for; may be empty.
    pub description: String,
    /// Which findings it reports.
    pub report: Level,
    /// Its rules, in the order of the definition.
    pub rules: Vec<BundleRule>,
    /// What is set of the settings that rules use.
    pub settings: Settings,
    /// The exemptions that hold today.
    pub exemptions: Vec<Exemption>,
    /// Exemptions that do not hold, and why.
    pub void: Vec<(Exemption, Void)>,
    /// Whether objects under review may lift rules by annotation.
    pub annotations: bool,
    /// What denies an update.
    pub on_update: OnUpdate,
    /// Set where comments and annotations in what is checked are honoured: in files.
    pub ignoring: Option<Ignoring>,
    /// The kinds of workload it knows.
    pub workloads: WorkloadKinds,
    /// What its owner should know.
    pub notices: Vec<Notice>,
    /// The files that it was read from; none for a shipped bundle.
    pub files: Vec<PathBuf>,
    /// The artifact that it was opened from, with its digest: `registry.example/team/bundle:1.0@sha256:…`.
    pub origin: Option<String>,
    /// Names everything that decides verdicts: components, parameters, exemptions in force.
    pub fingerprint: [u8; 32],
}

impl Bundle {
    /// The kinds of files that its rules check or ask for, and those that tell what is deployed together.
    pub fn wanted(&self) -> Wanted {
        let manifests = self.rules.iter().map(|rule| &rule.source.manifest);
        let targets = manifests.flat_map(|manifest| {
            manifest.applies_to.iter().chain(manifest.inventory.iter().flat_map(|query| &query.kinds))
        });
        let name = |target: &Target| match target {
            Target::File(kind) => Some(kind.clone()),
            _ => None,
        };
        Wanted::Named(targets.filter_map(name).chain(crate::sets::TOLD_BY.map(str::to_owned)).collect())
    }

    /// Resolves a bundle by the name of a shipped one, or the path of a file or directory.
    ///
    /// # Errors
    /// Names the place in the bundle file, or the component.
    pub fn open(
        reference: &str,
        library: &mut Library,
        engine: &Engine,
        today: jiff::civil::Date,
    ) -> Result<Self, BundleError> {
        match Layers::open(reference, library)? {
            Some(layers) => Self::resolve(&layers, library, engine, today),
            None => Self::of_directory(Path::new(reference), library, engine),
        }
    }

    /// Resolves a bundle by its definition's text; the library has all of its rules. `name` is for errors.
    ///
    /// # Errors
    /// Names the place in the text.
    pub fn of_text(
        name: &str,
        text: &str,
        library: &mut Library,
        engine: &Engine,
        today: jiff::civil::Date,
    ) -> Result<Self, BundleError> {
        Self::resolve(&Layers::of(Layer::parse(name, text, None)?, library)?, library, engine, today)
    }

    /// A directory of components, each with its defaults; called as the directory is.
    fn of_directory(path: &Path, library: &mut Library, engine: &Engine) -> Result<Self, BundleError> {
        let ids = library.add_directory(path, engine)?;
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = canonical.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self::of_rules(&name, ids.iter().filter_map(|id| library.rule(id)).cloned()))
    }

    /// A bundle of some rules, each with its defaults.
    pub fn of_rules(name: &str, rules: impl IntoIterator<Item = Arc<RuleSource>>) -> Self {
        let rules = rules.into_iter().map(BundleRule::new).collect();
        Self {
            name: name.to_owned(),
            version: String::new(),
            description: String::new(),
            report: Level::default(),
            rules,
            settings: Settings::new(),
            exemptions: Vec::new(),
            void: Vec::new(),
            annotations: false,
            on_update: OnUpdate::default(),
            ignoring: None,
            workloads: WorkloadKinds::default(),
            notices: Vec::new(),
            files: Vec::new(),
            origin: None,
            fingerprint: [0; 32],
        }
        .fingerprinted(&[])
    }

    /// The bundle with other parameters, a JSON object, for one of its rules.
    ///
    /// # Errors
    /// When they do not fit the rule's schema.
    pub fn with_parameters(mut self, rule: usize, parameters: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(parameters).map_err(|error| crate::plain::value(&error))?;
        check_schema(&self.rules[rule].source.manifest.parameters, &value)
            .map_err(|(path, message)| format!("{path}: {message}"))?;
        self.rules[rule].parameters = value.to_string();
        Ok(self.fingerprinted(&[]))
    }

    /// Adds a kind of workload that the configuration names.
    ///
    /// # Errors
    /// When its template is not a JSON pointer.
    pub fn add_workload(&mut self, kind: &WorkloadKind) -> Result<(), PointerError> {
        self.workloads.add(kind.clone())?;
        self.identify_by(&[kind.group.as_bytes(), kind.kind.as_bytes(), kind.template.as_bytes()]);
        Ok(())
    }

    fn resolve(
        layers: &Layers,
        library: &mut Library,
        engine: &Engine,
        today: jiff::civil::Date,
    ) -> Result<Self, BundleError> {
        let definition = layers.own();
        let mut bundle = Self {
            name: definition.name.clone(),
            version: definition.version.clone(),
            description: definition.description.clone(),
            report: layers.saying("report").report,
            annotations: layers.saying("annotations").annotations,
            on_update: layers.saying("onUpdate").on_update,
            ..Self::of_rules("", [])
        };
        let enforcement = layers.saying("enforcement").enforcement;
        for layer in layers.iter() {
            bundle.add_rules(layer, enforcement, library, engine)?;
        }
        unique_names(bundle.rules.iter().map(|rule| &*rule.source.manifest))?;
        bundle = bundle.fingerprinted(&workloads_json(layers));
        for layer in layers.iter() {
            let located = &layer.located;
            let at: Pointer = ["settings"].into_iter().collect();
            bundle
                .set(&located.value.settings, library)
                .map_err(|(path, message)| located.error(&at.concat(&path), message))?;
            bundle.add_exemptions(layer, std::ptr::eq(&located.value, definition), today)?;
            for (index, kind) in located.value.workloads.iter().enumerate() {
                let at: Pointer =
                    ["workloads".to_owned(), index.to_string(), "template".to_owned()].into_iter().collect();
                bundle.workloads.add(kind.clone()).map_err(|error| located.error(&at, error.to_string()))?;
            }
            bundle.files.extend(layer.file.clone());
        }
        for exemption in bundle.exemptions.iter().map(Exemption::identity).collect::<Vec<_>>() {
            bundle.identify_by(&[&exemption]);
        }
        Ok(bundle)
    }

    /// Adds the rules of a definition to those of what it extends; says more of those that are there.
    fn add_rules(
        &mut self,
        layer: &Layer,
        enforcement: Enforcement,
        library: &mut Library,
        engine: &Engine,
    ) -> Result<(), BundleError> {
        let located = &layer.located;
        let mut listed: BTreeSet<String> = BTreeSet::new();
        for (index, entry) in located.value.rules.iter().enumerate() {
            let settings = entry.settings();
            let at: Pointer = ["rules".to_owned(), index.to_string()].into_iter().collect();
            if let (Some(component), Some(base)) = (&settings.component, layer.directory()) {
                let path = base.join(component);
                let rules = library.add_component(&path, engine)?;
                self.files.push(path);
                if !rules.iter().any(|rule| rule.manifest.id == settings.rule) {
                    let there: Vec<&str> = rules.iter().map(|rule| rule.manifest.id.as_str()).collect();
                    let message = format!("the component has `{}`, not `{}`", there.join("`, `"), settings.rule);
                    return Err(located.error(&at.join("component"), message).into());
                }
            }
            let Some(source) = library.rule(&settings.rule) else {
                return Err(located.error(&at, unknown_rule(&settings.rule, library)).into());
            };
            if !listed.insert(settings.rule.clone()) {
                return Err(located.error(&at, format!("the rule `{}` is listed twice", settings.rule)).into());
            }
            let known = self.rules.iter().position(|rule| rule.id() == settings.rule);
            let extended = known.map(|known| self.rules.remove(known));
            let rule = BundleRule::of_entry(source, &settings, extended.as_ref(), enforcement);
            let checked = check_schema(&source.manifest.parameters, &rule.parameters());
            checked.map_err(|(path, message)| {
                let message = format!("parameter of `{}`: {message}", settings.rule);
                located.error(&at.join("parameters").concat(&path), message)
            })?;
            if settings.enabled {
                self.rules.insert(known.unwrap_or(self.rules.len()), rule);
            }
        }
        Ok(())
    }

    /// Adds the exemptions of a definition. One that is extended may name rules that are switched off since; the
    /// bundle's own may not.
    fn add_exemptions(&mut self, layer: &Layer, is_own: bool, today: jiff::civil::Date) -> Result<(), BundleError> {
        let located = &layer.located;
        for (index, entry) in located.value.exemptions.iter().enumerate() {
            let at: Pointer = ["exemptions".to_owned(), index.to_string()].into_iter().collect();
            if entry.owner.trim().is_empty() {
                return Err(located.error(&at.join("owner"), "an exemption needs an `owner`").into());
            }
            let mut entry = entry.clone();
            if !is_own {
                entry.rules.retain(|rule| self.has(rule));
            }
            if entry.rules.is_empty() {
                continue;
            }
            if let Some(rule) = entry.rules.iter().find(|rule| !self.has(rule)) {
                let message = format!("the exemption names `{rule}`, which is not a rule of this bundle");
                return Err(located.error(&at.join("rules"), message).into());
            }
            let directory = layer.directory().unwrap_or(Path::new("")).to_owned();
            let from = ExemptionSource { configuration: false, place: located.place(&at), directory };
            let entry = &self.renamed(&entry, &from);
            let expired = self
                .add_exemption(entry, from, today)
                .map_err(|(field, message)| located.error(&at.join(field), message))?;
            if let Some(expires) = expired {
                self.notices.push(Notice(format!(
                    "the exemption of {} from {} expired on {expires} and no longer holds (owner: {})",
                    describe(entry),
                    entry.rules.join(", "),
                    entry.owner
                )));
            }
        }
        Ok(())
    }

    /// The rule that is, or was, called so.
    pub fn called(&self, name: &str) -> Option<u16> {
        let found = self.rules.iter().position(|rule| rule.source.manifest.is_called(name));
        found.map(|index| index as u16)
    }

    fn has(&self, rule: &str) -> bool {
        self.called(rule).is_some()
    }

    /// An exemption with the present ids of the rules that it names; that one is a former id is told.
    fn renamed(&mut self, entry: &ExemptionEntry, from: &ExemptionSource) -> ExemptionEntry {
        let mut entry = entry.clone();
        for name in &mut entry.rules {
            let Some(rule) = self.called(name) else { continue };
            let id = self.rules[usize::from(rule)].id();
            if id != name {
                self.notices.push(Notice(format!("{}: the rule `{name}` is called `{id}` now", from.place)));
                id.clone_into(name);
            }
        }
        entry
    }

    /// Adds an exemption, or sets it aside when its last day, which is then given, is over.
    fn add_exemption(
        &mut self,
        entry: &ExemptionEntry,
        from: ExemptionSource,
        today: jiff::civil::Date,
    ) -> Result<Option<jiff::civil::Date>, (&'static str, String)> {
        if entry.reason.trim().is_empty() {
            return Err(("reason", "an exemption needs a `reason`".to_owned()));
        }
        let exemption = Exemption::new(entry.clone(), from)
            .map_err(|error| ("", format!("the exemption's glob is malformed: {error}")))?;
        let expired = entry.expires.filter(|expires| *expires < today);
        match expired {
            Some(_) => self.void.push((exemption, Void::Expired)),
            None => self.exemptions.push(exemption),
        }
        Ok(expired)
    }

    /// Adds an exception of the configuration. It may name rules that this bundle has not.
    ///
    /// # Errors
    /// Names the field of the entry that is wrong, and says what is.
    pub fn add_exception(
        &mut self,
        entry: &ExemptionEntry,
        from: ExemptionSource,
        ignoring: &Ignoring,
    ) -> Result<(), (&'static str, String)> {
        let entry = &self.renamed(entry, &from);
        let unknown: Vec<&String> =
            entry.rules.iter().filter(|rule| !self.has(rule) && !ignoring.known.contains(*rule)).collect();
        for rule in unknown {
            let entry = ExemptionEntry { rules: vec![rule.clone()], ..entry.clone() };
            let exemption = Exemption::new(entry, from.clone()).map_err(|error| ("", error.to_string()))?;
            self.void.push((exemption, Void::UnknownRule));
        }
        if self.add_exemption(entry, from, ignoring.today)?.is_none() {
            let identity = self.exemptions.last().map(Exemption::identity).unwrap_or_default();
            self.identify_by(&[&identity]);
        }
        Ok(())
    }

    /// Makes the fingerprint depend on something else as well.
    pub(super) fn identify_by(&mut self, parts: &[&[u8]]) {
        let mut hasher = Hasher::default();
        hasher.update(self.fingerprint);
        parts.iter().for_each(|part| hasher.part(part));
        self.fingerprint = hasher.finish().bytes();
    }

    fn fingerprinted(mut self, workloads: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        let mut part = |bytes: &[u8]| hasher.part(bytes);
        part(env!("CARGO_PKG_VERSION").as_bytes());
        part(workloads);
        part(format!("{:?}", self.report).as_bytes());
        for rule in &self.rules {
            part(rule.id().as_bytes());
            part(rule.source.component.digest.as_bytes());
            part(rule.parameters.as_bytes());
            part(rule.settings.as_bytes());
            part(format!("{:?}{:?}", rule.severity, rule.enforcement).as_bytes());
        }
        for exemption in &self.exemptions {
            part(&exemption.identity());
        }
        if self.on_update == OnUpdate::All {
            part(b"onUpdate: all");
        }
        self.fingerprint = hasher.finish().bytes();
        self
    }
}

fn workloads_json(layers: &Layers) -> Vec<u8> {
    let workloads: Vec<_> = layers.iter().flat_map(|layer| &layer.located.value.workloads).collect();
    serde_json::to_vec(&workloads).unwrap_or_default()
}

fn describe(entry: &ExemptionEntry) -> String {
    let parts: Vec<&str> = [&entry.kinds, &entry.namespaces, &entry.names, &entry.images]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if parts.is_empty() { "everything".to_owned() } else { parts.join(" ") }
}

fn unknown_rule(id: &str, library: &Library) -> String {
    let known = library.rules().map(|rule| rule.manifest.id.as_str());
    if let Some(renamed) = library.rules().find(|rule| rule.manifest.is_called(id)) {
        return format!("the rule `{id}` is called `{}` now", renamed.manifest.id);
    }
    match crate::suggest::closest(id, known) {
        Some(close) => format!("there is no rule `{id}`; did you mean `{close}`?"),
        None => format!("there is no rule `{id}`"),
    }
}
