//! Annotations that keep the load balancer of a Service inside a network.

use crate::json::View;
use std::borrow::Cow;

crate::record! {
    /// An annotation that makes a load balancer internal.
    pub InternalBalancer {
        /// The annotation.
        pub annotation, "annotation": Cow<'static, str> = Cow::Borrowed("");
        /// Its value, whatever its case; empty for any but `false`.
        pub value, "value": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn row(annotation: &'static str, value: &'static str) -> InternalBalancer {
    InternalBalancer { annotation: Cow::Borrowed(annotation), value: Cow::Borrowed(value) }
}

crate::table! {
    /// Annotations of Services that make their load balancers internal.
    pub InternalBalancers, "internalBalancers": InternalBalancer {
        source: "https://kubernetes.io/docs/concepts/services-networking/service/#internal-load-balancer, cloud providers",
        date: "2026-11-29",
        rows: [
            row("cloud.google.com/load-balancer-type", "internal"),
            row("load-balancer.hetzner.cloud/disable-public-network", "true"),
            row("networking.gke.io/load-balancer-type", "internal"),
            row("service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", "intranet"),
            row("service.beta.kubernetes.io/aws-load-balancer-internal", ""),
            row("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),
            row("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
            row("service.beta.kubernetes.io/cce-load-balancer-internal-vpc", "true"),
            row("service.beta.kubernetes.io/do-loadbalancer-network", "internal"),
            row("service.beta.kubernetes.io/oci-load-balancer-internal", "true"),
            row("service.beta.kubernetes.io/openstack-internal-load-balancer", "true"),
            row("service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "private"),
            row("service.kubernetes.io/qcloud-loadbalancer-internal-subnetid", ""),
        ],
    }
}

/// Whether annotations make a load balancer internal.
pub fn is_internal(rows: &[InternalBalancer], annotations: &View<'_>) -> bool {
    rows.iter().any(|row| {
        let value = annotations.get(&row.annotation).text();
        let is_any = row.value.is_empty() && !value.is_empty() && !value.eq_ignore_ascii_case("false");
        is_any || !row.value.is_empty() && value.eq_ignore_ascii_case(&row.value)
    })
}
