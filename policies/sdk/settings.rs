//! Settings that several rules share. A bundle or a configuration gives each once.

use crate::parameter::Bounded;
use crate::values::date::Date;
use crate::values::version::Version;

crate::choice! {
    /// What scrapes metrics.
    pub Scraper { Unknown = "", PrometheusOperator = "prometheus-operator" }
}

crate::choice! {
    /// Whether something is expected of every cluster.
    pub Expected { Unknown = "", Required = "required" }
}

crate::choice! {
    /// A service mesh that goes by the names of ports.
    pub Mesh { Unknown = "", Istio = "istio" }
}

crate::choice! {
    /// Whose cloud clusters are in.
    pub Provider { Unknown = "", Aws = "aws", Azure = "azure", Gcp = "gcp" }
}

crate::choice! {
    /// A way in which new versions are delivered.
    pub DeliveryWay { Progressive = "progressive", GitOps = "gitops" }
}

crate::choice! {
    /// What a platform offers to its services as a Terraform module.
    pub PlatformModule { Registry = "registry", Cache = "cache", Queue = "queue", Bucket = "bucket" }
}

crate::setting! {
    /// The Kubernetes version of the clusters.
    pub KubernetesVersion, "kubernetesVersion": Version = Version::of(1, 35);
    /// The label of workloads whose health endpoints keep to the conventions, so that fixes may rely on them.
    pub ConventionalProbesLabel, "conventionalProbesLabel": String = "policy/default-probes".into();
    /// The path of an HTTP endpoint that answers while the process lives.
    pub LivenessPath, "livenessPath": String = "/healthz".into();
    /// The path of an HTTP endpoint that answers while requests are taken.
    pub ReadinessPath, "readinessPath": String = "/readyz".into();
    /// The seconds that a server needs to stop, once it is told to.
    pub ShutdownSeconds, "shutdownSeconds": i64 = 10;
    /// The label or annotation that names a workload's programming language.
    pub LanguageLabel, "languageLabel": String = "app.kubernetes.io/language".into();
    /// The label or annotation that names the version of the language.
    pub LanguageVersionLabel, "languageVersionLabel": String = "app.kubernetes.io/language-version".into();
    /// What scrapes metrics in the clusters: `prometheus-operator` where they have it; empty where that is not known.
    pub Monitoring, "monitoring": Scraper = Scraper::Unknown;
    /// The nodes that pods of an application can run on; where it is not set nobody knows.
    pub NodeCount, "nodeCount": Option<Bounded<1, 100_000>> = None;
    /// The zones that those nodes are in; where it is not set nobody knows.
    pub ZoneCount, "zoneCount": Option<Bounded<1, 1_000>> = None;
    /// Whether every workload is expected to have its own ServiceAccount, even if it does not call the API server.
    pub WorkloadIdentity, "workloadIdentity": bool = false;
    /// The label of workloads that need their token for the API server.
    pub ApiAccessLabel, "apiAccessLabel": String = "policy/needs-kube-api".into();
    /// Whether the clusters are OpenShift, which assigns users to each namespace, and their volumes' group.
    pub Openshift, "openshift": bool = false;
    /// Whether the container runtime lets every user bind ports below 1024, as containerd 2 and Docker 20.10 do.
    pub UnprivilegedPorts, "unprivilegedPorts": bool = true;
    /// The service mesh of the clusters: `istio` where they all have it; empty where that is not known.
    pub ServiceMesh, "serviceMesh": Mesh = Mesh::Unknown;
    /// The repositories of the organisation's own images, as entries of an allow-list: `registry.example.com/shop/`.
    pub FirstParty, "firstParty": Vec<String> = Vec::new();
    /// The registries and repositories that images may come from, as entries of an allow-list; empty where that is not
    /// decided.
    pub AllowedRegistries, "allowedRegistries": Vec<String> = Vec::new();
    /// Where registries, or beginnings of repositories, are mirrored: `docker.io` at `mirror.example.com/hub`.
    pub RegistryMirrors, "registryMirrors": Vec<(String, String)> = Vec::new();
    /// The cloud that the clusters are in: `aws`, `azure` or `gcp`; empty where that is not known.
    pub CloudProvider, "cloudProvider": Provider = Provider::Unknown;
    /// How new versions are expected to be delivered: `progressive` for canaries and blue/green, `gitops` for
    /// manifests that Argo CD or Flux applies.
    pub ExpectedDelivery, "delivery": Vec<DeliveryWay> = Vec::new();
    /// Whether services are expected to export traces: `required`; empty where they need not.
    pub Tracing, "tracing": Expected = Expected::Unknown;
    /// Whether something is expected to collect the logs of all pods: `required`; empty where it need not.
    pub Logs, "logs": Expected = Expected::Unknown;
    /// Whether the documents are all that a cluster has, so that what is not among them is missing.
    pub WholeCluster, "wholeCluster": bool = false;
    /// Whether some Prometheus scrapes what is annotated with `prometheus.io/scrape`.
    pub AnnotationScraping, "annotationScraping": bool = false;
    /// Whether clusters are expected to have PriorityClasses of their own.
    pub ExpectedPriorityClasses, "priorityClasses": bool = false;
    /// Whether data at rest has to be encrypted with keys of one's own, whatever the cloud's own keys protect.
    pub RequireOwnKeys, "requireOwnKeys": bool = false;
    /// The AWS accounts of one's own, by their numbers; empty where that is not known.
    pub AwsAccounts, "awsAccounts": Vec<String> = Vec::new();
    /// Whether the registry of each AWS account scans its images by rules of its own, which are kept elsewhere.
    pub RegistryScanning, "registryScanning": bool = false;
    /// The environments that everything is deployed to: `dev`, `staging`, `prod`; empty where that is not decided.
    pub Environments, "environments": Vec<String> = Vec::new();
    /// The Terraform modules that the platform is expected to offer; empty where none are.
    pub PlatformModules, "platformModules": Vec<PlatformModule> = Vec::new();
    /// The owners on GitHub whose repositories are the organisation's own; empty where that is not decided.
    pub GitHubOwners, "githubOwners": Vec<String> = Vec::new();
    /// The actions that workflows may use: `owner/*`, `owner/repository` or `owner/repository/path`; empty where that
    /// is not decided.
    pub AllowedActions, "allowedActions": Vec<String> = Vec::new();
    /// Whether the repository is public, so that anybody can open a pull request; where it is not set nobody knows.
    pub PublicRepository, "publicRepository": Option<bool> = None;
    /// The day by which it is told what has ended; without it, the date of each table.
    pub Today, "date": Option<Date> = None;
}
