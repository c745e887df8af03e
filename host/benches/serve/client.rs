//! A client that does as little as possible, so that the server is what is measured.

use super::reviews::Reviews;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Where to ask.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// The server said that it will close.
    closing: bool,
}

impl Connection {
    async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &target.tls {
            None => Box::new(stream),
            Some(config) => {
                let name = rustls::pki_types::ServerName::from(target.address.ip());
                Box::new(tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name, stream).await?)
            }
        };
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10), closing: false })
    }

    /// Sends a request and reads its answer; gives the status.
    async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let length: usize = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
            while self.buffer.len() < end + 4 + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            self.closing = field("connection:") == Some("close");
            return head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(|| Error::other("no status"));
        }
    }
}

/// A load on one server.
pub struct Load {
    pub target: Target,
    pub connections: usize,
    pub reviews: Reviews,
}

/// What a load came to.
pub struct LoadResult {
    elapsed: Duration,
    /// Sorted.
    latencies: Vec<Duration>,
}

impl LoadResult {
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub fn quantile_millis(&self, share: f64) -> f64 {
        let at = ((self.latencies.len() - 1) as f64 * share).round() as usize;
        self.latencies[at].as_secs_f64() * 1e3
    }
}

impl Load {
    /// Asks for some time.
    pub async fn run(&self, time: Duration) -> Result<LoadResult> {
        let until = Instant::now() + time;
        self.ask_while(move || Instant::now() < until).await
    }

    /// Asks a number of times.
    pub async fn count(&self, count: u64) -> Result<LoadResult> {
        let left = Arc::new(AtomicU64::new(count));
        self.ask_while(move || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        })
        .await
    }

    async fn ask_while(&self, goes_on: impl Fn() -> bool + Clone + Send + 'static) -> Result<LoadResult> {
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..self.connections {
            let (target, reviews, goes_on) = (self.target.clone(), self.reviews.clone(), goes_on.clone());
            tasks.spawn(async move {
                let mut connection = Connection::open(&target).await?;
                let mut latencies = Vec::new();
                let mut request = Vec::new();
                while goes_on() {
                    reviews.next(&mut request);
                    let asked = Instant::now();
                    let status = connection.ask(&request).await?;
                    if status != 200 {
                        return Err(Error::other(format!("answered with {status}")));
                    }
                    latencies.push(asked.elapsed());
                }
                Ok(latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(task) = tasks.join_next().await {
            latencies.extend(task.map_err(Error::other)??);
        }
        latencies.sort();
        Ok(LoadResult { elapsed: started.elapsed(), latencies })
    }
}

/// A load on replicas that come and go. A request whose connection ends before its answer began is asked again of
/// the next replica, as Go's client does; one that finds no replica within a second is lost.
pub struct Persistent {
    stop: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<PersistentResult>,
}

/// What became of the requests.
#[derive(Default)]
pub struct PersistentResult {
    pub answered: u64,
    pub repeated: u64,
    pub lost: u64,
}

impl Persistent {
    pub fn start(targets: &[Target], connections: usize, reviews: Reviews) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = tokio::task::JoinSet::new();
        for first in 0..connections {
            let (targets, reviews, stop) = (targets.to_vec(), reviews.clone(), Arc::clone(&stop));
            tasks.spawn(async move { persist(&targets, first, &reviews, &stop).await });
        }
        Self { stop, tasks }
    }

    pub async fn finish(mut self) -> PersistentResult {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = PersistentResult::default();
        while let Some(Ok(one)) = self.tasks.join_next().await {
            all.answered += one.answered;
            all.repeated += one.repeated;
            all.lost += one.lost;
        }
        all
    }
}

async fn persist(targets: &[Target], first: usize, reviews: &Reviews, stop: &AtomicBool) -> PersistentResult {
    let mut result = PersistentResult::default();
    let mut replica = first;
    let mut open: Option<Connection> = None;
    let mut request = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        reviews.next(&mut request);
        let patience = Instant::now() + Duration::from_secs(1);
        let mut tries = 0;
        loop {
            tries += 1;
            if open.is_none() {
                replica += 1;
                open = Connection::open(&targets[replica % targets.len()]).await.ok();
            }
            let answer = match &mut open {
                Some(connection) => connection.ask(&request).await,
                None => Err(ErrorKind::ConnectionRefused.into()),
            };
            if open.as_ref().is_none_or(|connection| connection.closing || answer.is_err()) {
                open = None;
            }
            if matches!(answer, Ok(200)) {
                result.answered += 1;
                result.repeated += u64::from(tries > 1);
                break;
            }
            if Instant::now() > patience {
                result.lost += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    result
}
