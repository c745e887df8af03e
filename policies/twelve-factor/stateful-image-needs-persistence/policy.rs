use policy_sdk::kubernetes::claim::{self, ClaimTemplates};
use policy_sdk::kubernetes::command::{self, Invocations};
use policy_sdk::kubernetes::namespace::{self, OwnNamespace};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::base_name;

policy_sdk::rule! {
    /// Databases and brokers keep their data on a volume that survives the pod
    ///
    /// A main container of a long-running workload whose image is one of `stateful_images`, by the last part of its
    /// name (`postgres` in `docker.io/bitnami/postgres:17`), mounts a volume that outlives the pod: a claim, a claim
    /// template, a CSI, NFS or other network volume, or a directory of the node. At which path it is mounted does not
    /// matter, since images and flags differ.
    ///
    /// `redis` and `valkey` are taken for caches unless their arguments switch persistence on. Prometheus as an agent,
    /// and Loki's targets that keep nothing, are not checked, and neither are containers that run a client (`psql`, `mysqldump`,
    /// …), workloads scaled to 0, and workloads and namespaces for tests: by the label `ephemeral_label`, or by a part
    /// of the namespace's name such as `test`.
    ///
    /// ## Why
    /// What is not on a volume of its own is gone when the pod is moved: with the next rollout, drain or
    /// eviction.
    ///
    /// ## Fix
    /// Use a managed service of your cloud, or an operator for the database. Where you run it yourself, run it as a
    /// StatefulSet with claims:
    ///
    /// ```yaml
    /// spec:
    ///   template:
    ///     spec:
    ///       containers:
    ///         - name: postgres
    ///           volumeMounts: [{name: data, mountPath: /var/lib/postgresql/data}]
    ///   volumeClaimTemplates:
    ///     - metadata: {name: data}
    ///       spec:
    ///         accessModes: [ReadWriteOnce]
    ///         resources: {requests: {storage: 20Gi}}
    /// ```
    findings: {
        /// A database or broker keeps its data in the pod
        Ephemeral: High, Likely;
        /// Metrics or logs are kept in the pod
        Telemetry: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/DaemonSet", "workload/Rollout",
        "workload/ReplicationController",
    ],
    uses: [ClaimTemplates, Invocations, OwnNamespace],
    reads: [
        "object.metadata.labels", "pod.metadata.labels", "object.spec.replicas", "pod.spec.volumes",
        "main_container.image", "main_container.volumeMounts", "main_container.volumeDevices",
    ],
    parameters: {
        /// The last part of the names of images of databases and brokers.
        stateful_images: Vec<String> = list([
            "postgres", "postgresql", "postgis", "timescaledb", "mysql", "mariadb", "mongo", "mongodb", "etcd",
            "cassandra", "rabbitmq", "kafka", "cp-kafka", "zookeeper", "cp-zookeeper", "elasticsearch", "opensearch",
            "minio", "clickhouse-server", "couchdb", "neo4j", "influxdb",
        ]),
        /// Likewise of those that keep metrics and logs.
        telemetry_images: Vec<String> = list(["prometheus", "loki"]),
        /// The label of workloads or Namespaces whose data may be lost.
        ephemeral_label: String = "policy/ephemeral".into(),
    },
}

/// Parts of names of namespaces that say that nothing there has to last.
const OF_TESTS: [&str; 6] = ["test", "tests", "testing", "e2e", "ci", "preview"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (workload, Parameters { stateful_images, telemetry_images, ephemeral_label }) =
        (input.workload(), &input.parameters);
    let of_namespace = namespace::label(input, ephemeral_label);
    let label = workload.label(ephemeral_label).or(of_namespace.as_ref().and_then(View::as_str));
    if label.is_some_and(|label| label != "false")
        || input.subject.namespace.split('-').any(|part| OF_TESTS.contains(&part))
    {
        return not_applicable("its data may be lost, as a label or its namespace says");
    }
    if workload.object.at("spec.replicas").as_i64() == Some(0) {
        return not_applicable("it is scaled to 0");
    }
    for container in workload.main_containers() {
        let name = base_name(container.image());
        let is_listed = |images: &[String]| images.iter().any(|image| *image == name);
        let code = if is_listed(stateful_images) || is_lasting_cache(name, &container) {
            Code::Ephemeral
        } else if is_listed(telemetry_images) && keeps_data(name, &container) {
            Code::Telemetry
        } else {
            continue;
        };
        if runs_client(&container) || !container.get("volumeDevices").is_empty() {
            continue;
        }
        let mounted: Vec<View<'_>> = container.get("volumeMounts").items().map(|mount| mount.get("name")).collect();
        let is_mounted = |volume: &str| mounted.iter().any(|mount| mount.text() == volume);
        let mut volumes = workload.spec().get("volumes").items();
        let claimed = claim::templates(input).any(|claim| is_mounted(claim.at("metadata.name").text()));
        if claimed || volumes.any(|volume| is_mounted(volume.get("name").text()) && outlives_pod(&volume)) {
            continue;
        }
        let mut volumes = workload.spec().get("volumes").items();
        let empty =
            volumes.find(|volume| is_mounted(volume.get("name").text()) && volume.get("emptyDir").kind().is_some());
        let kept = match &empty {
            Some(_) => "the `emptyDir` volumes of the pod",
            None => "the container's own file system",
        };
        let message = format!(
            "{} runs `{name}` and keeps its data in {kept}, expected a volume that outlives the pod",
            container.described()
        );
        let report = findings.report(code, &container.get("image"), message);
        if let Some(volume) = &empty {
            report.label(volume, "is gone with the pod");
        }
    }
    Ok(())
}

/// A volume that is no part of the pod, whatever its kind.
fn outlives_pod(volume: &View<'_>) -> bool {
    const OF_THE_POD: [&str; 6] = ["emptyDir", "configMap", "secret", "projected", "downwardAPI", "image"];
    volume.entries().any(|(kind, _)| kind != "name" && !OF_THE_POD.contains(&kind))
}

/// A Redis that writes to disk.
fn is_lasting_cache(name: &str, container: &Container<'_>) -> bool {
    matches!(name, "redis" | "valkey" | "redis-stack-server")
        && words(container).windows(2).any(|pair| match pair {
            [option, value] if option.ends_with("appendonly") => value == "yes",
            [option, value] if option == "--save" => !matches!(value.as_str(), "" | "\"\"" | "''"),
            _ => false,
        })
}

/// Whether Prometheus or Loki keeps anything, by its flags.
fn keeps_data(name: &str, container: &Container<'_>) -> bool {
    const KEEPING: [&str; 5] = ["all", "write", "ingester", "backend", "compactor"];
    let words = words(container);
    if name == "prometheus" {
        return !words
            .iter()
            .any(|word| word == "--agent" || word.starts_with("--enable-feature") && word.contains("agent"));
    }
    let target = words.iter().find_map(|word| word.trim_start_matches('-').strip_prefix("target="));
    target.is_none_or(|target| target.split(',').any(|target| KEEPING.contains(&target)))
}

/// All words of what a container runs.
fn words(container: &Container<'_>) -> Vec<String> {
    let invocations = command::invocations(container);
    invocations.iter().flat_map(|invocation| &invocation.words).map(|word| word.text().to_owned()).collect()
}

/// Whether a container runs a client of the database, or nothing.
fn runs_client(container: &Container<'_>) -> bool {
    const CLIENTS: [&str; 20] = [
        "psql",
        "pg_dump",
        "pg_dumpall",
        "pg_isready",
        "pg_basebackup",
        "mysqldump",
        "mysqladmin",
        "mongosh",
        "mongodump",
        "mongorestore",
        "etcdctl",
        "cqlsh",
        "redis-cli",
        "rabbitmqadmin",
        "mc",
        "kafka-topics.sh",
        "tail",
        "curl",
        "pg_restore",
        "promtool",
    ];
    let command = command::invocations(container);
    let is_sleep = matches!(command.as_slice(), [only] if only.command.name() == "sleep");
    is_sleep
        || command.iter().any(|invocation| CLIENTS.contains(&invocation.command.name()))
            && !command.iter().any(|invocation| is_server(invocation.command.name()))
}

fn is_server(program: &str) -> bool {
    const SERVERS: [&str; 14] = [
        "postgres",
        "mysqld",
        "mariadbd",
        "mongod",
        "mongos",
        "etcd",
        "redis-server",
        "valkey-server",
        "rabbitmq-server",
        "kafka-server-start.sh",
        "minio",
        "prometheus",
        "loki",
        "clickhouse-server",
    ];
    SERVERS.contains(&program) || program.contains("entrypoint") || program.contains("run.sh")
}
