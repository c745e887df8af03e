//! A language server over standard streams: the findings of `eval` while a file is written, on the same engine.
//!
//! One thread reads, one answers. The one that answers holds everything; the reader tells it by a counter that a
//! text has changed since, and an evaluation that is under way is dropped for the next.

mod answer;
mod server;
mod setup;
mod text;
mod wire;
mod workspace;

use crate::evaluate::Judge;
use lsp_server::Message;
use server::Server;
pub use setup::{Configure, Setup};
use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use wire::Incoming;

/// Messages that wait to be handled; then the client waits to be read.
const WAITING: usize = 1024;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client shut the server down, and then let it go.
    Orderly,
    /// The client was gone, or let the server go without shutting it down.
    Abrupt,
}

/// What the reader tells besides the messages themselves.
#[derive(Default)]
struct Ahead {
    /// How many changes of texts have been read.
    changes: AtomicU64,
    /// Requests that need no answer any more.
    cancelled: Mutex<HashSet<String>>,
}

/// Serves a client until it is gone. `idle` checks nothing: it stands in while there is no configuration.
///
/// # Errors
/// When the client does not speak the protocol, or cannot be written to.
pub fn serve(
    configuration: impl Configure,
    idle: Judge,
    input: impl BufRead + Send + 'static,
    output: impl Write,
) -> io::Result<Ended> {
    let ahead = Arc::new(Ahead::default());
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    let readers = Arc::clone(&ahead);
    // Never joined: it may wait for a client that says nothing any more, and ends with the process.
    std::thread::Builder::new().name("lsp-reader".into()).spawn(move || read(input, &sender, &readers))?;
    Server::new(configuration, idle, output, ahead).run(&receiver)
}

fn read(mut input: impl BufRead, sender: &mpsc::SyncSender<io::Result<Incoming>>, ahead: &Ahead) {
    loop {
        let incoming = wire::read(&mut input);
        let last = matches!(incoming, Err(_) | Ok(Incoming::End));
        if let Ok(Incoming::Message(Message::Notification(notification))) = &incoming {
            if notification.method.starts_with("textDocument/did") {
                ahead.changes.fetch_add(1, Ordering::SeqCst);
            } else if notification.method == "$/cancelRequest" {
                ahead.cancel(&notification.params["id"]);
            }
        }
        if sender.send(incoming).is_err() || last {
            return;
        }
    }
}

/// Requests that are remembered as cancelled; whoever cancels more gets answers.
const CANCELLED: usize = 1024;

impl Ahead {
    fn cancel(&self, id: &serde_json::Value) {
        let mut cancelled = self.cancelled.lock().unwrap_or_else(PoisonError::into_inner);
        if cancelled.len() < CANCELLED {
            cancelled.insert(id.to_string());
        }
    }

    /// Whether a request was cancelled, which is asked once.
    fn take_cancelled(&self, id: &lsp_server::RequestId) -> bool {
        let id = serde_json::to_string(id).unwrap_or_default();
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}
