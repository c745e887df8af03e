//! Paths of the node that a workload's pods get to see.

use super::mount::{self, Mount};
use super::workload::Container;
use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;
use std::ops::Deref;

crate::usable! {
    /// The subject's volumes of the kind `hostPath`, and where its containers mount them.
    pub HostPaths {
        reads: ["pod.spec.volumes[*].name", "pod.spec.volumes[*].hostPath", "container.volumeMounts"],
    }
}

/// A volume of the kind `hostPath`.
pub struct HostPath<'d> {
    /// Its `hostPath`.
    pub place: View<'d>,
    /// The path of the node, cleaned: see [`clean`].
    pub path: String,
    /// Where containers mount it.
    pub mounts: Vec<HostMount<'d>>,
}

/// A mount of such a volume. Dereferences to the mount.
pub struct HostMount<'d> {
    mount: Mount<'d>,
    /// The container.
    pub container: Container<'d>,
    /// What it sees of the node: the volume's path and the `subPath`, cleaned.
    pub opened: String,
}

impl<'d> Deref for HostMount<'d> {
    type Target = Mount<'d>;

    fn deref(&self) -> &Mount<'d> {
        &self.mount
    }
}

impl HostPath<'_> {
    /// Its path as it is written.
    pub fn written(&self) -> &str {
        self.place.get("path").text()
    }

    /// What has to be at the path; empty where nothing is asked.
    pub fn kind(&self) -> &str {
        self.place.get("type").text()
    }

    /// Whether every mount of it is read-only.
    pub fn is_read_only(&self) -> bool {
        self.mounts.iter().all(|mount| mount.is_read_only())
    }

    /// The paths of the node that it gives access to: those that its mounts see, or its own if nothing mounts it.
    pub fn opened(&self) -> impl Iterator<Item = &str> {
        let own = self.mounts.is_empty().then_some(&*self.path);
        own.into_iter().chain(self.mounts.iter().map(|mount| &*mount.opened))
    }
}

/// The subject's volumes of the kind `hostPath`.
pub fn host_paths<'d, P: Uses<HostPaths>>(input: &Input<'d, P>) -> Vec<HostPath<'d>> {
    let workload = input.workload();
    let volumes = workload.spec().get("volumes").items().filter(|volume| volume.get("hostPath").exists());
    let host_path = |volume: View<'d>| {
        let (name, place) = (volume.get("name").text(), volume.get("hostPath"));
        let path = clean(place.get("path").text());
        let mounts = workload.containers().flat_map(|container| {
            let mounts: Vec<View<'d>> = mount::of_volume(&container, name).collect();
            mounts.into_iter().map(move |place| (place, container.clone()))
        });
        let mounts = mounts.map(|(place, container)| {
            let opened = clean(&[&path, "/", place.get("subPath").text()].concat());
            HostMount { mount: Mount { place, volume: volume.clone() }, container, opened }
        });
        HostPath { mounts: mounts.collect(), place, path }
    };
    volumes.map(host_path).collect()
}

/// A path of a node in one spelling: without `//`, `/./`, `..` and a slash at the end, and with `/run` for `/var/run`,
/// which is a link to it. A path of Windows is in lower case, since case does not count there: `C:\Run` is `/c:/run`.
pub fn clean(path: &str) -> String {
    let lower = |path: &str| path.replace('\\', "/").to_ascii_lowercase();
    let is_of_windows = path.contains('\\') || path.as_bytes().get(1) == Some(&b':');
    let path = if is_of_windows { lower(path) } else { path.to_owned() };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.starts_with(&["var", "run"]) {
        parts.remove(0);
    }
    ["/", &parts.join("/")].concat()
}

/// Whether a clean path is a clean directory or lies in it.
pub fn is_in(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory == "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn a_path_has_one_spelling() {
        for (path, cleaned) in [
            ("/", "/"),
            ("", "/"),
            ("/etc//kubernetes/./pki/", "/etc/kubernetes/pki"),
            ("/var/lib/../run/docker.sock", "/run/docker.sock"),
            ("/var/running", "/var/running"),
            (r"C:\ProgramData\docker", "/c:/programdata/docker"),
            ("c:/Windows", "/c:/windows"),
            (r"\\.\pipe\docker_engine", "/pipe/docker_engine"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn paths_are_compared_by_their_parts() {
        assert!(is_in("/etc", "/etc") && is_in("/etc/ssl", "/etc") && is_in("/etc", "/"));
        assert!(!is_in("/etcetera", "/etc") && !is_in("/", "/etc"));
    }

    #[test]
    fn a_volume_knows_what_its_mounts_see() {
        let document = r#"{"pod":{"spec":{
            "volumes":[{"name":"etc","hostPath":{"path":"/etc/"}},{"name":"x","emptyDir":{}},
                {"name":"idle","hostPath":{"path":"/opt","type":"Directory"}}],
            "containers":[{"name":"a","volumeMounts":[{"name":"etc","readOnly":true},{"name":"x"}]}],
            "initContainers":[{"name":"b","volumeMounts":[{"name":"etc","subPath":"ssl/certs"}]}]}}}"#;
        look("shop", document, &[], &[], |input| {
            let volumes = host_paths(input);
            let [etc, idle] = &volumes[..] else { panic!("two volumes") };
            assert_eq!(etc.opened().collect::<Vec<_>>(), ["/etc", "/etc/ssl/certs"]);
            assert_eq!(idle.opened().collect::<Vec<_>>(), ["/opt"]);
            assert_eq!(
                (etc.written(), idle.kind(), etc.is_read_only(), idle.is_read_only()),
                ("/etc/", "Directory", false, true)
            );
            assert_eq!(etc.mounts[1].place.pointer(), "/pod/spec/initContainers/0/volumeMounts/0");
            assert_eq!(etc.mounts[1].container.name(), "b");
        });
    }
}
