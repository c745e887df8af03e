//! From a bundle's definition to rules that can run.

use super::definition::{Definition, Enforcement, ExemptionEntry, Level, OnUpdate};
use super::exemption::{Exemption, ExemptionSource, Ignoring};
use super::library::{Library, LibraryError, RuleSource, unique_names};
use super::settings::Settings;
use crate::digest::Hasher;
use crate::document::Pointer;
use crate::engine::Engine;
use crate::kinds::Wanted;
use crate::located::{Located, LocatedError};
use crate::manifest::{FindingKind, Severity, Target};
use crate::workload::WorkloadKinds;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a bundle file: as many as a definition in a registry may have.
const MAX_DEFINITION_BYTES: usize = crate::oci::limits::DEFINITION_BYTES as usize;

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
    #[error("there is no bundle `{name}`: neither a shipped one ({known}) nor a file or directory")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
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
}

impl BundleRule {
    /// The rule's id.
    pub fn id(&self) -> &str {
        &self.source.manifest.id
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
    /// Set where comments and annotations in what is judged are honoured: in files.
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

/// A definition as it is written, and the file that it was read from; none for a shipped one.
pub type Written = (Located<Definition>, Option<PathBuf>);

impl Bundle {
    /// The kinds of files that its rules judge or ask for.
    pub fn wanted(&self) -> Wanted {
        let manifests = self.rules.iter().map(|rule| &rule.source.manifest);
        let targets = manifests.flat_map(|manifest| {
            manifest.applies_to.iter().chain(manifest.inventory.iter().flat_map(|query| &query.kinds))
        });
        let name = |target: &Target| match target {
            Target::File(kind) => Some(kind.clone()),
            _ => None,
        };
        Wanted::Named(targets.filter_map(name).collect())
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
        let Some((located, file)) = Self::definition(reference, library)? else {
            return Self::of_directory(Path::new(reference), library, engine);
        };
        let base = file.as_deref().and_then(Path::parent);
        let mut bundle = Self::resolve(&located, base, library, engine, today)?;
        bundle.files.extend(file);
        Ok(bundle)
    }

    /// The definition of a bundle by the name of a shipped one, or the path of a file or directory. A directory of
    /// components has none.
    ///
    /// # Errors
    /// Names the place in the bundle file.
    pub fn definition(reference: &str, library: &Library) -> Result<Option<Written>, BundleError> {
        if let Some(text) = library.bundle(reference) {
            return Ok(Some((Located::parse(&format!("{reference}.yaml"), text)?, None)));
        }
        let path = Path::new(reference);
        if path.is_dir() && !path.join("bundle.yaml").exists() {
            return Ok(None);
        }
        let file = if path.is_dir() { path.join("bundle.yaml") } else { path.to_owned() };
        if !file.exists() {
            let known = library.bundle_names().collect::<Vec<_>>().join(", ");
            return Err(BundleError::Unknown { name: reference.to_owned(), known });
        }
        let shown = file.display().to_string();
        let text = crate::files::read_text(&file, MAX_DEFINITION_BYTES)
            .map_err(|source| LibraryError::Read { path: shown.clone(), source })?;
        Ok(Some((Located::parse(&shown, &text)?, Some(file))))
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
        Self::resolve(&Located::parse(name, text)?, None, library, engine, today)
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
        let rules = rules
            .into_iter()
            .map(|source| BundleRule {
                source,
                severity: None,
                enforcement: Enforcement::default(),
                parameters: "{}".to_owned(),
                settings: "{}".to_owned(),
            })
            .collect();
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
        let value: serde_json::Value = serde_json::from_str(parameters).map_err(|error| error.to_string())?;
        check_schema(&self.rules[rule].source.manifest.parameters, &value)
            .map_err(|(path, message)| format!("{path}: {message}"))?;
        self.rules[rule].parameters = value.to_string();
        Ok(self.fingerprinted(&[]))
    }

    fn resolve(
        located: &Located<Definition>,
        base: Option<&Path>,
        library: &mut Library,
        engine: &Engine,
        today: jiff::civil::Date,
    ) -> Result<Self, BundleError> {
        let definition = &located.value;
        let mut bundle = Self {
            name: definition.name.clone(),
            version: definition.version.clone(),
            description: definition.description.clone(),
            report: definition.report,
            rules: Vec::new(),
            settings: Settings::new(),
            exemptions: Vec::new(),
            void: Vec::new(),
            annotations: definition.annotations,
            on_update: definition.on_update,
            ignoring: None,
            workloads: WorkloadKinds::default(),
            notices: Vec::new(),
            files: Vec::new(),
            origin: None,
            fingerprint: [0; 32],
        };
        bundle.add_rules(located, base, library, engine)?;
        unique_names(bundle.rules.iter().map(|rule| &*rule.source.manifest))?;
        let at: Pointer = ["settings"].into_iter().collect();
        bundle
            .set(&definition.settings, library)
            .map_err(|(path, message)| located.error(&at.concat(&path), message))?;
        bundle.add_exemptions(located, base, today)?;
        for (index, kind) in definition.workloads.iter().enumerate() {
            let at: Pointer = ["workloads".to_owned(), index.to_string(), "template".to_owned()].into_iter().collect();
            bundle.workloads.add(kind.clone()).map_err(|error| located.error(&at, error.to_string()))?;
        }
        Ok(bundle.fingerprinted(&workloads_json(definition)))
    }

    fn add_rules(
        &mut self,
        located: &Located<Definition>,
        base: Option<&Path>,
        library: &mut Library,
        engine: &Engine,
    ) -> Result<(), BundleError> {
        for (index, entry) in located.value.rules.iter().enumerate() {
            let settings = entry.settings();
            let at: Pointer = ["rules".to_owned(), index.to_string()].into_iter().collect();
            if let (Some(component), Some(base)) = (&settings.component, base) {
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
            if self.rules.iter().any(|rule| rule.id() == settings.rule) {
                return Err(located.error(&at, format!("the rule `{}` is listed twice", settings.rule)).into());
            }
            let parameters = serde_json::Value::Object(settings.parameters);
            check_schema(&source.manifest.parameters, &parameters).map_err(|(path, message)| {
                let message = format!("parameter of `{}`: {message}", settings.rule);
                located.error(&at.join("parameters").concat(&path), message)
            })?;
            if settings.enabled {
                self.rules.push(BundleRule {
                    source: Arc::clone(source),
                    severity: settings.severity,
                    enforcement: settings.enforcement.unwrap_or(located.value.enforcement),
                    parameters: parameters.to_string(),
                    settings: "{}".to_owned(),
                });
            }
        }
        Ok(())
    }

    fn add_exemptions(
        &mut self,
        located: &Located<Definition>,
        base: Option<&Path>,
        today: jiff::civil::Date,
    ) -> Result<(), BundleError> {
        for (index, entry) in located.value.exemptions.iter().enumerate() {
            let at: Pointer = ["exemptions".to_owned(), index.to_string()].into_iter().collect();
            if entry.owner.trim().is_empty() {
                return Err(located.error(&at.join("owner"), "an exemption needs an `owner`").into());
            }
            if let Some(rule) = entry.rules.iter().find(|rule| !self.has(rule)) {
                let message = format!("the exemption names `{rule}`, which is not a rule of this bundle");
                return Err(located.error(&at.join("rules"), message).into());
            }
            let directory = base.unwrap_or(Path::new("")).to_owned();
            let from = ExemptionSource { configuration: false, place: located.place(&at), directory };
            let entry = &self.renamed(entry, &from);
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

fn workloads_json(definition: &Definition) -> Vec<u8> {
    serde_json::to_vec(&definition.workloads).unwrap_or_default()
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

/// Checks parameters or settings against a rule's schema; gives the path of the first that does not fit.
pub(super) fn check_schema(schema: &serde_json::Value, values: &serde_json::Value) -> Result<(), (Pointer, String)> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| (Pointer::root(), format!("the rule's own schema is unusable: {error}")))?;
    match validator.iter_errors(values).next() {
        None => Ok(()),
        Some(error) => {
            let path = Pointer::parse(error.instance_path().as_str()).unwrap_or_default();
            Err((path, error.to_string()))
        }
    }
}
