use policy_sdk::json::Json;
use policy_sdk::language::{scalars, unread};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;
use policy_sdk::values::json_schema;

policy_sdk::rule! {
    /// Configuration files satisfy their schema
    ///
    /// A file of a ConfigMap, YAML or JSON by its name, fits the JSON Schema that `schemas` gives for it: types, keys that
    /// are required or not known, enumerations, bounds, lists, combinations and references within the schema. What else a
    /// schema holds (`pattern`, `if`) is not understood, and the rule is then not evaluated. Without `schemas` and
    /// `compare_keys` it is not applicable.
    ///
    /// With `compare_keys`, files of one ConfigMap that are called alike but for their environment (`development.yaml` and
    /// `production.yaml`, `app.dev.yaml` and `app.prod.yaml`) have the same keys.
    ///
    /// ## Why
    /// A wrong type or a misspelt key shows when the process starts, in the environment where it stands: often only in
    /// production. A key that one environment lacks takes a default there that nobody chose.
    ///
    /// ## Fix
    /// Correct the file. Write the schema once, and hold every environment to it:
    ///
    /// ```yaml
    /// rules:
    ///   - rule: app-config-schema
    ///     parameters:
    ///       schemas:
    ///         "config*.yaml": |
    ///           {"type": "object", "required": ["server"],
    ///            "properties": {"server": {"type": "object", "properties": {"port": {"type": "integer"}}}}}
    /// ```
    findings: {
        /// Something in a file does not fit the schema
        Mismatch: Medium, Certain;
        /// A key is there in one environment and not in another
        KeyMissing: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["core/ConfigMap"],
    reads: ["data.*.*", "data.*:yaml", "data.*:json"],
    parameters: {
        /// JSON Schemas, as texts, by the names of the files that they are for: globs.
        schemas: Vec<(String, String)> = Vec::new(),
        /// Whether the files of the environments have the same keys.
        compare_keys: bool = false,
        /// Names of environments in names of files.
        environments: Vec<String> =
            list(["development", "dev", "test", "staging", "stage", "production", "prod", "local"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { schemas, compare_keys, .. } = &input.parameters;
    if schemas.is_empty() && !compare_keys {
        return not_applicable("no schema is set");
    }
    let data = input.document.get("data");
    let mut unknown = None;
    let mut files: Vec<(&str, View<'_>)> = Vec::new();
    for (file, _) in data.entries() {
        let Some(tree) = tree(&data, file) else { continue };
        if let Some(reason) = unread(&tree) {
            unknown = Some(format!("`{file}` cannot be read: {reason}"));
            continue;
        }
        files.push((file, tree.clone()));
        for (_, schema) in schemas.iter().filter(|(glob, _)| glob_match(glob, file)) {
            unknown = judge(schema, file, &tree, findings).err().or(unknown);
        }
    }
    if *compare_keys {
        compare(&input.parameters.environments, &files, findings);
    }
    findings.or_unknown(unknown)
}

/// A file of a ConfigMap, if its name says that it is YAML or JSON.
fn tree<'d>(data: &View<'d>, file: &str) -> Option<View<'d>> {
    let language = match file.rsplit('.').next()? {
        "yaml" | "yml" => "yaml",
        "json" => "json",
        _ => return None,
    };
    Some(data.get(&[file, ":", language].concat())).filter(View::exists)
}

fn judge(schema: &str, file: &str, tree: &View<'_>, findings: &mut Findings) -> Result<(), String> {
    let schema = Json::parse(schema).map_err(|error| format!("the schema for `{file}` is not JSON: {error}"))?;
    for document in tree.get("documents").items().chain([tree.get("value")]).filter(|it| it.kind().is_some()) {
        let faults = json_schema::faults(&schema.root(), &document);
        for fault in faults.map_err(|reason| format!("the schema for `{file}`: {reason}"))? {
            let key = key_of(&document, &fault.place);
            findings.report(Code::Mismatch, &fault.place, format!("`{key}` of `{file}` {}", fault.what));
        }
    }
    Ok(())
}

/// The keys from a document to a place in it, joined by dots.
fn key_of(document: &View<'_>, place: &View<'_>) -> String {
    let (outer, whole) = (document.pointer(), place.pointer());
    let key = whole.strip_prefix(&outer).unwrap_or_default().trim_start_matches('/').replace('/', ".");
    if key.is_empty() { "the whole".into() } else { key.replace("~1", "/") }
}

/// Compares the keys of each file with those of the first that is called alike.
fn compare(environments: &[String], files: &[(&str, View<'_>)], findings: &mut Findings) {
    let alike = |file: &str| {
        let is_environment = |part: &&str| environments.iter().any(|it| it == part);
        let parts: Vec<&str> = file.split(['.', '-', '_']).collect();
        parts
            .iter()
            .any(&is_environment)
            .then(|| parts.into_iter().filter(|part| !is_environment(part)).collect::<Vec<_>>().join("."))
    };
    let keys = |tree: &View<'_>| scalars(tree).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    for (file, tree) in files {
        let Some(name) = alike(file) else { continue };
        let mut told: Vec<String> = Vec::new();
        let own = keys(tree);
        let others = files.iter().filter(|(other, _)| other != file && alike(other).is_some_and(|it| it == name));
        for (other, other_tree) in others {
            for (key, place) in scalars(other_tree) {
                if !own.contains(&key) && !told.contains(&key) {
                    let message = format!("`{file}` has no `{key}`, which `{other}` has");
                    let root = tree.get("documents").item(0);
                    let root = if root.exists() { root } else { tree.get("value") };
                    findings.report(Code::KeyMissing, &root.at(&key), message).label(&place, "it is there here");
                    told.push(key);
                }
            }
        }
    }
}
