//! Versions of APIs that newer clusters, or newer operators, do not serve.

use std::borrow::Cow;

crate::record! {
    /// A version of some kinds.
    pub DeprecatedApi {
        /// The group and version: `batch/v1beta1`.
        pub api_version, "apiVersion": Cow<'static, str> = Cow::Borrowed("");
        /// The kinds, separated by spaces.
        pub kinds, "kinds": Cow<'static, str> = Cow::Borrowed("");
        /// The version since which it is deprecated; of Kubernetes, or of `operator`.
        pub deprecated, "deprecated": Cow<'static, str> = Cow::Borrowed("");
        /// The first version that does not serve it.
        pub removed, "removed": Cow<'static, str> = Cow::Borrowed("");
        /// The version to write instead; empty where nothing takes its place.
        pub instead, "instead": Cow<'static, str> = Cow::Borrowed("");
        /// Whether an object of the old version means the same in the new one.
        pub same, "same": bool = false;
        /// The operator that serves it; empty for Kubernetes.
        pub operator, "operator": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn row(
    api_version: &'static str,
    kinds: &'static str,
    [deprecated, removed]: [&'static str; 2],
    instead: &'static str,
    same: bool,
) -> DeprecatedApi {
    DeprecatedApi {
        api_version: Cow::Borrowed(api_version),
        kinds: Cow::Borrowed(kinds),
        deprecated: Cow::Borrowed(deprecated),
        removed: Cow::Borrowed(removed),
        instead: Cow::Borrowed(instead),
        same,
        operator: Cow::Borrowed(""),
    }
}

const fn of_operator(
    operator: &'static str,
    api_version: &'static str,
    kinds: &'static str,
    versions: [&'static str; 2],
    instead: &'static str,
) -> DeprecatedApi {
    let [deprecated, removed] = versions;
    DeprecatedApi {
        api_version: Cow::Borrowed(api_version),
        kinds: Cow::Borrowed(kinds),
        deprecated: Cow::Borrowed(deprecated),
        removed: Cow::Borrowed(removed),
        instead: Cow::Borrowed(instead),
        same: false,
        operator: Cow::Borrowed(operator),
    }
}

crate::table! {
    /// Versions of APIs that are deprecated or gone.
    pub DeprecatedApis, "deprecatedApis": DeprecatedApi {
        source: "APILifecycle functions of k8s.io/api 0.37, https://kubernetes.io/docs/reference/using-api/deprecation-guide/, and the CRDs of the operators",
        date: "2026-11-29",
        rows: [
            row("extensions/v1beta1", "NetworkPolicy", ["1.9", "1.16"], "networking.k8s.io/v1", false),
            row("extensions/v1beta1", "Deployment DaemonSet ReplicaSet", ["1.8", "1.16"], "apps/v1", false),
            row("extensions/v1beta1", "PodSecurityPolicy", ["1.10", "1.16"], "", false),
            row("extensions/v1beta1", "Ingress", ["1.14", "1.22"], "networking.k8s.io/v1", false),
            row("apps/v1beta1", "Deployment StatefulSet ControllerRevision", ["1.8", "1.16"], "apps/v1", false),
            row("apps/v1beta2", "Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision", ["1.9", "1.16"], "apps/v1", false),
            row("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration", ["1.16", "1.22"], "admissionregistration.k8s.io/v1", false),
            row("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", ["1.16", "1.22"], "apiextensions.k8s.io/v1", false),
            row("apiregistration.k8s.io/v1beta1", "APIService", ["1.19", "1.22"], "apiregistration.k8s.io/v1", true),
            row("certificates.k8s.io/v1beta1", "CertificateSigningRequest", ["1.19", "1.22"], "certificates.k8s.io/v1", false),
            row("coordination.k8s.io/v1beta1", "Lease", ["1.19", "1.22"], "coordination.k8s.io/v1", true),
            row("networking.k8s.io/v1beta1", "Ingress", ["1.19", "1.22"], "networking.k8s.io/v1", false),
            row("networking.k8s.io/v1beta1", "IngressClass", ["1.19", "1.22"], "networking.k8s.io/v1", true),
            row("rbac.authorization.k8s.io/v1alpha1", "ClusterRole ClusterRoleBinding Role RoleBinding", ["1.17", "1.22"], "rbac.authorization.k8s.io/v1", false),
            row("rbac.authorization.k8s.io/v1beta1", "ClusterRole ClusterRoleBinding Role RoleBinding", ["1.17", "1.22"], "rbac.authorization.k8s.io/v1", true),
            row("scheduling.k8s.io/v1beta1", "PriorityClass", ["1.14", "1.22"], "scheduling.k8s.io/v1", true),
            row("storage.k8s.io/v1beta1", "CSINode", ["1.17", "1.22"], "storage.k8s.io/v1", true),
            row("storage.k8s.io/v1beta1", "CSIDriver StorageClass VolumeAttachment", ["1.19", "1.22"], "storage.k8s.io/v1", true),
            row("batch/v1beta1", "CronJob", ["1.21", "1.25"], "batch/v1", true),
            row("discovery.k8s.io/v1beta1", "EndpointSlice", ["1.21", "1.25"], "discovery.k8s.io/v1", false),
            row("autoscaling/v2beta1", "HorizontalPodAutoscaler", ["1.22", "1.25"], "autoscaling/v2", false),
            row("autoscaling/v2beta2", "HorizontalPodAutoscaler", ["1.23", "1.26"], "autoscaling/v2", true),
            row("policy/v1beta1", "PodDisruptionBudget", ["1.21", "1.25"], "policy/v1", true),
            row("policy/v1beta1", "PodSecurityPolicy", ["1.21", "1.25"], "", false),
            row("node.k8s.io/v1beta1", "RuntimeClass", ["1.22", "1.25"], "node.k8s.io/v1", true),
            row("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema PriorityLevelConfiguration", ["1.23", "1.26"], "flowcontrol.apiserver.k8s.io/v1", false),
            row("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema PriorityLevelConfiguration", ["1.26", "1.29"], "flowcontrol.apiserver.k8s.io/v1", false),
            row("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema PriorityLevelConfiguration", ["1.29", "1.32"], "flowcontrol.apiserver.k8s.io/v1", false),
            row("storage.k8s.io/v1beta1", "CSIStorageCapacity", ["1.24", "1.27"], "storage.k8s.io/v1", true),
            row("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding", ["1.31", "1.34"], "admissionregistration.k8s.io/v1", true),
            row("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding", ["1.29", "1.32"], "admissionregistration.k8s.io/v1", false),
            row("admissionregistration.k8s.io/v1alpha1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding", ["1.35", "1.38"], "admissionregistration.k8s.io/v1beta1", false),
            row("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding", ["1.37", "1.40"], "admissionregistration.k8s.io/v1", false),
            row("events.k8s.io/v1beta1", "Event", ["1.22", "1.25"], "events.k8s.io/v1", false),
            row("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", ["1.34", "1.37"], "certificates.k8s.io/v1beta1", false),
            row("certificates.k8s.io/v1beta1", "ClusterTrustBundle PodCertificateRequest", ["1.37", "1.40"], "certificates.k8s.io/v1", false),
            row("networking.k8s.io/v1alpha1", "IPAddress ServiceCIDR", ["1.30", "1.33"], "networking.k8s.io/v1", false),
            row("networking.k8s.io/v1beta1", "IPAddress ServiceCIDR", ["1.34", "1.37"], "networking.k8s.io/v1", true),
            row("resource.k8s.io/v1alpha3", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice", ["1.34", "1.37"], "resource.k8s.io/v1", false),
            row("resource.k8s.io/v1beta1", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice", ["1.35", "1.38"], "resource.k8s.io/v1", false),
            row("resource.k8s.io/v1beta2", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice", ["1.36", "1.39"], "resource.k8s.io/v1", false),
            row("storage.k8s.io/v1alpha1", "VolumeAttributesClass", ["1.32", "1.35"], "storage.k8s.io/v1", false),
            row("storage.k8s.io/v1beta1", "VolumeAttributesClass", ["1.34", "1.37"], "storage.k8s.io/v1", true),
            of_operator("external-secrets", "external-secrets.io/v1alpha1", "ExternalSecret SecretStore ClusterSecretStore", ["0.5", "0.17"], "external-secrets.io/v1"),
            of_operator("external-secrets", "external-secrets.io/v1beta1", "ExternalSecret SecretStore ClusterSecretStore ClusterExternalSecret", ["0.16", "0.17"], "external-secrets.io/v1"),
            of_operator("cert-manager", "cert-manager.io/v1alpha2", "Certificate CertificateRequest Issuer ClusterIssuer", ["1.4", "1.6"], "cert-manager.io/v1"),
            of_operator("cert-manager", "cert-manager.io/v1alpha3", "Certificate CertificateRequest Issuer ClusterIssuer", ["1.4", "1.6"], "cert-manager.io/v1"),
            of_operator("cert-manager", "cert-manager.io/v1beta1", "Certificate CertificateRequest Issuer ClusterIssuer", ["1.4", "1.6"], "cert-manager.io/v1"),
            of_operator("karpenter", "karpenter.sh/v1beta1", "NodePool NodeClaim", ["1.0", "1.1"], "karpenter.sh/v1"),
            of_operator("karpenter", "karpenter.k8s.aws/v1beta1", "EC2NodeClass", ["1.0", "1.1"], "karpenter.k8s.aws/v1"),
        ],
    }
}
