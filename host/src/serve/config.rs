//! The server's configuration: a YAML file, over which environment variables go, over which flags go.
//!
//! Every scalar has a variable: `limits.bodyBytes` is `POLICY_HOST_LIMITS_BODY_BYTES`. An error names the
//! field with its line and column, or the variable.

use crate::bundle::Settings;
use crate::cluster::ClusterOptions;
use crate::decide::{FailureMode, Modes, NotEvaluatedMode};
use crate::images::{Allowed, Mirror, OptionError};
use crate::located::{Located, LocatedError, word_or_mapping};
use crate::oci::Reference;
use crate::plain;
use crate::workload::WORKLOAD_CONTROLLERS;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that can be configured. Defaults are safe for a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Where engines and the API server call: TLS when `tls.certificate` is set, else plain HTTP. By default port 8443:
    /// of every address with TLS, else of this machine alone.
    pub listen: Option<SocketAddr>,
    /// A second listener without TLS, for callers that cannot keep a TLS connection.
    pub listen_plain: Option<SocketAddr>,
    /// Where probes, metrics and the status page are, plain HTTP. By default port 8081, of the same addresses as
    /// `listen`.
    pub admin: Option<SocketAddr>,
    /// What is served.
    pub bundles: Vec<BundleEntry>,
    /// What rules take for granted of the cluster, by the names of the settings; before what bundles say.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// Where bundles with a reference come from.
    pub registries: Registries,
    /// The trust policy: who may sign which repositories. It is read again when it changes.
    pub trust: Option<PathBuf>,
    /// Which registries are asked about the images of objects under review.
    pub images: Images,
    /// Certificates.
    pub tls: Tls,
    /// Where the inventory comes from.
    pub cluster: ClusterOptions,
    /// Users (a `*` at the end stands for the rest) whose objects may have a controller as their owner and are checked
    /// by it: a Pod of a ReplicaSet that was checked already. Anybody else could name any owner. By default
    /// Kubernetes' own controllers of workloads, each by its name; add Argo Rollouts and the like.
    pub trusted_controllers: Vec<String>,
    /// For Gatekeeper alone.
    pub gatekeeper: Gatekeeper,
    /// Bounds.
    pub limits: Limits,
    /// Verdicts kept in memory.
    pub memo: Memo,
    /// Logs.
    pub log: Log,
    /// Traces.
    pub traces: Traces,
    /// How changes of files are noticed.
    pub reload: Reload,
    /// How the server stops.
    pub shutdown: Shutdown,
}

/// A bundle to serve: its reference alone, or with settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum BundleEntry {
    /// `- default`
    Reference(String),
    /// With settings.
    Settings(BundleSettings),
}

impl<'de> Deserialize<'de> for BundleEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word_or_mapping(deserializer, Self::Reference, Self::Settings)
    }
}

/// A bundle with settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleSettings {
    /// A shipped bundle, a bundle file, a directory of components, or `oci://HOST/PATH:TAG`.
    pub bundle: String,
    /// What becomes of an object when a rule could not run, or nobody had the time to: `closed` denies it.
    #[serde(default)]
    pub failure_mode: FailureMode,
    /// What becomes of an object when a rule enforced by `deny` could not decide.
    #[serde(default)]
    pub not_evaluated: NotEvaluatedMode,
    /// How often the registry is asked what the tag stands for. Without it, it is asked once, at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Span>,
}

impl BundleEntry {
    /// The reference.
    pub fn reference(&self) -> &str {
        match self {
            BundleEntry::Reference(reference) => reference,
            BundleEntry::Settings(settings) => &settings.bundle,
        }
    }

    /// How often the tag is looked at.
    pub fn follow(&self) -> Option<Span> {
        match self {
            BundleEntry::Reference(_) => None,
            BundleEntry::Settings(settings) => settings.follow,
        }
    }

    /// How what is no verdict is treated.
    pub fn modes(&self) -> Modes {
        match self {
            BundleEntry::Reference(_) => Modes::default(),
            BundleEntry::Settings(settings) => {
                Modes { failure: settings.failure_mode, not_evaluated: settings.not_evaluated }
            }
        }
    }
}

/// How registries are asked. Credentials are those of Docker's `config.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Registries {
    /// Whether bundles are taken although nothing says who made them.
    pub allow_unsigned: bool,
    /// The hosts that are asked by plain HTTP.
    pub plain_http: Vec<String>,
    /// An authority beside the machine's, PEM.
    pub authority: Option<PathBuf>,
    /// Where what is fetched is kept; by default in the cache directory.
    pub store: Option<PathBuf>,
}

/// What is asked about the images of objects under review, for rules that want to know: the registries as under
/// `registries`, and whom to believe as `trust` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Images {
    /// The repositories that may be asked: `ghcr.io/acme/**`, a registry alone, or `**` for all. Without any, none is.
    pub repositories: Vec<String>,
    /// Where repositories are asked instead, by registries or beginnings of repositories: `docker.io` to
    /// `mirror.example/hub`. Signatures go on naming the origin.
    pub mirrors: BTreeMap<String, String>,
    /// How long one review waits for what it wants to know of images; less than `limits.deadline`.
    pub deadline: Span,
}

impl Default for Images {
    fn default() -> Self {
        let deadline = Span(Duration::from_millis(1500));
        Self { repositories: Vec::new(), mirrors: BTreeMap::new(), deadline }
    }
}

impl Images {
    /// The repositories that may be asked.
    ///
    /// # Errors
    /// Names the entry.
    pub(super) fn allowed(&self) -> Result<Vec<Allowed>, OptionError> {
        self.repositories.iter().map(|text| text.parse()).collect()
    }

    /// Where they are mirrored.
    ///
    /// # Errors
    /// Names the registry or repository.
    pub(super) fn mirrors(&self) -> Result<Vec<Mirror>, OptionError> {
        self.mirrors.iter().map(|(origin, place)| Mirror::new(origin, place)).collect()
    }
}

/// Certificates, PEM files. They are read again when they change.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tls {
    /// The server's certificate chain.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// The authorities that client certificates must come from.
    pub client_authorities: Option<PathBuf>,
    /// Who has to present a client certificate. Without a setting: nobody, and with
    /// `clientAuthorities` whoever calls the Gatekeeper endpoint.
    pub client_certificates: Option<ClientCertificates>,
    /// The oldest version of TLS that is spoken.
    pub minimum: TlsVersion,
}

/// Who has to present a client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// Nobody.
    None,
    /// Whoever calls the Gatekeeper endpoint.
    Gatekeeper,
    /// Everybody.
    All,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2: for callers that are older than 2020.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[default]
    #[serde(rename = "1.3")]
    V1_3,
}

/// For Gatekeeper alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Gatekeeper {
    /// The digests that image references are pinned to in mutation: `docker.io/library/nginx:1.27` to
    /// `sha256:…`.
    pub image_digests: BTreeMap<String, String>,
}

/// Bounds on what callers can cost. What exceeds one is refused with an answer that names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes that all requests together may hold: their bodies, what they are parsed to, and their answers.
    pub memory_bytes: usize,
    /// Objects in one batch.
    pub batch: usize,
    /// From the first byte of a request to the end of its header; and how long a new connection may be silent.
    pub header_timeout: Span,
    /// From the end of the header to the end of the body.
    pub body_timeout: Span,
    /// How long a connection may be silent between requests; longer than the 90 seconds after which
    /// Go clients drop one.
    pub idle_timeout: Span,
    /// How long a caller may take to read an answer.
    pub write_timeout: Span,
    /// Connections, of both listeners together; more wait to be accepted. Fewer where the process may not open so
    /// many files.
    pub connections: usize,
    /// Reviews that are checked at once; 0 for as many as there are cores.
    pub workers: usize,
    /// Reviews that wait to be checked; more are answered at once by the bundle's failure mode.
    pub queue: usize,
    /// From the end of the body to the answer; below what callers wait (Gatekeeper 3 s).
    pub deadline: Span,
}

/// Verdicts kept in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Memo {
    /// Bytes, for each bundle; 0 keeps none.
    pub bytes: u64,
}

/// Logs, on standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Log {
    /// What is logged: `info`, or directives as `tracing-subscriber` has them.
    pub level: String,
    /// Form of the lines.
    pub format: LogFormat,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Traces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Traces {
    /// Where spans are sent, OTLP over HTTP: `http://collector:4318/v1/traces`. Without it there are none.
    pub endpoint: Option<String>,
}

/// How changes of files are noticed. SIGHUP reads them at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Reload {
    /// How often bundles and certificates are looked at.
    pub interval: Span,
}

/// How the server stops at SIGTERM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long it goes on accepting after it has said that it is not ready, so that whoever routes to
    /// it can notice.
    pub delay: Span,
    /// How long requests in flight may take after that.
    pub grace: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
            listen_plain: None,
            admin: None,
            bundles: vec![BundleEntry::Reference("default".to_owned())],
            settings: Settings::new(),
            registries: Registries::default(),
            trust: None,
            images: Images::default(),
            tls: Tls::default(),
            cluster: ClusterOptions::default(),
            trusted_controllers: WORKLOAD_CONTROLLERS.map(str::to_owned).to_vec(),
            gatekeeper: Gatekeeper::default(),
            limits: Limits::default(),
            memo: Memo::default(),
            log: Log::default(),
            traces: Traces::default(),
            reload: Reload::default(),
            shutdown: Shutdown::default(),
        }
    }
}

impl Default for Limits {
    /// The body: what the API server can send at the most (3 MiB of object and old object, escaped once
    /// more for Gatekeeper), with room.
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            memory_bytes: 128 << 20,
            batch: 256,
            header_timeout: Span::seconds(5),
            body_timeout: Span::seconds(10),
            idle_timeout: Span::seconds(120),
            write_timeout: Span::seconds(10),
            connections: 1024,
            workers: 0,
            queue: 256,
            deadline: Span::seconds(2),
        }
    }
}

impl Default for Memo {
    fn default() -> Self {
        Self { bytes: 16 << 20 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::default() }
    }
}

impl Default for Reload {
    fn default() -> Self {
        Self { interval: Span::seconds(5) }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { delay: Span::seconds(5), grace: Span::seconds(20) }
    }
}

/// A length of time, written `5s`, `500ms`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// Some seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}ms", self.0.as_millis()))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed: Option<jiff::SignedDuration> = text.parse().ok();
        parsed
            .and_then(|duration| Duration::try_from(duration).ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no length of time like `5s` or `500ms`")))
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that cannot be.
    #[error(transparent)]
    File(#[from] LocatedError),
    /// A variable says something that cannot be.
    #[error("{variable}: {reason}")]
    Variable {
        /// The variable.
        variable: String,
        /// What is wrong.
        reason: String,
    },
    /// Settings that do not go together.
    #[error("`{field}`: {reason}")]
    Inconsistent {
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads the configuration from a file, if there is one, and from variables.
    ///
    /// # Errors
    /// Names the field with its place, or the variable.
    pub fn read(file: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let (path, text) = match file {
            None => ("(environment)".to_owned(), "{}".to_owned()),
            Some(path) => {
                let shown = path.display().to_string();
                let text = crate::files::read_text(path, MAX_FILE_BYTES)
                    .map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
                (shown, text)
            }
        };
        // The file first, so that its errors are told as the file's.
        let file: Located<Self> = Located::parse(&path, &text)?;
        let mut value = serde_json::to_value(&file.value).unwrap_or_default();
        for (variable, pointer, text) in overrides(&value, variable) {
            let mut changed = value.clone();
            if let Some(field) = changed.pointer_mut(&pointer) {
                *field = scalar(&text, field);
            }
            if let Err(error) = serde_json::from_value::<Self>(changed.clone()) {
                return Err(ConfigError::Variable { variable, reason: plain::value(&error) });
            }
            value = changed;
        }
        let config: Self = serde_json::from_value(value).map_err(|error| ConfigError::Variable {
            variable: "the environment".to_owned(),
            reason: plain::value(&error),
        })?;
        Ok(config)
    }

    /// Where engines and the API server call.
    pub fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| self.usual(8443))
    }

    /// Where probes, metrics and the status page are.
    pub fn admin(&self) -> SocketAddr {
        self.admin.unwrap_or_else(|| self.usual(8081))
    }

    /// A port of every address, or without TLS of this machine alone.
    fn usual(&self, port: u16) -> SocketAddr {
        let address = if self.tls.certificate.is_some() { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        SocketAddr::from((address, port))
    }

    /// Checks what no single field can show.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), ConfigError> {
        let inconsistent = |field, reason: &str| Err(ConfigError::Inconsistent { field, reason: reason.to_owned() });
        let tls = &self.tls;
        if tls.certificate.is_some() != tls.key.is_some() {
            return inconsistent("tls", "a certificate and its key go together");
        }
        if tls.client_authorities.is_some() && tls.certificate.is_none() {
            return inconsistent("tls.clientAuthorities", "client certificates need `tls.certificate`");
        }
        if tls.client_authorities.is_none() && self.client_certificates() != ClientCertificates::None {
            return inconsistent("tls.clientCertificates", "it needs `tls.clientAuthorities`");
        }
        if self.trust.is_some() && self.registries.allow_unsigned {
            return inconsistent(
                "trust",
                "it cannot be used with `registries.allowUnsigned`: a trust policy says what may be unsigned",
            );
        }
        if let Err(error) = self.images.allowed() {
            return inconsistent("images.repositories", &error.to_string());
        }
        if let Err(error) = self.images.mirrors() {
            return inconsistent("images.mirrors", &error.to_string());
        }
        if !self.images.repositories.is_empty() && self.images.deadline >= self.limits.deadline {
            return inconsistent(
                "images.deadline",
                "it must be less than `limits.deadline`, so that there is time to evaluate",
            );
        }
        if self.bundles.is_empty() {
            return inconsistent("bundles", "there is nothing to serve");
        }
        for entry in &self.bundles {
            let reference = entry.reference();
            let tag = Reference::is_meant(reference).then(|| reference.parse::<Reference>()).transpose();
            let tag = match tag {
                Ok(reference) => reference.is_some_and(|reference| reference.digest.is_none()),
                Err(error) => return inconsistent("bundles", &error.to_string()),
            };
            match entry.follow() {
                Some(_) if !tag => return inconsistent("bundles", "only a tag of a registry can be followed"),
                Some(every) if every < MIN_FOLLOW => {
                    return inconsistent("bundles", "a tag is followed once a second at the most");
                }
                _ => {}
            }
        }
        let limits = &self.limits;
        for (field, zero) in [
            ("limits.bodyBytes", limits.body_bytes == 0),
            ("limits.batch", limits.batch == 0),
            ("limits.connections", limits.connections == 0),
            ("limits.queue", limits.queue == 0),
            ("limits.deadline", limits.deadline.get().is_zero()),
            ("reload.interval", self.reload.interval.get().is_zero()),
        ] {
            if zero {
                return inconsistent(field, "it must be more than nothing");
            }
        }
        if limits.body_bytes > MAX_BODY_BYTES {
            return inconsistent("limits.bodyBytes", "at most 64 MiB");
        }
        if limits.memory_bytes / MEMORY_BODIES < limits.body_bytes {
            return inconsistent("limits.memoryBytes", "at least eight times `limits.bodyBytes`");
        }
        if limits.memory_bytes > MAX_MEMORY_BYTES {
            return inconsistent("limits.memoryBytes", "at most 64 GiB");
        }
        Ok(())
    }

    /// Whether an owner that `user` names is believed.
    pub fn trusts(&self, user: &str) -> bool {
        let is = |known: &String| match known.strip_suffix('*') {
            Some(prefix) => user.starts_with(prefix),
            None => user == known,
        };
        self.trusted_controllers.iter().any(is)
    }

    /// Who has to present a client certificate.
    pub fn client_certificates(&self) -> ClientCertificates {
        let default = match self.tls.client_authorities {
            Some(_) => ClientCertificates::Gatekeeper,
            None => ClientCertificates::None,
        };
        self.tls.client_certificates.unwrap_or(default)
    }
}

/// Bytes of the file.
const MAX_FILE_BYTES: usize = 1 << 20;

/// The most that a body can be configured to have: documents are parsed with 32-bit positions, and every
/// worker may hold one.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Bodies of the largest size that there must be memory for: one that is read and parsed holds some of them.
const MEMORY_BODIES: usize = 8;

/// More would be a mistake in the unit.
const MAX_MEMORY_BYTES: usize = 64 << 30;

/// A registry that is asked more often is not made newer by it.
const MIN_FOLLOW: Span = Span::seconds(1);

/// The variables that are set: name, the field's pointer, text.
fn overrides(value: &serde_json::Value, variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String, String)> {
    let mut fields = Vec::new();
    scalars(value, String::new(), String::from("POLICY_HOST"), &mut fields);
    fields.into_iter().filter_map(|(name, pointer)| variable(&name).map(|text| (name, pointer, text))).collect()
}

/// Variable and pointer of every scalar.
fn scalars(value: &serde_json::Value, pointer: String, name: String, fields: &mut Vec<(String, String)>) {
    match value {
        // What is in a list or keyed by the user has no variable.
        serde_json::Value::Array(_) => {}
        serde_json::Value::Object(entries) if pointer != "/gatekeeper/imageDigests" => {
            for (key, value) in entries {
                scalars(value, format!("{pointer}/{key}"), format!("{name}_{}", upper_snake(key)), fields);
            }
        }
        serde_json::Value::Object(_) => {}
        _ => fields.push((name, pointer)),
    }
}

fn upper_snake(camel: &str) -> String {
    let mut out = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

/// A variable's text as the kind of value that the field has.
fn scalar(text: &str, field: &serde_json::Value) -> serde_json::Value {
    match field {
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => {
            serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.to_owned()))
        }
        _ => serde_json::Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterMode;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("serve.yaml");
        std::fs::write(&path, text).unwrap();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).into());
        let strip = |error: ConfigError| error.to_string().replace(&format!("{}/", directory.path().display()), "");
        let config = Config::read(Some(&path), variable).map_err(strip)?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn only_tags_of_registries_are_followed() {
        let bundle = |reference: &str, follow: &str| {
            read(&format!("bundles: [{{bundle: '{reference}', follow: {follow}}}]"), &[])
        };
        assert!(bundle("oci://h.example/a:1", "1m").is_ok());
        let digest = format!("oci://h.example/a@sha256:{}", "0".repeat(64));
        for (reference, follow, says) in [
            ("twelve-factor", "1m", "only a tag"),
            (digest.as_str(), "1m", "only a tag"),
            ("oci://h.example/A", "1m", "no reference"),
            ("oci://h.example/a:1", "100ms", "once a second"),
        ] {
            let error = bundle(reference, follow).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(read("{}", &[]).unwrap(), Config::default());
    }

    #[test]
    fn variables_go_over_the_file() {
        let text = "listen: 127.0.0.1:1\nlimits: {queue: 7, deadline: 500ms}\ntls: {minimum: '1.2'}\n";
        let config = read(
            text,
            &[
                ("POLICY_HOST_LISTEN", "127.0.0.1:2"),
                ("POLICY_HOST_LIMITS_BODY_BYTES", "1000"),
                ("POLICY_HOST_LISTEN_PLAIN", "127.0.0.1:3"),
                ("POLICY_HOST_CLUSTER_MODE", "in-cluster"),
            ],
        )
        .unwrap();
        assert_eq!((config.listen().port(), config.limits.queue, config.limits.body_bytes), (2, 7, 1000));
        assert_eq!(config.limits.deadline.get(), Duration::from_millis(500));
        assert_eq!((config.tls.minimum, config.cluster.mode), (TlsVersion::V1_2, ClusterMode::InCluster));
        assert_eq!(config.listen_plain.map(|address| address.port()), Some(3));
    }

    #[test]
    fn without_tls_only_this_machine_calls_unless_it_is_told_otherwise() {
        let at = |text: &str| {
            let config = read(text, &[]).unwrap();
            (config.listen().to_string(), config.admin().to_string())
        };
        assert_eq!(at("{}"), ("127.0.0.1:8443".to_owned(), "127.0.0.1:8081".to_owned()));
        assert_eq!(at("tls: {certificate: a, key: b}"), ("0.0.0.0:8443".to_owned(), "0.0.0.0:8081".to_owned()));
        assert_eq!(at("listen: '[::]:1'"), ("[::]:1".to_owned(), "127.0.0.1:8081".to_owned()));
    }

    #[test]
    fn errors_name_the_field_and_the_place() {
        let cases = [
            ("listen: nowhere", "serve.yaml:1:9: `listen`: invalid socket address syntax"),
            (
                "limits:\n  queues: 1",
                "serve.yaml:2:3: `limits.queues`: there is no field `queues` here; did you mean `queue`?",
            ),
            ("limits:\n  deadline: soon", "serve.yaml:2:13: `limits.deadline`: `soon` is no length of time"),
            ("tls: {certificate: a.pem}", "`tls`: a certificate and its key go together"),
            ("tls: {clientCertificates: all}", "`tls.clientCertificates`: it needs `tls.clientAuthorities`"),
            ("limits: {bodyBytes: 1000, memoryBytes: 7999}", "`limits.memoryBytes`: at least eight times"),
            ("limits: {memoryBytes: 99999999999999}", "`limits.memoryBytes`: at most 64 GiB"),
            ("limits: {queue: 0}", "`limits.queue`: it must be more than nothing"),
            (
                "trust: t.yaml\nregistries: {allowUnsigned: true}",
                "`trust`: it cannot be used with `registries.allowUnsigned`",
            ),
            ("bundles: []", "`bundles`: there is nothing to serve"),
            (
                "bundles:\n- bundle: a\n  failureMode: ajar",
                "serve.yaml:3:16: `bundles[0].failureMode`: `ajar` is not one of the words that may stand here",
            ),
        ];
        for (text, expected) in cases {
            let error = read(text, &[]).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        let error = read("{}", &[("POLICY_HOST_LIMITS_QUEUE", "many")]).unwrap_err();
        assert!(
            error.starts_with(
                "POLICY_HOST_LIMITS_QUEUE: expected a whole number that is not negative, found the text `many`"
            ),
            "{error}"
        );
    }

    #[test]
    fn every_scalar_has_a_variable() {
        let mut fields = Vec::new();
        scalars(&serde_json::to_value(Config::default()).unwrap(), String::new(), "POLICY_HOST".into(), &mut fields);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["POLICY_HOST_TLS_CLIENT_AUTHORITIES", "POLICY_HOST_SHUTDOWN_GRACE", "POLICY_HOST_TRACES_ENDPOINT"]
        {
            assert!(names.contains(&name), "{names:?}");
        }
    }
}
