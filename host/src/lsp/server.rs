//! The state of one client, and what happens on each of its messages.

use super::answer::{self, Evaluated};
use super::setup::{Configure, Stamp};
use super::text::Text;
use super::wire::Incoming;
use super::workspace::{self, Workspace};
use super::{Ahead, Ended};
use crate::baseline::Baseline;
use crate::bundle::Level;
use crate::evaluate::{Judge, Session};
use crate::parse::{Limits, SyntaxError};
use crate::visible::visible;
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, Diagnostic,
    DiagnosticSeverity, DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentChanges, HoverParams, HoverProviderCapability, InitializeParams, OneOf,
    OptionalVersionedTextDocumentIdentifier, PublishDiagnosticsParams, Range, ServerCapabilities,
    TextDocumentContentChangeEvent, TextDocumentEdit, TextDocumentSyncCapability, TextDocumentSyncKind, TextEdit, Uri,
    WorkspaceEdit,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How long nothing may be typed before what was typed is checked.
const PAUSE: Duration = Duration::from_millis(15);
/// How long somebody who never pauses waits to be told something.
const PATIENCE: Duration = Duration::from_millis(500);
/// Texts that are open at once.
const OPEN: usize = 1000;
/// Bytes of one text that are kept; what is larger is not checked anyway.
const TEXT_BYTES: usize = 16 << 20;

/// An open text.
struct Open {
    uri: Uri,
    path: PathBuf,
    /// The path that rules see.
    shown: String,
    version: i32,
    text: Text,
    /// Why it is not checked.
    refused: Option<SyntaxError>,
    /// It is not one of our kinds of files.
    foreign: bool,
}

pub(super) struct Server<C, W> {
    configuration: C,
    /// What the configuration was when it was read.
    read: Stamp,
    session: Session,
    level: Level,
    baseline: Option<Baseline>,
    output: W,
    ahead: Arc<Ahead>,
    stage: Stage,
    client: Client,
    workspace: Workspace,
    open: BTreeMap<String, Open>,
    evaluated: Evaluated,
    /// Changes of texts that were handled.
    changes: u64,
    /// Since when, and until when at the latest, changes wait to be checked.
    waiting: Option<(Instant, Instant)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Running,
    ShutDown,
}

/// What the client can do.
#[derive(Default)]
struct Client {
    versioned_edits: bool,
    resolves_edits: bool,
    watches_files: bool,
}

type Answer = Result<Value, (ErrorCode, String)>;

impl<C: Configure, W: Write> Server<C, W> {
    pub(super) fn new(configuration: C, idle: Judge, output: W, ahead: Arc<Ahead>) -> Self {
        Self {
            configuration,
            read: Stamp::default(),
            session: Session::new(idle, Limits::default()),
            level: Level::default(),
            baseline: None,
            output,
            ahead,
            stage: Stage::New,
            client: Client::default(),
            workspace: Workspace::default(),
            open: BTreeMap::new(),
            evaluated: Evaluated::default(),
            changes: 0,
            waiting: None,
        }
    }

    pub(super) fn run(mut self, messages: &mpsc::Receiver<io::Result<Incoming>>) -> io::Result<Ended> {
        loop {
            let incoming = match self.waiting {
                None => messages.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some((quiet, latest)) => {
                    messages.recv_timeout(quiet.min(latest).saturating_duration_since(Instant::now()))
                }
            };
            match incoming {
                Err(mpsc::RecvTimeoutError::Timeout) => self.judge()?,
                Err(mpsc::RecvTimeoutError::Disconnected) | Ok(Ok(Incoming::End)) => return Ok(Ended::Abrupt),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(Incoming::Malformed(why))) => self.malformed(&why)?,
                Ok(Ok(Incoming::Message(Message::Notification(notification)))) => {
                    if notification.method == "exit" {
                        return Ok(if self.stage == Stage::ShutDown { Ended::Orderly } else { Ended::Abrupt });
                    }
                    self.notified(notification)?;
                }
                Ok(Ok(Incoming::Message(Message::Request(request)))) => self.asked(request)?,
                // Answers to what was asked of the client: only registrations, which may fail.
                Ok(Ok(Incoming::Message(Message::Response(_)))) => {}
            }
        }
    }

    fn send(&mut self, message: impl Into<Message>) -> io::Result<()> {
        message.into().write(&mut self.output)
    }

    /// JSON-RPC answers what has no readable id under the id `null`.
    fn malformed(&mut self, why: &str) -> io::Result<()> {
        let error = json!({"code": ErrorCode::ParseError as i32, "message": why});
        let body = json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
        write!(self.output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.output.flush()
    }

    fn log(&mut self, message: String) -> io::Result<()> {
        let params = json!({"type": lsp_types::MessageType::WARNING, "message": visible(&message)});
        self.send(Notification { method: "window/logMessage".to_owned(), params })
    }

    fn asked(&mut self, request: Request) -> io::Result<()> {
        let Request { id, method, params } = request;
        let answer = self.answer(&id, &method, params)?;
        let response = match answer {
            Ok(value) => Response::new_ok(id, value),
            Err((code, message)) => Response::new_err(id, code as i32, visible(&message).into_owned()),
        };
        self.send(response)?;
        if method == "initialize" && self.stage == Stage::Running {
            self.watch_files()?;
            self.configure()?;
        }
        Ok(())
    }

    fn answer(&mut self, id: &RequestId, method: &str, params: Value) -> io::Result<Answer> {
        if self.ahead.take_cancelled(id) {
            return Ok(Err((ErrorCode::RequestCanceled, "cancelled".to_owned())));
        }
        let refused = |code, message: &str| Ok(Err((code, message.to_owned())));
        match (self.stage, method) {
            (Stage::New, "initialize") => return Ok(parsed(params).map(|params| self.initialize(&params))),
            (Stage::New, _) => return refused(ErrorCode::ServerNotInitialized, "`initialize` comes first"),
            (Stage::Running, "initialize") => return refused(ErrorCode::InvalidRequest, "already initialized"),
            (Stage::ShutDown, _) => return refused(ErrorCode::InvalidRequest, "shut down"),
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                self.waiting = None;
                return Ok(Ok(Value::Null));
            }
            (Stage::Running, _) => {}
        }
        // What is asked about is the text as it is now.
        if self.waiting.is_some() && matches!(method, "textDocument/hover" | "textDocument/codeAction") {
            self.judge_now()?;
        }
        Ok(match method {
            "textDocument/hover" => parsed(params).map(|params| self.hover(&params)),
            "textDocument/codeAction" => parsed(params).map(|params| self.code_actions(&params)),
            "codeAction/resolve" => parsed(params).map(|action| self.resolve(action)),
            _ => Err((ErrorCode::MethodNotFound, format!("there is no method `{method}`"))),
        })
    }

    fn notified(&mut self, notification: Notification) -> io::Result<()> {
        let Notification { method, params } = notification;
        if method.starts_with("textDocument/did") {
            self.changes += 1;
        }
        if self.stage != Stage::Running {
            return Ok(());
        }
        let handled = match method.as_str() {
            "textDocument/didOpen" => parsed(params).map(|params| self.did_open(params)),
            "textDocument/didChange" => parsed(params).map(|params| self.did_change(params)),
            "textDocument/didClose" => parsed(params).map(|params| self.did_close(&params)),
            "workspace/didChangeWatchedFiles" => parsed(params).map(|params| {
                self.files_changed(&params);
                Ok(())
            }),
            _ => return Ok(()),
        };
        match handled {
            Ok(done) => done,
            Err((_, why)) => self.log(format!("{method}: {why}")),
        }
    }

    fn initialize(&mut self, params: &InitializeParams) -> Value {
        let workspace = params.capabilities.workspace.as_ref();
        let document = params.capabilities.text_document.as_ref();
        let resolves = document.and_then(|document| document.code_action.as_ref()?.resolve_support.as_ref());
        self.client = Client {
            versioned_edits: workspace
                .and_then(|workspace| workspace.workspace_edit.as_ref()?.document_changes)
                .unwrap_or_default(),
            resolves_edits: resolves.is_some_and(|support| support.properties.iter().any(|name| name == "edit")),
            watches_files: workspace
                .and_then(|workspace| workspace.did_change_watched_files.as_ref()?.dynamic_registration)
                .unwrap_or_default(),
        };
        #[allow(deprecated, reason = "some clients send nothing else")]
        let folders: Vec<&Uri> = match &params.workspace_folders {
            Some(folders) => folders.iter().map(|folder| &folder.uri).collect(),
            None => params.root_uri.iter().collect(),
        };
        let roots = folders.into_iter().filter_map(|uri| workspace::path_of(uri.as_str())).filter(|path| path.is_dir());
        self.workspace = Workspace::new(roots.collect());
        self.stage = Stage::Running;
        let capabilities = ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::INCREMENTAL)),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, fix_all_kind()]),
                resolve_provider: Some(true),
                ..CodeActionOptions::default()
            })),
            ..ServerCapabilities::default()
        };
        let server = json!({"name": "policy-host", "version": env!("CARGO_PKG_VERSION")});
        json!({"capabilities": capabilities, "serverInfo": server})
    }

    /// Reads the configuration, and the workspace as it says. While something is wrong with it, that is told, and what
    /// was read before goes on to hold.
    fn configure(&mut self) -> io::Result<()> {
        let configured = self.configuration.configure(self.workspace.roots());
        self.read = Stamp::of(self.configuration.files());
        let setup = match configured {
            Ok(setup) => setup,
            Err(why) => return self.show_error(&why),
        };
        self.session = Session::new(setup.judge, Limits::default());
        (self.level, self.baseline) = (setup.level, setup.baseline);
        self.workspace = Workspace::open(self.workspace.roots().to_vec(), setup.excluded, setup.named, &self.session);
        let open: Vec<String> = self.open.keys().cloned().collect();
        open.iter().for_each(|name| self.update(name));
        Ok(())
    }

    fn show_error(&mut self, message: &str) -> io::Result<()> {
        let params = json!({"type": lsp_types::MessageType::ERROR, "message": visible(message)});
        self.send(Notification { method: "window/showMessage".to_owned(), params })
    }

    /// Asks to be told of files that somebody else writes.
    fn watch_files(&mut self) -> io::Result<()> {
        if !self.client.watches_files {
            return Ok(());
        }
        let patterns = self.session.judge().bundle().wanted().globs();
        let watchers: Vec<Value> = patterns.iter().map(|pattern| json!({"globPattern": pattern})).collect();
        let registration = json!({
            "id": "files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": {"watchers": watchers},
        });
        let params = json!({"registrations": [registration]});
        let id = RequestId::from("files".to_owned());
        self.send(Request { id, method: "client/registerCapability".to_owned(), params })
    }

    fn did_open(&mut self, params: DidOpenTextDocumentParams) -> io::Result<()> {
        let document = params.text_document;
        let Some(path) = workspace::path_of(document.uri.as_str()) else { return Ok(()) };
        let name = document.uri.as_str().to_owned();
        if self.open.len() >= OPEN && !self.open.contains_key(&name) {
            return self.log(format!("{name} is not checked: more than {OPEN} files are open"));
        }
        let shown = self.workspace.shown(&path);
        let text = Text::new(document.text);
        let (uri, version) = (document.uri, document.version);
        self.open.insert(name.clone(), Open { uri, path, shown, version, text, refused: None, foreign: false });
        self.update(&name);
        Ok(())
    }

    fn did_change(&mut self, params: DidChangeTextDocumentParams) -> io::Result<()> {
        let name = params.text_document.uri.as_str().to_owned();
        let Some(open) = self.open.get_mut(&name) else {
            return self.log(format!("{name} changed, but is not open"));
        };
        open.version = params.text_document.version;
        for TextDocumentContentChangeEvent { range, text, .. } in params.content_changes {
            open.text = match range {
                Some(range) => open.text.replaced(range, &text),
                None => Text::new(text),
            };
            if open.text.as_str().len() > TEXT_BYTES {
                // From here on only a change that brings the whole text can be followed.
                open.text = Text::new("#".repeat(self.session.limits().bytes + 1));
            }
        }
        self.update(&name);
        Ok(())
    }

    fn did_close(&mut self, params: &DidCloseTextDocumentParams) -> io::Result<()> {
        let Some(open) = self.open.remove(params.text_document.uri.as_str()) else { return Ok(()) };
        self.workspace.reload(&open.path, &self.session);
        self.wait();
        self.publish(open.uri, None, Vec::new())
    }

    fn files_changed(&mut self, params: &DidChangeWatchedFilesParams) {
        for change in &params.changes {
            let path = workspace::path_of(change.uri.as_str());
            let is_open = |path: &PathBuf| self.open.values().any(|open| open.path == *path);
            let Some(path) = path else { continue };
            if !is_open(&path) {
                self.workspace.reload(&path, &self.session);
            }
            // Also of a text that is open: it may be the configuration.
            self.wait();
        }
    }

    /// Takes an open text into the workspace.
    fn update(&mut self, name: &str) {
        if let Some(open) = self.open.get_mut(name) {
            let set = self.workspace.set(&open.path, open.text.as_str(), &self.session);
            open.foreign = set == Ok(false);
            open.refused = set.err();
            self.wait();
        }
    }

    fn wait(&mut self) {
        let now = Instant::now();
        let latest = self.waiting.map_or(now + PATIENCE, |(_, latest)| latest);
        self.waiting = Some((now + PAUSE, latest));
    }

    /// Checks after a pause; another change on the way ends it, until somebody has waited too long.
    fn judge(&mut self) -> io::Result<()> {
        let Some((_, latest)) = self.waiting else { return Ok(()) };
        let (ahead, handled) = (Arc::clone(&self.ahead), self.changes);
        let patient = Instant::now() < latest;
        self.judge_unless(&move || patient && ahead.changes.load(Ordering::SeqCst) != handled)
    }

    fn judge_now(&mut self) -> io::Result<()> {
        self.judge_unless(&|| false)
    }

    fn judge_unless(&mut self, cancelled: &(dyn Fn() -> bool + Sync)) -> io::Result<()> {
        if self.read.is_old() {
            self.configure()?;
        }
        let units = self.workspace.units(&self.session);
        let Some((units, result)) = self.session.run(&units, self.workspace.surroundings(), cancelled) else {
            // What ended it is already on its way.
            let latest = self.waiting.map_or_else(Instant::now, |(_, latest)| latest);
            self.waiting = Some((Instant::now() + PAUSE, latest));
            return Ok(());
        };
        self.waiting = None;
        let bundle = self.session.judge().bundle();
        self.evaluated = Evaluated::new(units, result, bundle, self.level, self.baseline.as_ref());
        let told: Vec<(Uri, i32, Vec<Diagnostic>)> =
            self.open.values().map(|open| (open.uri.clone(), open.version, self.diagnostics(open))).collect();
        for (uri, version, diagnostics) in told {
            self.publish(uri, Some(version), diagnostics)?;
        }
        Ok(())
    }

    fn diagnostics(&self, open: &Open) -> Vec<Diagnostic> {
        match &open.refused {
            _ if open.foreign => Vec::new(),
            Some(error) => {
                let message = visible(&error.message).into_owned();
                vec![answer::problem(Range::default(), DiagnosticSeverity::ERROR, "syntax", message)]
            }
            None => self.evaluated.diagnostics(&open.shown, &open.uri, &open.text, self.session.judge().bundle()),
        }
    }

    fn publish(&mut self, uri: Uri, version: Option<i32>, diagnostics: Vec<Diagnostic>) -> io::Result<()> {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        let params = serde_json::to_value(params)?;
        self.send(Notification { method: "textDocument/publishDiagnostics".to_owned(), params })
    }

    fn hover(&self, params: &HoverParams) -> Value {
        let at = &params.text_document_position_params;
        let hover = self.open.get(at.text_document.uri.as_str()).and_then(|open| {
            let bundle = self.session.judge().bundle();
            self.evaluated.hover(&open.shown, open.text.offset(at.position), &open.text, bundle)
        });
        json!(hover)
    }

    fn code_actions(&self, params: &CodeActionParams) -> Value {
        let Some(open) = self.open.get(params.text_document.uri.as_str()).filter(|open| open.refused.is_none()) else {
            return json!([]);
        };
        let wanted = |kind: &CodeActionKind| {
            let only = params.context.only.as_ref();
            only.is_none_or(|only| only.iter().any(|asked| covers(asked.as_str(), kind.as_str())))
        };
        let mut actions = Vec::new();
        if wanted(&CodeActionKind::QUICKFIX) {
            actions.extend(self.quick_fixes(open, params.range));
        }
        let fixable = |found: answer::Found<'_>| found.finding.fix.as_ref().is_some_and(|fix| fix.safe);
        if wanted(&fix_all_kind()) && self.evaluated.found(&open.shown).any(fixable) {
            let action = CodeAction {
                title: "policy-host: fix all that is safe".to_owned(),
                kind: Some(fix_all_kind()),
                data: Some(json!({"uri": open.uri.as_str(), "version": open.version})),
                ..CodeAction::default()
            };
            actions.push(if self.client.resolves_edits { action } else { self.with_all_fixes(action, open) });
        }
        json!(actions)
    }

    fn quick_fixes(&self, open: &Open, range: Range) -> Vec<CodeAction> {
        let (start, end) = (open.text.offset(range.start), open.text.offset(range.end));
        let bundle = self.session.judge().bundle();
        let touched = |found: &answer::Found<'_>| found.bytes.start <= end && start <= found.bytes.end;
        let actions = self.evaluated.found(&open.shown).filter(touched).filter_map(|found| {
            let fix = found.finding.fix.as_ref()?;
            // One that cannot be applied to this text is not offered.
            let secrets = &self.evaluated.secrets;
            let edits = found.edits(&open.text, &open.shown, &self.session, secrets).ok().flatten()?;
            let id = bundle.rules[usize::from(found.rule)].id();
            let unsafe_ = if fix.safe { "" } else { " (unsafe)" };
            let title = visible(&format!("{id}: {}{unsafe_}", fix.title)).into_owned();
            Some(CodeAction {
                title,
                kind: Some(CodeActionKind::QUICKFIX),
                is_preferred: Some(fix.safe),
                edit: Some(self.workspace_edit(open, edits)),
                ..CodeAction::default()
            })
        });
        actions.collect()
    }

    /// The edit of an action that was offered without, if the text is still the one that it was offered for.
    fn resolve(&self, action: CodeAction) -> Value {
        let data = action.data.clone().unwrap_or_default();
        let open = data["uri"].as_str().and_then(|uri| self.open.get(uri));
        match open.filter(|open| data["version"] == open.version) {
            Some(open) => json!(self.with_all_fixes(action, open)),
            None => json!(action),
        }
    }

    fn with_all_fixes(&self, action: CodeAction, open: &Open) -> CodeAction {
        let (of, surroundings) = ((&open.text, open.shown.as_str()), self.workspace.surroundings());
        let edits = answer::fix_all(&self.evaluated, of, &self.session, surroundings);
        CodeAction { edit: edits.map(|edits| self.workspace_edit(open, edits)), ..action }
    }

    #[allow(clippy::mutable_key_type, reason = "the protocol's own type; nobody changes a key")]
    fn workspace_edit(&self, open: &Open, edits: Vec<TextEdit>) -> WorkspaceEdit {
        if !self.client.versioned_edits {
            return WorkspaceEdit::new(HashMap::from([(open.uri.clone(), edits)]));
        }
        let edit = TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier {
                uri: open.uri.clone(),
                version: Some(open.version),
            },
            edits: edits.into_iter().map(OneOf::Left).collect(),
        };
        WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(vec![edit])), ..WorkspaceEdit::default() }
    }
}

fn fix_all_kind() -> CodeActionKind {
    CodeActionKind::new("source.fixAll.policy-host")
}

/// Whether a kind is another, or below it: `source` covers `source.fixAll`.
fn covers(kind: &str, other: &str) -> bool {
    other.strip_prefix(kind).is_some_and(|rest| kind.is_empty() || rest.is_empty() || rest.starts_with('.'))
}

fn parsed<P: DeserializeOwned>(params: Value) -> Result<P, (ErrorCode, String)> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}
