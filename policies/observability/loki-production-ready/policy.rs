use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::prelude::*;
use policy_sdk::tables::loki_keys::RemovedLokiKeys;
use policy_sdk::values::image::{ImageReference, base_name};
use policy_sdk::values::version::major_minor;

policy_sdk::rule! {
    /// Loki deletes what is old, starts, and keeps its logs
    ///
    /// A configuration of Loki, in a ConfigMap or in the values of a HelmRelease of the chart `loki`: where
    /// `limits_config.retention_period` is set, `compactor.retention_enabled` is true. No key is written that the version
    /// does not know (table `removedLokiKeys`); where the workload that mounts the ConfigMap has an older image, the key
    /// is fine. The last period of `schema_config` has the store `tsdb` and schema `v13` or later. In production, where
    /// Loki runs with several replicas (`memberlist`, or a scalable `deploymentMode`), chunks do not go to `filesystem`,
    /// and the replication factor is not 1.
    ///
    /// ## Why
    /// Without the compactor's retention nothing is ever deleted, until the disk or the bill is full. With an unknown key
    /// Loki does not start. A file system of one pod is not read by the others.
    ///
    /// ## Fix
    /// ```yaml
    /// limits_config:
    ///   retention_period: 744h
    /// compactor:
    ///   retention_enabled: true
    ///   delete_request_store: s3
    /// ```
    findings: {
        /// A retention is set, and nothing is ever deleted
        Retention: Medium, Certain;
        /// A key is not known any more: Loki does not start
        Removed: High, Likely;
        /// The current index or schema is outdated
        Schema: Medium, Certain;
        /// Several replicas do not share what they store
        Filesystem: Low, Certain;
        /// Each log line is kept by one replica alone
        Replication: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Logs,
    since: "0.1.0",
    applies_to: ["core/ConfigMap", "helm.toolkit.fluxcd.io/HelmRelease"],
    uses: [ProductionObject, RemovedLokiKeys],
    reads: ["data", "data.*:yaml", "spec.chart.spec.chart", "spec.chart.spec.version", "spec.values.loki", "spec.values.deploymentMode"],
    inventory: {
        mounted_by: {
            kinds: ["workload"],
            scope: "namespace",
            relation: names { kind: "=ConfigMap", name: "pod.spec.volumes[*].configMap.name" },
            reads: ["container.image"],
        },
    },
}

/// A configuration, wherever it stands.
struct Configuration<'d> {
    /// The mapping with `limits_config` and the others.
    root: View<'d>,
    /// How it calls `schema_config` and `common`: the chart's values have names of their own.
    names: [&'static str; 2],
    is_scalable: bool,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let configurations = configurations(input);
    if configurations.is_empty() {
        return not_applicable("it has no configuration of Loki");
    }
    let is_production = production::is_production_object(input);
    for configuration in &configurations {
        let Configuration { root, names: [schema, common], is_scalable } = configuration;
        let retention = root.at("limits_config.retention_period");
        let is_deleted = root.at("compactor.retention_enabled").is_true()
            || root.at("table_manager.retention_deletes_enabled").is_true();
        if retention.exists() && !matches!(retention.scalar_text(), Some("0" | "0s" | "")) && !is_deleted {
            let message = format!(
                "`retention_period` is {}, and without `compactor.retention_enabled` nothing is deleted",
                retention.scalar_text().unwrap_or("set")
            );
            findings.report(Code::Retention, &retention, message);
        }
        report_removed(input, root, findings);
        let periods = root.get(schema).get("configs");
        if let Some(period) = periods.items().last() {
            let version = period.get("schema").text().trim_start_matches('v').parse::<u32>();
            if period.get("store").text() == "boltdb-shipper" {
                findings.report(Code::Schema, &period.get("store"), "the index is `boltdb-shipper`, expected `tsdb`");
            } else if version.is_ok_and(|version| version < 13) {
                let message = format!("the schema is `{}`, expected `v13` or later", period.get("schema").text());
                findings.report(Code::Schema, &period.get("schema"), message);
            }
            let store = period.get("object_store");
            if is_production && *is_scalable && store.text() == "filesystem" {
                findings.report(Code::Filesystem, &store, "chunks go to the file system of each replica");
            }
        }
        let factor = root.get(common).get("replication_factor");
        if is_production && *is_scalable && factor.as_i64() == Some(1) {
            let message = "each line is kept by one replica alone, expected a `replication_factor` of 3";
            findings.report(Code::Replication, &factor, message);
        }
    }
    Ok(())
}

fn configurations<'d>(input: &Input<'d, Parameters>) -> Vec<Configuration<'d>> {
    if input.subject.kind == "HelmRelease" {
        let spec = input.document.get("spec");
        let values = spec.get("values");
        if spec.at("chart.spec.chart").text() != "loki" || values.get("loki").is_empty() {
            return Vec::new();
        }
        let is_scalable = values.get("deploymentMode").text() != "SingleBinary";
        let root = values.get("loki");
        return vec![Configuration { root, names: ["schemaConfig", "commonConfig"], is_scalable }];
    }
    let data = input.document.get("data");
    let trees = data.entries().map(|(key, _)| data.get(&[key, ":yaml"].concat()).get("documents"));
    let roots = trees.flat_map(|documents| documents.items());
    let is_loki = |root: &View<'_>| root.at("schema_config.configs").exists() && root.get("limits_config").exists();
    let configuration = |root: View<'d>| {
        let is_scalable = root.get("memberlist").exists();
        Configuration { root, names: ["schema_config", "common"], is_scalable }
    };
    roots.filter(is_loki).map(configuration).collect()
}

fn report_removed(input: &Input<'_, Parameters>, root: &View<'_>, findings: &mut Findings) {
    let table = input.setting::<RemovedLokiKeys>();
    let images = input.related("mounted_by").flat_map(|it| it.workload().containers().collect::<Vec<_>>());
    let versions: Vec<(u32, u32)> = images
        .filter(|container| base_name(container.image()) == "loki")
        .filter_map(|container| ImageReference::parse(container.image())?.tag.map(major_minor))
        .filter(|version| *version != (0, 0))
        .collect();
    for row in table.rows.iter() {
        let place = root.at(&row.path);
        let is_older = versions.iter().any(|version| *version < major_minor(&row.removed));
        if !place.exists() || is_older {
            continue;
        }
        let key = row.path.rsplit('.').next().unwrap_or_default();
        let instead = if row.instead.is_empty() { String::new() } else { format!(", expected `{}`", row.instead) };
        let message = format!("Loki {} does not know `{key}` any more, and does not start{instead}", row.removed);
        findings.report(Code::Removed, &place, message);
    }
}
