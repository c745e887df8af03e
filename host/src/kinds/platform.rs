//! Kinds of files that describe what applications run on, and how they are watched.

use super::{Kind, Paths, content};
use crate::document::Format;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "TerraformModule",
        title: "A directory of Terraform or OpenTofu files, together.",
        paths: Paths::of(&["**/*.{tf,tofu}", "**/*.{tf,tofu}.json"]),
        content: None,
        format: Format::Hcl,
        like_kubernetes: false,
        tags: &["terraform"],
        model: "`{path, files, blocks, tfvars, terraform, provider, resource, data, module}`. `blocks` are what is written, \
                each with `type`, `labels`, `attributes` and `blocks`; the others are what is in effect, resources by type \
                and address. What cannot be known is `{\"$unknown\": \"…\"}`. `host/src/parse/hcl/mod.rs` says it all.",
    },
    Kind {
        name: "TerraformVariables",
        title: "A file of Terraform variables that no module reads by itself.",
        paths: Paths::of(&["**/*.tfvars", "**/*.tfvars.json"]),
        content: None,
        format: Format::Hcl,
        like_kubernetes: false,
        tags: &["terraform"],
        model: "`{path, values}`: the values by their names.",
    },
    Kind {
        name: "TerraformPlan",
        title: "A plan of Terraform or OpenTofu: what `terraform show -json PLAN` prints.",
        paths: Paths::ANY,
        content: Some(content::TERRAFORM_PLAN),
        format: Format::Json,
        like_kubernetes: false,
        tags: &["json"],
        model: "In the shape of `TerraformModule`, so that one rule reads both: `{path, files, blocks, tfvars, provider, \
                resource, data, changes}`. \
                `blocks` are the planned resources and data sources of all modules, and the providers that are configured. \
                `attributes` of a resource are its planned values; what is known after apply is `{\"$unknown\": \"known \
                after apply\"}`. A value that is a list of mappings may be written as an attribute or as blocks, and a plan \
                does not say which: it is in `attributes`, and each of its mappings is in `blocks` as well. A block has its \
                `address` beside. `tfvars` are the variables. `changes` are the plan's `resource_changes` as they are: what \
                is deleted stands there alone.",
    },
    Kind {
        name: "Kustomization",
        title: "What kustomize puts together.",
        paths: Paths::of(&["**/kustomization.{yml,yaml}", "**/Kustomization"]),
        content: Some(content::KUSTOMIZATION),
        format: Format::Yaml,
        like_kubernetes: true,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `resources`, `components`, `patches`, `images`, \
                `configMapGenerator` and others. A Component is one, too.",
    },
    Kind {
        name: "PrometheusRules",
        title: "A file of Prometheus' alerts and recording rules.",
        paths: Paths::ANY,
        content: Some(content::PROMETHEUS_RULES),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `groups`, each with `name` and `rules`.",
    },
    Kind {
        name: "Alertmanager",
        title: "The configuration of Prometheus' Alertmanager.",
        paths: Paths::ANY,
        content: Some(content::ALERTMANAGER),
        format: Format::Yaml,
        like_kubernetes: false,
        tags: &["yaml"],
        model: "The file as it is written: a mapping with `global`, `route`, `receivers` and `inhibit_rules`.",
    },
    Kind {
        name: "GrafanaDashboard",
        title: "A dashboard of Grafana.",
        paths: Paths::ANY,
        content: Some(content::DASHBOARD),
        format: Format::Json,
        like_kubernetes: false,
        tags: &["json"],
        model: "The file as it is written: a mapping with `title`, `panels`, `templating` and `schemaVersion`, or one with \
                such a `dashboard`.",
    },
];
