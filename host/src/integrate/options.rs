//! Where the server is, and what is wanted of whoever asks it.

use crate::bundle::Enforcement;

/// What the manifests are to say beside what the bundle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How an engine reaches the server, without a path: `https://policy-host.policy-host.svc:8443`. Without it
    /// the Service [`Options::name`] in [`Options::namespace`] is meant.
    pub url: Option<String>,
    /// The authority of the server's certificate, PEM. Without it the place for it is left to cert-manager where
    /// that knows the kind, else to you.
    pub authority: Option<String>,
    /// The server's Service, service account and certificate, and the first part of generated names.
    pub name: String,
    /// The namespace that the server runs in.
    pub namespace: String,
    /// How long an engine waits, in seconds; each has a default that suits it.
    pub timeout: Option<u8>,
    /// What a violation comes to in Gatekeeper and Kyverno: `deny`, `warn`, or only `audit`.
    pub enforcement: Enforcement,
    /// What the API server does with an object when it cannot ask.
    pub failure_policy: FailurePolicy,
    /// Whether the bundle's digest is written into the constraints. It changes with every rule and with every
    /// day on which an exemption expires, so that files which are kept are better without it.
    pub digest: bool,
    /// Whether Gatekeeper is to replace images by digests.
    pub image_digests: bool,
    /// Whether the ClusterPolicy for older installations of Kyverno is wanted in place of the newer policies.
    pub cluster_policy: bool,
    /// What wrote the files, as their first line says it.
    pub generator: &'static str,
}

/// What becomes of an object when the server cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailurePolicy {
    /// It is refused.
    #[default]
    Fail,
    /// It is let through.
    Ignore,
}

impl Default for Options {
    /// The Service of `bundles/deploy`.
    fn default() -> Self {
        Self {
            url: None,
            authority: None,
            name: "policy-host".to_owned(),
            namespace: "policy-host".to_owned(),
            timeout: None,
            enforcement: Enforcement::Deny,
            failure_policy: FailurePolicy::Fail,
            digest: true,
            image_digests: false,
            cluster_policy: false,
            generator: "policy-host bundle",
        }
    }
}

/// Why nothing can be generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The bundle's name would have to stand in URLs and in names of objects.
    #[error("the bundle's name `{0}` cannot be part of a URL: up to 40 of a-z, 0-9 and `-`, a letter first")]
    BundleName(String),
    /// All rules of the bundle check repository files.
    #[error("no rule of the bundle `{0}` checks objects of Kubernetes")]
    NoObjects(String),
    /// Not a URL that can be called.
    #[error("`{0}` is not a URL like `https://policy-host.policy-host.svc:8443`")]
    Url(String),
    /// The engine calls only https.
    #[error("{engine} calls only https, not `{url}`")]
    NotHttps {
        /// Who would call.
        engine: &'static str,
        /// What it was to call.
        url: String,
    },
    /// Not a certificate.
    #[error("the authority's first PEM block is not a certificate: {0}")]
    Authority(String),
    /// Not a name of an object.
    #[error("the {what} `{name}` is not a name that Kubernetes takes: up to 40 of a-z, 0-9 and `-`, a letter first")]
    Name {
        /// Which name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Zero would be no time at all.
    #[error("a timeout of {0} s: an engine waits from 1 to 30 seconds")]
    Timeout(u8),
}

/// The port of the server's Service with TLS, and the one without.
pub(super) const TLS_PORT: u16 = 8443;
const PLAIN_PORT: u16 = 8080;
/// Namespaces without whose objects the cluster does not run.
const SYSTEM_NAMESPACES: [&str; 2] = ["kube-system", "kube-node-lease"];

impl Options {
    /// Checks what can be checked without a bundle.
    ///
    /// # Errors
    /// Names the option.
    pub(super) fn check(&self) -> Result<(), OptionsError> {
        for (what, name) in [("name", &self.name), ("namespace", &self.namespace)] {
            if !is_name(name) {
                return Err(OptionsError::Name { what, name: name.clone() });
            }
        }
        if let Some(url) = self.url.as_ref().filter(|url| !is_url(url)) {
            return Err(OptionsError::Url(url.clone()));
        }
        if let Some(timeout) = self.timeout.filter(|timeout| !(1..=30).contains(timeout)) {
            return Err(OptionsError::Timeout(timeout));
        }
        self.authority.as_deref().map_or(Ok(()), check_authority)
    }

    /// Where the server speaks TLS.
    pub(super) fn tls_url(&self, engine: &'static str, path: &str) -> Result<String, OptionsError> {
        let url = self.at("https", TLS_PORT, path);
        if url.starts_with("https://") { Ok(url) } else { Err(OptionsError::NotHttps { engine, url }) }
    }

    /// Where the server can be asked without TLS, if it is not said otherwise.
    pub(super) fn plain_url(&self, path: &str) -> String {
        self.at("http", PLAIN_PORT, path)
    }

    fn at(&self, scheme: &str, port: u16, path: &str) -> String {
        match &self.url {
            Some(url) => format!("{}{path}", url.trim_end_matches('/')),
            None => format!("{scheme}://{}.{}.svc:{port}{path}", self.name, self.namespace),
        }
    }

    /// Namespaces that are left alone: what runs there is needed to run what would check it.
    pub(super) fn exempt_namespaces<'o>(&'o self, engine: Option<&'o str>) -> Vec<&'o str> {
        let mut namespaces = SYSTEM_NAMESPACES.to_vec();
        for namespace in engine.into_iter().chain([self.namespace.as_str()]) {
            if !namespaces.contains(&namespace) {
                namespaces.push(namespace);
            }
        }
        namespaces
    }

    /// Everything outside those namespaces, and what is in none.
    pub(super) fn namespace_selector(&self, engine: Option<&str>) -> serde_json::Value {
        serde_json::json!({ "matchExpressions": [{
            "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": self.exempt_namespaces(engine),
        }] })
    }
}

/// Names that can be part of others: DNS labels with room to grow.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Nothing that would mean something else in CEL, JMESPath or YAML, and no query that a path cannot follow.
fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':']) && rest.bytes().all(harmless))
}

/// Gatekeeper and the API server refuse anything else, the first only in the object's status.
fn check_authority(pem: &str) -> Result<(), OptionsError> {
    let wrong = |error: String| OptionsError::Authority(error);
    let first = x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes()).next();
    let first =
        first.ok_or_else(|| wrong("there is no block".to_owned()))?.map_err(|error| wrong(error.to_string()))?;
    first.parse_x509().map(drop).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_the_service_or_what_was_said() {
        let mut options = Options::default();
        let gatekeeper = |options: &Options| options.tls_url("Gatekeeper", "/v1/gatekeeper");
        assert_eq!(gatekeeper(&options).unwrap(), "https://policy-host.policy-host.svc:8443/v1/gatekeeper");
        assert_eq!(options.plain_url("/x"), "http://policy-host.policy-host.svc:8080/x");
        options.url = Some("https://[::1]:9443/".to_owned());
        assert_eq!(gatekeeper(&options).unwrap(), "https://[::1]:9443/v1/gatekeeper");
        assert_eq!(options.plain_url("/x"), "https://[::1]:9443/x");
        options.url = Some("http://policy.example".to_owned());
        let error = gatekeeper(&options).unwrap_err().to_string();
        assert_eq!(error, "Gatekeeper calls only https, not `http://policy.example/v1/gatekeeper`");
    }

    #[test]
    fn what_no_engine_would_take_is_refused() {
        let checked = |change: &dyn Fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.check().map_err(|error| error.to_string())
        };
        assert_eq!(checked(&|_| ()), Ok(()));
        for url in
            ["policy-host:8443", "https://", "https:///x", "https://a b", "https://a\"", "https://{{a}}", "ftp://a"]
        {
            assert!(checked(&|options| options.url = Some(url.to_owned())).unwrap_err().contains(url), "{url}");
        }
        for name in ["", "-a", "a-", "9", "A", "a.b", &"a".repeat(41)] {
            assert!(checked(&|options| options.namespace = name.to_owned()).unwrap_err().starts_with("the namespace"));
        }
        for timeout in [0, 31] {
            assert!(checked(&|options| options.timeout = Some(timeout)).is_err());
        }
        for pem in ["", "no pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(checked(&|options| options.authority = Some(pem.to_owned())).is_err(), "{pem}");
        }
        let authority = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.pem();
        assert_eq!(checked(&|options| options.authority = Some(authority.clone())), Ok(()));
    }

    #[test]
    fn no_namespace_is_named_twice() {
        let options = Options { namespace: "kyverno".to_owned(), ..Options::default() };
        assert_eq!(options.exempt_namespaces(Some("kyverno")), ["kube-system", "kube-node-lease", "kyverno"]);
    }
}
