//! A repository like those of a company with two hundred namespaces, the same one every time.
//!
//! Each file holds four documents: what one service consists of, or what a namespace starts with.
//! About one document in five has a gap that the default bundle looks for, most of them workloads.

use std::fmt::Write as _;
use std::path::Path;

/// How many namespaces the services are spread over.
const NAMESPACES: usize = 200;
/// How many files there are.
const FILES: usize = 2_500;
/// How many documents each has.
const DOCUMENTS_PER_FILE: usize = 4;
/// How many documents the repository has.
pub const DOCUMENTS: usize = FILES * DOCUMENTS_PER_FILE;

/// Writes the repository below a directory.
pub fn write(root: &Path) -> std::io::Result<()> {
    let mut random = Random(2_026);
    for namespace in 0..NAMESPACES {
        let directory = root.join(format!("namespace-{namespace:03}"));
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("namespace.yaml"), namespace_file(namespace, &mut random))?;
    }
    for index in NAMESPACES..FILES {
        let service = Service::new(index, &mut random);
        let file = root.join(&service.namespace).join(format!("{}.yaml", service.name));
        std::fs::write(file, service.file(&mut random))?;
    }
    Ok(())
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn one_of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }
}

/// A gap in a workload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Probes,
    Resources,
    Tag,
    Secret,
    Hardening,
    Shutdown,
}

const GAPS: [Gap; 6] = [Gap::Probes, Gap::Resources, Gap::Tag, Gap::Secret, Gap::Hardening, Gap::Shutdown];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deployment,
    StatefulSet,
    CronJob,
}

struct Service {
    name: String,
    namespace: String,
}

/// Documents on their way into a file.
#[derive(Default)]
struct File(String);

impl File {
    fn add(&mut self, document: String) {
        if !self.0.is_empty() {
            self.0.push_str("---\n");
        }
        self.0.push_str(&document);
    }
}

fn namespace_file(index: usize, random: &mut Random) -> String {
    let namespace = format!("namespace-{index:03}");
    let mut file = File::default();
    file.add(format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: services
  namespace: {namespace}
spec:
  podSelector:
    matchLabels: {{tier: service}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{{podSelector: {{}}}}]
  egress:
    - to: [{{podSelector: {{}}}}]
"
    ));
    file.add(format!(
        "apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: services
  namespace: {namespace}
spec:
  selector:
    matchLabels: {{tier: service}}
  endpoints:
    - {{port: http, interval: 30s}}
"
    ));
    file.add(role(&namespace, "readers", random));
    file.add(config_map(&namespace, "defaults", random));
    file.0
}

impl Service {
    fn new(index: usize, random: &mut Random) -> Self {
        let stem = random.one_of(&["orders", "ledger", "search", "catalogue", "mail", "billing", "profile", "stock"]);
        Self { name: format!("{stem}-{index:04}"), namespace: format!("namespace-{:03}", index % NAMESPACES) }
    }

    fn file(&self, random: &mut Random) -> String {
        let mut file = File::default();
        let kind = match random.below(100) {
            0..70 => Kind::Deployment,
            70..85 => Kind::StatefulSet,
            _ => Kind::CronJob,
        };
        file.add(self.workload(kind, "main", random));
        if random.percent(50) {
            let second = if random.percent(60) { Kind::Deployment } else { Kind::CronJob };
            file.add(self.workload(second, "worker", random));
        } else {
            file.add(self.service());
        }
        if kind == Kind::CronJob {
            file.add(self.service_account());
        } else {
            file.add(self.disruption_budget());
        }
        file.add(self.companion(kind, random));
        file.0
    }

    fn head(&self, api_version: &str, kind: &str, suffix: &str) -> String {
        let Self { name, namespace } = self;
        format!(
            "apiVersion: {api_version}
kind: {kind}
metadata:
  name: {name}{suffix}
  namespace: {namespace}
  labels: {{app.kubernetes.io/part-of: {name}, tier: service}}
"
        )
    }

    fn workload(&self, kind: Kind, component: &str, random: &mut Random) -> String {
        let Self { name, .. } = self;
        let suffix = format!("-{component}");
        let labels = format!("{{app.kubernetes.io/part-of: {name}, component: {component}, tier: service}}");
        let gap = random.percent(50).then(|| GAPS[random.below(GAPS.len())]);
        let pod = |indent: usize, random: &mut Random| self.pod(kind, component, gap, &" ".repeat(indent), random);
        if kind == Kind::CronJob {
            let schedule = format!("{} {} * * *", random.below(60), random.below(24));
            return format!(
                "{}spec:
  schedule: \"{schedule}\"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 2
      template:
        metadata:
          labels: {labels}
        spec:
{}",
                self.head("batch/v1", "CronJob", &suffix),
                pod(10, random)
            );
        }
        let (kind_name, service_name) = match kind {
            Kind::StatefulSet => ("StatefulSet", format!("  serviceName: {name}\n")),
            _ => ("Deployment", String::new()),
        };
        format!(
            "{}spec:
  replicas: {}
{service_name}  selector:
    matchLabels: {{app.kubernetes.io/part-of: {name}, component: {component}}}
  template:
    metadata:
      labels: {labels}
    spec:
{}",
            self.head("apps/v1", kind_name, &suffix),
            2 + random.below(4),
            pod(6, random)
        )
    }

    fn pod(&self, kind: Kind, component: &str, gap: Option<Gap>, indent: &str, random: &mut Random) -> String {
        let Self { name, .. } = self;
        let mut lines = format!("serviceAccountName: {name}\nautomountServiceAccountToken: false\n");
        if kind == Kind::CronJob {
            lines.push_str("restartPolicy: Never\n");
        } else {
            let _ = write!(
                lines,
                "terminationGracePeriodSeconds: 60
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: DoNotSchedule
    labelSelector:
      matchLabels: {{app.kubernetes.io/part-of: {name}, component: {component}}}
"
            );
        }
        if gap != Some(Gap::Hardening) {
            lines.push_str("securityContext:\n  runAsNonRoot: true\n  runAsUser: 10001\n  seccompProfile: {type: RuntimeDefault}\n");
        }
        lines.push_str("containers:\n");
        self.container(&mut lines, component, kind != Kind::CronJob, gap, random);
        if random.percent(30) {
            self.container(&mut lines, "log-shipper", false, None, random);
        }
        lines.push_str("volumes:\n  - name: scratch\n    emptyDir: {sizeLimit: 64Mi}\n");
        lines.lines().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{indent}{line}");
            text
        })
    }

    fn container(&self, out: &mut String, name: &str, serving: bool, gap: Option<Gap>, random: &mut Random) {
        let tag = if gap == Some(Gap::Tag) { "latest".to_owned() } else { version(random) };
        let _ = writeln!(out, "  - name: {name}\n    image: registry.example.com/{}/{name}:{tag}", self.name);
        self.environment(out, gap, random);
        if gap != Some(Gap::Resources) {
            let memory = 64 << random.below(5);
            let cpu = 50 * (1 + random.below(10));
            let _ = write!(
                out,
                "    resources:
      requests: {{cpu: {cpu}m, memory: {memory}Mi}}
      limits: {{memory: {memory}Mi}}
"
            );
        }
        if serving {
            out.push_str("    ports:\n      - {name: http, containerPort: 8080}\n");
        }
        if serving && gap != Some(Gap::Probes) {
            out.push_str(
                "    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: 5
    livenessProbe:
      httpGet: {path: /livez, port: http}
      failureThreshold: 6
",
            );
        }
        if serving && gap != Some(Gap::Shutdown) {
            out.push_str("    lifecycle:\n      preStop: {sleep: {seconds: 10}}\n");
        }
        if gap != Some(Gap::Hardening) {
            out.push_str(
                "    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
",
            );
        }
        out.push_str("    volumeMounts:\n      - {name: scratch, mountPath: /tmp}\n");
    }

    fn environment(&self, out: &mut String, gap: Option<Gap>, random: &mut Random) {
        let _ = write!(
            out,
            "    env:
      - {{name: LOG_LEVEL, value: {}}}
      - name: DATABASE_PASSWORD
        valueFrom: {{secretKeyRef: {{name: {}, key: password}}}}
",
            random.one_of(&["debug", "info", "warn"]),
            self.name
        );
        for index in 0..random.below(6) {
            let _ = writeln!(out, "      - {{name: SETTING_{index}, value: \"{}\"}}", random.below(10_000));
        }
        if gap == Some(Gap::Secret) {
            let _ =
                writeln!(out, "      - {{name: API_TOKEN, value: \"{:016x}{:016x}\"}}", random.next(), random.next());
        }
    }

    fn service(&self) -> String {
        format!(
            "{}spec:
  selector: {{app.kubernetes.io/part-of: {}, component: main}}
  ports:
    - {{name: http, port: 80, targetPort: http}}
",
            self.head("v1", "Service", ""),
            self.name
        )
    }

    fn service_account(&self) -> String {
        format!("{}automountServiceAccountToken: false\n", self.head("v1", "ServiceAccount", ""))
    }

    fn disruption_budget(&self) -> String {
        format!(
            "{}spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{app.kubernetes.io/part-of: {}}}
",
            self.head("policy/v1", "PodDisruptionBudget", ""),
            self.name
        )
    }

    fn companion(&self, kind: Kind, random: &mut Random) -> String {
        match random.below(100) {
            0..15 if kind == Kind::Deployment => self.autoscaler(),
            0..35 => config_map(&self.namespace, &self.name, random),
            35..55 => self.ingress(),
            55..75 => self.service_account(),
            75..88 => role(&self.namespace, &self.name, random),
            _ => self.network_policy(),
        }
    }

    fn autoscaler(&self) -> String {
        format!(
            "{}spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {}-main}}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Resource
      resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 70}}}}
",
            self.head("autoscaling/v2", "HorizontalPodAutoscaler", ""),
            self.name
        )
    }

    fn ingress(&self) -> String {
        let name = &self.name;
        format!(
            "{}spec:
  ingressClassName: nginx
  tls:
    - {{hosts: [{name}.example.com], secretName: {name}-tls}}
  rules:
    - host: {name}.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {{service: {{name: {name}, port: {{name: http}}}}}}
",
            self.head("networking.k8s.io/v1", "Ingress", "")
        )
    }

    fn network_policy(&self) -> String {
        format!(
            "{}spec:
  podSelector:
    matchLabels: {{app.kubernetes.io/part-of: {}}}
  policyTypes: [Ingress]
  ingress:
    - from: [{{namespaceSelector: {{matchLabels: {{ingress: public}}}}}}]
      ports: [{{port: 8080}}]
",
            self.head("networking.k8s.io/v1", "NetworkPolicy", ""),
            self.name
        )
    }
}

fn version(random: &mut Random) -> String {
    format!("{}.{}.{}", 1 + random.below(4), random.below(30), random.below(10))
}

fn role(namespace: &str, name: &str, random: &mut Random) -> String {
    let verbs = if random.percent(20) { "\"*\"" } else { "get, list, watch" };
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {name}
  namespace: {namespace}
rules:
  - apiGroups: [\"\"]
    resources: [configmaps, pods]
    verbs: [{verbs}]
"
    )
}

fn config_map(namespace: &str, name: &str, random: &mut Random) -> String {
    let mut text =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\ndata:\n");
    for index in 0..4 + random.below(12) {
        let _ = writeln!(text, "  feature.{index}: \"{}\"", random.percent(50));
    }
    text.push_str("  server.properties: |\n");
    for index in 0..random.below(10) {
        let _ = writeln!(text, "    pool.{index}.size={}", random.below(64));
    }
    text
}
