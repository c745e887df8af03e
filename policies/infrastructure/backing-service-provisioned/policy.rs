use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{Argument, Block};

policy_sdk::rule! {
    /// What manifests use of AWS is made by Terraform
    ///
    /// A queue of SQS, cache of ElastiCache, database of RDS or bucket of S3 that a variable of a container, a
    /// ConfigMap or a trigger of a ScaledObject names is made by Terraform of the run, or read there by a data source.
    /// It is known by its name in the queue's URL, in the endpoint, in `s3://…`, or in a variable `…_BUCKET`. Calls of
    /// public modules count by their arguments.
    ///
    /// Without Terraform for AWS among the files, and where Terraform's own name is only known after apply, the rule is
    /// not evaluated.
    ///
    /// ## Why
    /// What nobody provisions is missing in the next environment, or was made by hand: without encryption, without
    /// backups, and nobody can make it again.
    ///
    /// ## Fix
    /// Make it in Terraform, or correct the name in the manifest:
    ///
    /// ```hcl
    /// resource "aws_sqs_queue" "orders" {
    ///   name = "orders"
    /// }
    /// ```
    findings: {
        /// No Terraform makes what a manifest uses
        Missing: Medium, Likely, absence: ["roots"];
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["workload", "core/ConfigMap", "keda.sh/ScaledObject"],
    reads: ["container.env[*].name", "container.env[*].value", "data", "spec.triggers"],
    inventory: {
        // No relation fits: the name is a part of a URL.
        roots: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "terraform.required_providers", "provider.*[*].type",
                "resource.aws_sqs_queue.*.attributes.name", "data.aws_sqs_queue.*.attributes.name",
                "resource.aws_s3_bucket.*.attributes.bucket", "data.aws_s3_bucket.*.attributes.bucket",
                "resource.aws_db_instance.*.attributes.identifier",
                "data.aws_db_instance.*.attributes.db_instance_identifier",
                "resource.aws_rds_cluster.*.attributes.cluster_identifier",
                "data.aws_rds_cluster.*.attributes.cluster_identifier",
                "resource.aws_elasticache_replication_group.*.attributes.replication_group_id",
                "data.aws_elasticache_replication_group.*.attributes.replication_group_id",
                "resource.aws_elasticache_cluster.*.attributes.cluster_id",
                "data.aws_elasticache_cluster.*.attributes.cluster_id",
                "resource.aws_elasticache_serverless_cache.*.attributes.name",
                "module.*.attributes",
            ],
        },
    },
}

/// A service of AWS: what it is called, where its names stand in Terraform, and what modules that make one are called.
struct Service {
    what: &'static str,
    names: &'static [(&'static str, &'static str)],
    modules: &'static [&'static str],
}

const QUEUE: Service = Service { what: "queue", names: &[("aws_sqs_queue", "name")], modules: &["sqs", "queue"] };
const BUCKET: Service =
    Service { what: "bucket", names: &[("aws_s3_bucket", "bucket")], modules: &["s3", "bucket", "storage"] };
const DATABASE: Service = Service {
    what: "database",
    names: &[
        ("aws_db_instance", "identifier"),
        ("aws_db_instance", "db_instance_identifier"),
        ("aws_rds_cluster", "cluster_identifier"),
    ],
    modules: &["rds", "aurora", "database", "db", "postgres", "postgresql", "mysql"],
};
const CACHE: Service = Service {
    what: "cache",
    names: &[
        ("aws_elasticache_replication_group", "replication_group_id"),
        ("aws_elasticache_cluster", "cluster_id"),
        ("aws_elasticache_serverless_cache", "name"),
    ],
    modules: &["elasticache", "redis", "valkey", "cache"],
};
/// Arguments of modules that name what they make.
const ARGUMENTS: [&str; 7] =
    ["name", "identifier", "bucket", "bucket_name", "queue_name", "replication_group_id", "cluster_id"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let used = used(input);
    if used.is_empty() {
        return not_applicable("it names nothing of AWS that Terraform makes");
    }
    let roots: Vec<Related<'_>> = input.related("roots").collect();
    let is_of_aws = |root: &Related<'_>| {
        let document = &root.document;
        let has_resources = document.get("resource").entries().any(|(kind, _)| kind.starts_with("aws_"));
        document.at("provider.aws").exists()
            || document.at("terraform.required_providers.aws").exists()
            || has_resources
    };
    if !roots.iter().any(is_of_aws) {
        return not_evaluated("no Terraform among the files is for AWS");
    }
    let mut unknown = None;
    for (service, name, place) in used {
        match is_made(&roots, service, &name) {
            Some(true) => {}
            Some(false) => {
                let message = format!("no Terraform makes the {} `{name}`", service.what);
                findings.report(Code::Missing, &place, message);
            }
            None => unknown = Some(format!("whether Terraform makes the {} `{name}` is not known", service.what)),
        }
    }
    findings.or_unknown(unknown)
}

/// What the subject names: the service, the name and the place.
fn used<'d>(input: &Input<'d, Parameters>) -> Vec<(&'static Service, String, View<'d>)> {
    let document = &input.document;
    let variables =
        input.workload().containers().flat_map(|container| container.get("env").items().collect::<Vec<_>>());
    let variables = variables.map(|variable| (variable.get("name").text(), variable.get("value")));
    let triggers = document.at("spec.triggers").items().map(|trigger| ("", trigger.at("metadata.queueURL")));
    let all = variables.chain(document.get("data").entries()).chain(triggers);
    let mut used: Vec<(&'static Service, String, View<'d>)> = Vec::new();
    for (name, place) in all {
        let Some((service, name)) = named(name, place.text()) else { continue };
        // One finding for what several variables name.
        if !used.iter().any(|(known, other, _)| known.what == service.what && *other == name) {
            used.push((service, name, place));
        }
    }
    used
}

/// What a value names.
fn named(variable: &str, value: &str) -> Option<(&'static Service, String)> {
    if value.contains(['$', '{', '<', '\n', ' ']) || value.is_empty() {
        return None;
    }
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.split(':').next().unwrap_or_default();
    let first = |path: &str| path.split(['/', '?']).next().filter(|part| !part.is_empty()).map(str::to_owned);
    if scheme == "s3" {
        return Some((&BUCKET, first(rest)?));
    }
    let Some((inner, _)) = host.split_once(".amazonaws.com") else {
        let variable = variable.to_ascii_uppercase().replace(['-', '.'], "_");
        let is_bucket = ["S3_BUCKET", "S3_BUCKET_NAME"].iter().any(|end| variable.ends_with(end));
        let is_name = (3..=63).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        return (is_bucket && is_name).then(|| (&BUCKET, value.to_owned()));
    };
    let labels: Vec<&str> = inner.split('.').collect();
    match labels.as_slice() {
        // `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`
        ["sqs", _] => Some((&QUEUE, first(path.split_once('/')?.1)?)),
        // `NAME.HASH.REGION.rds`; a cluster's hash begins with `cluster-`.
        [name, _, _, "rds"] => Some((&DATABASE, (*name).to_owned())),
        // `master.NAME.HASH.REGION.cache`, `NAME.HASH.ng.0001.REGION.cache`, `clustercfg.NAME.HASH.REGION.cache`
        ["master" | "replica" | "clustercfg", name, .., "cache"] | [name, .., "cache"] => {
            Some((&CACHE, (*name).to_owned()))
        }
        ["s3", _] | ["s3"] => Some((&BUCKET, first(path)?)),
        [name, "s3", ..] => Some((&BUCKET, (*name).to_owned())),
        _ => None,
    }
}

/// Whether some root makes a service of this name, as far as that is known.
fn is_made(roots: &[Related<'_>], service: &Service, name: &str) -> Option<bool> {
    let mut may_be = false;
    for root in roots {
        for (kind, argument) in service.names {
            for form in ["resource", "data"] {
                for (_, block) in root.document.get(form).get(kind).entries() {
                    match Block::of(block).argument(argument) {
                        Argument::Known(own) if own.text() == name => return Some(true),
                        Argument::Known(_) => {}
                        // AWS makes up a name where there is none; a data source looks something up by others.
                        Argument::Absent(_) => may_be |= form == "data",
                        Argument::Unknown(_, expression) => may_be |= may_give(expression, name),
                    }
                }
            }
        }
        for (_, call) in root.document.get("module").entries() {
            let call = Block::of(call);
            let source = call.argument("source").known().map(View::text).unwrap_or_default();
            let is_of = source.split(['/', '-', '_', '.', '?']).any(|part| service.modules.contains(&part));
            if !is_of || source.starts_with('.') {
                continue;
            }
            let names: Vec<Argument<'_>> = ARGUMENTS.iter().map(|argument| call.argument(argument)).collect();
            if names.iter().any(|it| it.known().is_some_and(|own| own.text() == name)) {
                return Some(true);
            }
            may_be |= !names.iter().any(|it| it.known().is_some());
        }
    }
    if may_be { None } else { Some(false) }
}

/// Whether an expression may give a name: what is written out in a template stands in it.
fn may_give(expression: &str, name: &str) -> bool {
    let Some(template) = expression.strip_prefix('"').and_then(|it| it.strip_suffix('"')) else { return true };
    let literals = template
        .split("${")
        .enumerate()
        .filter_map(|(at, part)| if at == 0 { Some(part) } else { part.split_once('}').map(|(_, literal)| literal) });
    literals.into_iter().all(|literal| name.contains(literal))
}
