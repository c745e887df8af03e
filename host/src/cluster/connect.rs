//! From configuration to a client of the API server.

use super::reason::Trouble;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Where the cluster is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterMode {
    /// A kubeconfig that is named; else, in a Pod, the cluster that it runs in; else a kubeconfig where
    /// kubectl looks for one; else none.
    #[default]
    Auto,
    /// The cluster that the Pod runs in, with its service account.
    InCluster,
    /// The cluster of a kubeconfig.
    Kubeconfig,
    /// No cluster: rules that ask for other documents are not evaluated.
    None,
}

/// Which cluster to ask, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClusterOptions {
    /// Where it is said.
    pub mode: ClusterMode,
    /// The kubeconfig; by default `$KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context, by default its current one.
    pub context: Option<String>,
}

/// For a TCP and TLS connection to the API server.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two things that the API server says on a connection. Longer than a watch may be silent, so that
/// this ends only what nobody waits for any longer.
const READ: Duration = Duration::from_secs(180);
/// For a request to be taken.
const WRITE: Duration = Duration::from_secs(30);

/// Makes a client. Nothing is asked of the API server yet. Credentials in files are read again as they
/// change; for another kubeconfig, connect again.
///
/// # Errors
/// Why there is no cluster to ask.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn connect(options: &ClusterOptions) -> Result<kube::Client, String> {
    let found = config(options).await.map_err(|trouble| trouble.reason)?;
    let Some(mut config) = found else { return Err("no cluster is configured".to_owned()) };
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(READ);
    config.reset_reader_on_write = true;
    config.write_timeout = Some(WRITE);
    // Each watch has its own, which is seen in its state.
    config.default_retry = false;
    // Somebody may have installed one already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    kube::Client::try_from(config).map_err(|error| Trouble::from(error).reason)
}

async fn config(options: &ClusterOptions) -> Result<Option<Config>, Trouble> {
    match options.mode {
        ClusterMode::None => Ok(None),
        ClusterMode::InCluster => in_cluster().map(Some),
        ClusterMode::Kubeconfig => kubeconfig(options).await.map(Some),
        ClusterMode::Auto if options.kubeconfig.is_some() => kubeconfig(options).await.map(Some),
        ClusterMode::Auto if is_set("KUBERNETES_SERVICE_HOST") => in_cluster().map(Some),
        ClusterMode::Auto if is_set("KUBECONFIG") || default_kubeconfig().is_some_and(|path| path.is_file()) => {
            kubeconfig(options).await.map(Some)
        }
        ClusterMode::Auto => Ok(None),
    }
}

fn in_cluster() -> Result<Config, Trouble> {
    Config::incluster().map_err(Trouble::of)
}

async fn kubeconfig(options: &ClusterOptions) -> Result<Config, Trouble> {
    let read = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let choice = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(read.map_err(Trouble::of)?, &choice).await.map_err(Trouble::of)
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn default_kubeconfig() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube").join("config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(options: &ClusterOptions) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(connect(options)).map(drop)
    }

    #[test]
    fn no_cluster_is_a_reason() {
        let none = ClusterOptions { mode: ClusterMode::None, ..ClusterOptions::default() };
        assert_eq!(connected(&none).unwrap_err(), "no cluster is configured");
    }

    #[test]
    fn a_kubeconfig_that_is_named_is_used_or_told_of() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        let options = ClusterOptions { kubeconfig: Some(path.clone()), ..ClusterOptions::default() };
        let error = connected(&options).unwrap_err();
        assert!(error.contains("failed to read kubeconfig") && error.contains("No such file"), "{error}");
        std::fs::write(
            &path,
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             contexts: [{name: a, context: {cluster: a, user: a}}]\n\
             clusters: [{name: a, cluster: {server: \"https://127.0.0.1:1\"}}]\n\
             users: [{name: a, user: {}}]\n",
        )
        .unwrap();
        assert_eq!(connected(&options), Ok(()));
        let other = ClusterOptions { context: Some("b".to_owned()), ..options };
        assert!(connected(&other).unwrap_err().contains("context"));
    }

    #[test]
    fn options_read_as_they_are_documented() {
        let options: ClusterOptions = serde_json::from_str(r#"{"mode":"in-cluster","context":"a"}"#).unwrap();
        assert_eq!((options.mode, options.context.as_deref()), (ClusterMode::InCluster, Some("a")));
        assert!(serde_json::from_str::<ClusterOptions>(r#"{"modes":"auto"}"#).is_err());
    }
}
