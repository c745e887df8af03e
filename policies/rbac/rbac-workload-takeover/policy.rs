use policy_sdk::kubernetes::rbac::{self, AccountRoles, Grant};
use policy_sdk::kubernetes::service_account::{self, OwnServiceAccount};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// What the internet reaches does not own the cluster
    ///
    /// The ServiceAccount of a workload that is reached from outside of the cluster has no ClusterRoleBinding that
    /// leads to all of it: to `cluster-admin`, `admin` or `edit`, to a role with wildcards on the core group, with
    /// `escalate`, `bind` or `impersonate`, or with `get`, `list` or `watch` on all Secrets. Bindings of all
    /// ServiceAccounts (`system:serviceaccounts`) and of all in the namespace count too.
    ///
    /// Reached from outside is what an Ingress, a route of the Gateway API, OpenShift or Traefik, or a Service of the
    /// type LoadBalancer leads to, unless an annotation makes the load balancer internal. `exposed_only: false` checks
    /// all workloads. Pods that mount no token of the API server pass. If a role is not among the documents, the rule
    /// is not evaluated.
    ///
    /// ## Why
    /// The token of the account lies in every container of the pod. One hole in the application, found by anybody on
    /// the internet, is then a hole in the whole cluster: with all Secrets an intruder has the tokens and passwords of
    /// every other application.
    ///
    /// ## Fix
    /// Take one step out of the chain that the finding shows. Mount no token if the application does not need it:
    ///
    /// ```yaml
    /// spec:
    ///   automountServiceAccountToken: false
    /// ```
    ///
    /// Else replace the ClusterRoleBinding by a RoleBinding in the namespaces that it is for, name the objects by
    /// `resourceNames`, or move what needs the rights into a workload of its own that nobody reaches.
    findings: {
        /// From outside of the cluster to all of it
        Exposed: High, Likely;
        /// From a pod to all of the cluster
        Internal: Medium, Likely;
    },
    priority: P1,
    effort: Large,
    factor: Security,
    peers: ["KC:C-0267", "KC:C-0255"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnServiceAccount, AccountRoles],
    inventory: {
        fronts: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.type", "metadata.annotations"],
        },
        ingresses: {
            kinds: ["networking.k8s.io/Ingress"],
            scope: "namespace",
            via: "fronts",
            relation: names {
                kind: "=Service",
                name: ["spec.rules[*].http.paths[*].backend.service.name", "spec.defaultBackend.service.name"],
            },
            reads: ["spec.rules", "spec.defaultBackend"],
        },
        routes: {
            kinds: [
                "gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute",
                "gateway.networking.k8s.io/TLSRoute", "gateway.networking.k8s.io/TCPRoute",
            ],
            scope: "cluster",
            via: "fronts",
            relation: names {
                kind: "spec.rules[*].backendRefs[*].kind=Service",
                name: "spec.rules[*].backendRefs[*].name",
                namespace: "spec.rules[*].backendRefs[*].namespace",
            },
            reads: ["spec.rules"],
        },
        openshift_routes: {
            kinds: ["route.openshift.io/Route"],
            scope: "namespace",
            via: "fronts",
            relation: names { kind: "spec.to.kind=Service", name: "spec.to.name" },
            reads: ["spec.to"],
        },
        traefik_routes: {
            kinds: ["traefik.io/IngressRoute", "traefik.io/IngressRouteTCP"],
            scope: "cluster",
            via: "fronts",
            relation: names {
                kind: "spec.routes[*].services[*].kind=Service",
                name: "spec.routes[*].services[*].name",
                namespace: "spec.routes[*].services[*].namespace",
            },
            reads: ["spec.routes"],
        },
    },
    parameters: {
        /// Check only workloads that are reached from outside of the cluster.
        exposed_only: bool = true,
    },
}

/// Annotations by which clouds keep a load balancer inside of the network.
const INTERNAL: [(&str, &str); 5] = [
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
    ("networking.gke.io/load-balancer-type", "Internal"),
    ("cloud.google.com/load-balancer-type", "Internal"),
];

/// A step on the way, and what it is.
type Step<'d> = (Related<'d>, View<'d>, &'static str);

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let way = way_in(input);
    if way.is_empty() && input.parameters.exposed_only {
        return not_applicable("nothing outside of the cluster reaches its pods, as far as the documents tell");
    }
    if service_account::automount(input).is_some_and(|automount| !automount.is_true()) {
        return not_applicable("its pods mount no token of the API server");
    }
    let (reached, unknown) = way_on(input);
    let Some((steps, may)) = reached else {
        return match unknown {
            Some(role) => {
                not_evaluated(format!("the ClusterRole `{role}` of its ServiceAccount is not among the documents"))
            }
            None => Ok(()),
        };
    };
    let account = service_account::name(input);
    let name = if account.text().is_empty() { service_account::DEFAULT } else { account.text() };
    let (code, from) = match way.first() {
        Some((front, _, _)) => {
            (Code::Exposed, format!("it is reached from outside by the {} `{}`, and its", front.kind(), front.name()))
        }
        None => (Code::Internal, "its".to_owned()),
    };
    let message = format!("{from} ServiceAccount `{name}` {may}, so whoever breaks into it owns the cluster");
    let report = findings.report(code, &account, message);
    way.iter().chain(&steps).fold(report, |report, (document, place, what)| report.label_in(document, place, *what));
    Ok(())
}

/// How requests from outside of the cluster come to the pods: from the outermost document on.
fn way_in<'d>(input: &Input<'d, Parameters>) -> Vec<Step<'d>> {
    let services: Vec<Related<'d>> = input.related("fronts").collect();
    let is_public = |service: &&Related<'d>| {
        let annotations = service.document.at("metadata.annotations");
        service.document.at("spec.type").text() == "LoadBalancer"
            && !INTERNAL.iter().any(|(key, value)| annotations.get(key).text() == *value)
    };
    if let Some(service) = services.iter().find(is_public) {
        return vec![(service.clone(), service.document.at("spec.type"), "it is reached from outside")];
    }
    let queries = ["ingresses", "routes", "openshift_routes", "traefik_routes"];
    let mut fronts = queries.into_iter().flat_map(|query| input.related(query));
    let Some(front) = fronts.next() else { return Vec::new() };
    let spec = front.document.get("spec");
    let places = ["rules", "defaultBackend", "to", "routes"].map(|field| spec.get(field));
    let place = places.into_iter().find(View::exists).unwrap_or(spec);
    let behind = front.via().next().and_then(|at| services.get(at));
    let mut way = vec![(front.clone(), place, "it is reached from outside")];
    way.extend(behind.map(|service| (service.clone(), service.document.get("spec"), "it leads to the pods")));
    way
}

/// What leads from the account to the whole cluster, with what it may do there; else a role that is not known.
fn way_on<'d>(input: &Input<'d, Parameters>) -> (Option<(Vec<Step<'d>>, &'static str)>, Option<&'d str>) {
    let mut unknown = None;
    for held in rbac::account_roles(input) {
        let place = held.name();
        let name = place.text();
        let step = (held.binding, place, "this binding gives it the role");
        let built_in = match name {
            "cluster-admin" => Some("may do everything"),
            "admin" | "edit" => Some("may read all Secrets"),
            _ => None,
        };
        if let Some(may) = built_in {
            return (Some((vec![step], may)), None);
        }
        let Some(role) = held.role else {
            // Of Kubernetes' own the others lead nowhere.
            if name != "view" && !name.starts_with("system:") {
                unknown.get_or_insert(name);
            }
            continue;
        };
        if let Some((place, may)) = rbac::grants_of(&role.document).find_map(|grant| critical(&grant)) {
            return (Some((vec![step, (role, place, "by this right")], may)), None);
        }
    }
    (None, unknown)
}

/// Where an entry of a role leads to the whole cluster, and what it is.
fn critical<'d>(grant: &Grant<'d>) -> Option<(View<'d>, &'static str)> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    if grant.is_narrowed() {
        return None;
    }
    let everything = grant.resource("", "pods").filter(|resource| resource.text() == "*");
    let is_any_verb = grant.verb("*").is_some();
    if let Some(place) = everything {
        if is_any_verb {
            return Some((place, "may do everything"));
        }
        if grant.writes() {
            return Some((place, "may change everything"));
        }
    }
    let escalation = rbac::escalation(grant).map(|granted| granted.verb);
    let any_verb =
        || grant.resource(RBAC, "clusterroles").or_else(|| grant.resource(RBAC, "roles")).filter(|_| is_any_verb);
    if let Some(place) = escalation.or_else(any_verb) {
        return Some((place, "may give itself every right"));
    }
    let reads = ["get", "list", "watch"].iter().any(|verb| grant.verb(verb).is_some());
    grant.resource("", "secrets").filter(|_| reads).map(|place| (place, "may read all Secrets"))
}
