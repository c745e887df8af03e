//! Loads that would take more memory than a container has, if they were let.

use super::Result;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A load.
pub struct Burst {
    pub name: &'static str,
    connections: usize,
    request: Vec<u8>,
    /// Whether the last byte is kept back until all others are there, so that all bodies are held at once.
    held: bool,
}

/// What became of the requests.
#[derive(Default)]
pub struct Counts {
    pub answered: u64,
    pub refused: u64,
}

/// Every load that the budget is for.
pub fn all() -> Vec<Burst> {
    let mutation = |beside: &str| request("/mutate/twelve-factor", &review(beside));
    let large = mutation(&format!("[{}1]", "11,".repeat(900_000)));
    let keys: Vec<String> = (0..120_000).map(|at| format!("\"{at:x}\":{{\"a\":{{}}}}")).collect();
    let burst = |name, connections, request, held| Burst { name, connections, request, held };
    vec![
        burst("peak: 16 mutations of 2.7 MB, 900,000 values", 16, large.clone(), false),
        burst("peak: 150 mutations of 2.7 MB, 900,000 values", 150, large, false),
        burst("peak: 150 mutations of 240,000 keys", 150, mutation(&format!("{{{}}}", keys.join(","))), false),
        burst("peak: 100 bodies of 8 MiB at once", 100, request("/validate/twelve-factor", &" ".repeat(8 << 20)), true),
    ]
}

impl Burst {
    /// Sends all requests at once, and reads the answers.
    pub fn run(&self, server: SocketAddr) -> Result<Counts> {
        let (answered, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        let gate = std::sync::Barrier::new(self.connections);
        std::thread::scope(|scope| {
            for _ in 0..self.connections {
                scope.spawn(|| {
                    let status = self.ask(server, &gate).unwrap_or_default();
                    let counter = if status == 200 { &answered } else { &refused };
                    counter.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Ok(Counts { answered: answered.into_inner(), refused: refused.into_inner() })
    }

    /// Sends the request, and gives the answer's status.
    fn ask(&self, server: SocketAddr, gate: &std::sync::Barrier) -> std::io::Result<u16> {
        let (head, last) = self.request.split_at(self.request.len() - usize::from(self.held));
        let opened = TcpStream::connect(server);
        gate.wait();
        let sent = opened.and_then(|mut stream| stream.write_all(head).map(|()| stream));
        // Whoever failed is waited for by the others all the same.
        if self.held {
            gate.wait();
        }
        let mut stream = sent?;
        stream.write_all(last)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(std::str::from_utf8(&start[9..]).ok().and_then(|code| code.parse().ok()).unwrap_or_default())
    }
}

fn request(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: policy-host\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A review of a Deployment that can be cured, with some JSON beside.
fn review(beside: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"1","operation":"CREATE",
        "kind":{{"group":"apps","version":"v1","kind":"Deployment"}},"namespace":"shop","name":"web",
        "userInfo":{{"username":"u"}},"object":{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web"}},
        "spec":{{"template":{{"spec":{{"containers":[{{"name":"app","image":"app:1.0.0"}}]}}}},"beside":{beside}}}}}}}}}"#
    )
}
