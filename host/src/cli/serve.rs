//! `policy-host serve`

use super::args::ServeArguments;
use super::{CommandResult, Context, Exit};
use crate::cluster::ClusterMode;
use crate::serve::{BundleEntry, Config, serve};

pub(super) fn run(arguments: ServeArguments, context: Context) -> CommandResult {
    let mut config = Config::read(arguments.config.as_deref(), |name| std::env::var(name).ok())?;
    if !arguments.bundle.is_empty() {
        config.bundles = arguments.bundle.into_iter().map(BundleEntry::Reference).collect();
    }
    config.listen = arguments.listen.or(config.listen);
    config.listen_plain = arguments.listen_plain.or(config.listen_plain);
    config.admin = arguments.admin.or(config.admin);
    let tls = &mut config.tls;
    tls.certificate = arguments.tls_cert.or(tls.certificate.take());
    tls.key = arguments.tls_key.or(tls.key.take());
    tls.client_authorities = arguments.client_ca.or(tls.client_authorities.take());
    if let Some(kubeconfig) = arguments.kubeconfig {
        config.cluster.mode = ClusterMode::Kubeconfig;
        config.cluster.kubeconfig = Some(kubeconfig);
    }
    if arguments.no_cluster {
        config.cluster.mode = ClusterMode::None;
    }
    serve(config, context.engine, context.library)?;
    Ok(Exit::Clean)
}
