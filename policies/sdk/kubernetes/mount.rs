//! What containers mount, and where.

use super::workload::{Container, Workload};
use crate::input::{Input, Related};
use crate::json::View;
use crate::language;
use crate::uses::Uses;

crate::usable! {
    /// The volumes of the subject's pods, and where its containers mount them.
    pub Mounts {
        reads: ["pod.spec.volumes", "container.volumeMounts"],
    }
    /// The ConfigMaps that are volumes of the subject's pods, with their files as trees. A rule lists it beside
    /// [`Mounts`].
    pub MountedConfigs {
        inventory: {
            mounted_configs: {
                kinds: ["core/ConfigMap"],
                scope: "cluster",
                relation: named { kind: "=ConfigMap", name: "pod.spec.volumes[*].configMap.name" },
                reads: ["data.*.*", "data.*:yaml", "data.*:json"],
            },
        },
    }
}

/// A setting in a file of a ConfigMap that a container mounts.
pub struct MountedSetting<'d> {
    /// The ConfigMap.
    pub config: Related<'d>,
    /// The name of the file: the key of the ConfigMap.
    pub file: &'d str,
    /// The keys that lead to it, joined by dots.
    pub key: String,
    /// Its value.
    pub value: View<'d>,
}

/// The settings in YAML and JSON of the ConfigMap that a mount has.
pub fn settings<'d, P: Uses<MountedConfigs>>(input: &Input<'d, P>, mount: &Mount<'d>) -> Vec<MountedSetting<'d>> {
    let name = mount.volume.at("configMap.name").text();
    let mut settings = Vec::new();
    for config in input.related("mounted_configs").filter(|config| !name.is_empty() && config.name() == name) {
        let data = config.document.get("data");
        for (file, _) in data.entries() {
            let trees = ["yaml", "json"].map(|language| data.get(&[file, ":", language].concat()));
            for (key, value) in trees.iter().flat_map(language::scalars) {
                settings.push(MountedSetting { config: config.clone(), file, key, value });
            }
        }
    }
    settings
}

/// A mount of a container. The rule uses [`Mounts`], or what has it of some volumes.
#[derive(Clone)]
pub struct Mount<'d> {
    /// The entry of `volumeMounts`.
    pub place: View<'d>,
    /// The entry of the pod's `volumes`; absent for a claim that a StatefulSet makes.
    pub volume: View<'d>,
}

impl<'d> Mount<'d> {
    /// The path in the container, without a slash at its end; of the root, nothing.
    pub fn path(&self) -> &'d str {
        self.place.get("mountPath").text().trim_end_matches('/')
    }

    /// The part of the volume that is mounted, `subPath` or `subPathExpr`; absent for all of it.
    pub fn part(&self) -> View<'d> {
        let fields = ["subPath", "subPathExpr"].map(|field| self.place.get(field));
        let [plain, _] = &fields;
        fields.iter().find(|field| !field.text().is_empty()).unwrap_or(plain).clone()
    }

    /// What the volume is, as its field says: `secret`, `emptyDir`. Empty for a claim that a StatefulSet makes.
    pub fn source(&self) -> &'d str {
        self.volume.entries().map(|(field, _)| field).find(|field| *field != "name").unwrap_or_default()
    }

    /// Whether it is read-only.
    pub fn is_read_only(&self) -> bool {
        self.place.get("readOnly").is_true()
    }

    /// What of a path stands below the mount; `None` where the path is elsewhere, or the mount itself.
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.path())?.strip_prefix('/').filter(|rest| !rest.is_empty())
    }
}

/// What a container of a workload mounts.
pub fn mounts<'d>(workload: &Workload<'d>, container: &Container<'d>) -> Vec<Mount<'d>> {
    let volumes = workload.spec().get("volumes");
    let mount = |place: View<'d>| {
        let name = place.get("name").text();
        let found = volumes.items().find(|volume| volume.get("name").text() == name);
        Mount { volume: found.unwrap_or_else(|| volumes.end()), place }
    };
    container.get("volumeMounts").items().map(mount).collect()
}

/// Where a container mounts a volume, by its name: entries of `volumeMounts`.
pub fn of_volume<'d>(container: &Container<'d>, name: &str) -> impl Iterator<Item = View<'d>> {
    container.get("volumeMounts").items().filter(move |mount| mount.get("name").text() == name)
}

/// The innermost of some mounts below which a path stands.
pub fn of_path<'m, 'd>(mounts: &'m [Mount<'d>], path: &str) -> Option<&'m Mount<'d>> {
    let holds = |mount: &&Mount<'d>| mount.path() == path || mount.below(path).is_some();
    mounts.iter().filter(holds).max_by_key(|mount| mount.path().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn mounts_know_their_volumes_and_what_stands_below_them() {
        let document = r#"{"pod":{"spec":{
            "volumes":[{"name":"tls","secret":{"secretName":"tls"}},{"emptyDir":{},"name":"tmp"}],
            "containers":[{"name":"cart","volumeMounts":[
                {"name":"tls","mountPath":"/etc/tls/"},{"name":"tmp","mountPath":"/etc"},
                {"name":"data","mountPath":"/data","subPathExpr":"$(POD)"}]}]}}}"#;
        look("shop", document, &[], &[], |input| {
            let workload = input.workload();
            let container = workload.containers().next().unwrap();
            let mounts = mounts(&workload, &container);
            let told: Vec<_> = mounts.iter().map(|mount| (mount.path(), mount.source(), mount.part().text())).collect();
            assert_eq!(told, [("/etc/tls", "secret", ""), ("/etc", "emptyDir", ""), ("/data", "", "$(POD)")]);
            assert_eq!(mounts[0].below("/etc/tls/tls.crt"), Some("tls.crt"));
            assert_eq!((mounts[0].below("/etc/tlsx/a"), mounts[0].below("/etc/tls")), (None, None));
            let path = |path: &str| of_path(&mounts, path).map(Mount::path);
            assert_eq!(path("/etc/tls/tls.crt"), Some("/etc/tls"));
            assert_eq!(path("/etc/other"), Some("/etc"));
            assert_eq!(path("/var"), None);
        });
    }
}
