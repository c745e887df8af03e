use policy_sdk::kubernetes::config::{self, ConfigSources, Keys};
use policy_sdk::kubernetes::mount::{self, Mount, MountedConfigs, Mounts};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;
use std::borrow::Cow;

policy_sdk::rule! {
    /// Files that a container is told to read are mounted
    ///
    /// A path in a container's `env`, `command` or `args` that lies in a mounted ConfigMap or Secret is one of its files: a
    /// key, or the `path` of an item. The mount hides what the image has there, so nothing else can be. And a path under a
    /// name that speaks of a private key, a password or another secret (`TLS_KEY_PATH`, `--password-file`) lies in some
    /// mount, since no image should hold it. The same holds for paths of certificates and keys (`tls_key_path`) in YAML and
    /// JSON of a ConfigMap that the container mounts.
    ///
    /// Other paths outside of mounts are those of the image and pass. So do directories, lists, patterns, paths that are
    /// put together from variables, and what injectors mount (`injected`). Where the keys of a volume are not known, the rule
    /// decides nothing.
    ///
    /// ## Why
    /// The program does not find the file when it starts, and crashes, or goes on without what the file would have said:
    /// without TLS, without a password.
    ///
    /// ## Fix
    /// Let the path and the mount agree:
    /// ```yaml
    /// env:
    ///   - name: TLS_KEY_PATH
    ///     value: /etc/cart/tls/tls.key
    /// volumeMounts:
    ///   - name: tls
    ///     mountPath: /etc/cart/tls
    /// ```
    findings: {
        /// The volume that is mounted there has no such file
        NotInVolume: Medium, Guess;
        /// A file with a secret is named, and nothing is mounted there
        NotMounted: Medium, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Mounts, MountedConfigs, ConfigSources],
    reads: ["container.env[*].value", "container.command", "container.args"],
    parameters: {
        /// Paths, as globs, that somebody mounts who changes pods when they are created.
        injected: Vec<String> = list([
            "/var/run/secrets/*", "/run/secrets/*", "/vault/*", "/etc/istio/*", "/etc/certs/*", "/dev/*", "/proc/*", "/sys/*",
            "/tmp/*",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let mut unknown = None;
    for container in workload.containers() {
        let mounts = mount::mounts(&workload, &container);
        for named in paths(&container).into_iter().chain(of_config(input, &mounts)) {
            let Named { label, path, place, config } = &named;
            let called = format!("{} is told to read `{path}`", container.described());
            let is_injected = input.parameters.injected.iter().any(|glob| glob_match(glob, path));
            let mount = mount::of_path(&mounts, path);
            let (code, message) = match mount.map(|mount| (mount, holds(input, mount, path))) {
                Some((_, Held::Yes)) => continue,
                Some((mount, Held::Unknown)) => {
                    unknown = Some(mount.place.get("name").text());
                    continue;
                }
                Some((mount, Held::No)) => {
                    let volume = mount.place.get("name").text();
                    let message =
                        format!("{called}, but the volume `{volume}`, which is mounted there, has no such file");
                    (Code::NotInVolume, message)
                }
                None if is_secret(label) && !is_injected => {
                    (Code::NotMounted, format!("{called}, a file for a secret, but nothing is mounted there"))
                }
                None => continue,
            };
            let report = findings.report(code, place, message);
            let report = match config {
                Some((config, value)) => report.label_in(config, value, format!("`{label}` names the path")),
                None => report.excerpt(*path),
            };
            if let Some(mount) = mount.filter(|_| code == Code::NotInVolume) {
                report.label(&mount.place, "the mount");
            }
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(volume) => not_evaluated(format!("the files of the volume `{volume}` are not known")),
        None => Ok(()),
    }
}

/// A path that a container is to read.
struct Named<'d> {
    /// The variable or flag under which it stands; empty where there is none.
    label: Cow<'d, str>,
    path: &'d str,
    /// Where the subject says so.
    place: View<'d>,
    /// The ConfigMap in which it stands, and where, if it does.
    config: Option<(Related<'d>, View<'d>)>,
}

/// The paths of certificates and keys in the files of ConfigMaps that a container mounts.
fn of_config<'d>(input: &Input<'d, Parameters>, mounts: &[Mount<'d>]) -> Vec<Named<'d>> {
    let mut named = Vec::new();
    for mount in mounts.iter().filter(|mount| mount.source() == "configMap") {
        for setting in mount::settings(input, mount) {
            let value = setting.value;
            if is_file(value.text()) && is_of_tls(&setting.key) {
                let place = mount.place.get("mountPath");
                let config = Some((setting.config, value.clone()));
                named.push(Named { label: Cow::Owned(setting.key), path: value.text(), place, config });
            }
        }
    }
    named
}

/// Whether the name of a setting says that it is the path of a certificate or key: `server.tls_key_path`.
fn is_of_tls(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut words = last.split(['_', '-']);
    let is_path = last.ends_with("path") || last.ends_with("file");
    is_path
        && words.any(|word| matches!(word, "tls" | "ssl" | "cert" | "key" | "ca" | "certfile" | "keyfile" | "cafile"))
}

/// The paths of files in a container's environment and arguments.
fn paths<'d>(container: &Container<'d>) -> Vec<Named<'d>> {
    let mut named: Vec<Named<'d>> = Vec::new();
    for variable in container.get("env").items() {
        let place = variable.get("value");
        named.push(Named { label: variable.get("name").text().into(), path: place.text(), place, config: None });
    }
    let mut before = "";
    for place in ["command", "args"].into_iter().flat_map(|list| container.get(list).items()) {
        let text = place.text();
        let (label, path) = text.split_once('=').filter(|_| text.starts_with('-')).unwrap_or((before, text));
        before = if text.starts_with('-') { text } else { "" };
        named.push(Named { label: label.into(), path, place, config: None });
    }
    named.retain(|named| is_file(named.path));
    named
}

/// Whether a text is the path of one file, as it is written.
fn is_file(text: &str) -> bool {
    text.starts_with('/')
        && !text.ends_with('/')
        && !text.contains("//")
        && !text.contains("/../")
        && !text.contains(|it: char| it.is_whitespace() || matches!(it, ':' | ',' | ';' | '*' | '?' | '$' | '{' | '%'))
        && !text.ends_with(".sock")
}

/// Whether the name of a variable or flag says that its file holds a secret.
fn is_secret(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(['_', '-', '.']).filter(|word| !word.is_empty()).collect();
    let is_path = words.last().is_some_and(|word| matches!(*word, "file" | "path" | "keyfile"));
    let has = |some: &[&str]| words.iter().any(|word| some.contains(word));
    is_path
        && has(&["key", "keyfile", "privatekey", "password", "passwd", "token", "secret", "credentials"])
        && !has(&["public", "pub", "host", "registry", "install", "cache"])
}

enum Held {
    Yes,
    No,
    Unknown,
}

/// Whether a path is a file of what is mounted there.
fn holds(input: &Input<'_, Parameters>, mount: &Mount<'_>, path: &str) -> Held {
    // The mount itself: a directory, or a single file.
    let Some(rest) = mount.below(path) else { return Held::Yes };
    if !matches!(mount.source(), "configMap" | "secret") {
        return Held::Yes;
    }
    let part = mount.part();
    if part.exists() {
        // A directory of the volume, or a file below which there is nothing.
        return Held::Unknown;
    }
    let volume = mount.volume.get(mount.source());
    let items: Vec<&str> = volume.get("items").items().map(|item| item.get("path").text()).collect();
    // A path may be that of a directory between.
    let is_held = |file: &&str| *file == rest || file.strip_prefix(rest).is_some_and(|below| below.starts_with('/'));
    if !items.is_empty() {
        return if items.iter().any(is_held) { Held::Yes } else { Held::No };
    }
    let sources = config::of_volume(&mount.volume);
    let keys = sources.first().map(|source| config::keys(input, source.holder, source.name.text()));
    match keys {
        Some(Keys::Known(_, keys)) if keys.iter().any(is_held) => Held::Yes,
        Some(Keys::Known(..)) => Held::No,
        _ => Held::Unknown,
    }
}
