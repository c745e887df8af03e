//! `policy-host serve`: one verdict for Gatekeeper, Kyverno and the API server.
//!
//! ```text
//! connection ─ router ─ wire: read ─► review: from memory, else by a worker ─► wire: write
//!                                        │
//!                            serving: bundles and inventory, replaced as a whole by load
//! ```
//!
//! | module | owns |
//! | --- | --- |
//! | `config` | what can be set, and where |
//! | `connection`, `peer`, `tls` | accepting, certificates, bounds on slow peers |
//! | `router` | paths, methods, who may ask, how much |
//! | `wire` | how each engine asks and is answered |
//! | `review` | the way of a request, whatever its wire |
//! | `workers` | the bounded queue |
//! | `memory`, `descriptors` | what all requests may hold together |
//! | `load`, `follow` | what is served, and following its files and tags |
//! | `admin`, `status_page`, `metrics`, `log`, `denials` | what an operator sees |

mod admin;
mod config;
mod connection;
mod denials;
mod descriptors;
mod follow;
mod load;
mod log;
mod memory;
mod metrics;
mod peer;
mod review;
mod router;
mod state;
mod status_page;
mod tls;
mod wire;
mod workers;

pub use config::{BundleEntry, Config, ConfigError};
pub use load::LoadError;
pub use log::LogError;
pub use tls::TlsError;

use crate::bundle::Library;
use crate::cluster::ClusterMode;
use crate::engine::Engine;
use crate::system::Signals;
use arc_swap::ArcSwap;
use connection::Listener;
use descriptors::DescriptorError;
use load::{Loader, Reloader};
use memory::Budget;
use metrics::Metrics;
use state::{App, Phase};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tls::Certificates;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use workers::Workers;

/// How long the server, or a reload, waits for the inventory of a cluster.
const SYNC_PATIENCE: Duration = Duration::from_secs(10);

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration does not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A bundle could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A certificate could not be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Logs or traces could not be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An address could not be listened on.
    #[error("`{field}`: {address}: {source}")]
    Listen {
        /// The field of the configuration.
        field: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The process may not open enough files and connections.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// The machine does not let it start.
    #[error("the server could not start: {0}")]
    Start(#[from] std::io::Error),
}

/// Serves until SIGTERM or SIGINT; then finishes what is in flight and comes back.
///
/// # Errors
/// When it cannot start. Once it serves, nothing that comes in ends it.
pub fn serve(config: Config, engine: Arc<Engine>, library: Library) -> Result<(), ServeError> {
    let started = Instant::now();
    config.check()?;
    memory::allocator::set_up();
    let telemetry = log::start(&config)?;
    let metrics = Arc::new(Metrics::new());
    let certificates = Certificates::load(&config)?;
    if let Some(certificates) = &certificates {
        load::show_expiry(&metrics, certificates);
    }
    let certificates = certificates.map(|certificates| Arc::new(ArcSwap::new(certificates)));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if config.limits.workers == 0 { cores } else { config.limits.workers };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads)
        .max_blocking_threads(threads)
        // A guest's stack is on its thread's.
        .thread_stack_size(4 << 20)
        .thread_name("review")
        .build()?;
    let mut loader = {
        // The watches of the inventory are tasks of this runtime.
        let _entered = runtime.enter();
        let client = runtime.block_on(crate::cluster::connect(&config.cluster));
        if let (Err(reason), true) = (&client, config.cluster.mode != ClusterMode::None) {
            tracing::warn!(reason, "there is no cluster to ask: rules that need other objects are not evaluated");
        }
        Loader::new(engine, library, client, &config)?
    };
    let serving = {
        let _entered = runtime.enter();
        loader.load()?
    };
    let workers = Workers::new(threads, config.limits.queue, Arc::clone(&metrics));
    let budget = Budget::new(config.limits.memory_bytes);
    let app = Arc::new(App::new(config, serving, metrics, workers, budget, loader.images()));
    load::show_bundles(&app);

    let admin = start_admin(&app)?;
    let served = runtime.block_on(run(&app, loader, certificates, started));
    // Jobs that nobody waits for any more must not hold the process.
    runtime.shutdown_background();
    drop(admin);
    drop(telemetry);
    served
}

/// Starts the second port on a thread of its own.
fn start_admin(app: &Arc<App>) -> Result<tokio::runtime::Runtime, ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(1)
        .max_blocking_threads(1)
        .thread_name("admin")
        .build()?;
    let socket = runtime.block_on(listen("admin", app.config.admin()))?;
    runtime.spawn(admin::run(socket, Arc::clone(app)));
    Ok(runtime)
}

async fn listen(field: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    let socket = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { field, address, source })?;
    let bound = socket.local_addr().unwrap_or(address);
    tracing::info!(port = field, address = %bound, "listening");
    Ok(socket)
}

async fn run(
    app: &Arc<App>,
    loader: Loader,
    certificates: Option<Arc<ArcSwap<Certificates>>>,
    started: Instant,
) -> Result<(), ServeError> {
    let Signals { mut end, reload } = Signals::catch()?;
    // By now all is open that a server opens for itself.
    let connections = descriptors::connections(app.config.limits.connections)?;
    let places = Arc::new(Semaphore::new(connections));
    tokio::spawn(memory::give_back(Arc::clone(&app.memory)));
    if certificates.is_none() {
        let address = app.config.listen();
        let who = if address.ip().is_loopback() { "only this machine" } else { "other machines" };
        tracing::warn!(address = %address, "no TLS certificate is configured: {who} can call, by plain HTTP");
    }
    let ports =
        [("listen", Some(app.config.listen()), certificates.clone()), ("listenPlain", app.config.listen_plain, None)];
    let mut bound = Vec::new();
    for (field, address, certificates) in ports {
        if let Some(address) = address {
            let socket = listen(field, address).await?;
            bound.push(Listener { socket, certificates, app: Arc::clone(app), places: Arc::clone(&places) });
        }
    }
    tokio::spawn(Reloader { app: Arc::clone(app), loader, certificates }.run(reload));
    // Until the inventory is there nobody is answered, since rules that are not evaluated may let objects
    // pass. A kind that takes longer is not available, which its rules then say.
    let inventory = app.serving.load().inventory.clone();
    tokio::select! {
        _ = inventory.synced(SYNC_PATIENCE) => {}
        () = end.received() => return Ok(()),
    }
    drop(inventory);
    let mut listeners: tokio::task::JoinSet<()> = bound.into_iter().map(Listener::run).collect();
    app.advance(Phase::Serving);
    let bundles = load::names(&app.serving.load());
    tracing::info!(bundles, millis = started.elapsed().as_millis() as u64, "ready");

    tokio::select! {
        () = end.received() => {}
    }
    tracing::info!("stopping");
    app.advance(Phase::Draining);
    tokio::time::sleep(app.config.shutdown.delay.get()).await;
    app.advance(Phase::Stopping);
    let finished = async { while listeners.join_next().await.is_some() {} };
    if tokio::time::timeout(app.config.shutdown.grace.get(), finished).await.is_err() {
        tracing::warn!(connections = app.metrics.connections.get(), "not everything finished in time");
    }
    tracing::info!("stopped");
    Ok(())
}
