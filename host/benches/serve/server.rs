//! A server on a core of its own.

use super::Result;
use super::authority::Authority;
use super::client::Target;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const POLICY_HOST: &str = env!("CARGO_BIN_EXE_policy-host");
const BUNDLE: &str = include_str!("../../../bundles/default.yaml");
/// The server's core.
const CORE: &str = "0";

/// How a server is set up.
#[derive(Default)]
pub struct Setup<'s> {
    pub memo: bool,
    pub tls: Option<&'s Authority>,
}

/// A running server; it is stopped when this is dropped.
pub struct Server {
    directory: TempDir,
    child: Child,
    listen: SocketAddr,
    admin: SocketAddr,
    tls: Option<Arc<rustls::ClientConfig>>,
    pub ready_after: Duration,
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let (listen, admin) = (free_address()?, free_address()?);
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("bundle.yaml"), BUNDLE)?;
        let mut config = format!(
            "listen: {listen}\nadmin: {admin}\nbundles: [{}]\ncluster: {{mode: none}}\nlog: {{level: error}}\n\
             memo: {{bytes: {}}}\nshutdown: {{delay: 300ms, grace: 10s}}\n",
            path("bundle.yaml").display(),
            if setup.memo { 16 << 20 } else { 0 }
        );
        if let Some(authority) = setup.tls {
            authority.write_server_files(directory.path());
            let file = |name: &str| path(name).display().to_string();
            writeln!(
                config,
                "tls: {{certificate: {}, key: {}, clientAuthorities: {}, clientCertificates: all}}",
                file("server.pem"),
                file("server.key"),
                file("ca.pem")
            )?;
        }
        std::fs::write(path("serve.yaml"), config)?;
        let (child, ready_after) = spawn(directory.path(), admin)?;
        let tls = setup.tls.map(|authority| authority.client(Some(authority)));
        Ok(Self { directory, child, listen, admin, tls, ready_after })
    }

    pub fn target(&self) -> Target {
        Target { address: self.listen, tls: self.tls.clone() }
    }

    pub fn resident_megabytes(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most that was resident since it started.
    pub fn peak_megabytes(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Writes another version of the bundle and tells the server.
    pub fn change_bundle_and_reload(&self) -> Result<()> {
        let path = self.directory.path().join("bundle.yaml");
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(&path, format!("{text}# once more\n"))?;
        self.signal("HUP")
    }

    /// Lets it end as a rollout does, and starts it again.
    pub async fn restart(&mut self) -> Result<()> {
        self.signal("TERM")?;
        while self.child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (directory, admin) = (self.directory.path().to_owned(), self.admin);
        let started = tokio::task::spawn_blocking(move || spawn(&directory, admin).map_err(|error| error.to_string()));
        (self.child, self.ready_after) = started.await??;
        Ok(())
    }

    fn signal(&self, name: &str) -> Result<()> {
        Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &Path, admin: SocketAddr) -> Result<(Child, Duration)> {
    let started = Instant::now();
    let child = Command::new("taskset")
        .args(["--cpu-list", CORE, POLICY_HOST, "serve", "--config"])
        .arg(directory.join("serve.yaml"))
        .env("POLICY_HOST_CACHE", directory.join("cache"))
        .stdin(Stdio::null())
        .spawn()?;
    while !is_ready(admin) {
        if started.elapsed() > Duration::from_secs(10) {
            return Err("the server did not become ready".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((child, started.elapsed()))
}

fn is_ready(admin: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(admin)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: policy-host\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Keeps this process on one core.
pub fn pin_this_process(core: usize) -> Result<()> {
    let id = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["--pid", "--all-tasks", "--cpu-list", &core.to_string(), &id])
        .stdout(Stdio::null())
        .status()?;
    if pinned.success() { Ok(()) } else { Err("taskset (util-linux) failed: are there two cores?".into()) }
}
