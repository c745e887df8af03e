//! Runs policy rules, as sandboxed WebAssembly components, over Kubernetes manifests and
//! repository files.
//!
//! Dependencies point one way, top to bottom:
//!
//! | module | owns |
//! | --- | --- |
//! | [`cli`] | arguments, exit codes, what goes to which stream |
//! | [`serve`] | the server: wires, connections, operation |
//! | [`oci`] | bundles in registries: fetched, kept, sent |
//! | [`lsp`] | the language server: findings while a file is written |
//! | [`integrate`] | manifests with which engines ask the server |
//! | [`decide`] | one object under review, one decision |
//! | [`scaffold`] | what a new rule begins with |
//! | [`measure`] | what rules cost |
//! | [`peers`] | which checks of other tools the rules have |
//! | [`fixtures`] | a rule's own tests |
//! | [`render`] | charts and kustomizations, checked as what they deploy |
//! | [`baseline`], [`changes`] | which findings are new, or touched |
//! | [`report`] | results as text |
//! | [`problem`] | what could not be read, as findings |
//! | [`fix`] | fixes applied to text |
//! | [`cluster`] | the inventory of a cluster: watches, and what they keep |
//! | [`images`] | what registries say of images, as documents that rules ask for |
//! | [`evaluate`] | plan, projection, sandbox, memo: from documents to verdicts |
//! | [`sets`] | which documents are deployed together |
//! | [`bundle`] | which rules, with which settings |
//! | [`discover`] | which files |
//! | [`engine`] | the sandbox; the only module that names wasmtime |
//! | [`edit`] | operations on the text of a document |
//! | [`project`], [`workload`] | how rules see a document |
//! | [`manifest`] | what a rule says of itself |
//! | [`problem`] | what is wrong with an input, apart from findings |
//! | [`parse`] | from texts to documents |
//! | [`kinds`] | the registry of kinds of files |
//! | [`kubernetes`] | the types of the fields of Kubernetes objects |
//! | [`language`] | languages in the texts of a document, as trees beside them |
//! | [`document`] | the document model |
//! | [`config`] | what a repository says of how it is checked |
//! | [`trust`] | keys, signatures, and who may be believed |
//! | [`watch`] | waiting for files to change |
//! | [`visible`] | texts of others as terminals, logs and pages may hold them |
//! | [`located`] | files that people write to configure the host |
//! | [`exclusion`] | which paths are not read |
//! | [`files`] | reading files that may be anything |
//! | [`encoding`] | from bytes to text |
//! | [`root`] | where a path is below a directory, and in which repository |
//! | [`sealed`] | files that only we wrote |
//! | [`digest`] | SHA-256, and how it is written |
//! | `system` | what operating systems do differently |

#![warn(clippy::print_stdout, clippy::print_stderr)]

/// Evaluating is many small allocations on every thread, at which musl's own allocator is slow. With glibc the server
/// gives memory back itself, see `serve::memory`.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod baseline;
pub mod bundle;
mod cache;
pub mod changes;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod decide;
pub mod digest;
pub mod discover;
pub mod document;
pub mod edit;
pub mod encoding;
pub mod engine;
pub mod evaluate;
pub mod exclusion;
pub mod files;
pub mod fix;
pub mod fixtures;
pub mod images;
pub mod integrate;
pub mod kinds;
pub mod kubernetes;
pub mod language;
pub mod located;
pub mod lsp;
pub mod manifest;
pub mod measure;
pub mod oci;
pub mod parse;
pub mod peers;
mod plain;
pub mod problem;
pub mod project;
pub mod render;
pub mod report;
pub mod root;
pub mod scaffold;
pub mod sealed;
pub mod serve;
pub mod sets;

mod suggest;
mod system;
pub mod trust;
pub mod visible;
pub mod watch;
pub mod workload;
