//! How long an editor waits: from a change on the wire until its diagnostics are.

use crate::process::POLICY_HOST;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// Lines of the file that is written.
const LINES: usize = 2000;
/// Changes of it.
const CHANGES: usize = 101;

/// Milliseconds from each change to its diagnostics; the pause that the server waits for is part of them.
pub fn keystrokes() -> io::Result<Vec<f64>> {
    let home = tempfile::tempdir()?;
    let mut child = Command::new(POLICY_HOST)
        .arg("lsp")
        .env("POLICY_HOST_CACHE", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let result = converse(&mut child, home.path());
    child.kill()?;
    child.wait()?;
    result
}

fn converse(child: &mut Child, root: &std::path::Path) -> io::Result<Vec<f64>> {
    let missing = || io::Error::other("no pipe");
    let mut input = child.stdin.take().ok_or_else(missing)?;
    let mut output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
    let uri = format!("file://{}/application.yaml", root.display());
    let initialize = json!({"capabilities": {}, "rootUri": format!("file://{}", root.display())});
    send(&mut input, &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}))?;
    let document = json!({"uri": uri, "languageId": "yaml", "version": 0, "text": application()});
    tell(&mut input, "textDocument/didOpen", json!({"textDocument": document}))?;
    wait(&mut output, 0)?;
    let mut times = Vec::with_capacity(CHANGES);
    for version in 1..=CHANGES {
        // A letter more in the name of a Deployment in the middle: what it is, and what others are told, changes.
        let at = json!({"line": LINES / 2 / DOCUMENT_LINES * DOCUMENT_LINES + 3, "character": 8});
        let change = json!({"range": {"start": at, "end": at}, "text": "x"});
        let document = json!({"uri": uri, "version": version});
        let started = Instant::now();
        tell(&mut input, "textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}))?;
        wait(&mut output, version as i64)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Lines of one document of the file, with its marker.
const DOCUMENT_LINES: usize = 25;

/// Deployments with the usual gaps, one after another.
fn application() -> String {
    let mut text = String::new();
    for index in 0..LINES / DOCUMENT_LINES {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "apiVersion: apps/v1
kind: Deployment
metadata:
  name: service-{index}
  namespace: shop
spec:
  replicas: 3
  selector:
    matchLabels: {{app: service-{index}}}
  template:
    metadata:
      labels: {{app: service-{index}}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: app
          image: registry.example.com/shop/service-{index}:1.4.2
          ports:
            - {{name: http, containerPort: 8080}}
          readinessProbe:
            httpGet: {{path: /readyz, port: http}}
          resources:
            requests: {{cpu: 100m, memory: 128Mi}}
            limits: {{memory: 128Mi}}
---
"
        );
    }
    text
}

fn tell(input: &mut ChildStdin, method: &str, params: Value) -> io::Result<()> {
    send(input, &json!({"jsonrpc": "2.0", "method": method, "params": params}))
}

fn send(input: &mut ChildStdin, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(input, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    input.flush()
}

/// Reads until the diagnostics of a version are there.
fn wait(output: &mut BufReader<ChildStdout>, version: i64) -> io::Result<()> {
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if output.read_line(&mut line)? == 0 {
                return Err(io::Error::other("the server is gone"));
            }
            match line.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().map_err(io::Error::other)?,
                None => break,
            }
        }
        let mut body = vec![0; length];
        output.read_exact(&mut body)?;
        let message: Value = serde_json::from_slice(&body)?;
        if message["params"]["version"] == version {
            return Ok(());
        }
    }
}
