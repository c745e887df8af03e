use policy_sdk::json::Kind;
use policy_sdk::kubernetes::shutdown::{self, Shutdown};
use policy_sdk::parameter::{Bounded, list};
use policy_sdk::prelude::*;
use policy_sdk::settings::ShutdownSeconds;
use policy_sdk::values::{duration, pair, secret};

policy_sdk::rule! {
    /// The grace period covers the application's own shutdown timeout
    ///
    /// A container that says how long its shutdown may take, in its environment or in a ConfigMap that it reads, has a
    /// grace period of at least the preStop hook, that time and `margin` seconds. What says so is a variable or a key
    /// that ends in one of `timeout_keys`, a unit aside: `SHUTDOWN_TIMEOUT`, `GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS`, or
    /// `timeout` below `shutdown`. Its value is a duration above 0 and below an hour; a bare number is in seconds,
    /// or in milliseconds from 3600 on.
    ///
    /// Files of ConfigMaps are read where they are YAML, JSON, properties, INI, TOML or environment files. Keys of
    /// clients, proxies and clusters (`upstream.drain_timeout`) are not the process's own. A hook that takes the whole
    /// grace period is what `grace-covers-prestop` reports. Jobs are not checked.
    ///
    /// ## Why
    /// The application believes that it has its timeout to finish requests. Where Kubernetes kills it earlier, the last
    /// ones are cut off, and nothing is flushed.
    ///
    /// ## Fix
    /// Raise `terminationGracePeriodSeconds` above the hook and the timeout together, or lower the timeout.
    ///
    /// ```yaml
    /// terminationGracePeriodSeconds: 45   # preStop 5, shutdown 30, and some seconds over
    /// ```
    findings: {
        /// The process is killed before its own timeout is over
        Exceeds: High, Likely, covers: ["grace-covers-prestop/little-left", "grace-covers-prestop/zero"], within: Document;
        /// Hardly anything is left after the timeout
        NoMargin: Low, Likely, covers: ["grace-covers-prestop/little-left"], within: Document;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Shutdown, ShutdownSeconds],
    reads: [
        "container.env[*].name", "container.env[*].value", "container.env[*].valueFrom.configMapKeyRef",
        "container.envFrom[*].prefix", "container.envFrom[*].configMapRef.name", "container.volumeMounts[*].name",
        "pod.spec.volumes[*].name", "pod.spec.volumes[*].configMap.name",
        "pod.spec.volumes[*].projected.sources[*].configMap.name",
    ],
    inventory: {
        config_maps: {
            kinds: ["core/ConfigMap"],
            scope: "namespace",
            relation: named {
                kind: "=ConfigMap",
                name: [
                    "container.env[*].valueFrom.configMapKeyRef.name", "container.envFrom[*].configMapRef.name",
                    "pod.spec.volumes[*].configMap.name", "pod.spec.volumes[*].projected.sources[*].configMap.name",
                ],
            },
            reads: ["data", "data.*:yaml"],
        },
    },
    parameters: {
        /// Endings of names, in lower case with `_` between words, that say how long the shutdown may take.
        timeout_keys: Vec<String> = list(["shutdown_timeout", "drain_timeout", "shutdown_grace_period"]),
        /// The seconds that are left over, at least.
        margin: Bounded<0, 600> = Bounded::of(2),
    },
}

/// Words of names that say that something else than the process stops: what it talks to, or what stands before it.
const OF_OTHERS: [&str; 8] = ["client", "upstream", "envoy", "cluster", "proxy", "istio", "linkerd", "backend"];

/// How long a shutdown may take, and where that stands.
struct Timeout<'d> {
    name: String,
    millis: i64,
    place: View<'d>,
    /// The ConfigMap that it stands in.
    source: Option<Related<'d>>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.is_batch() {
        return not_applicable("a Job runs to completion");
    }
    let maps: Vec<Related<'_>> = input.related("config_maps").collect();
    let mut missing = None;
    let mut longest: Option<(Container<'_>, Timeout<'_>)> = None;
    for container in workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar)) {
        for timeout in timeouts(input, &container, &maps, &mut missing) {
            if longest.as_ref().is_none_or(|(_, known)| known.millis < timeout.millis) {
                longest = Some((container.clone(), timeout));
            }
        }
    }
    let Some((container, timeout)) = longest else {
        return match missing {
            Some(reason) => not_evaluated(reason),
            None => not_applicable("nothing says how long the shutdown may take"),
        };
    };
    let (field, grace) = (shutdown::grace_period(input), shutdown::grace_seconds(input));
    let hook = shutdown::longest_pre_stop(input, 0).map_or(0, |(_, seconds)| seconds);
    let seconds = timeout.millis / 1000 + i64::from(timeout.millis % 1000 > 0);
    let taken = hook.saturating_add(seconds);
    let least = taken.saturating_add(input.parameters.margin.get());
    // A hook that takes all of it is another rule's.
    if grace >= least || hook > 0 && hook >= grace {
        return Ok(());
    }
    // As much as the rule on hooks asks for, so that one cure heals both.
    let for_hook = if hook > 0 { hook.saturating_add(input.setting::<ShutdownSeconds>()) } else { 0 };
    let needed = least.max(for_hook);
    let code = if taken >= grace { Code::Exceeds } else { Code::NoMargin };
    let with_hook = if hook > 0 { format!(" behind a preStop hook of {hook}") } else { String::new() };
    let message = format!(
        "{} may take {seconds} seconds to stop (`{}`){with_hook}, and the grace period is {grace}; expected at least {needed}",
        container.described(),
        timeout.name
    );
    let title = format!("raise the grace period to {needed} seconds");
    let fix = if field.exists() { Fix::unsafe_(title) } else { Fix::safe(title) };
    let place = if field.exists() { field.clone() } else { workload.spec() };
    let report = findings.report(code, &place, message).fix(fix.set(&field, needed));
    match &timeout.source {
        Some(map) => report.label_in(map, &timeout.place, "the timeout"),
        None => report.label(&timeout.place, "the timeout"),
    };
    Ok(())
}

/// The timeouts that a container is given. `missing` is why one of them is not known.
fn timeouts<'d>(
    input: &Input<'d, Parameters>,
    container: &Container<'d>,
    maps: &[Related<'d>],
    missing: &mut Option<String>,
) -> Vec<Timeout<'d>> {
    let map = |name: &str| maps.iter().find(|map| map.name() == name).cloned();
    let mut found = Vec::new();
    for variable in container.get("env").items() {
        let (name, value) = (variable.get("name").text(), variable.get("value"));
        if value.exists() {
            found.extend(read(input, &[name], value.text(), &value, None));
        }
        let reference = variable.at("valueFrom.configMapKeyRef");
        if !reference.exists() || unit(input, &[name]).is_none() {
            continue;
        }
        match map(reference.get("name").text()) {
            Some(map) => {
                let value = map.document.get("data").get(reference.get("key").text());
                found.extend(read(input, &[name], value.text(), &value, Some(&map)));
            }
            None => {
                let of = reference.get("name").text();
                *missing = Some(format!("`{name}` is taken from ConfigMap `{of}`, which is not among the documents"));
            }
        }
    }
    for source in container.get("envFrom").items() {
        let Some(map) = map(source.at("configMapRef.name").text()) else { continue };
        for (key, value) in map.document.get("data").entries() {
            let name = [source.get("prefix").text(), key].concat();
            found.extend(read(input, &[&name], value.text(), &value, Some(&map)));
        }
    }
    for mount in container.get("volumeMounts").items() {
        let volumes = input.workload().spec().get("volumes");
        let Some(volume) = volumes.items().find(|volume| volume.get("name").text() == mount.get("name").text()) else {
            continue;
        };
        let projected = volume.at("projected.sources").items().map(|source| source.at("configMap.name"));
        for name in [volume.at("configMap.name")].into_iter().chain(projected) {
            let Some(map) = map(name.text()) else { continue };
            found.extend(in_files(input, &map));
        }
    }
    found
}

/// The timeouts in the files of a ConfigMap.
fn in_files<'d>(input: &Input<'d, Parameters>, map: &Related<'d>) -> Vec<Timeout<'d>> {
    let data = map.document.get("data");
    let mut found = Vec::new();
    for (file, value) in data.entries() {
        if pair::holds_pairs(file) {
            let mut section = "";
            for line in value.text().lines() {
                let line = line.trim();
                if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                    section = name;
                } else if let Some(pair) = pair::pairs(line).next() {
                    found.extend(read(input, &[section, pair.name], pair.value, &value, Some(map)));
                }
            }
            continue;
        }
        let mut open: Vec<(Vec<&str>, View<'d>)> = data
            .get(&[file, ":yaml"].concat())
            .get("documents")
            .items()
            .map(|document| (Vec::new(), document))
            .collect();
        while let Some((path, view)) = open.pop() {
            match view.kind() {
                Some(Kind::Object) => {
                    open.extend(view.entries().map(|(key, child)| ([&path[..], &[key]].concat(), child)))
                }
                Some(Kind::Array) => open.extend(view.items().map(|item| (path.clone(), item))),
                _ => found.extend(read(input, &path, view.scalar_text().unwrap_or_default(), &view, Some(map))),
            }
        }
    }
    found
}

/// The timeout that stands under a path of names, where it is one.
fn read<'d>(
    input: &Input<'d, Parameters>,
    path: &[&str],
    value: &str,
    place: &View<'d>,
    source: Option<&Related<'d>>,
) -> Option<Timeout<'d>> {
    let unit = unit(input, path)?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let millis = match value.parse::<i64>() {
        // Nobody waits for an hour, so that a number so large is in milliseconds.
        Ok(number) if is_number && (unit == Unit::Millis || number >= 3600) => number,
        _ => duration::parse_millis(value)?,
    };
    let name = path.last().map(|name| (*name).to_owned()).unwrap_or_default();
    (0 < millis && millis < 3_600_000).then(|| Timeout { name, millis, place: place.clone(), source: source.cloned() })
}

/// In what a bare number is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
}

/// Whether a path of names says how long the shutdown may take, and in what unit.
fn unit(input: &Input<'_, Parameters>, path: &[&str]) -> Option<Unit> {
    let words = secret::snake_case(&path.join("_"));
    if words.split('_').any(|word| OF_OTHERS.contains(&word)) {
        return None;
    }
    let without = |endings: &[&str]| endings.iter().find_map(|ending| words.strip_suffix(ending));
    let (words, unit) = match without(&["_ms", "_millis", "_milliseconds"]) {
        Some(words) => (words, Unit::Millis),
        None => (without(&["_seconds", "_secs", "_sec", "_s"]).unwrap_or(&words), Unit::Seconds),
    };
    let tells =
        |key: &String| words.strip_suffix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
    input.parameters.timeout_keys.iter().any(tells).then_some(unit)
}
