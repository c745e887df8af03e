//! `policy-host bundle build`, `push`, `pull`, `inspect`, `list`, `copy`, `save`, `load`: bundles in registries,
//! layouts and archives.

use super::args::{
    BuildArguments, CopyArguments, Format, InspectBundleArguments, LoadArguments, PullArguments, PushArguments,
    SaveArguments, TagsArguments, TrustArguments,
};
use super::terminal::{errln, outln};
use super::{CommandResult, Context, Exit, oci, progress, terminal};
use crate::bundle::{Bundle, BundleRule, Definition};
use crate::edit::write_yaml;
use crate::located::Located;
use crate::oci::artifact::{self, Built, Recipe};
use crate::oci::layout::{Contents, Layout, Listing};
use crate::oci::model::{Index, Manifest, annotation};
use crate::oci::{Fetched, Locking, OciError, Reference, Repository, Store, archive, limits, title};
use crate::workload::WorkloadKinds;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

type Output<T> = Result<T, Box<dyn std::error::Error>>;

/// Copying and saving run nothing: whoever runs it decides by what right.
const CARRIED: TrustArguments = TrustArguments { trust: None, allow_unsigned: true };

pub(super) fn build(arguments: &BuildArguments, context: &mut Context) -> CommandResult {
    let built = build_bundle(&arguments.bundle, context)?;
    let listing = Listing { root: built.root.clone(), name: None, referrers: Vec::new() };
    write(&arguments.out, &listing, &built)?;
    outln!("{}", built.root.digest);
    Ok(Exit::Clean)
}

pub(super) fn push(arguments: &PushArguments, context: &mut Context) -> CommandResult {
    let target: Reference = arguments.reference.parse()?;
    if target.tag.is_none() {
        return Err("push wants a tag: oci://registry.example/team/bundle:1.0".into());
    }
    let session = oci::session(&arguments.registry, &CARRIED)?;
    let path = Path::new(&arguments.bundle);
    let pushed = if Layout::is_one(path) {
        let layout = Layout::open(path)?;
        let shown = progress::transfer("sending", &session.progress);
        let pushed = session.push(&target, &layout.listing, &layout)?;
        shown.stop();
        pushed
    } else if is_archive(path) {
        let home = tempfile::tempdir()?;
        let store = Store::open(&home.path().join("store"))?;
        let listing = archive::read(path, &store)?;
        let shown = progress::transfer("sending", &session.progress);
        let pushed = session.push(&target, &listing, &store)?;
        shown.stop();
        pushed
    } else {
        let built = build_bundle(&arguments.bundle, context)?;
        let listing = Listing { root: built.root.clone(), name: None, referrers: Vec::new() };
        let shown = progress::transfer("sending", &session.progress);
        let pushed = session.push(&target, &listing, &built)?;
        shown.stop();
        pushed
    };
    if arguments.format == Format::Json {
        let tags: serde_json::Map<String, Value> =
            pushed.tags.iter().map(|(program, tag)| ((*program).to_owned(), tag.to_string().into())).collect();
        return printed(&json!({
            "reference": pushed.reference.to_string(),
            "digest": pushed.reference.digest,
            "blobsSent": pushed.sent,
            "tags": tags,
        }));
    }
    outln!("{}", pushed.reference);
    for (program, tag) in &pushed.tags {
        errln!("for {program}: {tag}");
    }
    Ok(Exit::Clean)
}

pub(super) fn pull(arguments: &PullArguments) -> CommandResult {
    let reference: Reference = arguments.reference.parse()?;
    let session = oci::session(&arguments.registry, &arguments.trust)?;
    let mut locking = oci::locking(&arguments.lock)?;
    let shown = progress::transfer("fetching", &session.progress);
    let fetched = session.pull(&reference, &mut locking)?;
    shown.stop();
    if arguments.format == Format::Json {
        return printed(&json!({
            "reference": fetched.reference.to_string(),
            "digest": fetched.descriptor.digest,
            "bundle": title(&fetched.index),
            "components": components(&fetched.index),
            "blobsFetched": session.progress.blobs().0,
            "admitted": fetched.admission.0,
        }));
    }
    outln!("{}", fetched.reference);
    let blobs = session.progress.blobs().0;
    errln!(
        "{}: {} rules; {}; {blobs} blobs fetched",
        title(&fetched.index),
        components(&fetched.index),
        fetched.admission.0
    );
    Ok(Exit::Clean)
}

pub(super) fn list(arguments: &TagsArguments) -> CommandResult {
    let repository: Repository = arguments.repository.parse()?;
    let session = oci::session(&arguments.registry, &CARRIED)?;
    let mut tags = session.tags(&repository)?;
    // Where signatures are kept for registries that list none.
    tags.retain(|tag| !tag.starts_with("sha256-"));
    if arguments.format == Format::Json {
        return printed(&json!({ "repository": repository.to_string(), "tags": tags }));
    }
    for tag in tags {
        outln!("{}", tag);
    }
    Ok(Exit::Clean)
}

pub(super) fn copy(arguments: &CopyArguments) -> CommandResult {
    let target: Reference = arguments.to.parse()?;
    let session = oci::session(&arguments.registry, &CARRIED)?;
    let shown = progress::transfer("copying", &session.progress);
    let fetched = session.pull(&arguments.from.parse()?, &mut Locking::None)?;
    let listing = session.listing(&fetched)?;
    let pushed = session.push(&target, &listing, &session.store)?;
    shown.stop();
    outln!("{}", pushed.reference);
    errln!("with {} signatures and attestations", listing.referrers.len());
    Ok(Exit::Clean)
}

pub(super) fn save(arguments: &SaveArguments) -> CommandResult {
    let session = oci::session(&arguments.registry, &CARRIED)?;
    let shown = progress::transfer("fetching", &session.progress);
    let fetched = session.pull(&arguments.reference.parse()?, &mut oci::locking(&arguments.lock)?)?;
    let listing = session.listing(&fetched)?;
    shown.stop();
    let _guard = session.store.begin().map_err(OciError::from)?;
    write(&arguments.out, &listing, &session.store)?;
    outln!("{}", fetched.reference);
    Ok(Exit::Clean)
}

pub(super) fn load(arguments: &LoadArguments) -> CommandResult {
    let store = oci::store(arguments.store.as_deref())?;
    let _guard = store.begin().map_err(OciError::from)?;
    let path = &arguments.file;
    let listing = if Layout::is_one(path) {
        let layout = Layout::open(path)?;
        for part in artifact::contents(&layout.listing.root, &layout.listing.referrers, &layout)? {
            store.put(&layout.content(part.descriptor.digest, part.limit)?)?;
        }
        layout.listing
    } else {
        archive::read(path, &store)?
    };
    let name = arguments.reference.clone().or(listing.name.clone());
    let name = name.ok_or_else(|| format!("{} does not say what it is called; say it", path.display()))?;
    let reference: Reference = name.parse()?;
    store.set_referrers(listing.root.digest, &listing.referrers).map_err(OciError::from)?;
    store.refer(&reference, &listing.root).map_err(OciError::from)?;
    outln!("{}", reference.pinned(listing.root.digest));
    errln!("in the store; commands find it there with --offline");
    Ok(Exit::Clean)
}

pub(super) fn inspect(arguments: &InspectBundleArguments) -> CommandResult {
    let path = Path::new(&arguments.bundle);
    let described = if Layout::is_one(path) {
        let layout = Layout::open(path)?;
        describe(&layout.listing, &layout, &path.display().to_string())?
    } else if is_archive(path) {
        let home = tempfile::tempdir()?;
        let store = Store::open(&home.path().join("store"))?;
        let listing = archive::read(path, &store)?;
        describe(&listing, &store, &path.display().to_string())?
    } else {
        let session = oci::session(&arguments.registry, &CARRIED)?;
        let fetched: Fetched = session.pull(&arguments.bundle.parse()?, &mut Locking::None)?;
        describe(&session.listing(&fetched)?, &session.store, &fetched.reference.to_string())?
    };
    if arguments.format == Format::Json {
        return printed(&described);
    }
    print_description(&described);
    Ok(Exit::Clean)
}

pub(super) fn prune(
    directory: Option<&Path>,
    unused_for: Option<std::time::Duration>,
    format: Format,
) -> CommandResult {
    let store = oci::store(directory)?;
    let pruned = store.prune(unused_for)?;
    if format == Format::Json {
        return printed(&serde_json::to_value(pruned)?);
    }
    let (references, blobs, kib) = (pruned.references, pruned.blobs, pruned.bytes >> 10);
    outln!("{references} references, {blobs} blobs, {kib} KiB removed from {}", store.directory().display());
    Ok(Exit::Clean)
}

/// What a bundle consists of.
fn describe(listing: &Listing, contents: &dyn Contents, name: &str) -> Result<Value, OciError> {
    let index = artifact::index(&contents.content(listing.root.digest, limits::MANIFEST_BYTES)?)?;
    let mut components = Vec::new();
    let mut others = Vec::new();
    for child in &index.manifests {
        let manifest = Manifest::parse(&contents.content(child.digest, limits::MANIFEST_BYTES)?)?;
        if artifact::is_component(child) {
            let layer = manifest.layers.first();
            let rules: Vec<&str> =
                child.annotations.get(annotation::RULES).map_or("", String::as_str).split(',').collect();
            components.push(json!({
                "rules": rules,
                "version": child.annotations.get(annotation::VERSION),
                "manifest": child.digest,
                "component": layer.map(|layer| layer.digest),
                "bytes": layer.map(|layer| layer.size),
            }));
        } else {
            let layers: Vec<Value> = manifest
                .layers
                .iter()
                .map(|layer| json!({ "mediaType": layer.media_type, "digest": layer.digest, "bytes": layer.size }))
                .collect();
            others.push(json!({ "artifactType": manifest.kind(), "manifest": child.digest, "layers": layers }));
        }
    }
    let referrers: Vec<Value> = listing
        .referrers
        .iter()
        .map(|one| json!({ "artifactType": one.artifact_type, "manifest": one.digest }))
        .collect();
    Ok(json!({
        "reference": name,
        "digest": listing.root.digest,
        "bundle": index.annotations.get(annotation::BUNDLE),
        "version": index.annotations.get(annotation::VERSION),
        "description": index.annotations.get(annotation::DESCRIPTION),
        "created": index.annotations.get(annotation::CREATED),
        "components": components,
        "others": others,
        "referrers": referrers,
    }))
}

fn print_description(described: &Value) {
    let text = |value: &Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.as_u64().map(|number| number.to_string()).unwrap_or_default(),
    };
    let list = |key: &str| described[key].as_array().cloned().unwrap_or_default();
    outln!("{} {}: {}", text(&described["bundle"]), text(&described["version"]), text(&described["description"]));
    outln!("from     {}", text(&described["reference"]));
    outln!("digest   {}", text(&described["digest"]));
    for component in list("components") {
        let rules: Vec<String> = component["rules"].as_array().into_iter().flatten().map(text).collect();
        outln!(
            "contains {} {}  {} bytes  {}",
            rules.join(", "),
            text(&component["version"]),
            text(&component["bytes"]),
            text(&component["component"])
        );
    }
    for other in list("others") {
        outln!("artifact {}  {}", text(&other["artifactType"]), text(&other["manifest"]));
        for layer in other["layers"].as_array().into_iter().flatten() {
            outln!("  {}  {} bytes  {}", text(&layer["mediaType"]), text(&layer["bytes"]), text(&layer["digest"]));
        }
    }
    for referrer in list("referrers") {
        outln!("about it {}  {}", text(&referrer["artifactType"]), text(&referrer["manifest"]));
    }
}

fn components(index: &Index) -> usize {
    index.manifests.iter().filter(|child| artifact::is_component(child)).count()
}

/// Builds a bundle by the name that a person has for it.
fn build_bundle(name: &str, context: &mut Context) -> Output<Built> {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
    let created = artifact::created_from_environment(epoch.as_deref())?;
    let bundle = Bundle::open(name, &mut context.library, &context.engine, jiff::Zoned::now().date())?;
    for notice in &bundle.notices {
        errln!("warning: {}", notice.0);
    }
    let path = Path::new(name);
    let file = if path.is_dir() { path.join("bundle.yaml") } else { path.to_owned() };
    let written = if let Some(text) = context.library.bundle(name) {
        Some(text.to_owned())
    } else if file.is_file() {
        Some(crate::files::read_text(&file, limits::DEFINITION_BYTES as usize)?)
    } else {
        None
    };
    let read = written.as_deref().map(|text| Located::<Definition>::parse(name, text)).transpose()?;
    let (definition, rules) = match (written, read.map(|read| read.value)) {
        (Some(written), Some(read)) if read.extends.is_none() => {
            let ids = read.rules.iter().map(|entry| entry.settings().rule);
            (written, ids.filter_map(|id| context.library.rule(&id).cloned()).collect())
        }
        _ => (written_out(&bundle)?, bundle.rules.iter().map(|rule| Arc::clone(&rule.source)).collect()),
    };
    Ok(Recipe { bundle: &bundle, definition, rules, created }.build()?)
}

/// The definition of a directory of components, which has none, or of a bundle that extends others: all that it comes
/// to, so that it needs nothing else.
fn written_out(bundle: &Bundle) -> Output<String> {
    let shipped = WorkloadKinds::default();
    let workloads = bundle.workloads.iter().filter(|kind| !shipped.iter().any(|known| known == *kind));
    let definition = Definition {
        name: bundle.name.clone(),
        version: if bundle.version.is_empty() { "0.0.0".to_owned() } else { bundle.version.clone() },
        description: bundle.description.clone(),
        extends: None,
        report: bundle.report,
        enforcement: Default::default(),
        settings: bundle.settings.clone(),
        annotations: bundle.annotations,
        on_update: bundle.on_update,
        rules: bundle.rules.iter().map(BundleRule::entry).collect(),
        exemptions: bundle.exemptions.iter().map(|exemption| exemption.entry.clone()).collect(),
        workloads: workloads.cloned().collect(),
    };
    Ok(write_yaml(&serde_json::to_value(definition)?))
}

/// Into a tar archive or a directory, by the name.
fn write(out: &Path, listing: &Listing, contents: &dyn Contents) -> Result<(), OciError> {
    if is_tar(out) { archive::write(out, listing, contents) } else { Layout::write(out, listing, contents) }
}

fn is_tar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tar")
}

fn is_archive(path: &Path) -> bool {
    is_tar(path) && path.is_file()
}

fn printed(value: &Value) -> CommandResult {
    terminal::print_json(value)?;
    Ok(Exit::Clean)
}
