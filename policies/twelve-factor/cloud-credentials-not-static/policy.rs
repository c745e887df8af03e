use policy_sdk::kubernetes::config::{self, ConfigSources, Holder, Keys, Source, Taker};
use policy_sdk::kubernetes::mount::{self, Mount, Mounts};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods log in to clouds with their own identity, not with stored keys
    ///
    /// No container of any class takes `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` or `AZURE_CLIENT_SECRET` from a Secret
    /// or ConfigMap, by itself or through `envFrom` of an object whose keys are known, and none mounts a key file of AWS or
    /// Google Cloud from a Secret. A key that is written into the manifest itself is a finding of
    /// `no-secret-literal-in-env`.
    ///
    /// What passes: keys beside a session token or `AZURE_FEDERATED_TOKEN_FILE`, which are short-lived; a Google
    /// configuration from a ConfigMap or beside a projected token, which is workload identity federation; and containers
    /// that speak to a store of their own (`AWS_ENDPOINT_URL`, `S3_ENDPOINT`: MinIO, Ceph, R2, LocalStack), which has no
    /// workload identity.
    ///
    /// ## Why
    /// A stored key works for anybody, from anywhere, until somebody rotates it. Whoever may read the Secret, a backup of
    /// it or the environment of the container owns what the key opens. The token of a pod's identity is bound to its
    /// ServiceAccount and expires within hours.
    ///
    /// ## Fix
    /// Give the ServiceAccount a role of the cloud and delete the key: on EKS by a Pod Identity association or the
    /// annotation `eks.amazonaws.com/role-arn`, on GKE by Workload Identity, on AKS by a federated credential. The
    /// libraries of the clouds find the token by themselves.
    findings: {
        /// A container gets a key of AWS
        AwsKey: Medium, Likely;
        /// A container mounts a file with keys of AWS from a Secret
        AwsFile: Medium, Likely;
        /// A container uses a key file of Google Cloud from a Secret
        GoogleFile: Medium, Likely;
        /// A container gets the secret of an Azure application
        AzureSecret: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    peers: ["KC:C-0020"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ConfigSources, Mounts],
    reads: ["container.env[*].value", "container.command", "container.args"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let mut unknown = None;
    for container in workload.containers() {
        let environment = Environment { input, sources: config::of_container(&container), container };
        if environment.has_own_store() {
            continue;
        }
        let mounts = mount::mounts(&workload, &environment.container);
        let name = environment.container.described();
        let of_aws = ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"].into_iter().map(|key| (Code::AwsKey, key));
        let of_aws = of_aws.filter(|_| !environment.has("AWS_SESSION_TOKEN"));
        let of_azure = Some((Code::AzureSecret, "AZURE_CLIENT_SECRET"));
        let of_azure = of_azure.filter(|_| !environment.has("AZURE_FEDERATED_TOKEN_FILE"));
        // One finding is enough for a container: the cure of all is an identity.
        if let Some((code, key, source)) =
            of_aws.chain(of_azure).find_map(|(code, key)| Some((code, key, environment.stored(key)?)))
        {
            let message = format!(
                "{name} gets the stored key `{key}` from the {} `{}`, expected an identity of its own",
                source.holder.kind(),
                source.name.text()
            );
            findings.report(code, &source.name, message);
        } else if let Some((code, place, mount)) = key_file(&environment.container, &mounts) {
            let volume = mount.place.get("name").text();
            let message =
                format!("{name} reads stored keys from the Secret volume `{volume}`, expected an identity of its own");
            findings.report(code, &place, message).label(&mount.volume, "the Secret");
        } else if let Some(source) = environment.unknown() {
            unknown = Some(format!(
                "the keys of the Secret `{}`, all of which {name} gets, are not known",
                source.name.text()
            ));
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// Words of variables that hold the address of a store, or of another service of AWS that others offer as well.
const STORES: [&str; 8] = ["AWS", "S3", "MINIO", "BUCKET", "R2", "DYNAMODB", "SQS", "LOCALSTACK"];

/// What a container gets from others.
struct Environment<'i, 'd> {
    input: &'i Input<'d, Parameters>,
    container: Container<'d>,
    sources: Vec<Source<'d>>,
}

impl<'d> Environment<'_, 'd> {
    /// The reference by which the container gets a variable.
    fn stored(&self, name: &str) -> Option<&Source<'d>> {
        if let Some(variable) = self.container.variable(name) {
            let place = variable.pointer();
            let is_it =
                |source: &&Source<'d>| matches!(&source.taker, Taker::Variable(_, entry) if entry.pointer() == place);
            return self.sources.iter().find(is_it);
        }
        self.sources.iter().find(|source| {
            let Taker::Environment(_, entry) = &source.taker else { return false };
            let key = name.strip_prefix(entry.get("prefix").text());
            key.is_some_and(|key| self.keys(source).have(key) == Some(true))
        })
    }

    fn has(&self, name: &str) -> bool {
        self.container.variable(name).is_some() || self.stored(name).is_some()
    }

    fn keys(&self, source: &Source<'d>) -> Keys<'d> {
        config::keys(self.input, source.holder, source.name.text())
    }

    /// A Secret of unknown keys, all of which the container gets.
    fn unknown(&self) -> Option<&Source<'d>> {
        self.sources.iter().find(|source| {
            source.holder == Holder::Secret
                && matches!(source.taker, Taker::Environment(..))
                && self.keys(source).known().is_none()
        })
    }

    /// Whether the container gets the address of a store that AWS does not run.
    fn has_own_store(&self) -> bool {
        let is_endpoint = |name: &str| {
            let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
            let is_address = ["ENDPOINT", "_URL", "_HOST"].iter().any(|word| name.contains(word));
            let is_of_store = name.split('_').any(|word| STORES.contains(&word));
            is_address && is_of_store
        };
        let is_elsewhere = |value: &str| !value.contains("amazonaws.com");
        let mut variables = self.container.get("env").items();
        let words = ["command", "args"].into_iter().flat_map(|list| self.container.get(list).items());
        let flags = words.into_iter().filter_map(|word| word.text().split_once('='));
        // Of what comes from elsewhere only the name is known.
        let of_environment = |source: &Source<'d>| {
            let is_whole = matches!(source.taker, Taker::Environment(..));
            is_whole && self.keys(source).known().is_some_and(|keys| keys.iter().any(|key| is_endpoint(key)))
        };
        variables.any(|entry| is_endpoint(entry.get("name").text()) && is_elsewhere(entry.get("value").text()))
            || self.sources.iter().any(of_environment)
            || flags.into_iter().any(|(flag, value)| is_endpoint(flag) && is_elsewhere(value))
    }
}

/// Where a container names a file with keys, or mounts one, from a Secret.
fn key_file<'m, 'd>(container: &Container<'d>, mounts: &'m [Mount<'d>]) -> Option<(Code, View<'d>, &'m Mount<'d>)> {
    let named = [("GOOGLE_APPLICATION_CREDENTIALS", Code::GoogleFile), ("AWS_SHARED_CREDENTIALS_FILE", Code::AwsFile)];
    let by_variable = named.into_iter().find_map(|(name, code)| {
        let value = container.variable(name)?.get("value");
        let mount = mount::of_path(mounts, value.text()).filter(|mount| is_stored(mount))?;
        Some((code, value, mount))
    });
    by_variable.or_else(|| {
        let is_home = |mount: &&Mount<'d>| {
            let path = mount.path();
            (path.ends_with("/.aws") || path.ends_with("/.aws/credentials")) && is_stored(mount)
        };
        mounts.iter().find(is_home).map(|mount| (Code::AwsFile, mount.place.get("mountPath"), mount))
    })
}

/// Whether a mount shows a Secret. With a token beside it, it is a configuration that says how to use that.
fn is_stored(mount: &Mount<'_>) -> bool {
    let sources = || mount.volume.at("projected.sources").items();
    match mount.source() {
        "secret" => true,
        "projected" => {
            sources().any(|source| source.get("secret").exists())
                && !sources().any(|source| source.get("serviceAccountToken").exists())
        }
        _ => false,
    }
}
