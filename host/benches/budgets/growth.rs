//! How the cost of related documents grows: Deployments with their Services and budgets, in one namespace and in
//! one each.

use policy_host::document::Source;
use policy_host::parse::{Form, Scalars, Unit};
use std::fmt::Write as _;

/// How many of each there are.
pub const COUNTS: [usize; 3] = [1_000, 2_000, 4_000];

/// A Deployment, a Service and a PodDisruptionBudget of each of `count` programs, over `namespaces` namespaces.
pub fn units(count: usize, namespaces: usize) -> Vec<Unit> {
    (0..count).flat_map(|index| of_one(index, index % namespaces)).collect()
}

fn of_one(index: usize, namespace: usize) -> impl Iterator<Item = Unit> {
    let metadata = format!("metadata: {{name: web-{index}, namespace: shop-{namespace}}}");
    let labels = format!("{{app.kubernetes.io/name: web-{index}, app.kubernetes.io/part-of: shop}}");
    let mut deployment = format!("apiVersion: apps/v1\nkind: Deployment\n{metadata}\nspec:\n  replicas: 3\n");
    // Writing to a String cannot fail.
    let _ = write!(
        deployment,
        "  selector: {{matchLabels: {labels}}}\n  template:\n    metadata: {{labels: {labels}}}\n    spec:\n      \
         containers:\n        - {{name: web, image: \"example.com/web:1.{index}\", ports: [{{containerPort: 8080}}]}}\n"
    );
    let service = format!(
        "apiVersion: v1\nkind: Service\n{metadata}\nspec:\n  selector: {labels}\n  ports: [{{port: 80, targetPort: 8080}}]\n"
    );
    let budget = format!(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\n{metadata}\nspec:\n  maxUnavailable: 1\n  \
         selector: {{matchLabels: {labels}}}\n"
    );
    [deployment, service, budget].into_iter().enumerate().map(move |(part, text)| {
        Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new(format!("{index}/{part}.yaml"), text))
    })
}
