//! Where the API server serves a kind, if it does.

use super::reason::Trouble;
use super::{GroupKind, Timing};
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A kind as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
}

impl Resource {
    /// As objects say it.
    pub(super) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The path of all objects of the kind.
    pub(super) fn path(&self) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!("/{root}/{}/{}", self.api_version(), self.plural)
    }
}

#[derive(Deserialize)]
struct GroupList {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
struct ListedResource {
    name: String,
    kind: String,
    verbs: Vec<String>,
}

/// Finds a kind in the version that the API server prefers, else in the first that has it. `None` when the
/// API server does not know it: only its own list of groups and resources can say so, never a path that is
/// not there, which would be the answer of any other server as well.
pub(super) async fn discover(client: &Client, kind: &GroupKind, timing: &Timing) -> Result<Option<Resource>, Trouble> {
    let versions = if kind.group.is_empty() {
        vec!["v1".to_owned()]
    } else {
        let list: GroupList = get(client, "/apis".to_owned(), timing).await?;
        let Some(group) = list.groups.into_iter().find(|group| group.name == kind.group) else { return Ok(None) };
        let preferred = group.preferred_version.map(|preferred| preferred.version);
        let others = group.versions.into_iter().map(|known| known.version);
        let others: Vec<_> = others.filter(|version| Some(version) != preferred.as_ref()).collect();
        preferred.into_iter().chain(others).collect()
    };
    for version in versions {
        let mut resource =
            Resource { group: kind.group.clone(), version, kind: kind.kind.clone(), plural: String::new() };
        let root = if kind.group.is_empty() { "api" } else { "apis" };
        let path = format!("/{root}/{}", resource.api_version());
        let list: ResourceList = match get(client, path, timing).await {
            // A version that was withdrawn between the two requests.
            Err(trouble) if trouble.code == Some(404) && !kind.group.is_empty() => continue,
            other => other?,
        };
        let of_kind = |listed: &&ListedResource| listed.kind == kind.kind && !listed.name.contains('/');
        if let Some(listed) = list.resources.iter().find(of_kind) {
            let missing = ["list", "watch"].into_iter().find(|verb| !listed.verbs.iter().any(|known| known == verb));
            if let Some(verb) = missing {
                return Err(Trouble::new(format!("the API server cannot {verb} it")));
            }
            resource.plural.clone_from(&listed.name);
            return Ok(Some(resource));
        }
    }
    Ok(None)
}

async fn get<T: DeserializeOwned>(client: &Client, path: String, timing: &Timing) -> Result<T, Trouble> {
    let request = hyper::Request::get(&path).body(Vec::new()).map_err(Trouble::of)?;
    // Not `request`, which logs a text that it cannot read.
    let text = timing.bounded(client.request_text(request)).await?;
    serde_json::from_str(&text)
        .map_err(|error| Trouble::new(format!("`{path}` is not what an API server says: {error}")))
}
