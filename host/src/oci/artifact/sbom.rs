//! An inventory of what is in a bundle, SPDX 2.3: its components, and the tools that made them by the components' own
//! word (their `producers` sections). Libraries that were linked into a component leave no trace there and are not
//! listed; the document says so.

use super::component::About;
use crate::bundle::ComponentSource;
use crate::digest::Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wasmparser::{KnownCustom, Parser, Payload};

const COMMENT: &str = "Lists the components of the bundle, and the tools that made each of them as its `producers` \
sections name them. Libraries linked into a component are not recorded in it and are not listed here.";

/// Tools that are named by one component; a hostile one might name any number.
const TOOLS: usize = 64;

/// The document.
pub(super) fn sbom(name: &str, version: &str, created: &str, components: &[&ComponentSource]) -> Vec<u8> {
    let bundle_id = "SPDXRef-Bundle";
    let mut packages = vec![package(bundle_id, name, version, None)];
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", bundle_id)];
    let mut tools: BTreeMap<(String, String), String> = BTreeMap::new();
    for (index, component) in components.iter().enumerate() {
        let id = format!("SPDXRef-Component-{index}");
        let digest = component.digest.trim_start_matches("sha256:");
        let about = About::new(component);
        packages.push(package(&id, &about.name, &about.version, Some(digest)));
        relations.push(relation(bundle_id, "CONTAINS", &id));
        for tool in producers(component.bytes()) {
            let next = format!("SPDXRef-Tool-{}", tools.len());
            let tool = tools.entry(tool).or_insert(next);
            relations.push(relation(tool, "BUILD_TOOL_OF", &id));
        }
    }
    packages.extend(tools.iter().map(|((name, version), id)| package(id, name, version, None)));
    let contents = json!([packages, relations]).to_string();
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{name}-{version}"),
        "documentNamespace": format!("urn:policy-host:sbom:{}", Digest::of(contents.as_bytes()).hex()),
        "comment": COMMENT,
        "creationInfo": {
            "created": created,
            "creators": [format!("Tool: policy-host-{}", env!("CARGO_PKG_VERSION"))],
        },
        "packages": packages,
        "relationships": relations,
    });
    document.to_string().into_bytes()
}

fn package(id: &str, name: &str, version: &str, digest: Option<&str>) -> Value {
    let mut package = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
    });
    if !version.is_empty() {
        package["versionInfo"] = version.into();
    }
    if let Some(digest) = digest {
        package["checksums"] = json!([{ "algorithm": "SHA256", "checksumValue": digest }]);
    }
    package
}

fn relation(one: &str, kind: &str, other: &str) -> Value {
    json!({ "spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other })
}

/// Names and versions of the tools that a component, or a module in it, names; each once, in order.
fn producers(component: &[u8]) -> Vec<(String, String)> {
    let mut tools = Vec::new();
    // A section that cannot be read names nothing.
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        let Payload::CustomSection(section) = payload else { continue };
        let KnownCustom::Producers(fields) = section.as_known() else { continue };
        for field in fields.into_iter().map_while(Result::ok) {
            for value in field.values.into_iter().map_while(Result::ok) {
                tools.push((value.name.to_owned(), value.version.to_owned()));
            }
        }
    }
    tools.sort();
    tools.dedup();
    tools.truncate(TOOLS);
    tools
}
