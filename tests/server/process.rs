//! A running server, and the least client that can ask it anything.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No test waits longer for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Settings that tests want unless they say otherwise: no cluster, ports of their own, no delay at the end.
const BASE: [&str; 4] =
    ["listen: 127.0.0.1:0", "admin: 127.0.0.1:0", "cluster: {mode: none}", "shutdown: {delay: 0s, grace: 20s}"];

/// A running server; killed when this is dropped.
pub(super) struct Server {
    pub(super) directory: TempDir,
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    /// Starts a server with further settings. `DIR` in them stands for its directory, which `prepare` may fill.
    pub(super) fn start(settings: &str, prepare: impl FnOnce(&std::path::Path)) -> Self {
        Self::start_after("true", settings, prepare)
    }

    /// Starts a server in a shell that does something before: sets limits.
    pub(super) fn start_after(before: &str, settings: &str, prepare: impl FnOnce(&std::path::Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let settings = settings.replace("DIR", &directory.path().display().to_string());
        let config = directory.path().join("serve.yaml");
        let given = |line: &&str| settings.lines().any(|set| set.split(':').next() == line.split(':').next());
        let base: Vec<&str> = BASE.into_iter().filter(|line| !given(line)).collect();
        std::fs::write(&config, format!("{}\n{settings}", base.join("\n"))).unwrap();
        let mut command = Command::new("/bin/bash");
        command.args(["-c", &format!("{before} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_policy-host")]);
        command.arg("serve").arg("--config").arg(&config);
        command.env_clear().env("POLICY_HOST_CACHE", directory.path().join("cache"));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (ready, wait) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if entry["message"] == "ready" {
                    let _ = ready.send(());
                }
                sink.lock().unwrap().push(entry);
            }
        });
        if wait.recv_timeout(PATIENCE).is_err() {
            panic!("the server did not start: {:?}", log.lock().unwrap());
        }
        let address = |port: &str| {
            let log = log.lock().unwrap();
            let entry = log.iter().find(|entry| entry["message"] == "listening" && entry["port"] == port)?;
            entry["address"].as_str()?.parse().ok()
        };
        let (listen, admin) = (address("listen").unwrap(), address("admin").unwrap());
        Self { directory, listen, admin, child, log }
    }

    /// A server with the default bundle.
    pub(super) fn default() -> Self {
        Self::start("", |_| {})
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Bytes of memory, by their name in `/proc/PID/status`.
    pub(super) fn memory(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    /// Waits until the process has ended.
    pub(super) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// What was logged so far.
    pub(super) fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// Asks the first port.
    pub(super) fn post(&self, path: &str, body: &str) -> Answer {
        ask(&mut TcpStream::connect(self.listen).unwrap(), &request("POST", path, body.as_bytes()))
    }

    /// Asks the first port with JSON, for JSON.
    pub(super) fn post_json(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Asks the second port.
    pub(super) fn get(&self, path: &str) -> Answer {
        ask(&mut TcpStream::connect(self.admin).unwrap(), &request("GET", path, b""))
    }

    /// The value of a metric, 0 when it is not there; `line` is its name with its labels.
    pub(super) fn metric(&self, line: &str) -> f64 {
        let text = self.get("/metrics").body;
        let found = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or(0.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}:");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::trim)
    }

    /// What a problem says.
    pub(super) fn problem(&self) -> String {
        format!("{} {}", self.status, self.json()["error"]["message"].as_str().unwrap_or_default())
    }
}

/// The bytes of a request.
pub(super) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: policy-host\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Sends a request and reads its answer.
pub(super) fn ask(stream: &mut (impl Read + Write), request: &[u8]) -> Answer {
    try_ask(stream, request).unwrap()
}

/// Sends a request and reads its answer; fails as the connection does.
pub(super) fn try_ask(stream: &mut (impl Read + Write), request: &[u8]) -> std::io::Result<Answer> {
    // What is refused may be answered before all of it was sent.
    let sent = stream.write_all(request).and_then(|()| stream.flush());
    let answer = read_answer(stream);
    if answer.is_err() { sent.and(answer) } else { answer }
}

pub(super) fn read_answer(stream: &mut impl Read) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let mut more = |bytes: &mut Vec<u8>| -> std::io::Result<()> {
        match stream.read(&mut buffer)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes.extend_from_slice(&buffer[..read]);
                Ok(())
            }
        }
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(&mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while bytes.len() < end + 4 + length {
        more(&mut bytes)?;
    }
    let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    let status = head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_default();
    Ok(Answer { status, head, body })
}
